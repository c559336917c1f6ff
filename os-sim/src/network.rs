//! The simulated network: one host that has every address, with stream sockets.
//!
//! A connection is two sockets, and parcels between them (`wire.rs`). A sender has room for as much
//! as the receiver's buffer takes; receiving gives the room back, one way later. The network is
//! passive: whoever is to be told of a socket that became ready is in `changes`, for the loop.
//!
//! Here are the names, listeners and connections; `stream.rs` has the bytes.
#![forbid(unsafe_code)]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::collections::VecDeque;

use rt_core::{OsError, OsResult, SocketOption};

use crate::chance::Chance;
use crate::errno::{
    ALREADY, CONNECTED, FAMILY, IN_USE, INVALID, NO_OPTION, NOT_CONNECTED, REFUSED, TIMED_OUT,
};
use crate::socket::{Endpoint, Ready, Role, overlap};
use crate::wire::{Parcel, Wire};

/// One way takes at least so long, in nanoseconds: about a loopback's.
const LATENCY_LEAST: u64 = 5_000;
/// And less than this.
const LATENCY_END: u64 = 100_000;
/// The first port that is given to a socket without one.
const FIRST_PORT: u16 = 49_152;
/// An attempt to connect that meets a full queue is made again after so long, then twice as long.
const RETRY_AFTER: u64 = 1_000_000_000;
/// So many times.
const RETRIES: u32 = 6;

/// All sockets of a check.
#[derive(Debug)]
pub(crate) struct Network {
    /// By place. Places are not used again.
    pub(crate) sockets: Vec<Endpoint>,
    pub(crate) wire: Wire,
    /// Who has become ready, for what, since the loop last looked.
    pub(crate) changes: Vec<(usize, Ready)>,
    /// A receiver's buffer, in bytes.
    pub(crate) buffer: usize,
    next_port: u16,
}

impl Network {
    pub(crate) fn new(buffer: usize) -> Network {
        Network {
            sockets: Vec::new(),
            wire: Wire::default(),
            changes: Vec::new(),
            buffer: buffer.max(1),
            next_port: FIRST_PORT,
        }
    }

    /// The place of a new socket.
    pub(crate) fn add(&mut self, role: Role, is_v6: bool) -> usize {
        self.sockets.push(Endpoint::new(role, is_v6, self.buffer));
        self.sockets.len() - 1
    }

    pub(crate) fn pair(&mut self) -> (usize, usize) {
        let one = self.add(Role::Connected, false);
        let other = self.add(Role::Connected, false);
        self.sockets[one].peer = Some(other);
        self.sockets[other].peer = Some(one);
        (one, other)
    }

    pub(crate) fn bind(&mut self, at: usize, address: &SocketAddr) -> OsResult<()> {
        let socket = &self.sockets[at];
        if socket.role != Role::Idle || socket.local.is_some() {
            return Err(INVALID);
        }
        if address.is_ipv6() != socket.is_v6 {
            return Err(FAMILY);
        }
        let reuse = socket.reuse_address != 0;
        let mut address = *address;
        if address.port() == 0 {
            address.set_port(self.free_port()?);
        }
        let conflict = |other: &Endpoint| {
            let shares = reuse && other.reuse_address != 0;
            let listens = matches!(other.role, Role::Listening { .. });
            other.role != Role::Closed
                && other.local.is_some_and(|local| overlap(&local, &address))
                && (listens || !shares)
        };
        if self.sockets.iter().any(conflict) {
            return Err(IN_USE);
        }
        self.sockets[at].local = Some(address);
        Ok(())
    }

    pub(crate) fn listen(&mut self, at: usize, backlog: usize) -> OsResult<()> {
        let nowhere = self.sockets[at].nowhere();
        match &mut self.sockets[at].role {
            Role::Listening { backlog: limit, .. } => {
                *limit = backlog.max(1);
                return Ok(());
            }
            Role::Idle => {}
            _ => return Err(INVALID),
        }
        if self.sockets[at].local.is_none() {
            self.bind(at, &nowhere)?;
        }
        let local = self.sockets[at].local.unwrap_or(nowhere);
        if self.sockets.iter().any(|other| other.listens_at(&local)) {
            return Err(IN_USE);
        }
        self.sockets[at].role = Role::Listening { queue: VecDeque::new(), backlog: backlog.max(1) };
        Ok(())
    }

    /// A connection and its peer's name; none: not yet.
    pub(crate) fn accept(&mut self, at: usize) -> OsResult<Option<(usize, SocketAddr)>> {
        let Role::Listening { queue, .. } = &mut self.sockets[at].role else {
            return Err(INVALID);
        };
        let Some(server) = queue.pop_front() else { return Ok(None) };
        let socket = &self.sockets[server];
        Ok(Some((server, socket.peer_name.unwrap_or_else(|| socket.nowhere()))))
    }

    pub(crate) fn connect(
        &mut self,
        at: usize,
        address: &SocketAddr,
        way: &mut Way<'_>,
    ) -> OsResult<()> {
        match self.sockets[at].role {
            Role::Idle => {}
            Role::Connecting => return Err(ALREADY),
            Role::Connected => return Err(CONNECTED),
            Role::Listening { .. } | Role::Closed => return Err(INVALID),
        }
        if address.is_ipv6() != self.sockets[at].is_v6 {
            return Err(FAMILY);
        }
        let mut to = *address;
        match to.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => to.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => to.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let local = match self.sockets[at].local {
            Some(local) if !local.ip().is_unspecified() => local,
            Some(local) => SocketAddr::new(to.ip(), local.port()),
            None => SocketAddr::new(to.ip(), self.free_port()?),
        };
        let socket = &mut self.sockets[at];
        socket.local = Some(local);
        socket.error = None;
        socket.role = Role::Connecting;
        let arrival = way.arrival();
        self.wire.send(arrival, Parcel::Connect { client: at, to, tries: 0 });
        Ok(())
    }

