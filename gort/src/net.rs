//! TCP with the names of `std::net`: written as blocking code, and only the goroutine waits.
//!
//! Each operation tries the system call first; one that finds the socket not ready parks the
//! goroutine, and its worker goes on with others. (A read after one that got less than it had room for
//! parks without trying, if nothing has come since.) On a plain thread, the thread sleeps instead. So a
//! socket may be shared by goroutines and threads, and may outlive the runtime that it was made in.
//!
//! A program ports by its `use` lines: methods, bounds and errors are std's, and so is
//! [`ErrorKind::WouldBlock`](std::io::ErrorKind::WouldBlock) for a read or write that has reached
//! its timeout. The rest of `std::net` (addresses, [`Shutdown`]) is std's own.
//!
//! # Names of hosts
//!
//! [`TcpStream::connect`] and [`TcpListener::bind`] call
//! [`to_socket_addrs`](ToSocketAddrs::to_socket_addrs) where they are. For an address in numbers
//! that is a matter of nanoseconds; looking up the name of a host is a call to the system's resolver
//! and holds up the worker with all of its goroutines. Where that matters, look up aside:
//!
//! ```
//! use gort::net::{TcpStream, ToSocketAddrs};
//!
//! # let listener = gort::net::TcpListener::bind("127.0.0.1:0")?;
//! # let name = format!("localhost:{}", listener.local_addr()?.port());
//! # let name = name.as_str();
//! let addresses: Vec<_> = gort::blocking(|| name.to_socket_addrs().map(Vec::from_iter))?;
//! # let addresses: Vec<_> = addresses.into_iter().filter(|a| a.is_ipv4()).collect();
//! let stream = TcpStream::connect(addresses.as_slice())?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Rejected: doing so always. The trait is std's, so an address may be anything that implements it,
//! and need not be fit to be sent to another thread.

mod handle;
mod listener;
mod pair;
mod tcp;
#[cfg(all(unix, feature = "std"))]
mod unix;

pub use crate::base::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
    ToSocketAddrs,
};

pub use listener::{Incoming, TcpListener};
pub use pair::UnixStream;
pub use tcp::TcpStream;

use crate::base::io;

use rt_core::OsError;

/// The public face of the system's error.
fn error(error: OsError) -> io::Error {
    io::Error::from_raw_os_error(error.0)
}

/// The core's name for a part of a connection.
fn part(how: Shutdown) -> rt_core::Shutdown {
    match how {
        Shutdown::Read => rt_core::Shutdown::Read,
        Shutdown::Write => rt_core::Shutdown::Write,
        Shutdown::Both => rt_core::Shutdown::Both,
    }
}

/// Tries one address after the other; the error is the last one's.
fn each_address<T>(
    addresses: impl ToSocketAddrs,
    mut attempt: impl FnMut(&SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in addresses.to_socket_addrs()? {
        match attempt(&address) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")
    }))
}
