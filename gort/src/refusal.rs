//! The error of a system that refuses: what ran out, how many there were, and what to raise.

#![forbid(unsafe_code)]

use crate::base::io;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::error::Error;
use core::fmt::{self, Write};

use rt_core::{Held, OsError, Runtime, os};

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

/// What is inside of such an error. Its source is the system's own, with the number.
struct Refusal {
    text: String,
    system: io::Error,
}

/// As it is displayed: a derived one would bring much code into small programs.
impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.system)
    }
}

/// Room for the longest of the sentences below.
const ROOM: usize = 512;

/// The error of whoever could not get `what`. Its kind is that of the system's.
///
/// Where not even the sentence finds memory, the system's own error.
#[cold]
pub(crate) fn refused(what: &str, error: OsError, held: Option<Held>) -> io::Error {
    let system = io::Error::from_raw_os_error(error.0);
    let mut text = String::new();
    if text.try_reserve(ROOM).is_err() || tell(&mut text, what, error, held).is_err() {
        return system;
    }
    io::Error::new(system.kind(), Refusal { text, system })
}

/// What [`refused`] says.
fn tell(text: &mut String, what: &str, error: OsError, held: Option<Held>) -> fmt::Result {
    write!(text, "{what} could not be started: {}", io::Error::from_raw_os_error(error.0))?;
    let Some(shortage) = os::shortage(error) else { return Ok(()) };
    let of = shortage.of;
    match (shortage.used, shortage.most) {
        (Some(used), Some(most)) => {
            write!(text, ". The process has {used} {of} of at most {most}")?;
        }
        (Some(used), None) => write!(text, ". The process has {used} {of}")?,
        (None, Some(most)) => write!(text, ". There are at most {most} {of}")?,
        (None, None) => write!(text, ". There are no more {of}")?,
    }
    if let Some(Held { goroutines, threads, .. }) = held {
        write!(text, ", and this runtime {goroutines} goroutines on {threads} threads")?;
    }
    write!(text, ". Raise {}", shortage.raise)
}

/// As [`refused`], for a wait; an error that tells of no shortage stays as it is.
#[cold]
pub(crate) fn refused_wait(what: &str, error: OsError) -> io::Error {
    if os::shortage(error).is_none() {
        return io::Error::from_raw_os_error(error.0);
    }
    refused(what, error, Runtime::current().map(|runtime| runtime.held()))
}
