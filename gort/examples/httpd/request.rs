//! What a client asks for: `httparse` reads the head, and this file judges it.

use std::mem::MaybeUninit;
use std::time::SystemTime;

use httparse::Header;

use crate::response::Status;

/// Fields of one request; more are refused. They are read on the stack, 32 bytes each.
const FIELDS: usize = 64;

/// The beginning of a connection's unread bytes.
pub(crate) enum Parsed {
    /// A request, and the length of its head in bytes.
    Complete(Request, usize),
    /// More bytes are needed.
    Partial,
    /// What is there is no request that could be answered, and it is unknown where it ends.
    Bad(Status),
}

/// A request whose head is complete.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path below the directory that is served, without a slash in front.
    pub(crate) path: Result<String, Status>,
    /// Whether the client knows HTTP/1.0 only.
    pub(crate) is_old: bool,
    /// Whether the client goes on with this connection.
    pub(crate) keep_alive: bool,
    /// The bytes that follow the head.
    pub(crate) body: u64,
    /// Whether the client waits for a word before it sends them.
    pub(crate) expects_continue: bool,
    pub(crate) if_modified_since: Option<SystemTime>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Other,
}

/// Reads the request that these bytes begin with.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut head = httparse::Request::new(&mut []);
    let length = match head.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(httparse::Error::TooManyHeaders) => return Parsed::Bad(Status::HEAD_TOO_LARGE),
        Err(httparse::Error::Version) => return Parsed::Bad(Status::VERSION),
        Err(_) => return Parsed::Bad(Status::BAD_REQUEST),
    };
    match judge(&head) {
        Ok(request) => Parsed::Complete(request, length),
        Err(status) => Parsed::Bad(status),
    }
}

fn judge(head: &httparse::Request<'_, '_>) -> Result<Request, Status> {
    let is_old = head.version == Some(0);
    let method = match head.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        _ => Method::Other,
    };
    let mut request = Request {
        method,
        path: path(head.path.unwrap_or_default()),
        is_old,
        keep_alive: !is_old,
        body: 0,
        expects_continue: false,
        if_modified_since: None,
    };
    let mut seen = Seen::default();
    for field in &*head.headers {
        read_field(field, &mut request, &mut seen)?;
    }
    // Both would leave it open where the request ends; so would a coding that we don't read.
    match (seen.coding, seen.length) {
        (Some(_), Some(_)) => return Err(Status::BAD_REQUEST),
        (Some(Coding::Chunked), None) => return Err(Status::LENGTH_REQUIRED),
        (Some(Coding::Unknown), None) => return Err(Status::NOT_IMPLEMENTED),
        (None, length) => request.body = length.unwrap_or(0),
    }
    if seen.hosts > 1 || seen.hosts == 0 && !is_old {
        return Err(Status::BAD_REQUEST);
    }
    Ok(request)
}

/// What has to be judged when all fields are known.
#[derive(Default)]
struct Seen {
    hosts: usize,
    length: Option<u64>,
    coding: Option<Coding>,
}

enum Coding {
    Chunked,
    Unknown,
}

fn read_field(field: &Header<'_>, request: &mut Request, seen: &mut Seen) -> Result<(), Status> {
    let is = |name: &str| field.name.eq_ignore_ascii_case(name);
    if is("connection") {
        for word in words(field.value) {
            if word.eq_ignore_ascii_case(b"close") {
                request.keep_alive = false;
            } else if word.eq_ignore_ascii_case(b"keep-alive") && request.is_old {
                request.keep_alive = true;
            }
        }
    } else if is("host") {
        seen.hosts += 1;
    } else if is("content-length") {
        let length = number(field.value).ok_or(Status::BAD_REQUEST)?;
        if seen.length.replace(length).is_some_and(|earlier| earlier != length) {
            return Err(Status::BAD_REQUEST);
        }
    } else if is("transfer-encoding") {
        let chunked = seen.coding.is_none() && field.value.eq_ignore_ascii_case(b"chunked");
        seen.coding = Some(if chunked { Coding::Chunked } else { Coding::Unknown });
    } else if is("expect") {
        request.expects_continue =
            !request.is_old && field.value.eq_ignore_ascii_case(b"100-continue");
    } else if is("if-modified-since") {
        let text = str::from_utf8(field.value).unwrap_or_default();
        request.if_modified_since = httpdate::parse_http_date(text).ok();
    }
    Ok(())
}

fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// Digits and nothing else, unlike what `parse` takes.
fn number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| str::from_utf8(value).ok()?.parse().ok())?
}

/// The path that a target names. No component of it leads upwards; a slash at its end stays, so that
/// the file system refuses it for a file.
fn path(target: &str) -> Result<String, Status> {
    let target = without_authority(target).ok_or(Status::BAD_REQUEST)?;
    let end = target.find(['?', '#']).unwrap_or(target.len());
    let decoded = decode(&target[..end]).ok_or(Status::BAD_REQUEST)?;
    let mut path = String::with_capacity(decoded.len());
    for component in decoded.split('/') {
        match component {
            "" | "." => continue,
            ".." => return Err(Status::FORBIDDEN),
            _ => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(component);
            }
        }
    }
    if decoded.ends_with('/') && !path.is_empty() {
        path.push('/');
    }
    Ok(path)
}

/// `http://host/path`, as proxies are asked, means `/path`.
fn without_authority(target: &str) -> Option<&str> {
    if target.starts_with('/') {
        return Some(target);
    }
    let (scheme, rest) = target.split_once("://")?;
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_http.then(|| rest.find('/').map_or("/", |start| &rest[start..]))
}

/// Replaces `%2F` and its like. None when that makes no text, or one with a zero byte, which no
/// file system takes.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else { return None };
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        bytes.push((digit(high)? * 16 + digit(low)?) as u8);
        rest = after;
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
