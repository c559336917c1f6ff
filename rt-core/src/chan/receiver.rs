//! The receiving side of a channel.

use alloc::sync::Arc;
use core::fmt;
use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;
use core::time::Duration;

use super::channel::{AT_ONCE, Channel, Refused};
use super::{IntoIter, Iter, RecvError, RecvTimeoutError, TryIter, TryRecvError};
use crate::FOREVER;
use crate::time::deadline_after;

/// The receiving side of a channel. Clones receive from the same channel, each message once; when
/// the last one is dropped, what is in the channel is dropped too, and senders learn that it is
/// disconnected.
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    /// The handle that a new channel counts already.
    pub(super) fn first(channel: Arc<Channel<T>>) -> Receiver<T> {
        Receiver { channel }
    }

    /// Receives a message, or makes an error of the reason why not.
    #[inline(always)]
    fn take<E>(&self, deadline: u64, error: impl FnOnce(Refused) -> E) -> Result<T, E> {
        let mut place = MaybeUninit::<T>::uninit();
        // SAFETY: the place has room for one message, and is this function's own.
        match unsafe { self.channel.recv(NonNull::from(&mut place).cast(), deadline) } {
            // SAFETY: `Ok` says that the place was filled.
            Ok(()) => Ok(unsafe { place.assume_init() }),
            Err(why) => Err(error(why)),
        }
    }

    /// Receives a message if one is there or, on a channel of capacity 0, if a sender waits.
    ///
    /// Never parks.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`]; or [`TryRecvError::Disconnected`] if there never will be one.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.take(AT_ONCE, |why| match why {
            Refused::TimedOut => TryRecvError::Empty,
            Refused::Disconnected => TryRecvError::Disconnected,
        })
    }

    /// Receives a message, and waits for one.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    ///
    /// # Errors
    /// [`RecvError`] if the channel is empty and all senders are gone or go meanwhile.
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.take(FOREVER, |_| RecvError)
    }

    /// As [`recv`](Self::recv), but gives up after `timeout`. It tries at least once.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] if the time is over; [`RecvTimeoutError::Disconnected`] if the
    /// channel is empty and all senders are gone.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(deadline_after(timeout))
    }

    /// As [`recv`](Self::recv), but gives up when the platform's clock reaches `deadline`, in
    /// nanoseconds. It tries at least once.
    ///
    /// # Errors
    /// As for [`recv_timeout`](Self::recv_timeout).
    #[doc(hidden)]
    pub fn recv_until(&self, deadline: u64) -> Result<T, RecvTimeoutError> {
        self.take(deadline, |why| match why {
            Refused::TimedOut => RecvTimeoutError::Timeout,
            Refused::Disconnected => RecvTimeoutError::Disconnected,
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

    /// The messages as they come, until the channel is empty and all senders are gone.
    ///
    /// Its `next` parks as [`recv`](Self::recv) does.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self)
    }

    /// The messages that are there. Its `next` never parks.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter::new(self)
    }

    /// True if both receive from the same channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.channel.receivers.add();
        Receiver { channel: self.channel.clone() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.channel.receivers.remove() {
            self.channel.receivers_gone();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter::new(self)
    }
}
