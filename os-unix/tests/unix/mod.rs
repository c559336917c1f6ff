//! Tests of a Unix backend against the machine's own kernel, function by function. Each backend's test
//! binary has these as its module `unix`, and names itself as `System`.

mod faults;
mod memory;
mod net;
mod poll;
mod threads;

pub(crate) use crate::System;

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

/// Runs one of these tests in a process of its own, as the child that `role` says, and returns how it
/// ended and what it wrote.
fn child(test: &str, role: &str) -> std::process::Output {
    std::process::Command::new(std::env::current_exe().expect("our own path"))
        .args(["--exact", &format!("unix::{test}"), "--nocapture", "--test-threads=1"])
        .env("OS_UNIX_ROLE", role)
        .output()
        .expect("a child")
}

/// What [`child`] asked this process to be.
fn role() -> Option<String> {
    std::env::var("OS_UNIX_ROLE").ok()
}
