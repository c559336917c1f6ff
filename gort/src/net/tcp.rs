//! `TcpStream`.

#![forbid(unsafe_code)]

use crate::base::io::{self, IoSlice, Read, Write};
use crate::base::net::{Shutdown, SocketAddr, ToSocketAddrs};
use crate::base::panic::{RefUnwindSafe, UnwindSafe};
use core::fmt;
use core::time::Duration;

use rt_core::{Direction, FOREVER, SocketKind, SocketOption, Wake, net};

use super::handle::{Handle, deadline_in, no_time};
use super::{each_address, error};

/// Buffers passed on by one vectored write; those behind them are left to the next one.
const BUFFERS: usize = 16;

/// A TCP connection, as `std::net::TcpStream`. Closed when dropped.
///
/// Reading and writing work through `&TcpStream` too, so that one goroutine can read while another
/// writes; several in one direction take turns in no order.
///
/// ```
/// use gort::net::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// gort::run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let address = listener.local_addr()?;
///     gort::go(move || {
///         let (mut stream, _) = listener.accept().unwrap();
///         stream.write_all(b"hello").unwrap();
///     });
///     let mut text = String::new();
///     TcpStream::connect(address)?.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    pub(super) handle: Handle,
}

/// A socket has no state that a panic could leave half changed.
impl UnwindSafe for TcpStream {}
impl RefUnwindSafe for TcpStream {}

impl TcpStream {
    /// Connects to an address, or to the first of several that answers. Parks.
    ///
    /// May block for the name of a host: see the [module](crate::net).
    ///
    /// # Errors
    /// The error of the last address; `InvalidInput` when there is none.
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        each_address(addr, |address| TcpStream::connect_until(address, FOREVER))
    }

    /// Connects to an address, within a time. Parks.
    ///
    /// # Errors
    /// `TimedOut` when the time is over, `InvalidInput` for a time of zero, or what the peer or the
    /// system says.
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(no_time());
        }
        TcpStream::connect_until(addr, deadline_in(timeout))
    }

    fn connect_until(address: &SocketAddr, deadline: u64) -> io::Result<TcpStream> {
        let handle = Handle::new(net::open(SocketKind::Stream, address).map_err(error)?);
        let mut tried = handle.edges(Direction::Write);
        let mut connected = net::connect(handle.socket(), address).map_err(error)?;
        while !connected {
            let woken = handle.wait(Direction::Write, tried, deadline)?;
            tried = handle.edges(Direction::Write);
            if let Some(refused) = handle.take_error()? {
                return Err(refused);
            }
            // A wait may end for no reason; what has a peer is connected.
            connected = match net::peer_name(handle.socket()).map_err(error) {
                Ok(_) => true,
                Err(e) if e.kind() == io::ErrorKind::NotConnected => false,
                Err(e) => return Err(e),
            };
            if !connected && woken == Wake::TimedOut {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out"));
            }
        }
        Ok(TcpStream { handle })
    }

    /// The peer's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        net::peer_name(self.handle.socket()).map_err(error)
    }

    /// The stream's own address.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.handle.local_addr()
    }

    /// Ends reading, writing or both, at once and for all handles to this connection. Wakes who
    /// waits in that direction: a reader finds the end of the stream, a writer an error.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        net::shutdown(self.handle.socket(), super::part(how)).map_err(error)
    }

    /// A second handle to the same connection. Options and timeouts are common to both; the
    /// connection is closed when the last handle is dropped.
    ///
    /// # Errors
    /// What the system says: mostly that there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream { handle: self.handle.try_clone()? })
    }

    /// Sets how long a read may wait; `None` is for ever. One that waited so long fails with
    /// `WouldBlock`, as with `std::net` on Unix. Counts for reads that begin after this call.
    ///
    /// # Errors
    /// `InvalidInput` for a time of zero.
    pub fn set_read_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.handle.set_timeout(Direction::Read, dur)
    }

    /// Sets how long a write may wait, as [`set_read_timeout`](TcpStream::set_read_timeout) does for
    /// reads. A write that got rid of some bytes returns their number and starts anew.
    ///
    /// # Errors
    /// `InvalidInput` for a time of zero.
    pub fn set_write_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.handle.set_timeout(Direction::Write, dur)
    }

    /// How long a read may wait, to the nanosecond (`std::net` rounds to what the system counts in).
    ///
    /// # Errors
    /// None; the result is std's.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.handle.timeout(Direction::Read))
    }

    /// How long a write may wait.
    ///
    /// # Errors
    /// None; the result is std's.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.handle.timeout(Direction::Write))
    }

    /// Reads without taking: the next read finds the same bytes. Parks.
    ///
    /// # Errors
    /// As those of a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.handle.attempt(Direction::Read, |socket| net::recv(socket, buf, true))
    }

    /// Sets whether small writes go out at once (`TCP_NODELAY`) instead of being collected while
    /// earlier ones are unacknowledged.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.handle.set_option(SocketOption::NoDelay, u32::from(nodelay))
    }

    /// Whether small writes go out at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.handle.option(SocketOption::NoDelay)? != 0)
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

    /// The connection's pending error (`SO_ERROR`), which is cleared by this.
    ///
    /// # Errors
    /// What the system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.handle.take_error()
    }

    /// Sets whether reads and writes fail with `WouldBlock` instead of waiting; common to all
    /// handles of the connection. What waits already goes on waiting.
    ///
    /// # Errors
    /// None; the result is std's.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.handle.set_non_blocking(nonblocking);
        Ok(())
    }

    fn send_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut full = [&[] as &[u8]; BUFFERS];
        let mut count = 0;
        for (buffer, slice) in full.iter_mut().zip(slices.iter().filter(|slice| !slice.is_empty()))
        {
            *buffer = slice;
            count += 1;
        }
        let full = &full[..count];
        self.handle.attempt(Direction::Write, |socket| net::send_vectored(socket, full))
    }
}

impl Read for &TcpStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.handle.receive(buf)
    }
}

impl Write for &TcpStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.handle.attempt(Direction::Write, |socket| net::send(socket, buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_vectored(bufs)
    }

    /// Does nothing: nothing is held back here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for TcpStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_vectored(bufs)
    }

    /// Does nothing: nothing is held back here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("TcpStream");
        if let Ok(address) = self.local_addr() {
            fields.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            fields.field("peer", &peer);
        }
        fields.field("fd", &self.handle.socket().0).finish()
    }
}
