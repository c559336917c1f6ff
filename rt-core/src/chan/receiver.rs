//! The receiving side of a channel.

use alloc::sync::Arc;
use core::fmt;
use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;
use core::time::Duration;

use super::channel::{AT_ONCE, Channel, Refused};
use super::packet::Token;
use super::pick::{Registered, Side};
use super::wait::{Case, Entry, wait_for_nobody};
use super::{IntoIter, Iter, RecvError, RecvTimeoutError, TryIter, TryRecvError};
use crate::switch::checkpoint;
use crate::time::deadline_after;
use crate::wait::Many;
use crate::{FOREVER, Instant};

/// The receiving side of a channel. Clones receive from the same channel, each message once; when
/// the last one is dropped, what is in the channel is dropped too, and senders learn that it is
/// disconnected.
pub struct Receiver<T> {
    /// None for a channel that never has a message.
    pub(super) channel: Option<Arc<Channel<T>>>,
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    /// The handle that a new channel counts already.
    pub(super) fn first(channel: Arc<Channel<T>>) -> Receiver<T> {
        Receiver { channel: Some(channel) }
    }

    pub(super) const fn of_nobody() -> Receiver<T> {
        Receiver { channel: None }
    }

    /// Receives a message, or makes an error of the reason why not.
    #[inline(always)]
    fn take<E>(&self, deadline: u64, error: impl FnOnce(Refused) -> E) -> Result<T, E> {
        let Some(channel) = &self.channel else {
            wait_for_nobody(deadline);
            return Err(error(Refused::TimedOut));
        };
        let mut place = MaybeUninit::<T>::uninit();
        // SAFETY: the place has room for one message, and is this function's own.
        match unsafe { channel.recv(NonNull::from(&mut place).cast(), deadline) } {
            // SAFETY: `Ok` says that the place was filled.
            Ok(()) => Ok(unsafe { place.assume_init() }),
            Err(why) => Err(error(why)),
        }
    }

    /// Receives a message if one is there or, on a channel of capacity 0, if a sender waits.
    ///
    /// Never parks; but a goroutine that is refused again and again lets others run at times. And
    /// where a `select` has chosen to send, it waits for that to be completed.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`]; or [`TryRecvError::Disconnected`] if there never will be one.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.take(AT_ONCE, |why| match why {
            Refused::TimedOut => {
                checkpoint();
                TryRecvError::Empty
            }
            _ => TryRecvError::Disconnected,
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

    /// As [`recv`](Self::recv), but gives up when the clock reaches `deadline`, an [`Instant`] or
    /// one of `std`. It tries at least once.
    ///
    /// # Errors
    /// As for [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline(&self, deadline: impl Into<Instant>) -> Result<T, RecvTimeoutError> {
        self.recv_until(deadline.into().as_nanos())
    }

    fn recv_until(&self, deadline: u64) -> Result<T, RecvTimeoutError> {
        self.take(deadline, |why| match why {
            Refused::TimedOut => RecvTimeoutError::Timeout,
            _ => RecvTimeoutError::Disconnected,
        })
    }

    /// Completes a receive that a `select` has chosen.
    ///
    /// # Safety
    /// - The token was given to a receiver of this channel, and is used up.
    pub(super) unsafe fn finish(&self, token: Token) -> Result<T, RecvError> {
        let Some(channel) = &self.channel else { return Err(RecvError) };
        let mut place = MaybeUninit::<T>::uninit();
        // SAFETY: the place has room for one message, and is this function's own; for the token the
        // caller's contract is the same.
        match unsafe { channel.finish_recv(token, NonNull::from(&mut place).cast()) } {
            // SAFETY: `Ok` says that the place was filled.
            Ok(()) => Ok(unsafe { place.assume_init() }),
            Err(_) => Err(RecvError),
        }
    }

    /// True if no message is in the channel; always so with a capacity of 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if there is no room; always so with a capacity of 0.
    pub fn is_full(&self) -> bool {
        self.channel.as_ref().is_none_or(|channel| channel.is_full())
    }

    /// How many messages are in the channel.
    pub fn len(&self) -> usize {
        self.channel.as_ref().map_or(0, |channel| channel.len())
    }

    /// How many messages the channel can hold; none if there is no limit.
    pub fn capacity(&self) -> Option<usize> {
        self.channel.as_ref().map_or(Some(0), |channel| channel.capacity())
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

    /// True if both receive from the same channel. All that [`never`](super::never) makes are one.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.channel, &other.channel) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        if let Some(channel) = &self.channel {
            channel.ends.receivers.add();
        }
        Receiver { channel: self.channel.clone() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel
            && channel.ends.receivers.remove()
        {
            channel.receivers_gone();
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

impl<T> Case for Receiver<T> {
    fn pick(&self, since: u64) -> Option<Token> {
        self.channel.as_ref()?.pick(Side::Receive, since)
    }

    fn is_ready(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.is_ready(Side::Receive))
    }

    fn next_due(&self) -> u64 {
        self.channel.as_ref().map_or(FOREVER, |channel| channel.next_due())
    }

    unsafe fn register(&self, me: &Many, entry: &Entry, since: u64) -> Registered {
        let Some(channel) = &self.channel else { return Registered::Waits };
        // SAFETY: the caller's contract is the same.
        unsafe { channel.register(Side::Receive, me, &entry.place, &entry.packet, since) }
    }

    unsafe fn unregister(&self, entry: &Entry) {
        let Some(channel) = &self.channel else { return };
        // SAFETY: the caller's contract is the same.
        unsafe { channel.unregister(&entry.place, &entry.packet) }
    }

    fn announce(&self) -> bool {
        false
    }

    fn abandon(&self, token: Token) {
        if let Some(channel) = &self.channel {
            channel.abandon(token);
        }
    }
}
