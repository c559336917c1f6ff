//! The runtime that serves plain threads: one a process, started by its first use.

#![forbid(unsafe_code)]

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

use rt_core::Runtime;
use rt_core::boot::Boot;

use crate::builder::Builder;

/// Started at most once, never ended.
static DEFAULT: OnceLock<Runtime> = OnceLock::new();

/// Held by whoever starts it.
static STARTING: Mutex<()> = Mutex::new(());

/// The process-wide runtime.
///
/// # Errors
/// It can't be started. The next one to ask tries again.
pub(crate) fn runtime() -> io::Result<&'static Runtime> {
    match DEFAULT.get() {
        Some(runtime) => Ok(runtime),
        None => start(),
    }
}

/// The process-wide runtime, if somebody has started it.
pub(crate) fn started() -> Option<Runtime> {
    DEFAULT.get().cloned()
}

#[cold]
fn start() -> io::Result<&'static Runtime> {
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = DEFAULT.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new().start(&Boot::new())?;
    Ok(DEFAULT.get_or_init(|| runtime))
}
