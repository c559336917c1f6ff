//! Channels: many senders, many receivers, each message to one of them.
//!
//! Names, bounds, behaviour and errors are those of crossbeam-channel 0.5. Every operation works on
//! a goroutine, which parks where it has to wait, and on a plain thread, which sleeps.
//!
//! One protocol (`channel`) serves all flavours; they differ in the buffer that it is given:
//! nothing at all, a ring (`buffer`) or linked blocks (`blocks`).

mod blocks;
mod buffer;
mod channel;
mod error;
mod iter;
mod receiver;
mod sender;

use alloc::sync::Arc;

pub use error::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use sender::Sender;

use channel::Channel;

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
