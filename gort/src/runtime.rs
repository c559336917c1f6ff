//! What the runtime runs on.

pub use rt_core::{Deadlock, GuardKind, Platform};

/// What the platform found: processors, page size, how stacks are guarded.
pub fn platform() -> Platform {
    rt_core::platform()
}

/// The backends that this program links.
pub fn backend() -> &'static str {
    crate::platform::BACKEND
}
