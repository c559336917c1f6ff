//! Sockets as programs see them: each function is a point, and a call to the loop.
#![forbid(unsafe_code)]

use core::net::SocketAddr;

use rt_core::{Direction, Net, OsError, OsResult, Shutdown, Socket, SocketKind, SocketOption};

use crate::errno::{NO_PROTOCOL, NOT_SIMULATED};
use crate::gate::{Call, Reply, inside};
use crate::sockets::Ask;
use crate::trace::Event;
use crate::{Sim, active};

/// Simulated sockets have numbers from here on. A number is no descriptor of the process, so that
/// a call that goes to the wrong world is refused instead of meeting somebody's file.
const FIRST: usize = 1 << 30;

/// The most bytes that one send copies: more than a buffer takes is left out anyway.
const COPIED: usize = 1 << 20;

/// A simulated socket by its number.
fn socket(number: u64) -> Socket {
    Socket(FIRST + number as usize)
}

/// Asks the loop, when inside of a check. A socket of the host is refused there.
pub(crate) fn ask(socket: Socket, event: Event, ask: Ask) -> Option<OsResult<Reply>> {
    inside(|gate| {
        let handle = socket.0.checked_sub(FIRST).ok_or(NOT_SIMULATED)?;
        gate.point(event);
        gate.ask(Call::Socket { handle, ask })
    })
}

/// As [`ask`], for calls that answer nothing, a number or a name.
fn tell<T>(
    on: Socket,
    call: Ask,
    host: impl FnOnce() -> OsResult<T>,
    answer: impl FnOnce(Reply) -> T,
) -> OsResult<T> {
    match ask(on, Event::Socket, call) {
        Some(reply) => reply.map(answer),
        None => host(),
    }
}

/// The start of several buffers, as one.
fn gather(data: &[&[u8]]) -> Vec<u8> {
    data.iter().flat_map(|data| data.iter()).take(COPIED).copied().collect()
}

impl<H: Net> Sim<H> {
    fn send_bytes(on: Socket, data: &[&[u8]]) -> Option<OsResult<usize>> {
        if !active() {
            return None;
        }
        let reply = ask(on, Event::Send, Ask::Send(gather(data)))?;
        Some(reply.and_then(|reply| match reply {
            Reply::NotYet => Err(H::would_block()),
            reply => Ok(reply.number() as usize),
        }))
    }
}

impl<H: Net> Net for Sim<H> {
    /// Inside of a check there are streams only.
    fn open(kind: SocketKind, address: &SocketAddr) -> OsResult<Socket> {
        let simulated = inside(|gate| {
            gate.point(Event::Socket);
            if kind != SocketKind::Stream {
                return Err(NO_PROTOCOL);
            }
            let reply = gate.ask(Call::OpenSocket { is_v6: address.is_ipv6() })?;
            Ok(socket(reply.number()))
        });
        simulated.unwrap_or_else(|| H::open(kind, address))
    }

    fn pair() -> OsResult<(Socket, Socket)> {
        let simulated = inside(|gate| {
            gate.point(Event::Socket);
            match gate.ask(Call::Pair)? {
                Reply::Pair(one, other) => Ok((socket(one as u64), socket(other as u64))),
                other => unreachable!("two sockets are answered, not {other:?}"),
            }
        });
        simulated.unwrap_or_else(H::pair)
    }

    fn bind(socket: Socket, address: &SocketAddr) -> OsResult<()> {
        tell(socket, Ask::Bind(*address), || H::bind(socket, address), |_| ())
    }

    fn listen(socket: Socket, backlog: u32) -> OsResult<()> {
        tell(socket, Ask::Listen(backlog), || H::listen(socket, backlog), |_| ())
    }

    fn accept(on: Socket) -> OsResult<(Socket, SocketAddr)> {
        match ask(on, Event::Accept, Ask::Accept) {
            None => H::accept(on),
            Some(Ok(Reply::Peer(number, peer))) => Ok((socket(number as u64), peer)),
            Some(Ok(_)) => Err(H::would_block()),
            Some(Err(error)) => Err(error),
        }
    }

    fn connect(socket: Socket, address: &SocketAddr) -> OsResult<bool> {
        match ask(socket, Event::Connect, Ask::Connect(*address)) {
            None => H::connect(socket, address),
            // Never at once: it takes two ways.
            Some(reply) => reply.map(|_| false),
        }
    }

    fn recv(socket: Socket, buffer: &mut [u8], peek: bool) -> OsResult<usize> {
        let limit = buffer.len();
        match ask(socket, Event::Receive, Ask::Receive { limit, peek }) {
            None => H::recv(socket, buffer, peek),
            Some(Ok(Reply::Data(bytes))) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Ok(bytes.len())
            }
            Some(Ok(_)) => Err(H::would_block()),
            Some(Err(error)) => Err(error),
        }
    }

    fn send(socket: Socket, data: &[u8]) -> OsResult<usize> {
        Self::send_bytes(socket, &[data]).unwrap_or_else(|| H::send(socket, data))
    }

    fn send_vectored(socket: Socket, data: &[&[u8]]) -> OsResult<usize> {
        Self::send_bytes(socket, data).unwrap_or_else(|| H::send_vectored(socket, data))
    }

    fn shutdown(socket: Socket, how: Shutdown) -> OsResult<()> {
        tell(socket, Ask::Shutdown(how), || H::shutdown(socket, how), |_| ())
    }

    fn option(socket: Socket, option: SocketOption) -> OsResult<u32> {
        let host = || H::option(socket, option);
        tell(socket, Ask::Option(option), host, |reply| reply.number() as u32)
    }

    fn set_option(socket: Socket, option: SocketOption, value: u32) -> OsResult<()> {
        let host = || H::set_option(socket, option, value);
        tell(socket, Ask::SetOption(option, value), host, |_| ())
    }

    fn local_name(socket: Socket) -> OsResult<SocketAddr> {
        tell(socket, Ask::LocalName, || H::local_name(socket), Reply::name)
    }

    fn peer_name(socket: Socket) -> OsResult<SocketAddr> {
        tell(socket, Ask::PeerName, || H::peer_name(socket), Reply::name)
    }

    /// A socket of the host is closed inside of a check too: the program was given it and drops it.
    /// One that a check left is gone with it.
    fn close(socket: Socket) {
        if socket.0 < FIRST {
            H::close(socket);
        } else {
            // A close is not refused.
            let _ = ask(socket, Event::Socket, Ask::Close);
        }
    }

    fn duplicate(on: Socket) -> OsResult<Socket> {
        tell(on, Ask::Duplicate, || H::duplicate(on), |reply| socket(reply.number()))
    }

    fn sleep_until_ready(socket: Socket, direction: Direction, until: u64) {
        // A sleep answers nothing, and whoever looks again is told why it ended.
        if ask(socket, Event::Wait, Ask::Sleep { direction, until }).is_none() {
            H::sleep_until_ready(socket, direction, until);
        }
    }

    fn would_block() -> OsError {
        H::would_block()
    }
}
