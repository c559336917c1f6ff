//! What the facade takes from std, and where there is no std, small ones of the same names.
//!
//! Without std a panic ends the process, so there nothing is caught and nothing is poisoned.

#[cfg(not(feature = "std"))]
pub(crate) mod io;
#[cfg(not(feature = "std"))]
pub(crate) mod net;
#[cfg(not(feature = "std"))]
pub(crate) mod panic;
#[cfg(not(feature = "std"))]
pub(crate) mod sync;
#[cfg(not(feature = "std"))]
pub(crate) mod thread;

#[cfg(feature = "std")]
pub(crate) use std::{io, net, panic, sync, thread};

use alloc::string::String;

/// What `of` says of a variable of the environment, if there is one: its bytes.
#[cfg(feature = "std")]
pub(crate) fn ask_variable<R>(name: &str, of: impl FnOnce(&[u8]) -> R) -> Option<R> {
    std::env::var_os(name).map(|value| of(value.as_encoded_bytes()))
}

/// What `of` says of a variable of the environment, if there is one: its bytes.
#[cfg(not(feature = "std"))]
pub(crate) fn ask_variable<R>(name: &str, of: impl FnOnce(&[u8]) -> R) -> Option<R> {
    crate::platform::variable(name).map(of)
}

/// A variable of the environment, what is no text in it replaced.
#[cfg(feature = "std")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// A variable of the environment, what is no text in it replaced.
#[cfg(not(feature = "std"))]
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = crate::platform::variable(name)?;
    Some(String::from(core::str::from_utf8(value).unwrap_or("(not a text)")))
}
