//! What is under way between sockets.
//!
//! Each parcel arrives at a time of the virtual clock. Those from one socket arrive in the order in
//! which they were sent; parcels of different sockets overtake each other as the seed likes.
#![forbid(unsafe_code)]

use core::net::SocketAddr;
use std::collections::BTreeMap;

use rt_core::OsError;

/// Something on its way. Sockets are named by their places in the network's table.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// `client` wants a connection with whoever listens at `to`, for so many times already.
    Connect { client: usize, to: SocketAddr, tries: u32 },
    /// The answer to `client`: its peer.
    Decided { client: usize, server: Result<usize, OsError> },
    /// Bytes for `to`.
    Data { to: usize, bytes: Vec<u8> },
    /// The peer of `to` has room for so many bytes more.
    Room { to: usize, bytes: usize },
    /// The peer of `to` sends no more.
    End { to: usize },
    /// The connection of `to` is gone.
    Reset { to: usize },
}

/// All parcels under way.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// By the time of arrival, and then in the order of sending.
    parcels: BTreeMap<(u64, u64), Parcel>,
    sent: u64,
}

impl Wire {
    pub(crate) fn send(&mut self, arrival: u64, parcel: Parcel) {
        self.parcels.insert((arrival, self.sent), parcel);
        self.sent += 1;
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<u64> {
        self.parcels.first_key_value().map(|((arrival, _), _)| *arrival)
    }

    /// The next one that has arrived by `now`.
    pub(crate) fn take(&mut self, now: u64) -> Option<Parcel> {
        let first = self.parcels.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }
}
