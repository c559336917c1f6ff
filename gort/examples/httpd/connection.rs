//! One connection: reads requests, writes responses, in order.
//!
//! Requests that have come in one piece are answered in one piece: responses gather in a buffer
//! until the next request is incomplete. No wait is without a limit: a client has `timeout` to
//! begin its next request, again as much to end its head, again for its body, and for each step of
//! taking the response. (A limit on each read alone would let a client send a byte now and then for
//! ever.)

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gort::net::TcpStream;

use crate::files::{Found, Large};
use crate::request::{self, Method, Parsed, Request};
use crate::response::{self, Next, Status};
use crate::{Busy, Server};

/// The input buffer in the beginning, and while the connection is idle.
const INPUT: usize = 4 << 10;
/// The longest head of a request.
const HEAD_LIMIT: usize = 16 << 10;
/// The longest body that is read, to be dropped.
const BODY_LIMIT: u64 = 1 << 20;
/// Contents up to this go through the output buffer, others straight to the socket.
const INLINE: usize = 8 << 10;
/// The output is sent when it has grown to this.
const OUTPUT: usize = 16 << 10;
/// Bytes of a large file read at one time.
const CHUNK: usize = 128 << 10;
/// How long to wait for the end of a client that was sent its last response.
const LINGER: Duration = Duration::from_secs(1);

struct Connection {
    stream: TcpStream,
    server: Arc<Server>,
    /// Bytes `start..end` of it have been read and are not used.
    input: Vec<u8>,
    start: usize,
    end: usize,
    output: Vec<u8>,
    /// When the head that has begun must be complete.
    deadline: Option<Instant>,
    /// From a request's first byte until its response is sent.
    busy: Option<Busy>,
}

/// Serves a connection until its end. Whatever fails with it, fails for this client alone.
pub(crate) fn serve(stream: TcpStream, server: Arc<Server>) {
    let mut connection = Connection {
        stream,
        server,
        input: vec![0; INPUT],
        start: 0,
        end: 0,
        output: Vec::new(),
        deadline: None,
        busy: None,
    };
    if let Ok(()) = connection.run() {
        connection.linger();
    }
}

impl Connection {
    /// Until the client or the server ends it in good order.
    fn run(&mut self) -> io::Result<()> {
        // Responses are sent whole, so there is nothing to wait for.
        self.stream.set_nodelay(true)?;
        self.stream.set_write_timeout(Some(self.server.timeout))?;
        loop {
            match request::parse(&self.input[self.start..self.end]) {
                Parsed::Complete(request, length) => {
                    self.start += length;
                    self.deadline = None;
                    if self.answer(&request)? == Next::Close {
                        return self.flush();
                    }
                }
                Parsed::Bad(status) => return self.refuse(status),
                Parsed::Partial if self.end - self.start >= HEAD_LIMIT => {
                    let line = self.input[self.start..self.end].contains(&b'\n');
                    let long = if line { Status::HEAD_TOO_LARGE } else { Status::TARGET_TOO_LONG };
                    return self.refuse(long);
                }
                Parsed::Partial => {
                    self.flush()?;
                    match self.await_request() {
                        Ok(0) => return Ok(()),
                        Ok(_) => {}
                        Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                        Err(_) if self.start == self.end => return Ok(()),
                        Err(_) => return self.refuse(Status::TOO_SLOW),
                    }
                }
            }
        }
    }

