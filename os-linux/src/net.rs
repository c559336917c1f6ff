//! Sockets: one system call per function, restarted when a signal interrupts it.

use crate::{clock, error};
use core::net::SocketAddr;
use rt_core::{Direction, OsResult, Shutdown, Socket, SocketKind, SocketOption};
use rustix::event::{PollFd, PollFlags};
use rustix::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use rustix::io::{Errno, IoSlice};
use rustix::net::{
    self, AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrAny, SocketFlags,
    SocketType, sockopt,
};

/// All of our sockets.
const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);
/// The most buffers of one call: they stay on the caller's stack for a moment, 16 bytes each.
const BUFFERS: usize = 64;
/// Descriptors below are the standard streams, which a program may have closed.
const FIRST: RawFd = 3;

/// The descriptor of a socket, for one call.
pub(crate) fn borrow<'a>(socket: Socket) -> BorrowedFd<'a> {
    // SAFETY: the core passes what a function below returned and `close` has not taken, and closes
    // a socket only when no other call with it is under way.
    unsafe { BorrowedFd::borrow_raw(socket.0 as RawFd) }
}

/// The result of a call, made again while signals interrupt it.
pub(crate) fn take<T>(call: impl FnMut() -> Result<T, Errno>) -> OsResult<T> {
    rustix::io::retry_on_intr(call).map_err(error)
}

/// Gives a descriptor to the core, until [`close`].
fn hand_over(descriptor: OwnedFd) -> Socket {
    Socket(descriptor.into_raw_fd() as usize)
}

pub(crate) fn open(kind: SocketKind, address: &SocketAddr) -> OsResult<Socket> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let kind = match kind {
        SocketKind::Stream => SocketType::STREAM,
        SocketKind::Datagram => SocketType::DGRAM,
    };
    net::socket_with(family, kind, FLAGS, None).map(hand_over).map_err(error)
}

pub(crate) fn pair() -> OsResult<(Socket, Socket)> {
    let (a, b) =
        net::socketpair(AddressFamily::UNIX, SocketType::STREAM, FLAGS, None).map_err(error)?;
    Ok((hand_over(a), hand_over(b)))
}

pub(crate) fn bind(socket: Socket, address: &SocketAddr) -> OsResult<()> {
    net::bind(borrow(socket), address).map_err(error)
}

pub(crate) fn listen(socket: Socket, backlog: u32) -> OsResult<()> {
    net::listen(borrow(socket), backlog.min(i32::MAX as u32) as i32).map_err(error)
}

pub(crate) fn accept(socket: Socket) -> OsResult<(Socket, SocketAddr)> {
    let (descriptor, peer) = take(|| net::acceptfrom_with(borrow(socket), FLAGS))?;
    let peer = name(peer.ok_or(Errno::AFNOSUPPORT))?;
    Ok((hand_over(descriptor), peer))
}

pub(crate) fn connect(socket: Socket, address: &SocketAddr) -> OsResult<bool> {
    match net::connect(borrow(socket), address) {
        Ok(()) => Ok(true),
        // An interrupted attempt goes on by itself, and a second call would only say so.
        Err(Errno::INPROGRESS | Errno::INTR) => Ok(false),
        Err(refused) => Err(error(refused)),
    }
}

pub(crate) fn recv(socket: Socket, buffer: &mut [u8], peek: bool) -> OsResult<usize> {
    let flags = if peek { RecvFlags::PEEK } else { RecvFlags::empty() };
    let (received, _) = take(|| net::recv(borrow(socket), &mut *buffer, flags))?;
    Ok(received)
}

pub(crate) fn send(socket: Socket, data: &[u8]) -> OsResult<usize> {
    take(|| net::send(borrow(socket), data, SendFlags::NOSIGNAL))
}

pub(crate) fn send_vectored(socket: Socket, data: &[&[u8]]) -> OsResult<usize> {
    let mut buffers = [IoSlice::new(&[]); BUFFERS];
    // Empty ones are left out, so that a list that begins with many of them is not taken for one
    // that the system refuses.
    let full = data.iter().filter(|data| !data.is_empty());
    let mut count = 0;
    for (buffer, data) in buffers.iter_mut().zip(full) {
        *buffer = IoSlice::new(data);
        count += 1;
    }
    let buffers = &buffers[..count];
    let mut nothing = SendAncillaryBuffer::default();
    take(|| net::sendmsg(borrow(socket), buffers, &mut nothing, SendFlags::NOSIGNAL))
}

pub(crate) fn shutdown(socket: Socket, how: Shutdown) -> OsResult<()> {
    let how = match how {
        Shutdown::Read => net::Shutdown::Read,
        Shutdown::Write => net::Shutdown::Write,
        Shutdown::Both => net::Shutdown::Both,
    };
    net::shutdown(borrow(socket), how).map_err(error)
}

pub(crate) fn option(socket: Socket, option: SocketOption) -> OsResult<u32> {
    let socket = borrow(socket);
    let value = match option {
        SocketOption::NoDelay => sockopt::tcp_nodelay(socket).map(u32::from),
        SocketOption::Ttl => sockopt::ip_ttl(socket),
        SocketOption::ReuseAddress => sockopt::socket_reuseaddr(socket).map(u32::from),
        SocketOption::Error => sockopt::socket_error(socket).map(|pending| match pending {
            Ok(()) => 0,
            Err(errno) => errno.raw_os_error() as u32,
        }),
    };
    value.map_err(error)
}

pub(crate) fn set_option(socket: Socket, option: SocketOption, value: u32) -> OsResult<()> {
    let socket = borrow(socket);
    match option {
        SocketOption::NoDelay => sockopt::set_tcp_nodelay(socket, value != 0),
        SocketOption::Ttl => sockopt::set_ip_ttl(socket, value),
        SocketOption::ReuseAddress => sockopt::set_socket_reuseaddr(socket, value != 0),
        SocketOption::Error => Err(Errno::NOPROTOOPT),
    }
    .map_err(error)
}

pub(crate) fn local_name(socket: Socket) -> OsResult<SocketAddr> {
    name(net::getsockname(borrow(socket)))
}

pub(crate) fn peer_name(socket: Socket) -> OsResult<SocketAddr> {
    let peer = net::getpeername(borrow(socket));
    name(peer.and_then(|peer| peer.ok_or(Errno::AFNOSUPPORT)))
}

/// An address of the internet families, as all that the core opens have; a pair's ends have none.
fn name(found: Result<SocketAddrAny, Errno>) -> OsResult<SocketAddr> {
    found.and_then(|any| any.try_into().map_err(|_| Errno::AFNOSUPPORT)).map_err(error)
}

pub(crate) fn close(socket: Socket) {
    // SAFETY: the core closes what `hand_over` gave it, once.
    drop(unsafe { OwnedFd::from_raw_fd(socket.0 as RawFd) });
}

pub(crate) fn duplicate(socket: Socket) -> OsResult<Socket> {
    take(|| rustix::io::fcntl_dupfd_cloexec(borrow(socket), FIRST)).map(hand_over)
}

pub(crate) fn sleep_until_ready(socket: Socket, direction: Direction, until: u64) {
    let interest = match direction {
        Direction::Read => PollFlags::IN,
        Direction::Write => PollFlags::OUT,
    };
    let socket = borrow(socket);
    let limit = clock::remaining(until).map(clock::timespec);
    // Ready, too late or interrupted: the caller tries again in any case.
    let _ = rustix::event::poll(&mut [PollFd::new(&socket, interest)], limit.as_ref());
}
