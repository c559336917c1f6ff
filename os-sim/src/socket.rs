//! One socket of the simulated network, and what a stream does with bytes.
#![forbid(unsafe_code)]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::collections::VecDeque;

use rt_core::{Direction, OsError, Poll};

/// What a socket is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Not connected, bound or not.
    Idle,
    /// It has connections to accept, in order.
    Listening { queue: VecDeque<usize>, backlog: usize },
    /// An attempt is under way.
    Connecting,
    /// One end of a stream.
    Connected,
    /// All handles are closed.
    Closed,
}

/// A poller that a socket was added to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Added {
    pub(crate) poll: Poll,
    /// The number of the handle that was added.
    pub(crate) handle: usize,
    pub(crate) token: u64,
}

/// A socket: what all handles of `duplicate` share.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) role: Role,
    /// How many handles are open.
    pub(crate) handles: usize,
    pub(crate) is_v6: bool,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) peer_name: Option<SocketAddr>,
    /// What `SocketOption::Error` or the next call reports, once.
    pub(crate) error: Option<OsError>,
    pub(crate) no_delay: u32,
    pub(crate) ttl: u32,
    pub(crate) reuse_address: u32,
    pub(crate) added: Vec<Added>,

    // Of a stream.
    /// The other end's place in the network's table, once there is one.
    pub(crate) peer: Option<usize>,
    /// Arrived, not received.
    pub(crate) data: VecDeque<u8>,
    /// How many bytes may be sent before the peer has received some.
    pub(crate) room: usize,
    /// The peer sends no more, and all of it has arrived.
    pub(crate) ended: bool,
    /// The connection was reset.
    pub(crate) is_reset: bool,
    pub(crate) read_shut: bool,
    pub(crate) write_shut: bool,
    /// When what was sent last arrives.
    pub(crate) last_arrival: u64,
}

/// What a direction is ready for, or has become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Ready {
    pub(crate) const READ: Ready = Ready { read: true, write: false };
    pub(crate) const WRITE: Ready = Ready { read: false, write: true };
    pub(crate) const BOTH: Ready = Ready { read: true, write: true };

    pub(crate) fn is(self, direction: Direction) -> bool {
        match direction {
            Direction::Read => self.read,
            Direction::Write => self.write,
        }
    }
}

impl Endpoint {
    pub(crate) fn new(role: Role, is_v6: bool, room: usize) -> Endpoint {
        Endpoint {
            role,
            handles: 0,
            is_v6,
            local: None,
            peer_name: None,
            error: None,
            no_delay: 0,
            ttl: 64,
            reuse_address: 0,
            added: Vec::new(),
            peer: None,
            data: VecDeque::new(),
            room,
            ended: false,
            is_reset: false,
            read_shut: false,
            write_shut: false,
            last_arrival: 0,
        }
    }

    /// Whether there is or will be something to receive that makes no change any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.failed() || self.ended || self.read_shut || self.role != Role::Connected
    }

    fn failed(&self) -> bool {
        self.error.is_some() || self.is_reset
    }

    /// What may go on at this moment: with a result or an error.
    pub(crate) fn ready(&self) -> Ready {
        let failed = self.failed();
        match &self.role {
            Role::Idle | Role::Closed => Ready::BOTH,
            Role::Listening { queue, .. } => Ready { read: !queue.is_empty(), write: false },
            Role::Connecting => Ready::default(),
            Role::Connected => Ready {
                read: failed || self.ended || self.read_shut || !self.data.is_empty(),
                write: failed || self.write_shut || self.room > 0,
            },
        }
    }

    /// Whether this socket listens at the address.
    pub(crate) fn listens_at(&self, address: &SocketAddr) -> bool {
        let listens = matches!(self.role, Role::Listening { .. });
        listens && self.local.is_some_and(|local| overlap(&local, address))
    }

    /// The address of all interfaces, of its family, without a port.
    pub(crate) fn nowhere(&self) -> SocketAddr {
        let ip = match self.is_v6 {
            true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        SocketAddr::new(ip, 0)
    }
}

/// Whether two addresses have a port in common.
pub(crate) fn overlap(one: &SocketAddr, other: &SocketAddr) -> bool {
    let any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.is_ipv4() == other.is_ipv4()
        && one.port() == other.port()
        && (any || one.ip() == other.ip())
}