    /// A client's attempt has come to whoever listens.
    pub(crate) fn meet(&mut self, client: usize, to: SocketAddr, tries: u32, way: &mut Way<'_>) {
        if self.sockets[client].role != Role::Connecting {
            return;
        }
        let listener = self.sockets.iter().position(|socket| socket.listens_at(&to));
        let answer = |server| Parcel::Decided { client, server };
        let Some(listener) = listener else {
            return self.wire.send(way.arrival(), answer(Err(REFUSED)));
        };
        let is_full = match &self.sockets[listener].role {
            Role::Listening { queue, backlog } => queue.len() >= *backlog,
            _ => true,
        };
        if is_full {
            if tries == RETRIES {
                return self.wire.send(way.arrival(), answer(Err(TIMED_OUT)));
            }
            let again = way.now.saturating_add(RETRY_AFTER << tries);
            return self.wire.send(again, Parcel::Connect { client, to, tries: tries + 1 });
        }
        let server = self.add(Role::Connected, to.is_ipv6());
        let arrival = way.arrival();
        let reuse_address = self.sockets[listener].reuse_address;
        let peer_name = self.sockets[client].local;
        let socket = &mut self.sockets[server];
        socket.local = Some(to);
        socket.peer_name = peer_name;
        socket.peer = Some(client);
        socket.reuse_address = reuse_address;
        // What the server sends arrives later than the news that there is one.
        socket.last_arrival = arrival;
        self.wire.send(arrival, answer(Ok(server)));
        if let Role::Listening { queue, .. } = &mut self.sockets[listener].role {
            queue.push_back(server);
            self.changes.push((listener, Ready::READ));
        }
    }

    /// A client learns what became of its attempt.
    pub(crate) fn decide(
        &mut self,
        client: usize,
        server: Result<usize, OsError>,
        way: &mut Way<'_>,
    ) {
        let waits = self.sockets[client].role == Role::Connecting;
        match server {
            Ok(server) if waits => {
                let peer_name = self.sockets[server].local;
                let socket = &mut self.sockets[client];
                socket.role = Role::Connected;
                socket.peer = Some(server);
                socket.peer_name = peer_name;
                self.changes.push((client, Ready::WRITE));
            }
            // It was closed meanwhile.
            Ok(server) => self.wire.send(way.arrival(), Parcel::Reset { to: server }),
            Err(error) if waits => {
                self.sockets[client].role = Role::Idle;
                self.sockets[client].error = Some(error);
                self.changes.push((client, Ready::BOTH));
            }
            Err(_) => {}
        }
    }

    pub(crate) fn local_name(&self, at: usize) -> OsResult<SocketAddr> {
        let socket = &self.sockets[at];
        match (socket.local, &socket.role) {
            (Some(local), _) => Ok(local),
            // Of a pair.
            (None, Role::Connected) => Err(FAMILY),
            (None, _) => Ok(socket.nowhere()),
        }
    }

    pub(crate) fn peer_name(&self, at: usize) -> OsResult<SocketAddr> {
        let socket = &self.sockets[at];
        if socket.role != Role::Connected || socket.is_reset {
            return Err(NOT_CONNECTED);
        }
        socket.peer_name.ok_or(FAMILY)
    }

    pub(crate) fn option(&mut self, at: usize, option: SocketOption) -> u32 {
        let socket = &mut self.sockets[at];
        match option {
            SocketOption::NoDelay => socket.no_delay,
            SocketOption::Ttl => socket.ttl,
            SocketOption::ReuseAddress => socket.reuse_address,
            SocketOption::Error => socket.error.take().map_or(0, |error| error.0 as u32),
        }
    }

    pub(crate) fn set_option(
        &mut self,
        at: usize,
        option: SocketOption,
        value: u32,
    ) -> OsResult<()> {
        let socket = &mut self.sockets[at];
        match option {
            SocketOption::NoDelay => socket.no_delay = u32::from(value != 0),
            SocketOption::ReuseAddress => socket.reuse_address = u32::from(value != 0),
            SocketOption::Ttl if !(1..=255).contains(&value) => return Err(INVALID),
            SocketOption::Ttl => socket.ttl = value,
            SocketOption::Error => return Err(NO_OPTION),
        }
        Ok(())
    }

    /// A port that no socket has.
    fn free_port(&mut self) -> OsResult<u16> {
        for _ in FIRST_PORT..=u16::MAX {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
            let has_it = |socket: &Endpoint| {
                socket.role != Role::Closed
                    && socket.local.is_some_and(|local| local.port() == port)
            };
            if !self.sockets.iter().any(has_it) {
                return Ok(port);
            }
        }
        Err(IN_USE)
    }
}

/// How long things take, by the seed.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    pub(crate) now: u64,
    pub(crate) chance: &'a mut Chance,
}

impl Way<'_> {
    /// When what leaves at this moment arrives.
    pub(crate) fn arrival(&mut self) -> u64 {
        let latency = LATENCY_LEAST + self.chance.below(LATENCY_END - LATENCY_LEAST);
        self.now.saturating_add(latency)
    }
}
