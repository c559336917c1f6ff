//! `std::sync::mpsc` on the channels of [`gort::chan`](crate::chan): senders that can be cloned, and
//! a receiver that can't.
//!
//! It is there so that programs port by their `use` lines. The errors are std's own.
//!
//! ```
//! use gort::sync::mpsc;
//!
//! gort::run(|| {
//!     let (tx, rx) = mpsc::channel();
//!     for worker in 1..=3 {
//!         let tx = tx.clone();
//!         gort::go(move || tx.send(worker * 10).unwrap());
//!     }
//!     drop(tx);
//!     assert_eq!(rx.iter().sum::<i32>(), 60);
//! });
//! ```
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use crate::chan;

/// A channel without limit: sending never waits.
///
/// ```
/// let (tx, rx) = gort::sync::mpsc::channel();
/// tx.send("hello").unwrap();
/// assert_eq!(rx.recv(), Ok("hello"));
/// drop(tx);
/// assert!(rx.recv().is_err());
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = chan::unbounded();
    (Sender { inner: tx }, Receiver::new(rx))
}

/// A channel that holds up to `bound` messages. If that is 0, sender and receiver meet.
///
/// ```
/// use gort::sync::mpsc::{TrySendError, sync_channel};
///
/// let (tx, rx) = sync_channel(1);
/// tx.send(1).unwrap();
/// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1]);
/// ```
#[must_use]
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let (tx, rx) = chan::bounded(bound);
    (SyncSender { inner: tx }, Receiver::new(rx))
}

/// The sending side of a [`channel`].
///
/// ```
/// let (tx, rx) = gort::sync::mpsc::channel();
/// let other = tx.clone();
/// gort::go(move || other.send(1).unwrap());
/// tx.send(1).unwrap();
/// drop(tx);
/// assert_eq!(rx.iter().sum::<i32>(), 2);
/// ```
pub struct Sender<T> {
    inner: chan::Sender<T>,
}

/// The sending side of a [`sync_channel`].
///
/// ```
/// let (tx, rx) = gort::sync::mpsc::sync_channel(0);
/// let sender = gort::spawn(move || tx.send("met"));
/// assert_eq!(rx.recv(), Ok("met"));
/// sender.join().unwrap().unwrap();
/// ```
pub struct SyncSender<T> {
    inner: chan::Sender<T>,
}

/// The receiving side of a [`channel`] or [`sync_channel`].
///
/// ```
/// use gort::sync::mpsc::{RecvTimeoutError, TryRecvError, channel};
/// use gort::time::Duration;
///
/// let (tx, rx) = channel::<i32>();
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
/// drop(tx);
/// assert!(rx.recv().is_err());
/// ```
pub struct Receiver<T> {
    inner: chan::Receiver<T>,
    /// As std's it is not `Sync`.
    not_sync: PhantomData<Cell<()>>,
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

/// Messages as they come, from a borrowed receiver; see [`Receiver::iter`].
///
/// ```
/// let (tx, rx) = gort::sync::mpsc::channel();
/// gort::go(move || (0..3).for_each(|i| tx.send(i).unwrap()));
/// assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
/// ```
#[derive(Debug)]
pub struct Iter<'a, T> {
    rx: &'a Receiver<T>,
}

/// The messages that are there; see [`Receiver::try_iter`].
///
/// ```
/// let (tx, rx) = gort::sync::mpsc::channel();
/// tx.send(1).unwrap();
/// assert_eq!((rx.try_iter().count(), rx.try_iter().count()), (1, 0));
/// ```
#[derive(Debug)]
pub struct TryIter<'a, T> {
    rx: &'a Receiver<T>,
}

/// Messages as they come, from a receiver of its own.
///
/// ```
/// let (tx, rx) = gort::sync::mpsc::channel();
/// tx.send(1).unwrap();
/// drop(tx);
/// assert_eq!(rx.into_iter().collect::<Vec<_>>(), [1]);
/// ```
#[derive(Debug)]
pub struct IntoIter<T> {
    rx: Receiver<T>,
}

impl<T> Sender<T> {
    /// Sends a message. Never parks.
    ///
    /// # Errors
    /// The message comes back if the receiver is gone.
    pub fn send(&self, t: T) -> Result<(), SendError<T>> {
        self.inner.send(t).map_err(|error| SendError(error.0))
    }
}

impl<T> SyncSender<T> {
    /// Sends a message, and waits until there is room or, if the channel holds none, until the
    /// receiver takes it.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    ///
    /// # Errors
    /// The message comes back if the receiver is gone or goes meanwhile.
    pub fn send(&self, t: T) -> Result<(), SendError<T>> {
        self.inner.send(t).map_err(|error| SendError(error.0))
    }

    /// Sends a message if that is possible at once. Never parks.
    ///
    /// ```
    /// let (tx, rx) = gort::sync::mpsc::sync_channel(1);
    /// assert!(tx.try_send(1).is_ok() && tx.try_send(2).is_err());
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    ///
    /// # Errors
    /// [`TrySendError::Full`] and [`TrySendError::Disconnected`] give the message back.
    pub fn try_send(&self, t: T) -> Result<(), TrySendError<T>> {
        self.inner.try_send(t).map_err(|error| match error {
            chan::TrySendError::Full(t) => TrySendError::Full(t),
            chan::TrySendError::Disconnected(t) => TrySendError::Disconnected(t),
        })
    }
}

impl<T> Receiver<T> {
    fn new(inner: chan::Receiver<T>) -> Receiver<T> {
        Receiver { inner, not_sync: PhantomData }
    }

    /// Receives a message if one is there. Never parks.
    ///
    /// ```
    /// use gort::sync::mpsc::{TryRecvError, channel};
    ///
    /// let (tx, rx) = channel::<i32>();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    ///
    /// # Errors
    /// [`TryRecvError::Empty`]; or [`TryRecvError::Disconnected`] if there never will be one.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map_err(|error| match error {
            chan::TryRecvError::Empty => TryRecvError::Empty,
            chan::TryRecvError::Disconnected => TryRecvError::Disconnected,
        })
    }

    /// Receives a message, and waits for one.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    ///
    /// # Errors
    /// If the channel is empty and all senders are gone or go meanwhile.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.inner.recv().map_err(|_| RecvError)
    }

    /// As [`recv`](Self::recv), but gives up after `timeout`. It tries at least once.
    ///
    /// ```
    /// use gort::sync::mpsc::{RecvTimeoutError, channel};
    /// use gort::time::Duration;
    ///
    /// let (_tx, rx) = channel::<i32>();
    /// let waited = rx.recv_timeout(Duration::from_millis(1));
    /// assert_eq!(waited, Err(RecvTimeoutError::Timeout));
    /// ```
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] if the time is over; [`RecvTimeoutError::Disconnected`] if the
    /// channel is empty and all senders are gone.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.inner.recv_timeout(timeout).map_err(|error| match error {
            chan::RecvTimeoutError::Timeout => RecvTimeoutError::Timeout,
            chan::RecvTimeoutError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// Messages as they come, until all senders are gone. Each `next` waits as [`recv`](Self::recv)
    /// does.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { rx: self }
    }

    /// The messages that are there. Never parks.
    ///
    /// ```
    /// let (tx, rx) = gort::sync::mpsc::channel();
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.try_iter().sum::<i32>(), 3);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { rx: self }
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.rx.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.rx.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.rx.recv().ok()
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
        IntoIter { rx: self }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender { inner: self.inner.clone() }
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> SyncSender<T> {
        SyncSender { inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
