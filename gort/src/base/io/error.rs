//! `std::io::Error`. The numbers are Linux's, the only system that starts programs without std so
//! far.
#![forbid(unsafe_code)]

use alloc::boxed::Box;
use core::error;
use core::fmt;

/// What sort of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A permission is missing.
    PermissionDenied,
    /// The peer has refused.
    ConnectionRefused,
    /// The peer has reset the connection.
    ConnectionReset,
    /// The connection was given up.
    ConnectionAborted,
    /// There is no connection.
    NotConnected,
    /// Somebody has this address already.
    AddrInUse,
    /// Nobody here has this address.
    AddrNotAvailable,
    /// The peer takes no more.
    BrokenPipe,
    /// It would have to wait.
    WouldBlock,
    /// What was given makes no sense.
    InvalidInput,
    /// What was read makes no sense.
    InvalidData,
    /// It took too long.
    TimedOut,
    /// The sink takes no more.
    WriteZero,
    /// A signal came.
    Interrupted,
    /// The end came too early.
    UnexpectedEof,
    /// There is no memory.
    OutOfMemory,
    /// Something else.
    Other,
}

/// The errors of the system that have a kind or are met often, and their texts.
const KNOWN: &[(i32, ErrorKind, &str)] = &[
    (1, ErrorKind::PermissionDenied, "Operation not permitted"),
    (4, ErrorKind::Interrupted, "Interrupted system call"),
    (9, ErrorKind::Other, "Bad file descriptor"),
    (11, ErrorKind::WouldBlock, "Resource temporarily unavailable"),
    (12, ErrorKind::OutOfMemory, "Cannot allocate memory"),
    (13, ErrorKind::PermissionDenied, "Permission denied"),
    (22, ErrorKind::InvalidInput, "Invalid argument"),
    (23, ErrorKind::Other, "Too many open files in system"),
    (24, ErrorKind::Other, "Too many open files"),
    (28, ErrorKind::Other, "No space left on device"),
    (32, ErrorKind::BrokenPipe, "Broken pipe"),
    (38, ErrorKind::Other, "Function not implemented"),
    (98, ErrorKind::AddrInUse, "Address already in use"),
    (99, ErrorKind::AddrNotAvailable, "Cannot assign requested address"),
    (103, ErrorKind::ConnectionAborted, "Software caused connection abort"),
    (104, ErrorKind::ConnectionReset, "Connection reset by peer"),
    (107, ErrorKind::NotConnected, "Transport endpoint is not connected"),
    (110, ErrorKind::TimedOut, "Connection timed out"),
    (111, ErrorKind::ConnectionRefused, "Connection refused"),
];

/// Why an operation failed.
pub struct Error(Repr);

enum Repr {
    System(i32),
    Custom(ErrorKind, Box<dyn error::Error + Send + Sync>),
}

impl Error {
    /// An error of this kind, which `error` tells more of.
    pub fn new(kind: ErrorKind, error: impl Into<Box<dyn error::Error + Send + Sync>>) -> Error {
        Error(Repr::Custom(kind, error.into()))
    }

    /// An error of no kind in particular.
    pub fn other(error: impl Into<Box<dyn error::Error + Send + Sync>>) -> Error {
        Error::new(ErrorKind::Other, error)
    }

    /// The system's error of this number.
    pub fn from_raw_os_error(number: i32) -> Error {
        Error(Repr::System(number))
    }

    /// The system's number, if it is an error of the system's.
    pub fn raw_os_error(&self) -> Option<i32> {
        match self.0 {
            Repr::System(number) => Some(number),
            Repr::Custom(..) => None,
        }
    }

    /// What sort of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::System(number) => known(number).map_or(ErrorKind::Other, |(_, kind, _)| *kind),
            Repr::Custom(kind, _) => kind,
        }
    }
}

/// What is known of a number of the system's.
fn known(number: i32) -> Option<&'static (i32, ErrorKind, &'static str)> {
    KNOWN.iter().find(|(other, ..)| *other == number)
}

/// As it is displayed: a derived one would bring much code into small programs.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::System(number) => {
                let text = known(*number).map_or("System error", |(_, _, text)| text);
                write!(f, "{text} (os error {number})")
            }
            Repr::Custom(_, error) => error.fmt(f),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            Repr::System(_) => None,
            Repr::Custom(_, error) => error.source(),
        }
    }
}
