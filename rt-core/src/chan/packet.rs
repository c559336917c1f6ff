//! What a waiter of a channel shows to whoever claims it.

use core::cell::Cell;
use core::ptr::NonNull;

use crate::wait::Claimed;

/// What a selected operation has been promised, until it is completed (`pick`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A sender: nothing; sending never waits here.
    Free,
    /// A sender: a reserved place of the buffer.
    Room,
    /// A sender: a receiver that has been promised a message, and waits for it or will.
    Owes,
    /// A receiver: a held message of the buffer.
    Held,
    /// A receiver: a message in the hands of the channel, or one that a sender owes.
    Hand,
    /// A receiver: the message of this moment.
    Due(u64),
    /// Either: that the other side is gone.
    Gone,
}

/// What a waiter is, and what its claimer says to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// It waits with a message, or with a place for one, and has not been told anything.
    Alone,
    /// It was claimed by one who let it down: it shall try again.
    Again,
    /// It waits in a `select`: it has no message and no place for one yet.
    Selects,
    /// Its `select` has got this.
    Got(Token),
    /// It doesn't want to be given anything, and only to know when this becomes ready.
    Watches,
    /// It has.
    Ready,
}

/// The slot of a waiter.
///
/// Written by the waiter before it waits, then by the one claimer until it wakes the waiter. `note`
/// is also read by others under the queue's lock, before it is claimed.
pub(super) struct Packet {
    /// Where a sender's message is, or a receiver's belongs; taken by who moves the message.
    message: Cell<Option<NonNull<()>>>,
    pub(super) note: Cell<Note>,
    /// The waiter's own: whether its sender counts as coming (`future`).
    pub(super) announced: Cell<bool>,
}

impl Packet {
    pub(super) fn with<T>(message: NonNull<T>) -> Packet {
        Packet {
            message: Cell::new(Some(message.cast())),
            note: Cell::new(Note::Alone),
            announced: Cell::new(false),
        }
    }

    pub(super) const fn without(note: Note) -> Packet {
        Packet { message: Cell::new(None), note: Cell::new(note), announced: Cell::new(false) }
    }

    pub(super) fn slot(&self) -> *mut () {
        (&raw const *self).cast_mut().cast()
    }

    /// The packet that a slot of a channel's waiter is.
    ///
    /// # Safety
    /// - The waiter waits in a queue of a channel, whose lock is held; or is claimed.
    #[inline(always)]
    pub(super) unsafe fn of<'a>(slot: *mut ()) -> &'a Packet {
        // SAFETY: every waiter of a channel passes a packet as its slot (`Channel::wait`,
        // `Channel::register`), which stays as long as it stands in a queue or is claimed.
        unsafe { &*slot.cast::<Packet>() }
    }

    /// Takes the message's pointer; none if the waiter has none.
    #[inline(always)]
    pub(super) fn take<T>(&self) -> Option<NonNull<T>> {
        self.message.take().map(NonNull::cast)
    }

    /// Whether somebody has moved the message.
    #[inline(always)]
    pub(super) fn is_done(&self) -> bool {
        self.message.get().is_none()
    }
}

/// Says something to a claimed waiter of a channel, and wakes it.
pub(super) fn wake(claimed: Claimed, note: Note) {
    // SAFETY: it is claimed, and stays until it is woken on the next line.
    unsafe { Packet::of(claimed.slot()) }.note.set(note);
    claimed.wake();
}
