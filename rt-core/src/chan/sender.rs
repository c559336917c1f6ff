//! The sending side of a channel.

use alloc::sync::Arc;
use core::fmt;
use core::mem;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;
use core::time::Duration;

use super::channel::{AT_ONCE, Channel, Refused};
use super::packet::Token;
use super::pick::{Registered, Side};
use super::wait::{Case, Entry};
use super::{SendError, SendTimeoutError, TrySendError};
use crate::switch::checkpoint;
use crate::time::deadline_after;
use crate::wait::Many;
use crate::{FOREVER, Instant};

/// The sending side of a channel. Clones send into the same channel; when the last one is dropped,
/// receivers get what is still in the channel and then learn that it is disconnected.
pub struct Sender<T> {
    pub(super) channel: Arc<Channel<T>>,
}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// The handle that a new channel counts already.
    pub(super) fn first(channel: Arc<Channel<T>>) -> Sender<T> {
        Sender { channel }
    }

    /// Sends `msg`, or makes an error of it and of the reason why not.
    #[inline(always)]
    fn pass<E>(
        &self,
        mut msg: T,
        deadline: u64,
        error: impl FnOnce(Refused, T) -> E,
    ) -> Result<(), E> {
        // SAFETY: the message is the caller's, and forgotten below if it was moved away.
        match unsafe { self.channel.send(NonNull::from(&mut msg), deadline) } {
            Ok(()) => {
                mem::forget(msg);
                Ok(())
            }
            Err(why) => Err(error(why, msg)),
        }
    }

    /// Sends a message if that is possible at once: there is room, or a receiver waits.
    ///
    /// Never parks; but a goroutine that is refused again and again lets others run at times.
    ///
    /// # Errors
    /// [`TrySendError::Full`] and [`TrySendError::Disconnected`] give the message back.
    #[inline]
    pub fn try_send(&self, msg: T) -> Result<(), TrySendError<T>> {
        self.pass(msg, AT_ONCE, |why, msg| match why {
            Refused::TimedOut => {
                checkpoint();
                TrySendError::Full(msg)
            }
            _ => TrySendError::Disconnected(msg),
        })
    }

    /// Sends a message, and waits until there is room or, on a channel of capacity 0, until a
    /// receiver takes it.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    ///
    /// # Errors
    /// The message comes back if all receivers are gone or go meanwhile.
    #[inline]
    pub fn send(&self, msg: T) -> Result<(), SendError<T>> {
        self.pass(msg, FOREVER, |_, msg| SendError(msg))
    }

    /// As [`send`](Self::send), but gives up after `timeout`. It tries at least once.
    ///
    /// # Errors
    /// The message comes back if the time is over, or if all receivers are gone.
    pub fn send_timeout(&self, msg: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(msg, deadline_after(timeout))
    }

    /// As [`send`](Self::send), but gives up when the clock reaches `deadline`, an [`Instant`] or
    /// one of `std`. It tries at least once.
    ///
    /// # Errors
    /// As for [`send_timeout`](Self::send_timeout).
    pub fn send_deadline(
        &self,
        msg: T,
        deadline: impl Into<Instant>,
    ) -> Result<(), SendTimeoutError<T>> {
        self.send_until(msg, deadline.into().as_nanos())
    }

    fn send_until(&self, msg: T, deadline: u64) -> Result<(), SendTimeoutError<T>> {
        self.pass(msg, deadline, |why, msg| match why {
            Refused::TimedOut => SendTimeoutError::Timeout(msg),
            _ => SendTimeoutError::Disconnected(msg),
        })
    }

    /// Completes a send that a `select` has chosen.
    ///
    /// # Safety
    /// - The token was given to a sender of this channel, and is used up.
    pub(super) unsafe fn finish(&self, token: Token, mut msg: T) -> Result<(), SendError<T>> {
        // SAFETY: the message is the caller's, and forgotten below if it was moved away; for the
        // token the caller's contract is the same.
        match unsafe { self.channel.finish_send(token, NonNull::from(&mut msg)) } {
            Ok(()) => {
                mem::forget(msg);
                Ok(())
            }
            Err(_) => Err(SendError(msg)),
        }
    }

    /// True if no message is in the channel; always so with a capacity of 0.
    pub fn is_empty(&self) -> bool {
        self.channel.len() == 0
    }

    /// True if there is no room; always so with a capacity of 0.
    pub fn is_full(&self) -> bool {
        self.channel.is_full()
    }

    /// How many messages are in the channel.
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// How many messages the channel can hold; none if there is no limit.
    pub fn capacity(&self) -> Option<usize> {
        self.channel.capacity()
    }

    /// True if both send into the same channel.
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.channel.ends.senders.add();
        Sender { channel: self.channel.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.channel.ends.senders.remove() {
            self.channel.senders_gone();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

impl<T> Case for Sender<T> {
    fn pick(&self, since: u64) -> Option<Token> {
        self.channel.pick(Side::Send, since)
    }

    fn is_ready(&self) -> bool {
        self.channel.is_ready(Side::Send)
    }

    fn next_due(&self) -> u64 {
        FOREVER
    }

    unsafe fn register(&self, me: &Many, entry: &Entry, since: u64) -> Registered {
        // SAFETY: the caller's contract is the same.
        unsafe { self.channel.register(Side::Send, me, &entry.place, &entry.packet, since) }
    }

    unsafe fn unregister(&self, entry: &Entry) {
        // SAFETY: the caller's contract is the same.
        unsafe { self.channel.unregister(&entry.place, &entry.packet) }
    }

    fn announce(&self) -> bool {
        self.channel.announce();
        true
    }

    fn abandon(&self, token: Token) {
        self.channel.abandon(token);
    }
}
