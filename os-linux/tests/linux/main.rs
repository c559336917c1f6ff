//! The backend against the machine's own kernel, function by function.

extern crate alloc;

mod conformance;
mod cpus;
mod poll;
#[path = "../../../os-unix/tests/unix/mod.rs"]
mod unix;

/// The backend that `unix` tests.
pub(crate) use os_linux::Linux as System;

#[cfg(target_arch = "x86_64")]
rt_core::platform!(os = os_linux::Linux, arch = arch_amd64::Amd64);
