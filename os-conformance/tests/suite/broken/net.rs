//! Faults of sockets.

use std::net::{Ipv4Addr, SocketAddr};

use os_linux::Linux;
use rt_core::{
    Direction, FOREVER, Net, OsError, OsResult, Shutdown, Socket, SocketKind, SocketOption,
};

use super::Broken;
use super::os::deadline;
use crate::faults::*;

impl<const FAULT: usize> Net for Broken<FAULT> {
    fn open(kind: SocketKind, address: &SocketAddr) -> OsResult<Socket> {
        <Linux as Net>::open(kind, address)
    }

    fn pair() -> OsResult<(Socket, Socket)> {
        Linux::pair()
    }

    fn bind(socket: Socket, address: &SocketAddr) -> OsResult<()> {
        Linux::bind(socket, address)
    }

    fn listen(socket: Socket, backlog: u32) -> OsResult<()> {
        Linux::listen(socket, backlog)
    }

    fn accept(socket: Socket) -> OsResult<(Socket, SocketAddr)> {
        if FAULT == ACCEPT_SLEEPS {
            Linux::sleep_until_ready(socket, Direction::Read, FOREVER);
        }
        let (accepted, peer) = Linux::accept(socket)?;
        let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        Ok((accepted, if FAULT == PEER_IS_UNKNOWN { nobody } else { peer }))
    }

    fn connect(socket: Socket, address: &SocketAddr) -> OsResult<bool> {
        Linux::connect(socket, address)
    }

    fn recv(socket: Socket, buffer: &mut [u8], peek: bool) -> OsResult<usize> {
        let room = if FAULT == RECEIVES_LITTLE { buffer.len().min(10) } else { buffer.len() };
        Linux::recv(socket, &mut buffer[..room], peek && FAULT != PEEK_TAKES)
    }

    fn send(socket: Socket, data: &[u8]) -> OsResult<usize> {
        match Linux::send(socket, data) {
            Err(error) if FAULT == SENDS_TO_NOBODY && error != Linux::would_block() => {
                Ok(data.len())
            }
            result => result,
        }
    }

    fn send_vectored(socket: Socket, data: &[&[u8]]) -> OsResult<usize> {
        let mut data = data.to_vec();
        if FAULT == SENDS_BACKWARDS {
            data.reverse();
        }
        Linux::send_vectored(socket, &data)
    }

    fn shutdown(socket: Socket, how: Shutdown) -> OsResult<()> {
        Linux::shutdown(socket, if FAULT == SHUTS_BOTH { Shutdown::Both } else { how })
    }

    fn option(socket: Socket, option: SocketOption) -> OsResult<u32> {
        Linux::option(socket, option)
    }

    fn set_option(socket: Socket, option: SocketOption, value: u32) -> OsResult<()> {
        if FAULT == KEEPS_TTL && option == SocketOption::Ttl {
            return Ok(());
        }
        Linux::set_option(socket, option, value)
    }

    fn local_name(socket: Socket) -> OsResult<SocketAddr> {
        Linux::local_name(socket)
    }

    fn peer_name(socket: Socket) -> OsResult<SocketAddr> {
        if FAULT == PEER_IS_SELF { Linux::local_name(socket) } else { Linux::peer_name(socket) }
    }

    fn close(socket: Socket) {
        if FAULT != CLOSES_NOTHING {
            <Linux as Net>::close(socket);
        }
    }

    fn duplicate(socket: Socket) -> OsResult<Socket> {
        if FAULT == DUPLICATE_IS_THE_SAME { Ok(socket) } else { Linux::duplicate(socket) }
    }

    fn sleep_until_ready(socket: Socket, direction: Direction, until: u64) {
        let direction = match (direction, FAULT) {
            (_, SLEEPLESS_SOCKETS) => return,
            (Direction::Read, WAITS_FOR_THE_OTHER) => Direction::Write,
            (Direction::Write, WAITS_FOR_THE_OTHER) => Direction::Read,
            (direction, _) => direction,
        };
        Linux::sleep_until_ready(socket, direction, deadline::<FAULT>(until));
    }

    fn would_block() -> OsError {
        if FAULT == OTHER_WOULD_BLOCK { OsError(-1) } else { Linux::would_block() }
    }
}
