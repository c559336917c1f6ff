//! The backend against the machine's own kernel, function by function.

extern crate alloc;

mod conformance;
mod cpus;
mod faults;
mod memory;
mod net;
mod poll;
mod threads;

#[cfg(target_arch = "x86_64")]
rt_core::platform!(os = os_linux::Linux, arch = arch_amd64::Amd64);

/// Nanoseconds in a millisecond.
const MILLI: u64 = 1_000_000;

/// The lines of `/proc/self/maps`.
fn maps() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("maps").lines().count()
}

/// The entries of a directory below `/proc/self`.
fn entries(of: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{of}")).expect("a directory of /proc").count()
}

/// Runs one test of this binary in a process of its own, as the child that `role` says, and returns
/// how it ended and what it wrote.
fn child(test: &str, role: &str) -> std::process::Output {
    std::process::Command::new(std::env::current_exe().expect("our own path"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("OS_LINUX_ROLE", role)
        .output()
        .expect("a child")
}

/// What [`child`] asked this process to be.
fn role() -> Option<String> {
    std::env::var("OS_LINUX_ROLE").ok()
}
