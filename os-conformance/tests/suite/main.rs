//! The suite against itself: it names what is broken on purpose, and only that.

mod broken;
mod cases;
mod faults;
mod table;

#[cfg(target_arch = "aarch64")]
use arch_aarch64::Aarch64 as Processor;
#[cfg(target_arch = "x86_64")]
use arch_amd64::Amd64 as Processor;

rt_core::platform!(os = os_linux::Linux, arch = Processor);
