//! A socket and its modes: what streams and listeners have in common.
//!
//! The system's socket never blocks a thread. What std keeps in it (timeouts, whether it is
//! non-blocking) is kept here, beside it, and shared by all handles that `try_clone` made.

#![forbid(unsafe_code)]

use crate::base::io;
use crate::base::net::SocketAddr;
use crate::base::sync::Arc;
use core::mem;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;

use rt_core::{Direction, Edges, FOREVER, Io, OsResult, Socket, SocketOption, Wake, net, os};

use super::error;
use crate::refusal;

/// The error of whoever asks for a timeout of no time.
pub(super) fn no_time() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout")
}

/// The clock's reading after `time`.
pub(super) fn deadline_in(time: Duration) -> u64 {
    os::now().saturating_add(nanos(time))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(FOREVER)
}

/// Modes of a socket. Each is written and read by whoever has a handle, and orders nothing: an
/// operation that is under way may go by the old one.
#[derive(Default)]
struct Modes {
    non_blocking: AtomicBool,
    read_timeout: Timeout,
    write_timeout: Timeout,
}

/// The longest wait of one operation: nanoseconds, or 0 for no limit.
#[derive(Default)]
struct Timeout(AtomicU64);

impl Timeout {
    fn set(&self, time: Option<Duration>) -> io::Result<()> {
        if time.is_some_and(|time| time.is_zero()) {
            return Err(no_time());
        }
        self.0.store(time.map_or(0, nanos), Ordering::Relaxed);
        Ok(())
    }

    fn get(&self) -> Option<Duration> {
        let nanos = self.0.load(Ordering::Relaxed);
        (nanos != 0).then(|| Duration::from_nanos(nanos))
    }
}

/// One handle to a socket.
pub(super) struct Handle {
    io: Io,
    modes: Arc<Modes>,
}

impl Handle {
    pub(super) fn new(socket: Socket) -> Handle {
        Handle { io: Io::new(socket), modes: Arc::new(Modes::default()) }
    }

    pub(super) fn socket(&self) -> Socket {
        self.io.socket()
    }

    /// Makes a call, and while the socket is not ready waits and makes it again.
    ///
    /// The deadline counts from the first refusal. The call is made once more when it has come: a
    /// worker may have been held up, and what came in time must not be reported as late.
    #[inline]
    pub(super) fn attempt<T>(
        &self,
        direction: Direction,
        mut call: impl FnMut(Socket) -> OsResult<T>,
    ) -> io::Result<T> {
        self.attempt_after(direction, |socket, _| call(socket))
    }

    /// As [`attempt`](Handle::attempt), for a call that minds how many edges there were before it.
    #[inline]
    fn attempt_after<T>(
        &self,
        direction: Direction,
        mut call: impl FnMut(Socket, Edges) -> OsResult<T>,
    ) -> io::Result<T> {
        let mut deadline = None;
        let mut late = false;
        loop {
            let tried = self.io.edges(direction);
            let refused = match call(self.socket(), tried) {
                Ok(value) => {
                    // A socket that is always ready must not keep the worker for itself.
                    rt_core::checkpoint();
                    return Ok(value);
                }
                Err(refused) => refused,
            };
            let waits = !late && !self.modes.non_blocking.load(Ordering::Relaxed);
            if refused != net::would_block() || !waits {
                return Err(error(refused));
            }
            let until = *deadline
                .get_or_insert_with(|| self.timeout(direction).map_or(FOREVER, deadline_in));
            late = self.wait(direction, tried, until)? == Wake::TimedOut;
        }
    }

    /// Receives from a stream of nothing but bytes. When all was received and nothing has come since, the
    /// system is not asked: on Linux `epoll(7)` says so of such streams.
    #[inline]
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        let mut may_wait = !self.modes.non_blocking.load(Ordering::Relaxed);
        self.attempt_after(Direction::Read, |socket, edges| {
            if mem::take(&mut may_wait) && self.io.is_empty(edges) {
                return Err(net::would_block());
            }
            let received = net::recv(socket, buffer, false)?;
            if (1..room).contains(&received) {
                self.io.took_all(edges);
            }
            Ok(received)
        })
    }

    /// As [`Io::edges`].
    pub(super) fn edges(&self, direction: Direction) -> Edges {
        self.io.edges(direction)
    }

    /// Waits until the socket may have become ready since it was tried.
    #[cold]
    pub(super) fn wait(
        &self,
        direction: Direction,
        tried: Edges,
        deadline: u64,
    ) -> io::Result<Wake> {
        let waited = self.io.wait(direction, tried, deadline);
        waited.map_err(|error| refusal::refused_wait("a wait for a socket", error))
    }

    pub(super) fn timeout(&self, direction: Direction) -> Option<Duration> {
        self.modes.timeout(direction).get()
    }

    pub(super) fn set_timeout(
        &self,
        direction: Direction,
        time: Option<Duration>,
    ) -> io::Result<()> {
        self.modes.timeout(direction).set(time)
    }

    #[cfg(feature = "std")]
    pub(super) fn is_non_blocking(&self) -> bool {
        self.modes.non_blocking.load(Ordering::Relaxed)
    }

    pub(super) fn set_non_blocking(&self, yes: bool) {
        self.modes.non_blocking.store(yes, Ordering::Relaxed);
    }

    pub(super) fn try_clone(&self) -> io::Result<Handle> {
        let socket = net::duplicate(self.socket()).map_err(error)?;
        Ok(Handle { io: Io::new(socket), modes: Arc::clone(&self.modes) })
    }

    #[cfg(feature = "std")]
    /// Takes it apart. `true`: no clone is left, so nobody else minds how the socket is set.
    pub(super) fn into_socket(self) -> (Socket, bool) {
        let last = Arc::strong_count(&self.modes) == 1;
        (self.io.into_socket(), last)
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        net::local_name(self.socket()).map_err(error)
    }

    pub(super) fn option(&self, option: SocketOption) -> io::Result<u32> {
        net::option(self.socket(), option).map_err(error)
    }

    pub(super) fn set_option(&self, option: SocketOption, value: u32) -> io::Result<()> {
        net::set_option(self.socket(), option, value).map_err(error)
    }

    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        let number = self.option(SocketOption::Error)?;
        Ok((number != 0).then(|| io::Error::from_raw_os_error(number as i32)))
    }
}

impl Modes {
    fn timeout(&self, direction: Direction) -> &Timeout {
        match direction {
            Direction::Read => &self.read_timeout,
            Direction::Write => &self.write_timeout,
        }
    }
}
