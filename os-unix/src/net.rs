//! Sockets: one system call per function, restarted when a signal interrupts it.

use core::marker::PhantomData;
use core::net::SocketAddr;

use rt_core::{Direction, Net, Os, OsError, OsResult, Shutdown, Socket, SocketKind, SocketOption};
use rustix::event::{PollFd, PollFlags};
use rustix::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use rustix::io::{Errno, IoSlice};
use rustix::net::{
    self, AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrAny, SocketType,
    sockopt,
};

use crate::{clock, error};

/// How a system makes sockets that don't block, are closed on exec, and raise no signal.
pub trait Sockets: Os {
    /// What keeps a send from raising a signal, where that is said with each.
    const SEND: SendFlags;

    /// A new socket.
    ///
    /// # Errors
    /// The system's own.
    fn socket(family: AddressFamily, kind: SocketType) -> Result<OwnedFd, Errno>;

    /// Two connected stream sockets.
    ///
    /// # Errors
    /// The system's own.
    fn socket_pair() -> Result<(OwnedFd, OwnedFd), Errno>;

    /// Takes a connection from a listener's queue.
    ///
    /// # Errors
    /// The system's own.
    fn take_connection(listener: BorrowedFd<'_>)
    -> Result<(OwnedFd, Option<SocketAddrAny>), Errno>;
}

/// The most buffers of one call: they stay on the caller's stack for a moment, 16 bytes each.
const BUFFERS: usize = 64;
/// Descriptors below are the standard streams, which a program may have closed.
const FIRST: RawFd = 3;

/// The descriptor of a socket that is open, for one call.
pub fn borrow<'a>(socket: Socket) -> BorrowedFd<'a> {
    // SAFETY: the core passes what a function below returned and `close` has not taken, and closes
    // a socket only when no other call with it is under way.
    unsafe { BorrowedFd::borrow_raw(socket.0 as RawFd) }
}

/// The result of a call, made again while signals interrupt it.
///
/// # Errors
/// The call's own.
pub fn take<T>(call: impl FnMut() -> Result<T, Errno>) -> OsResult<T> {
    rustix::io::retry_on_intr(call).map_err(error)
}

/// Gives a descriptor to the core, until [`close`].
fn hand_over(descriptor: OwnedFd) -> Socket {
    Socket(descriptor.into_raw_fd() as usize)
}

/// `Net` of a Unix system, for [`impl_net!`](crate::impl_net) to call.
#[derive(Clone, Copy, Debug)]
pub struct UnixNet<S>(PhantomData<S>);

impl<S: Sockets> Net for UnixNet<S> {
    fn open(kind: SocketKind, address: &SocketAddr) -> OsResult<Socket> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let kind = match kind {
            SocketKind::Stream => SocketType::STREAM,
            SocketKind::Datagram => SocketType::DGRAM,
        };
        S::socket(family, kind).map(hand_over).map_err(error)
    }

    fn pair() -> OsResult<(Socket, Socket)> {
        let (a, b) = S::socket_pair().map_err(error)?;
        Ok((hand_over(a), hand_over(b)))
    }

    fn bind(socket: Socket, address: &SocketAddr) -> OsResult<()> {
        net::bind(borrow(socket), address).map_err(error)
    }

    fn listen(socket: Socket, backlog: u32) -> OsResult<()> {
        net::listen(borrow(socket), backlog.min(i32::MAX as u32) as i32).map_err(error)
    }

    fn accept(socket: Socket) -> OsResult<(Socket, SocketAddr)> {
        let (descriptor, peer) = take(|| S::take_connection(borrow(socket)))?;
        let peer = name(peer.ok_or(Errno::AFNOSUPPORT))?;
        Ok((hand_over(descriptor), peer))
    }

    fn connect(socket: Socket, address: &SocketAddr) -> OsResult<bool> {
        match net::connect(borrow(socket), address) {
            Ok(()) => Ok(true),
            // An interrupted attempt goes on by itself, and a second call would only say so.
            Err(Errno::INPROGRESS | Errno::INTR) => Ok(false),
            Err(refused) => Err(error(refused)),
        }
    }

    fn recv(socket: Socket, buffer: &mut [u8], peek: bool) -> OsResult<usize> {
        let flags = if peek { RecvFlags::PEEK } else { RecvFlags::empty() };
        let (received, _) = take(|| net::recv(borrow(socket), &mut *buffer, flags))?;
        Ok(received)
    }

    fn send(socket: Socket, data: &[u8]) -> OsResult<usize> {
        take(|| net::send(borrow(socket), data, S::SEND))
    }

    fn send_vectored(socket: Socket, data: &[&[u8]]) -> OsResult<usize> {
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
        take(|| net::sendmsg(borrow(socket), buffers, &mut nothing, S::SEND))
    }

