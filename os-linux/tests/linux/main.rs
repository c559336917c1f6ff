//! The backend against the machine's own kernel, function by function.

extern crate alloc;

mod conformance;
mod cpus;
mod poll;
#[path = "../../../os-unix/tests/unix/mod.rs"]
mod unix;

/// The backend that `unix` tests.
pub(crate) use os_linux::Linux as System;

#[cfg(target_arch = "aarch64")]
use arch_aarch64::Aarch64 as Processor;
#[cfg(target_arch = "x86_64")]
use arch_amd64::Amd64 as Processor;

rt_core::platform!(os = os_linux::Linux, arch = Processor);
