//! Where messages are between being sent and being received: nowhere, in a ring, or in blocks; or
//! they are made when it is time (`clock`).
//!
//! A message can be *held* for a receiver that has selected it and will come for it, and a place of a
//! ring can be *reserved* for a sender; neither is there for others. Who comes first gets the oldest
//! message: only how many are held counts.
//!
//! `push` and `pop` hand out *places*; the caller moves the message in or out. So a message is
//! copied once, from the sender's hands to where it belongs, and never passes through a temporary.

use alloc::boxed::Box;
use core::mem::{MaybeUninit, needs_drop};
use core::ptr::NonNull;

use super::blocks::Blocks;
use super::clock::Clock;

/// The messages of one channel, oldest first.
pub(super) enum Buffer<T> {
    /// Capacity 0, or no receiver is left.
    Nothing,
    Ring(Ring<T>),
    Blocks(Blocks<T>),
    Clock(Clock<T>),
}

impl<T> Buffer<T> {
    /// A buffer for so many messages; none is no limit.
    pub(super) fn new(capacity: Option<usize>) -> Buffer<T> {
        match capacity {
            None => Buffer::Blocks(Blocks::new()),
            Some(0) => Buffer::Nothing,
            Some(n) => Buffer::Ring(Ring::new(n)),
        }
    }

    /// The place behind the newest message, counted as filled: the caller moves a message in before
    /// it does anything else with the buffer. None if there is no room.
    #[inline(always)]
    pub(super) fn push(&mut self) -> Option<NonNull<T>> {
        // Two comparisons: of a `match` of all four a table of jumps is made.
        if let Buffer::Ring(ring) = self {
            ring.push()
        } else if let Buffer::Blocks(blocks) = self {
            Some(blocks.push())
        } else {
            None
        }
    }

    /// The place of the oldest message, counted as empty: the caller moves the message out before
    /// it does anything else with the buffer. None if there is no message.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<NonNull<T>> {
        if let Buffer::Ring(ring) = self {
            ring.pop()
        } else if let Buffer::Blocks(blocks) = self {
            blocks.pop()
        } else {
            None
        }
    }

    /// Holds a message for the caller, if there is one that isn't held.
    pub(super) fn hold(&mut self) -> bool {
        let has_message = self.has_message();
        match self {
            Buffer::Ring(ring) if has_message => ring.held += 1,
            Buffer::Blocks(blocks) if has_message => blocks.held += 1,
            _ => {}
        }
        has_message
    }

    /// Lets a held message go.
    pub(super) fn unhold(&mut self) {
        match self {
            Buffer::Ring(ring) => ring.held -= 1,
            Buffer::Blocks(blocks) => blocks.held -= 1,
            Buffer::Nothing | Buffer::Clock(_) => {}
        }
    }

    /// As `pop`, for one of those who hold a message.
    pub(super) fn pop_held(&mut self) -> Option<NonNull<T>> {
        self.unhold();
        self.pop()
    }

    /// Reserves a place for the caller, if there is one that isn't reserved.
    pub(super) fn reserve(&mut self) -> bool {
        match self {
            Buffer::Ring(ring) if ring.len < ring.limit => {
                ring.limit -= 1;
                true
            }
            _ => false,
        }
    }

    /// Gives a reserved place back.
    pub(super) fn unreserve(&mut self) {
        if let Buffer::Ring(ring) = self {
            ring.limit += 1;
        }
    }

    /// True if `pop` finds a message.
    pub(super) fn has_message(&self) -> bool {
        self.len() > 0
    }

    /// True if `push` finds a place.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Buffer::Nothing | Buffer::Clock(_) => false,
            Buffer::Ring(ring) => ring.len < ring.limit,
            Buffer::Blocks(_) => true,
        }
    }

    /// How many messages there are that nobody holds.
    pub(super) fn len(&self) -> usize {
        match self {
            Buffer::Nothing | Buffer::Clock(_) => 0,
            Buffer::Ring(ring) => ring.len - ring.held,
            Buffer::Blocks(blocks) => blocks.len(),
        }
    }

    fn drop_messages(&mut self) {
        // Whoever held one has forgotten about it: nobody can come for it any more.
        match self {
            Buffer::Ring(ring) => ring.held = 0,
            Buffer::Blocks(blocks) => blocks.held = 0,
            Buffer::Nothing | Buffer::Clock(_) => {}
        }
        while let Some(message) = self.pop() {
            // SAFETY: `pop` gave up this message, so it is dropped here and nowhere else.
            unsafe { message.drop_in_place() };
        }
    }
}

impl<T> Drop for Buffer<T> {
    /// Drops the messages. When a message's destructor panics, the panic goes on, and those behind it
    /// are leaked: one that panics is likely not to be the only one, and a second panic would abort.
    fn drop(&mut self) {
        if needs_drop::<T>() {
            self.drop_messages();
        }
    }
}

/// A ring of fixed size, at least 1.
pub(super) struct Ring<T> {
    /// Filled: `len` of them from `first` on, going round.
    places: Box<[MaybeUninit<T>]>,
    first: usize,
    len: usize,
    /// How many there may be: the size without the reserved places.
    limit: usize,
    /// How many of them are held.
    held: usize,
}

impl<T> Ring<T> {
    fn new(capacity: usize) -> Ring<T> {
        Ring { places: Box::new_uninit_slice(capacity), first: 0, len: 0, limit: capacity, held: 0 }
    }

    /// The place `by` after the first.
    #[inline(always)]
    fn around(&self, by: usize) -> usize {
        let at = self.first + by;
        if at < self.places.len() { at } else { at - self.places.len() }
    }

    #[inline(always)]
    fn push(&mut self) -> Option<NonNull<T>> {
        if self.len == self.limit {
            return None;
        }
        let at = self.around(self.len);
        self.len += 1;
        Some(NonNull::from(&mut self.places[at]).cast())
    }

    #[inline(always)]
    fn pop(&mut self) -> Option<NonNull<T>> {
        if self.len == self.held {
            return None;
        }
        let at = self.first;
        self.first = self.around(1);
        self.len -= 1;
        Some(NonNull::from(&mut self.places[at]).cast())
    }
}
