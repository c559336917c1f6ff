//! The channels, with the behaviour of crossbeam-channel as the yardstick: in goroutines, on plain
//! threads, and between the two.

#[path = "chan/abandoned.rs"]
mod abandoned;
#[path = "chan/api.rs"]
mod api;
#[path = "chan/disconnect.rs"]
mod disconnect;
#[path = "chan/drops.rs"]
mod drops;
#[path = "chan/order.rs"]
mod order;
#[path = "chan/rendezvous.rs"]
mod rendezvous;
#[path = "chan/select.rs"]
mod select;
#[path = "chan/stress.rs"]
mod stress;
#[path = "chan/waiting.rs"]
mod waiting;
mod world;

use gort::chan::{Receiver, Sender, bounded, unbounded};

/// One channel of each flavour; the bounded ones hold 1 and 3 messages.
fn each_flavour<T>() -> [(Sender<T>, Receiver<T>); 4] {
    [bounded(0), bounded(1), bounded(3), unbounded()]
}

/// One channel of each flavour that has a buffer.
fn each_buffered<T>() -> [(Sender<T>, Receiver<T>); 3] {
    [bounded(1), bounded(3), unbounded()]
}
