//! What stands in for `darwin` on Linux: the same names, over Darwin's calls as `darwin_shim` has
//! them, or over what Linux has in their place.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

use rt_core::{OsError, OsResult, Shortage};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::mm::{Advice, MprotectFlags, madvise, mprotect};
use rustix::net::SendFlags;
use rustix::process::{Resource, getrlimit};

pub(crate) use darwin_shim::kqueue::{
    EV_ADD, EV_CLEAR, EV_DELETE, EV_EOF, EV_ERROR, EV_RECEIPT, EVFILT_READ, EVFILT_USER,
    EVFILT_WRITE, Kevent, NOTE_TRIGGER,
};
pub(crate) use darwin_shim::{address_kib, close_kqueue, kevent, threads};

/// The clock that stands still while the machine sleeps.
pub(crate) const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
/// The bytes that the kernel needs on an alternate stack: more than any processor's registers.
pub(crate) const SIGNAL_FRAME_BYTES: usize = 16 * 1024;
/// What keeps a send from raising a signal: Linux is told so with each.
pub(crate) const SEND: SendFlags = SendFlags::NOSIGNAL;
/// What to raise when there are no threads left.
pub(crate) const RAISE_THREADS: &str =
    "the limit of the user's processes (ulimit -u, pids.max, kernel.threads-max)";

/// The calling thread's `errno`.
pub(crate) fn errno() -> OsError {
    // SAFETY: callable at any time; asked anew each time, for the caller may change its thread.
    let at = unsafe { libc::__errno_location() };
    // SAFETY: libc returns the address of this thread's `errno`, which lives as long as the thread.
    OsError(unsafe { *at })
}

/// A span in the system's two words.
pub(crate) fn timespec(nanos: u64) -> libc::timespec {
    let time = os_unix::clock::timespec(nanos);
    libc::timespec { tv_sec: time.tv_sec, tv_nsec: time.tv_nsec }
}

/// A new kqueue, closed on exec.
pub(crate) fn kqueue() -> OsResult<c_int> {
    match darwin_shim::kqueue() {
        queue if queue >= 0 => Ok(queue),
        _ => Err(errno()),
    }
}

/// Waits for a condition for so many nanoseconds at most.
///
/// # Safety
/// - The calling thread holds the mutex; both live through the call.
pub(crate) unsafe fn condition_wait(
    condition: *mut libc::pthread_cond_t,
    mutex: *mut libc::pthread_mutex_t,
    nanos: u64,
) {
    let span = timespec(nanos);
    // SAFETY: the caller's promise; the span lives through the call.
    unsafe { darwin_shim::pthread_cond_timedwait_relative_np(condition, mutex, &raw const span) };
}

/// `os_sync_wait_on_address` and its kin, where the system has them.
pub(crate) struct WaitOnAddress;

/// The calls, if the stand-in is to have them.
pub(crate) fn wait_on_address() -> Option<WaitOnAddress> {
    cfg!(feature = "wait-on-address").then_some(WaitOnAddress)
}

impl WaitOnAddress {
    /// Sleeps on the word, for so many nanoseconds at most if there is a limit.
    pub(crate) fn wait(&self, word: &AtomicU32, expected: u32, limit: Option<u64>) {
        let (at, value) = (word.as_ptr().cast(), u64::from(expected));
        match limit {
            // SAFETY: a live word.
            None => unsafe { darwin_shim::os_sync_wait_on_address(at, value, 4, 0) },
            // SAFETY: as above.
            Some(nanos) => unsafe {
                darwin_shim::os_sync_wait_on_address_with_timeout(at, value, 4, 0, 0, nanos)
            },
        };
    }

    /// Wakes `n` who wait at this address.
    pub(crate) fn wake(&self, word: *const AtomicU32, n: u32) {
        let at = word.cast_mut().cast();
        match n {
            u32::MAX => _ = darwin_shim::os_sync_wake_by_address_all(at, 4, 0),
            n => {
                for _ in 0..n {
                    darwin_shim::os_sync_wake_by_address_any(at, 4, 0);
                }
            }
        }
    }
}

/// As `Os::thread`.
pub(crate) fn thread() -> usize {
    darwin_shim::thread_number() as usize
}

/// As `Os::is_blocked`.
pub(crate) fn is_blocked(thread: usize) -> bool {
    u32::try_from(thread).is_ok_and(darwin_shim::thread_is_waiting)
}

/// As `Os::at_thread_end`, which always works here.
///
/// # Safety
/// - `arg` is what `f` expects, until then.
pub(crate) unsafe fn at_thread_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) {
    // SAFETY: a function of one pointer is one of another.
    let f = unsafe {
        core::mem::transmute::<unsafe extern "C" fn(*mut ()), unsafe extern "C" fn(*mut c_void)>(f)
    };
    // SAFETY: the caller's promise.
    unsafe { darwin_shim::_tlv_atexit(f, arg.cast()) };
}

/// How many processors there are for us.
pub(crate) fn cpus() -> usize {
    rustix::thread::sched_getaffinity(None).map_or(1, |mask| mask.count() as usize)
}

/// How many threads there may be.
pub(crate) fn most_threads() -> Option<u64> {
    getrlimit(Resource::Nproc).current
}

/// So close to the limit of mappings, mappings are what ran out: one call may need a few, and the
/// last of them may have been made while we counted.
const NEAR: u64 = 64;

/// Whether mappings are what ran out, which Darwin limits none of.
pub(crate) fn shortage_of_mappings() -> Option<Shortage> {
    let (used, most) = darwin_shim::mappings()?;
    let raise = "the limit of mappings (vm.max_map_count)";
    let shortage = Shortage { of: "mappings", used: Some(used), most: Some(most), raise };
    (used + NEAR >= most).then_some(shortage)
}

/// Keeps a socket from raising signals: [`SEND`] does it here.
pub(crate) fn silence(_socket: &OwnedFd) -> Result<(), Errno> {
    Ok(())
}

/// Keeps huge pages from a mapping.
///
/// # Safety
/// - The range was mapped by the caller.
pub(crate) unsafe fn forbid_huge_pages(at: *mut u8, bytes: usize) {
    // A kernel without huge pages refuses, and there is nothing to forbid.
    // SAFETY: this advice changes no contents.
    let _ = unsafe { madvise(at.cast(), bytes, Advice::LinuxNoHugepage) };
}

/// Turns pages into guards that no mapping is split for (Linux 6.13).
const MADV_GUARD_INSTALL: c_int = 102;
/// So many ranges lose their rights. Linux splits a mapping for each and limits those, which Darwin
/// doesn't: later ones are marked instead, where the kernel can.
const MOST_PROTECTED: u32 = 8192;
/// How many were asked for so far, by any thread.
static PROTECTED: AtomicU32 = AtomicU32::new(0);

/// Takes all rights from a range.
///
/// # Safety
/// - The range is committed, on page borders, and holds nothing that is used again.
pub(crate) unsafe fn forbid(at: *mut u8, bytes: usize) -> OsResult<()> {
    // Relaxed: a count that nobody needs exactly.
    if PROTECTED.fetch_add(1, Ordering::Relaxed) >= MOST_PROTECTED {
        // SAFETY: as below.
        let marked = unsafe { libc::madvise(at.cast(), bytes, MADV_GUARD_INSTALL) };
        if marked == 0 {
            return Ok(());
        }
    }
    // SAFETY: the caller gave us this range to spoil.
    unsafe { mprotect(at.cast(), bytes, MprotectFlags::empty()) }.map_err(os_unix::error)
}
