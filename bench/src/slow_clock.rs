//! A clock that is as slow as the program is under callgrind, for the feature `slow-clock`.
//!
//! What the core does every few milliseconds would be done for fifty times as few operations there, more or
//! fewer of them by how fast the machine is; an operation would take other instructions on each machine.

use libc::{c_int, clockid_t, timespec};

/// How much longer everything takes.
const SLOWER: u64 = 50;

/// In place of libc's, which rustix and std call by this name.
///
/// # Safety
/// - As for libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, into: *mut timespec) -> c_int {
    // SAFETY: the caller's contract is this call's.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, into) };
    if result != 0 {
        return -1;
    }
    // SAFETY: the call has written to it.
    let time = unsafe { &mut *into };
    let nanos = (time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64) / SLOWER;
    time.tv_sec = (nanos / 1_000_000_000) as i64;
    time.tv_nsec = (nanos % 1_000_000_000) as i64;
    0
}
