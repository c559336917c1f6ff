//! Where messages are between being sent and being received: nowhere, in a ring, or in blocks.
//!
//! `push` and `pop` hand out *places*; the caller moves the message in or out. So a message is
//! copied once, from the sender's hands to where it belongs, and never passes through a temporary.

use alloc::boxed::Box;
use core::mem::{MaybeUninit, needs_drop};
use core::ptr::NonNull;

use super::blocks::Blocks;

/// The messages of one channel, oldest first.
pub(super) enum Buffer<T> {
    /// Capacity 0, or no receiver is left.
    Nothing,
    Ring(Ring<T>),
    Blocks(Blocks<T>),
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
        match self {
            Buffer::Nothing => None,
            Buffer::Ring(ring) => ring.push(),
            Buffer::Blocks(blocks) => Some(blocks.push()),
        }
    }

    /// The place of the oldest message, counted as empty: the caller moves the message out before
    /// it does anything else with the buffer. None if there is no message.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<NonNull<T>> {
        match self {
            Buffer::Nothing => None,
            Buffer::Ring(ring) => ring.pop(),
            Buffer::Blocks(blocks) => blocks.pop(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Buffer::Nothing => 0,
            Buffer::Ring(ring) => ring.len,
            Buffer::Blocks(blocks) => blocks.len(),
        }
    }

    fn drop_messages(&mut self) {
        while let Some(message) = self.pop() {
            // SAFETY: `pop` gave up this message, so it is dropped here and nowhere else.
            unsafe { message.drop_in_place() };
        }
    }
}

impl<T> Drop for Buffer<T> {
    /// Drops the messages. When a message's destructor panics the others are dropped all the same,
    /// and the panic goes on.
    fn drop(&mut self) {
        struct Rest<'a, T>(&'a mut Buffer<T>);

        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                self.0.drop_messages();
            }
        }

        if needs_drop::<T>() {
            Rest(self).0.drop_messages();
        }
    }
}

/// A ring of fixed size, at least 1.
pub(super) struct Ring<T> {
    /// Filled: `len` of them from `first` on, going round.
    places: Box<[MaybeUninit<T>]>,
    first: usize,
    len: usize,
}

impl<T> Ring<T> {
    fn new(capacity: usize) -> Ring<T> {
        Ring { places: Box::new_uninit_slice(capacity), first: 0, len: 0 }
    }

    /// The place `by` after the first.
    #[inline(always)]
    fn around(&self, by: usize) -> usize {
        let at = self.first + by;
        if at < self.places.len() { at } else { at - self.places.len() }
    }

    #[inline(always)]
    fn push(&mut self) -> Option<NonNull<T>> {
        if self.len == self.places.len() {
            return None;
        }
        let at = self.around(self.len);
        self.len += 1;
        Some(NonNull::from(&mut self.places[at]).cast())
    }

    #[inline(always)]
    fn pop(&mut self) -> Option<NonNull<T>> {
        if self.len == 0 {
            return None;
        }
        let at = self.first;
        self.first = self.around(1);
        self.len -= 1;
        Some(NonNull::from(&mut self.places[at]).cast())
    }
}
