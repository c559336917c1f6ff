//! `os_sync_wait_on_address` and its kin, by a futex.

use core::ffi::{c_int, c_void};

/// A wait on a word of four bytes, as Darwin 14.4 has it.
///
/// # Safety
/// - `address` is that of a live `AtomicU32`.
pub unsafe fn os_sync_wait_on_address(
    address: *mut c_void,
    value: u64,
    bytes: usize,
    _flags: u32,
) -> c_int {
    // SAFETY: the caller's promise; no limit.
    unsafe { wait(address, value, bytes, None) }
}

/// As [`os_sync_wait_on_address`], for so many nanoseconds at most.
///
/// # Safety
/// - `address` is that of a live `AtomicU32`.
pub unsafe fn os_sync_wait_on_address_with_timeout(
    address: *mut c_void,
    value: u64,
    bytes: usize,
    _flags: u32,
    _clock: u32,
    nanos: u64,
) -> c_int {
    const NANOS: u64 = 1_000_000_000;
    let limit = libc::timespec {
        tv_sec: (nanos / NANOS) as libc::time_t,
        tv_nsec: (nanos % NANOS) as libc::c_long,
    };
    // SAFETY: the caller's promise.
    unsafe { wait(address, value, bytes, Some(&limit)) }
}

/// The wait itself.
///
/// # Safety
/// - `address` is that of a live `AtomicU32`.
unsafe fn wait(
    address: *mut c_void,
    value: u64,
    bytes: usize,
    limit: Option<&libc::timespec>,
) -> c_int {
    assert_eq!(bytes, 4, "only words of four bytes");
    let op = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let limit = limit.map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: a live word, and a limit that is null or lives through the call.
    let result = unsafe { libc::syscall(libc::SYS_futex, address, op, value as u32, limit) };
    result as c_int
}

/// Wakes one thread that waits on the address.
pub fn os_sync_wake_by_address_any(address: *mut c_void, bytes: usize, _flags: u32) -> c_int {
    wake(address, bytes, 1)
}

/// Wakes all threads that wait on the address.
pub fn os_sync_wake_by_address_all(address: *mut c_void, bytes: usize, _flags: u32) -> c_int {
    wake(address, bytes, c_int::MAX)
}

fn wake(address: *mut c_void, bytes: usize, most: c_int) -> c_int {
    assert_eq!(bytes, 4, "only words of four bytes");
    let op = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: a private wake uses the address as a name only.
    unsafe { libc::syscall(libc::SYS_futex, address, op, most) as c_int }
}
