//! The sending side of a channel.

use alloc::sync::Arc;
use core::fmt;
use core::mem;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;
use core::time::Duration;

use super::channel::{AT_ONCE, Channel, Refused};
use super::{SendError, SendTimeoutError, TrySendError};
use crate::FOREVER;
use crate::time::deadline_after;

/// The sending side of a channel. Clones send into the same channel; when the last one is dropped,
/// receivers get what is still in the channel and then learn that it is disconnected.
pub struct Sender<T> {
    channel: Arc<Channel<T>>,
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
    /// Never parks.
    ///
    /// # Errors
    /// [`TrySendError::Full`] and [`TrySendError::Disconnected`] give the message back.
    #[inline]
    pub fn try_send(&self, msg: T) -> Result<(), TrySendError<T>> {
        self.pass(msg, AT_ONCE, |why, msg| match why {
            Refused::TimedOut => TrySendError::Full(msg),
            Refused::Disconnected => TrySendError::Disconnected(msg),
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

    /// As [`send`](Self::send), but gives up when the platform's clock reaches `deadline`, in
    /// nanoseconds. It tries at least once.
    ///
    /// # Errors
    /// The message comes back if the time is over, or if all receivers are gone.
    #[doc(hidden)]
    pub fn send_until(&self, msg: T, deadline: u64) -> Result<(), SendTimeoutError<T>> {
        self.pass(msg, deadline, |why, msg| match why {
            Refused::TimedOut => SendTimeoutError::Timeout(msg),
            Refused::Disconnected => SendTimeoutError::Disconnected(msg),
        })
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
        self.channel.senders.add();
        Sender { channel: self.channel.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.channel.senders.remove() {
            self.channel.senders_gone();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}
