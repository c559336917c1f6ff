//! The channels, with the behaviour of crossbeam-channel as the yardstick: in goroutines, on plain
//! threads, and between the two.

mod abandoned;
mod api;
mod disconnect;
mod drops;
mod order;
mod rendezvous;
mod select;
mod stress;
mod waiting;

use gort::chan::{Receiver, Sender, bounded, unbounded};

/// One channel of each flavour; the bounded ones hold 1 and 3 messages.
fn each_flavour<T>() -> [(Sender<T>, Receiver<T>); 4] {
    [bounded(0), bounded(1), bounded(3), unbounded()]
}

/// One channel of each flavour that has a buffer.
fn each_buffered<T>() -> [(Sender<T>, Receiver<T>); 3] {
    [bounded(1), bounded(3), unbounded()]
}
