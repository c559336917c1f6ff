//! Channels: many senders, many receivers, each message to one of them.
//!
//! Names, bounds, behaviour and errors are those of crossbeam-channel 0.5. Every operation works on
//! a goroutine, which parks where it has to wait, and on a plain thread, which sleeps.
//!
//! One protocol (`channel`) serves all flavours; they differ in the buffer that it is given:
//! nothing at all, a ring (`buffer`), linked blocks (`blocks`), or the time (`clock`). `select` adds
//! to it what comes between choosing an operation and doing it (`pick`), and the waiting in several
//! channels at once (`wait`).

mod blocks;
mod buffer;
mod channel;
mod clock;
mod error;
mod future;
mod handles;
mod iter;
mod packet;
mod pick;
mod receiver;
mod select;
mod sender;
mod wait;

use alloc::sync::Arc;
use core::time::Duration;

pub use error::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError,
    SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
};
pub use future::Recv;
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
#[doc(hidden)]
pub use select::internal;
pub use select::{Select, SelectedOperation};
pub use sender::Sender;

use crate::time::deadline_after;
use crate::{FOREVER, Instant};
use channel::Channel;
use clock::Clock;

/// A channel that holds any number of messages. Sending never waits.
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    open(None)
}

/// A channel that holds up to `cap` messages; with a `cap` of 0 each sender waits until a receiver
/// takes its message from its hands.
///
/// # Panics
/// If an array of `cap` messages is larger than the address space.
pub fn bounded<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
    open(Some(cap))
}

fn open<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Channel::new(capacity));
    (Sender::first(channel.clone()), Receiver::first(channel))
}

/// A channel with one message, which is there when `duration` from this moment has passed: that
/// moment. It is never disconnected.
pub fn after(duration: Duration) -> Receiver<Instant> {
    once(deadline_after(duration))
}

/// A channel with one message, which is there from `when` on, an [`Instant`] or one of `std`: that
/// moment. It is never disconnected.
pub fn at(when: impl Into<Instant>) -> Receiver<Instant> {
    once(when.into().as_nanos())
}

fn once(when: u64) -> Receiver<Instant> {
    match when {
        FOREVER => never(),
        _ => of_clock(when, None),
    }
}

/// A channel that has a message after each `period`: the moment when that ended. It is never
/// disconnected. A message that nobody takes is not followed by another: the next period begins when
/// it is taken.
pub fn tick(period: Duration) -> Receiver<Instant> {
    match (deadline_after(period), u64::try_from(period.as_nanos())) {
        (FOREVER, _) | (_, Err(_)) => never(),
        (first, Ok(period)) => of_clock(first, Some(period)),
    }
}

fn of_clock(first: u64, period: Option<u64>) -> Receiver<Instant> {
    let clock = Clock::new(first, period, Instant::from_nanos);
    Receiver::first(Arc::new(Channel::of_clock(clock)))
}

/// A channel that never has a message, and is never disconnected: for a `select` in which an
/// operation is left out at times.
pub const fn never<T>() -> Receiver<T> {
    Receiver::of_nobody()
}
