//! To and from descriptors and std's types.
//!
//! A descriptor that comes in is made non-blocking, for no call on it may hold up a worker. One
//! that goes out gets back the mode that its owner sees here, so that `std::net` can wait on it;
//! but not while clones of it are left, because the mode is common to all of them.

use std::io;
use std::net;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use rt_core::{Direction, Socket};

use super::handle::Handle;
use super::{TcpListener, TcpStream};

impl Handle {
    /// Takes over a socket. `set` makes it non-blocking; that fails only for what is no open file,
    /// and then so does every later call.
    fn take_over<S: Into<OwnedFd>>(socket: S, set: impl FnOnce(&S) -> io::Result<()>) -> Handle {
        let _ = set(&socket);
        Handle::new(Socket(socket.into().into_raw_fd() as usize))
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor stays open as long as this handle, which is borrowed.
        unsafe { BorrowedFd::borrow_raw(self.socket().0 as RawFd) }
    }

    /// Gives the socket away. `set` says whether it is to be non-blocking, and fails only as above.
    fn give_away<S: From<OwnedFd>>(self, set: impl FnOnce(&S, bool) -> io::Result<()>) -> S {
        let non_blocking = self.is_non_blocking();
        let (socket, last) = self.into_socket();
        // SAFETY: `into_socket` gave it back unclosed, and nothing else owns it.
        let socket = S::from(unsafe { OwnedFd::from_raw_fd(socket.0 as RawFd) });
        if last {
            let _ = set(&socket, non_blocking);
        }
        socket
    }
}

/// As std's stream: its timeouts come along, and it waits, whatever its mode was.
impl From<net::TcpStream> for TcpStream {
    fn from(stream: net::TcpStream) -> TcpStream {
        let timeouts = (stream.read_timeout(), stream.write_timeout());
        let handle = Handle::take_over(stream, |stream| stream.set_nonblocking(true));
        // std gives no timeout of zero, which is all that would be refused.
        let _ = handle.set_timeout(Direction::Read, timeouts.0.unwrap_or(None));
        let _ = handle.set_timeout(Direction::Write, timeouts.1.unwrap_or(None));
        TcpStream { handle }
    }
}

/// With its mode and timeouts. It stays non-blocking while clones of it are left.
impl From<TcpStream> for net::TcpStream {
    fn from(stream: TcpStream) -> net::TcpStream {
        let timeouts = [Direction::Read, Direction::Write].map(|d| stream.handle.timeout(d));
        stream.handle.give_away(|stream: &net::TcpStream, non_blocking| {
            stream.set_read_timeout(timeouts[0])?;
            stream.set_write_timeout(timeouts[1])?;
            stream.set_nonblocking(non_blocking)
        })
    }
}

/// It waits, whatever its mode was.
impl From<net::TcpListener> for TcpListener {
    fn from(listener: net::TcpListener) -> TcpListener {
        let handle = Handle::take_over(listener, |listener| listener.set_nonblocking(true));
        TcpListener { handle }
    }
}

/// With its mode. It stays non-blocking while clones of it are left.
impl From<TcpListener> for net::TcpListener {
    fn from(listener: TcpListener) -> net::TcpListener {
        listener.handle.give_away(net::TcpListener::set_nonblocking)
    }
}

/// The conversions that go through std's type of the same name.
macro_rules! descriptors {
    ($name:ident) => {
        impl AsFd for $name {
            /// The descriptor, which is non-blocking.
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.handle.descriptor()
            }
        }

        impl AsRawFd for $name {
            /// The descriptor, which is non-blocking.
            fn as_raw_fd(&self) -> RawFd {
                self.handle.descriptor().as_raw_fd()
            }
        }

        impl IntoRawFd for $name {
            fn into_raw_fd(self) -> RawFd {
                OwnedFd::from(self).into_raw_fd()
            }
        }

        impl FromRawFd for $name {
            unsafe fn from_raw_fd(fd: RawFd) -> $name {
                // SAFETY: the caller's contract is the same.
                $name::from(unsafe { OwnedFd::from_raw_fd(fd) })
            }
        }

        impl From<OwnedFd> for $name {
            fn from(descriptor: OwnedFd) -> $name {
                $name::from(net::$name::from(descriptor))
            }
        }

        impl From<$name> for OwnedFd {
            fn from(socket: $name) -> OwnedFd {
                OwnedFd::from(net::$name::from(socket))
            }
        }
    };
}

descriptors!(TcpStream);
descriptors!(TcpListener);
