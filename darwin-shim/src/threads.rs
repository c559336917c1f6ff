//! What Darwin says of threads, and its relative wait for a condition.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{Read, Write};

/// Waits for a condition for so long at most. 0, or the number of an error.
///
/// # Safety
/// - As for `pthread_cond_timedwait`: the calling thread holds the mutex.
pub unsafe fn pthread_cond_timedwait_relative_np(
    condition: *mut libc::pthread_cond_t,
    mutex: *mut libc::pthread_mutex_t,
    span: *const libc::timespec,
) -> c_int {
    unsafe extern "C" {
        fn pthread_cond_clockwait(
            condition: *mut libc::pthread_cond_t,
            mutex: *mut libc::pthread_mutex_t,
            clock: libc::clockid_t,
            until: *const libc::timespec,
        ) -> c_int;
    }
    let mut until = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut until) };
    // SAFETY: the caller's span.
    let span = unsafe { *span };
    until.tv_sec = until.tv_sec.saturating_add(span.tv_sec);
    until.tv_nsec += span.tv_nsec;
    if until.tv_nsec >= 1_000_000_000 {
        until.tv_sec = until.tv_sec.saturating_add(1);
        until.tv_nsec -= 1_000_000_000;
    }
    // SAFETY: the caller's promise; the time lives through the call.
    unsafe { pthread_cond_clockwait(condition, mutex, libc::CLOCK_MONOTONIC, &raw const until) }
}

/// Calls `f(arg)` when the calling thread ends; the last one asked for comes first.
///
/// # Safety
/// - `arg` is what `f` expects, until then.
pub unsafe fn _tlv_atexit(f: unsafe extern "C" fn(*mut c_void), arg: *mut c_void) {
    unsafe extern "C" {
        fn __cxa_thread_atexit_impl(
            f: unsafe extern "C" fn(*mut c_void),
            arg: *mut c_void,
            object: *const u8,
        ) -> c_int;
        static __dso_handle: u8;
    }
    // SAFETY: the caller answers for `f` and `arg`; the handle names the object with this code, so
    // that it is not unloaded before.
    unsafe { __cxa_thread_atexit_impl(f, arg, &raw const __dso_handle) };
}

/// The calling thread's number: what `pthread_mach_thread_np(pthread_self())` is there.
pub fn thread_number() -> u32 {
    // SAFETY: takes nothing and can't fail.
    unsafe { libc::gettid() as u32 }
}

/// Whether `thread_info` would say `TH_STATE_WAITING` of the thread. Takes no memory.
pub fn thread_is_waiting(thread: u32) -> bool {
    let mut path = [0_u8; 48];
    let mut unwritten = &mut path[..];
    let room = unwritten.len();
    if write!(unwritten, "/proc/self/task/{thread}/stat").is_err() {
        return false;
    }
    let written = room - unwritten.len();
    let Ok(path) = str::from_utf8(&path[..written]) else { return false };
    // The state stands behind the name in parentheses, which may have any character.
    let mut stat = [0; 256];
    let Ok(read) = File::open(path).and_then(|mut file| file.read(&mut stat)) else { return false };
    let behind = stat[..read].iter().rposition(|&byte| byte == b')');
    matches!(behind.and_then(|at| stat.get(at + 2)), Some(b'S' | b'D'))
}