    fn shutdown(socket: Socket, how: Shutdown) -> OsResult<()> {
        let how = match how {
            Shutdown::Read => net::Shutdown::Read,
            Shutdown::Write => net::Shutdown::Write,
            Shutdown::Both => net::Shutdown::Both,
        };
        net::shutdown(borrow(socket), how).map_err(error)
    }

    fn option(socket: Socket, option: SocketOption) -> OsResult<u32> {
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

    fn set_option(socket: Socket, option: SocketOption, value: u32) -> OsResult<()> {
        let socket = borrow(socket);
        match option {
            SocketOption::NoDelay => sockopt::set_tcp_nodelay(socket, value != 0),
            SocketOption::Ttl => sockopt::set_ip_ttl(socket, value),
            SocketOption::ReuseAddress => sockopt::set_socket_reuseaddr(socket, value != 0),
            SocketOption::Error => Err(Errno::NOPROTOOPT),
        }
        .map_err(error)
    }

    fn local_name(socket: Socket) -> OsResult<SocketAddr> {
        name(net::getsockname(borrow(socket)))
    }

    fn peer_name(socket: Socket) -> OsResult<SocketAddr> {
        let peer = net::getpeername(borrow(socket));
        name(peer.and_then(|peer| peer.ok_or(Errno::AFNOSUPPORT)))
    }

    fn close(socket: Socket) {
        // SAFETY: the core closes what `hand_over` gave it, once.
        drop(unsafe { OwnedFd::from_raw_fd(socket.0 as RawFd) });
    }

    fn duplicate(socket: Socket) -> OsResult<Socket> {
        take(|| rustix::io::fcntl_dupfd_cloexec(borrow(socket), FIRST)).map(hand_over)
    }

    fn sleep_until_ready(socket: Socket, direction: Direction, until: u64) {
        let interest = match direction {
            Direction::Read => PollFlags::IN,
            Direction::Write => PollFlags::OUT,
        };
        let socket = borrow(socket);
        let limit = clock::remaining::<S>(until).map(clock::timespec);
        // Ready, too late or interrupted: the caller tries again in any case.
        let _ = rustix::event::poll(&mut [PollFd::new(&socket, interest)], limit.as_ref());
    }

    fn would_block() -> OsError {
        error(Errno::WOULDBLOCK)
    }
}

/// An address of the internet families, as all that the core opens have; a pair's ends have none.
fn name(found: Result<SocketAddrAny, Errno>) -> OsResult<SocketAddr> {
    found.and_then(|any| any.try_into().map_err(|_| Errno::AFNOSUPPORT)).map_err(error)
}

/// Implements `Net` for a backend that is a [`Sockets`].
#[macro_export]
macro_rules! impl_net {
    ($backend:ty) => {
        $crate::impl_net! { $backend:
            open(kind: SocketKind, address: &core::net::SocketAddr) -> OsResult<Socket>;
            pair() -> OsResult<(Socket, Socket)>;
            bind(socket: Socket, address: &core::net::SocketAddr) -> OsResult<()>;
            listen(socket: Socket, backlog: u32) -> OsResult<()>;
            accept(socket: Socket) -> OsResult<(Socket, core::net::SocketAddr)>;
            connect(socket: Socket, address: &core::net::SocketAddr) -> OsResult<bool>;
            recv(socket: Socket, buffer: &mut [u8], peek: bool) -> OsResult<usize>;
            send(socket: Socket, data: &[u8]) -> OsResult<usize>;
            send_vectored(socket: Socket, data: &[&[u8]]) -> OsResult<usize>;
            shutdown(socket: Socket, how: Shutdown) -> OsResult<()>;
            option(socket: Socket, option: SocketOption) -> OsResult<u32>;
            set_option(socket: Socket, option: SocketOption, value: u32) -> OsResult<()>;
            local_name(socket: Socket) -> OsResult<core::net::SocketAddr>;
            peer_name(socket: Socket) -> OsResult<core::net::SocketAddr>;
            close(socket: Socket) -> ();
            duplicate(socket: Socket) -> OsResult<Socket>;
            sleep_until_ready(socket: Socket, direction: Direction, until: u64) -> ();
            would_block() -> OsError;
        }
    };
    ($backend:ty: $($name:ident($($arg:ident: $ty:ty),*) -> $result:ty;)*) => {
        const _: () = {
            use $crate::core_types::*;
            impl Net for $backend {
                $(fn $name($($arg: $ty),*) -> $result {
                    <$crate::net::UnixNet<$backend> as Net>::$name($($arg),*)
                })*
            }
        };
    };
}
