//! Channels, with the names, behaviour and errors of crossbeam-channel 0.5.
//!
//! Deadlines and the messages of [`after`], [`at`] and [`tick`] are [`gort::time::Instant`]s, which
//! are of the simulated clock in a simulation; where one is taken, `std`'s will do as well.
//!
//! [`gort::time::Instant`]: crate::time::Instant

mod select;

#[doc(inline)]
pub use crate::{select, select_biased};
#[doc(hidden)]
pub use rt_core::chan::internal;
pub use rt_core::chan::{
    IntoIter, Iter, ReadyTimeoutError, Receiver, Recv, RecvError, RecvTimeoutError, Select,
    SelectTimeoutError, SelectedOperation, SendError, SendTimeoutError, Sender, TryIter,
    TryReadyError, TryRecvError, TrySelectError, TrySendError, after, at, bounded, never, tick,
    unbounded,
};
