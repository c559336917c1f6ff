//! The backend on this machine: on Linux, over the stand-ins for what only Darwin has.

mod conformance;
mod kqueue;
mod table;
#[path = "../../../os-unix/tests/unix/mod.rs"]
mod unix;

/// The backend that `unix` tests.
pub(crate) use os_darwin_stub::Darwin as System;

#[cfg(target_arch = "aarch64")]
use arch_aarch64::Aarch64 as Processor;
#[cfg(target_arch = "x86_64")]
use arch_amd64::Amd64 as Processor;

rt_core::platform!(os = os_darwin_stub::Darwin, arch = Processor);
