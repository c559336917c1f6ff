//! The suite against itself: it names what is broken on purpose, and only that.

mod broken;
mod cases;
mod faults;
mod table;

rt_core::platform!(os = os_linux::Linux, arch = arch_amd64::Amd64);
