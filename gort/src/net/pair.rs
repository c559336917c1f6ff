//! `UnixStream`: two connected sockets of one machine.

#![forbid(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use rt_core::{Direction, net};

use super::handle::Handle;
use super::{Shutdown, error};
use crate::base::io::{self, Read, Write};

/// One end of a pair of connected sockets, as `std::os::unix::net::UnixStream`. Closed when dropped.
///
/// ```
/// use gort::io::{Read, Write};
/// use gort::net::UnixStream;
///
/// gort::run(|| {
///     let (mut here, mut there) = UnixStream::pair()?;
///     gort::go(move || there.write_all(b"hello").unwrap());
///     let mut text = String::new();
///     here.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
///     Ok::<(), gort::io::Error>(())
/// })?;
/// # Ok::<(), gort::io::Error>(())
/// ```
pub struct UnixStream {
    handle: Handle,
}

/// A socket has no state that a panic could leave half changed.
impl UnwindSafe for UnixStream {}
impl RefUnwindSafe for UnixStream {}

impl UnixStream {
    /// Two sockets, each of which reads what is written to the other. Doesn't park.
    ///
    /// # Errors
    /// What the system says: mostly that there are no descriptors left.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = net::pair().map_err(error)?;
        Ok((UnixStream { handle: Handle::new(one) }, UnixStream { handle: Handle::new(other) }))
    }

    /// A second handle to the same socket, which is closed when the last one is dropped.
    ///
    /// # Errors
    /// What the system says: mostly that there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<UnixStream> {
        Ok(UnixStream { handle: self.handle.try_clone()? })
    }

    /// Ends reading, writing or both, as [`TcpStream::shutdown`](super::TcpStream::shutdown).
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        net::shutdown(self.handle.socket(), super::part(how)).map_err(error)
    }
}

impl Read for &UnixStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.handle.attempt(Direction::Read, |socket| net::recv(socket, buf, false))
    }
}

impl Write for &UnixStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.handle.attempt(Direction::Write, |socket| net::send(socket, buf))
    }

    /// Does nothing: nothing is held back here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for UnixStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for UnixStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    /// Does nothing: nothing is held back here.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixStream").field("fd", &self.handle.socket().0).finish()
    }
}
