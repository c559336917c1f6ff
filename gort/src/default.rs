//! The runtime that serves plain threads: one a process, started by its first use.

use std::sync::OnceLock;

use rt_core::Runtime;

use crate::builder::Builder;

/// Started at most once, never ended.
static DEFAULT: OnceLock<Runtime> = OnceLock::new();

/// The process-wide runtime.
///
/// # Panics
/// When it can't be started.
pub(crate) fn runtime() -> &'static Runtime {
    DEFAULT.get_or_init(|| match Builder::new().start() {
        Ok(runtime) => runtime,
        Err(error) => panic!("gort: the process-wide runtime could not be started: {error}"),
    })
}
