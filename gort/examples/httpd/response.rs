//! What the client is told: statuses and heads.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// A status code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(u16);

impl Status {
    pub(crate) const OK: Status = Status(200);
    pub(crate) const NOT_MODIFIED: Status = Status(304);
    pub(crate) const BAD_REQUEST: Status = Status(400);
    pub(crate) const FORBIDDEN: Status = Status(403);
    pub(crate) const NOT_FOUND: Status = Status(404);
    pub(crate) const METHOD_NOT_ALLOWED: Status = Status(405);
    pub(crate) const TOO_SLOW: Status = Status(408);
    pub(crate) const LENGTH_REQUIRED: Status = Status(411);
    pub(crate) const BODY_TOO_LARGE: Status = Status(413);
    pub(crate) const TARGET_TOO_LONG: Status = Status(414);
    pub(crate) const HEAD_TOO_LARGE: Status = Status(431);
    pub(crate) const NOT_IMPLEMENTED: Status = Status(501);
    pub(crate) const UNAVAILABLE: Status = Status(503);
    pub(crate) const VERSION: Status = Status(505);

    fn reason(self) -> &'static str {
        match self.0 {
            200 => "OK",
            304 => "Not Modified",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            411 => "Length Required",
            413 => "Content Too Large",
            414 => "URI Too Long",
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            505 => "HTTP Version Not Supported",
            _ => "Service Unavailable",
        }
    }
}

/// How the connection goes on after a response.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It stays open, as HTTP/1.1 clients expect.
    Open,
    /// It stays open, which a client of HTTP/1.0 has to be told.
    OpenAsAsked,
    /// It is closed.
    Close,
}

/// What a response says about a file.
pub(crate) struct About {
    pub(crate) kind: &'static str,
    pub(crate) length: u64,
    pub(crate) modified: Option<Modified>,
}

/// When a file was last modified, if that is a time that HTTP has a form for.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Modified(HttpDate);

impl Modified {
    pub(crate) fn new(time: SystemTime) -> Option<Modified> {
        /// The year 9999 has ended by then.
        const END: Duration = Duration::from_secs(253_402_300_800);
        let in_form = time.duration_since(UNIX_EPOCH).is_ok_and(|age| age < END);
        in_form.then(|| Modified(HttpDate::from(time)))
    }
}

/// Appends the head of a response, to be followed by `about.length` bytes unless the client asked
/// for the head alone.
pub(crate) fn head(out: &mut Vec<u8>, status: Status, about: &About, next: Next) {
    begin(out, status);
    if status != Status::NOT_MODIFIED {
        append(out, format_args!("Content-Type: {}\r\n", about.kind));
        append(out, format_args!("Content-Length: {}\r\n", about.length));
    }
    if let Some(modified) = about.modified {
        append(out, format_args!("Last-Modified: {}\r\n", modified.0));
    }
    end(out, next);
}

/// Appends a whole response about why there is no other.
pub(crate) fn error(out: &mut Vec<u8>, status: Status, head_only: bool, next: Next) {
    begin(out, status);
    if status == Status::METHOD_NOT_ALLOWED {
        out.extend_from_slice(b"Allow: GET, HEAD\r\n");
    }
    let reason = status.reason();
    // Code, space, reason, end of line.
    let length = 3 + 1 + reason.len() + 1;
    append(out, format_args!("Content-Type: text/plain\r\nContent-Length: {length}\r\n"));
    end(out, next);
    if !head_only {
        append(out, format_args!("{} {reason}\n", status.0));
    }
}

fn begin(out: &mut Vec<u8>, status: Status) {
    let now = HttpDate::from(SystemTime::now());
    append(out, format_args!("HTTP/1.1 {} {}\r\nDate: {now}\r\n", status.0, status.reason()));
}

fn end(out: &mut Vec<u8>, next: Next) {
    out.extend_from_slice(match next {
        Next::Open => b"\r\n",
        Next::OpenAsAsked => b"Connection: keep-alive\r\n\r\n",
        Next::Close => b"Connection: close\r\n\r\n",
    });
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // A vector takes whatever is written to it.
    let _ = out.write_fmt(text);
}
