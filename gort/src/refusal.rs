//! The error of a system that refuses: what ran out, how many there were, and what to raise.

#![forbid(unsafe_code)]

use crate::base::io;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::hint::black_box;

use rt_core::{Held, OsError, Runtime, Shortage, os};

/// What is inside of an error that is a sentence.
struct Sentence(Cow<'static, str>);

/// As it is displayed: a derived one would bring much code into small programs.
impl fmt::Debug for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Sentence {}

/// An error that is a sentence.
#[cold]
pub(crate) fn sentence(kind: io::ErrorKind, text: impl Into<Cow<'static, str>>) -> io::Error {
    io::Error::new(kind, Box::new(Sentence(text.into())) as Box<dyn Error + Send + Sync>)
}

/// What is inside of such an error: what the sentence is made of when somebody reads it, for where
/// memory ran out there is little for a text. Its source is the system's own, with the number.
struct Refusal {
    what: &'static str,
    shortage: Option<Shortage>,
    held: Option<Held>,
    system: io::Error,
}

/// As it is displayed: a derived one would bring much code into small programs.
impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not be started: {}", self.what, self.system)?;
        let Some(shortage) = &self.shortage else { return Ok(()) };
        let of = shortage.of;
        match (shortage.used, shortage.most) {
            (Some(used), Some(most)) => {
                write!(f, ". The process has {used} {of} of at most {most}")?;
            }
            (Some(used), None) => write!(f, ". The process has {used} {of}")?,
            (None, Some(most)) => write!(f, ". There are at most {most} {of}")?,
            (None, None) => write!(f, ". There are no more {of}")?,
        }
        if let Some(Held { goroutines, threads, .. }) = self.held {
            write!(f, ", and this runtime {goroutines} goroutines on {threads} threads")?;
        }
        write!(f, ". Raise {}", shortage.raise)
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.system)
    }
}

/// The error of whoever could not get `what`. Its kind is that of the system's.
///
/// Where there is no memory even for what it consists of, the system's own error.
#[cold]
pub(crate) fn refused(what: &'static str, error: OsError, held: Option<Held>) -> io::Error {
    let system = io::Error::from_raw_os_error(error.0);
    let (kind, shortage) = (system.kind(), os::shortage(error));
    // A box can't be asked for politely. What this gets is free again for it; and is really asked for,
    // where the compiler sees that nobody uses it.
    let mut room = Vec::<Refusal>::new();
    if room.try_reserve_exact(1).is_err() {
        return system;
    }
    drop(black_box(room));
    io::Error::new(kind, Refusal { what, shortage, held, system })
}

/// As [`refused`], for a wait; an error that tells of no shortage stays as it is.
#[cold]
pub(crate) fn refused_wait(what: &'static str, error: OsError) -> io::Error {
    if os::shortage(error).is_none() {
        return io::Error::from_raw_os_error(error.0);
    }
    refused(what, error, Runtime::current().map(|runtime| runtime.held()))
}
