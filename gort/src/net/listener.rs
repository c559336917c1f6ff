//! `TcpListener`.

#![forbid(unsafe_code)]

use crate::base::io;
use crate::base::net::{SocketAddr, ToSocketAddrs};
use crate::base::panic::{RefUnwindSafe, UnwindSafe};
use core::fmt;
use core::iter::FusedIterator;

use rt_core::{Direction, SocketKind, SocketOption, expect_connection, net};

use super::handle::Handle;
use super::{TcpStream, each_address, error};

/// Connections that may queue up until they are accepted. The system cuts it to its own limit
/// (4096 on Linux). std's 128 is for a thread that does nothing but accept; a burst beyond it costs
/// each client a second, and here the accepting goroutine shares its worker with the connections.
const BACKLOG: u32 = 4096;

/// A socket that accepts connections, as `std::net::TcpListener`. Closed when dropped.
///
/// ```
/// use gort::io::{Read, Write};
/// use gort::net::{TcpListener, TcpStream};
///
/// gort::run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let address = listener.local_addr()?;
///     gort::go(move || TcpStream::connect(address).unwrap().write_all(b"hello").unwrap());
///     let (mut connection, _) = listener.accept()?;
///     let mut text = String::new();
///     connection.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    pub(super) handle: Handle,
}

/// A socket has no state that a panic could leave half changed.
impl UnwindSafe for TcpListener {}
impl RefUnwindSafe for TcpListener {}

impl TcpListener {
    /// Listens on an address, or on the first of several that can be had. Port 0 is any free one.
    ///
    /// May block for the name of a host: see the [module](crate::net).
    ///
    /// # Errors
    /// The error of the last address (`AddrInUse`, `PermissionDenied`, ...); `InvalidInput` when
    /// there is none.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        each_address(addr, |address| {
            let handle = Handle::new(net::open(SocketKind::Stream, address).map_err(error)?);
            // As std does on Unix: connections of an earlier process that are not quite over must
            // not keep a server from starting.
            handle.set_option(SocketOption::ReuseAddress, 1)?;
            net::bind(handle.socket(), address).map_err(error)?;
            net::listen(handle.socket(), BACKLOG).map_err(error)?;
            Ok(TcpListener { handle })
        })
    }

    /// The listener's own address.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.handle.local_addr()
    }

    /// A second handle to the same listener: each connection is accepted by one of them.
    ///
    /// # Errors
    /// What the system says: mostly that there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(TcpListener { handle: self.handle.try_clone()? })
    }

    /// Waits for a connection and returns it with the peer's address. Parks.
    ///
    /// The goroutine that is spawned next is taken for the one that serves it. In default mode, where it
    /// stays with the worker that begins it, another worker with fewer is offered it.
    ///
    /// # Errors
    /// What the system says. A server goes on after most of it: a connection that was given up
    /// before it was accepted, or a lack of descriptors, which is worth a short sleep.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) = self.handle.attempt(Direction::Read, net::accept)?;
        expect_connection();
        Ok((TcpStream { handle: Handle::new(socket) }, peer))
    }

    /// The connections as they come: [`accept`](TcpListener::accept) for ever, without the address.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Sets how many hops a packet may take (`IP_TTL`).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.handle.set_option(SocketOption::Ttl, ttl)
    }

    /// How many hops a packet may take.
    ///
    /// # Errors
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.handle.option(SocketOption::Ttl)
    }

    /// The listener's pending error (`SO_ERROR`), which is cleared by this.
    ///
    /// # Errors
    /// What the system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.handle.take_error()
    }

    /// Sets whether accepting fails with `WouldBlock` instead of waiting; common to all handles of
    /// the listener.
    ///
    /// # Errors
    /// None; the result is std's.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.handle.set_non_blocking(nonblocking);
        Ok(())
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("TcpListener");
        if let Ok(address) = self.local_addr() {
            fields.field("addr", &address);
        }
        fields.field("fd", &self.handle.socket().0).finish()
    }
}

/// The connections of a [`TcpListener`], which never end. Each step parks.
///
/// ```
/// use gort::net::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let clients: Vec<_> = (0..3).map(|_| gort::spawn(move || TcpStream::connect(address))).collect();
/// for connection in listener.incoming().take(3) {
///     connection?.set_nodelay(true)?;
/// }
/// assert!(clients.into_iter().all(|client| client.join().unwrap().is_ok()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "an iterator does nothing until it is asked for the next connection"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}
