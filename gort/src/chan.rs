//! Channels, with the names, behaviour and errors of crossbeam-channel 0.5.

pub use rt_core::chan::{
    IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender,
    TryIter, TryRecvError, TrySendError, bounded, unbounded,
};