    /// Waits for the beginning or the rest of a request.
    fn await_request(&mut self) -> io::Result<usize> {
        let idle = self.start == self.end;
        if idle {
            self.busy = None;
            if self.input.len() > INPUT {
                self.input = vec![0; INPUT];
            }
        }
        let timeout = self.server.timeout;
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + timeout);
        let read = self.fill(deadline)?;
        if idle {
            // What counted was the time until it began.
            self.deadline = Some(Instant::now() + timeout);
            self.busy = Some(Busy::new(&self.server));
        }
        Ok(read)
    }

    /// Reads what there is, behind what is unused. 0 is the client's end.
    fn fill(&mut self, deadline: Instant) -> io::Result<usize> {
        self.input.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.input.len() {
            self.input.resize((2 * self.end).min(HEAD_LIMIT), 0);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout of zero would be refused.
        self.stream.set_read_timeout(Some(left.max(Duration::from_nanos(1))))?;
        let read = self.stream.read(&mut self.input[self.end..])?;
        self.end += read;
        Ok(read)
    }

    /// Answers a request; says how the connection goes on.
    fn answer(&mut self, request: &Request) -> io::Result<Next> {
        if request.body > BODY_LIMIT {
            response::error(&mut self.output, Status::BODY_TOO_LARGE, false, Next::Close);
            return Ok(Next::Close);
        }
        self.drop_body(request)?;
        let stopping = self.server.stopping.load(Ordering::Relaxed);
        let next = match request.keep_alive && !stopping {
            true if request.is_old => Next::OpenAsAsked,
            true => Next::Open,
            false => Next::Close,
        };
        if let Err(status) = self.send_file(request, next)? {
            response::error(&mut self.output, status, request.method == Method::Head, next);
        }
        if self.output.len() >= OUTPUT {
            self.flush()?;
        }
        Ok(next)
    }

    /// Answers with the file that was asked for, or returns why not.
    fn send_file(&mut self, request: &Request, next: Next) -> io::Result<Result<(), Status>> {
        if request.method == Method::Other {
            return Ok(Err(Status::METHOD_NOT_ALLOWED));
        }
        let found = match &request.path {
            Ok(path) => self.server.files.look_up(path),
            Err(status) => Err(*status),
        };
        let found = match found {
            Ok(found) => found,
            Err(status) => return Ok(Err(status)),
        };
        let about = match &found {
            Found::Small(small) => &small.about,
            Found::Large(large) => &large.about,
        };
        let since = request.if_modified_since.and_then(response::Modified::new);
        if since.is_some_and(|since| about.modified.is_some_and(|modified| modified <= since)) {
            response::head(&mut self.output, Status::NOT_MODIFIED, about, next);
            return Ok(Ok(()));
        }
        response::head(&mut self.output, Status::OK, about, next);
        match found {
            _ if request.method == Method::Head => {}
            Found::Small(small) if small.content.len() <= INLINE => {
                self.output.extend_from_slice(&small.content);
            }
            Found::Small(small) => self.flush_with(&small.content)?,
            Found::Large(large) => self.send_large(large)?,
        }
        Ok(Ok(()))
    }

    fn send_large(&mut self, mut large: Large) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        let mut left = large.about.length;
        while left > 0 {
            let wanted = &mut chunk[..left.min(CHUNK as u64) as usize];
            let read = gort::blocking(|| large.file.read(wanted))?;
            if read == 0 {
                // It has become shorter than the head says, and there is no other way to say so.
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.flush_with(&chunk[..read])?;
            left -= read as u64;
        }
        Ok(())
    }

    /// Reads a request's body, which means nothing here, up to where the next request begins.
    fn drop_body(&mut self, request: &Request) -> io::Result<()> {
        let mut left = request.body;
        let deadline = Instant::now() + self.server.timeout;
        loop {
            let here = left.min((self.end - self.start) as u64);
            self.start += here as usize;
            left -= here;
            if left == 0 {
                return Ok(());
            }
            if left == request.body && request.expects_continue {
                self.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            // The client may wait for earlier responses before it goes on.
            self.flush()?;
            if self.fill(deadline)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Says why what the client sends can't be read on.
    fn refuse(&mut self, status: Status) -> io::Result<()> {
        response::error(&mut self.output, status, false, Next::Close);
        self.flush()
    }

    /// Sends what has gathered.
    fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.flush_with(&[])?;
        // A client that is always ready must not keep the others of this worker waiting.
        gort::yield_now();
        Ok(())
    }

    /// Sends what has gathered, and `more` after it, in as few calls as possible.
    fn flush_with(&mut self, more: &[u8]) -> io::Result<()> {
        let mut slices: &mut [_] = &mut [IoSlice::new(&self.output), IoSlice::new(more)];
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match self.stream.write_vectored(slices)? {
                0 => return Err(ErrorKind::WriteZero.into()),
                written => IoSlice::advance_slices(&mut slices, written),
            }
        }
        self.output.clear();
        Ok(())
    }

    /// Ends the connection so that the client gets all of its response: closing while bytes of the
    /// client are unread would be a reset, which can overtake it.
    fn linger(&mut self) {
        let deadline = Instant::now() + LINGER.min(self.server.timeout);
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut dropped = 0;
        while dropped < BODY_LIMIT {
            (self.start, self.end) = (0, 0);
            match self.fill(deadline) {
                Ok(read @ 1..) => dropped += read as u64,
                _ => return,
            }
        }
    }
}
