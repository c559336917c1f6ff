//! The bytes of a connection: sending, receiving, its ends, and what arrives.
#![forbid(unsafe_code)]

use rt_core::{OsError, OsResult, Shutdown};

use crate::errno::{BROKEN_PIPE, NOT_CONNECTED, RESET};
use crate::network::{Network, Way};
use crate::socket::{Ready, Role};
use crate::wire::Parcel;

impl Network {
    /// Receives up to `limit` bytes; none at the end of the stream. `Ok(None)`: not yet.
    pub(crate) fn receive(
        &mut self,
        at: usize,
        limit: usize,
        peek: bool,
        way: &mut Way<'_>,
    ) -> OsResult<Option<Vec<u8>>> {
        let socket = &mut self.sockets[at];
        let count = limit.min(socket.data.len());
        if count > 0 {
            if peek {
                return Ok(Some(socket.data.iter().take(count).copied().collect()));
            }
            let received = socket.data.drain(..count).collect();
            self.send_to_peer(at, way, |to| Parcel::Room { to, bytes: count });
            return Ok(Some(received));
        }
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        match socket.role {
            Role::Connected if socket.ended || socket.read_shut || socket.is_reset => {
                Ok(Some(Vec::new()))
            }
            Role::Connected if limit == 0 => Ok(Some(Vec::new())),
            Role::Connected | Role::Connecting => Ok(None),
            _ => Err(NOT_CONNECTED),
        }
    }

    /// How many bytes can be sent. `Ok(None)`: none yet.
    pub(crate) fn room(&mut self, at: usize) -> OsResult<Option<usize>> {
        let socket = &mut self.sockets[at];
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        match socket.role {
            Role::Connected if socket.write_shut || socket.is_reset => Err(BROKEN_PIPE),
            Role::Connected if socket.room > 0 => Ok(Some(socket.room)),
            Role::Connected | Role::Connecting => Ok(None),
            _ => Err(BROKEN_PIPE),
        }
    }

    /// Sends bytes for which there is room.
    pub(crate) fn send(&mut self, at: usize, bytes: Vec<u8>, way: &mut Way<'_>) {
        self.sockets[at].room -= bytes.len();
        self.send_to_peer(at, way, |to| Parcel::Data { to, bytes });
    }

    pub(crate) fn shutdown(&mut self, at: usize, how: Shutdown, way: &mut Way<'_>) -> OsResult<()> {
        let read = how != Shutdown::Write;
        let write = how != Shutdown::Read;
        let socket = &mut self.sockets[at];
        if read && matches!(socket.role, Role::Listening { .. }) {
            self.drop_queue(at, way);
            self.sockets[at].role = Role::Idle;
            self.changes.push((at, Ready::BOTH));
            return Ok(());
        }
        if socket.role != Role::Connected || socket.is_reset {
            return Err(NOT_CONNECTED);
        }
        socket.read_shut |= read;
        if write && !socket.write_shut {
            socket.write_shut = true;
            self.send_to_peer(at, way, |to| Parcel::End { to });
        }
        self.changes.push((at, Ready { read, write }));
        Ok(())
    }

    /// All handles of a socket are closed.
    pub(crate) fn close(&mut self, at: usize, way: &mut Way<'_>) {
        self.drop_queue(at, way);
        let socket = &mut self.sockets[at];
        if socket.role == Role::Connected && !socket.is_reset {
            // What nobody received is lost, and the peer must know.
            if !socket.data.is_empty() {
                self.send_to_peer(at, way, |to| Parcel::Reset { to });
            } else if !socket.write_shut {
                self.send_to_peer(at, way, |to| Parcel::End { to });
            }
        }
        let socket = &mut self.sockets[at];
        socket.role = Role::Closed;
        socket.data = Default::default();
        socket.added = Vec::new();
    }

    /// The connection breaks here, and soon at the other end.
    pub(crate) fn break_off(&mut self, at: usize, way: &mut Way<'_>) -> OsError {
        self.send_to_peer(at, way, |to| Parcel::Reset { to });
        let socket = &mut self.sockets[at];
        socket.is_reset = true;
        socket.data.clear();
        self.changes.push((at, Ready::BOTH));
        RESET
    }

    /// A parcel is there. Returns the place that it came to.
    pub(crate) fn arrive(&mut self, parcel: Parcel, way: &mut Way<'_>) -> usize {
        match parcel {
            Parcel::Connect { client, to, tries } => {
                self.meet(client, to, tries, way);
                client
            }
            Parcel::Decided { client, server } => {
                self.decide(client, server, way);
                client
            }
            Parcel::Data { to, bytes } => {
                self.data(to, bytes, way);
                to
            }
            Parcel::Room { to, bytes } => {
                let socket = &mut self.sockets[to];
                if socket.room == 0 {
                    self.changes.push((to, Ready::WRITE));
                }
                socket.room += bytes;
                to
            }
            Parcel::End { to } => {
                let socket = &mut self.sockets[to];
                socket.ended = true;
                let write = socket.write_shut;
                self.changes.push((to, Ready { read: true, write }));
                to
            }
            Parcel::Reset { to } => {
                let socket = &mut self.sockets[to];
                if socket.role == Role::Connected && !socket.is_reset {
                    socket.is_reset = true;
                    socket.error = Some(RESET);
                    self.changes.push((to, Ready::BOTH));
                }
                to
            }
        }
    }

    fn data(&mut self, at: usize, bytes: Vec<u8>, way: &mut Way<'_>) {
        let socket = &mut self.sockets[at];
        if socket.role == Role::Closed {
            self.send_to_peer(at, way, |to| Parcel::Reset { to });
        } else if socket.read_shut {
            // Taken and dropped, as the end that reads no more asked for.
            let bytes = bytes.len();
            self.send_to_peer(at, way, |to| Parcel::Room { to, bytes });
        } else if !socket.is_reset {
            if socket.data.is_empty() {
                self.changes.push((at, Ready::READ));
            }
            socket.data.extend(bytes);
        }
    }

    /// Breaks the connections that nobody accepted.
    fn drop_queue(&mut self, at: usize, way: &mut Way<'_>) {
        let Role::Listening { queue, .. } = &mut self.sockets[at].role else { return };
        for server in core::mem::take(queue) {
            self.break_off(server, way);
            self.sockets[server].role = Role::Closed;
        }
    }

    /// Sends a parcel to the peer of a stream, behind what was sent before.
    fn send_to_peer(&mut self, at: usize, way: &mut Way<'_>, parcel: impl FnOnce(usize) -> Parcel) {
        let socket = &mut self.sockets[at];
        let Some(peer) = socket.peer else { return };
        let arrival = way.arrival().max(socket.last_arrival);
        socket.last_arrival = arrival;
        self.wire.send(arrival, parcel(peer));
    }
}
