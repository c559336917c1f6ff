//! The system calls that rustix lacks, or has only with a reference where we have an address.
//!
//! Everything goes through [`call`], which is libc's or ours.

use crate::host::syscall::call;
use core::ffi::c_int;
use core::mem::size_of;
use core::sync::atomic::AtomicU32;
use linux_raw_sys::general as linux;
use rt_core::OsResult;
use rustix::event::epoll;
use rustix::time::Timespec;

/// Turns pages into guards that no mapping is split for (Linux 6.13).
pub(crate) const MADV_GUARD_INSTALL: c_int = 102;
/// Takes such guards away.
pub(crate) const MADV_GUARD_REMOVE: c_int = 103;
/// Makes the kernel read pages, which it can't if there is a guard.
pub(crate) const MADV_POPULATE_READ: c_int = linux::MADV_POPULATE_READ as c_int;
/// Makes the kernel put memory behind pages, as if they were written.
pub(crate) const MADV_POPULATE_WRITE: c_int = linux::MADV_POPULATE_WRITE as c_int;
/// Stands for a descriptor of the calling process, where the kernel knows it.
const PIDFD_SELF: c_int = -10001;

/// One range of [`process_madvise`], laid out as the kernel's `iovec`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Range {
    pub(crate) at: *mut u8,
    pub(crate) bytes: usize,
}

/// `FUTEX_WAKE` by address. Nothing is read through `word`.
pub(crate) fn futex_wake(word: *const AtomicU32, n: u32) -> OsResult<usize> {
    let op = (linux::FUTEX_WAKE | linux::FUTEX_PRIVATE_FLAG) as usize;
    // The kernel's count is signed, and takes 0 and below for 1.
    let n = n.min(i32::MAX as u32) as usize;
    // SAFETY: a private wake uses the address as a key only; it may be unmapped.
    unsafe { call(linux::__NR_futex, [word.addr(), op, n, 0, 0]) }
}

/// `madvise` with advice that rustix doesn't name.
///
/// # Safety
/// - The caller may do to the range what the advice does to it.
pub(crate) unsafe fn madvise(at: *mut u8, bytes: usize, advice: c_int) -> OsResult<()> {
    // SAFETY: the caller answers for the range; the call takes these three arguments.
    unsafe { call(linux::__NR_madvise, [at.addr(), bytes, advice as usize, 0, 0]) }.map(drop)
}

/// `madvise` on several ranges of this process at once. Returns how many *bytes* it took, which is
/// fewer than asked for when a later range was refused.
///
/// # Safety
/// - As for [`madvise`], for each range.
pub(crate) unsafe fn process_madvise(ranges: &[Range], advice: c_int) -> OsResult<usize> {
    let who = PIDFD_SELF as usize;
    let args = [who, ranges.as_ptr().addr(), ranges.len(), advice as usize, 0];
    // SAFETY: `ranges` lives through the call and has the layout of `iovec`; the caller answers for
    // what the advice does.
    unsafe { call(linux::__NR_process_madvise, args) }
}

/// `epoll_pwait2`: as `epoll_wait`, with a limit in nanoseconds. Returns how many it wrote.
pub(crate) fn epoll_pwait2(
    queue: c_int,
    events: &mut [epoll::Event],
    limit: &Timespec,
) -> OsResult<usize> {
    let limit = core::ptr::from_ref(limit).addr();
    let args = [queue as usize, events.as_mut_ptr().addr(), events.len(), limit, 0];
    // SAFETY: both pointers are to live borrows of the layout that the call wants (`Timespec` is
    // the kernel's on 64-bit machines, see below); it writes at most `events.len()` of them.
    unsafe { call(linux::__NR_epoll_pwait2, args) }
}

const _: () = assert!(size_of::<usize>() == 8 && size_of::<Timespec>() == 16);
const _: () = assert!(size_of::<Range>() == size_of::<linux::iovec>());
