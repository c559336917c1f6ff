//! The error of a system that refuses: what ran out, how many there were, and what to raise.

#![forbid(unsafe_code)]

use crate::base::io;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::error::Error;
use core::fmt;

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

/// The error of whoever could not get `what`. Its kind is that of the system's.
#[cold]
pub(crate) fn refused(what: &str, error: OsError, held: Option<Held>) -> io::Error {
    let system = io::Error::from_raw_os_error(error.0);
    let mut text = format!("{what} could not be started: {system}");
    if let Some(shortage) = os::shortage(error) {
        let of = shortage.of;
        text += &match (shortage.used, shortage.most) {
            (Some(used), Some(most)) => format!(". The process has {used} {of} of at most {most}"),
            (Some(used), None) => format!(". The process has {used} {of}"),
            (None, Some(most)) => format!(". There are at most {most} {of}"),
            (None, None) => format!(". There are no more {of}"),
        };
        if let Some(held) = held {
            let Held { goroutines, threads, .. } = held;
            text += &format!(", and this runtime {goroutines} goroutines on {threads} threads");
        }
        text += ". Raise ";
        text += shortage.raise;
    }
    io::Error::new(system.kind(), Refusal { text, system })
}

/// As [`refused`], for a wait; an error that tells of no shortage stays as it is.
#[cold]
pub(crate) fn refused_wait(what: &str, error: OsError) -> io::Error {
    if os::shortage(error).is_none() {
        return io::Error::from_raw_os_error(error.0);
    }
    refused(what, error, Runtime::current().map(|runtime| runtime.held()))
}
