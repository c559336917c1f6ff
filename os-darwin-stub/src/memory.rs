//! Address space: reserve, commit, guard, discard, release.
//!
//! A guard is a page without rights. Where memory is given back, fresh memory is mapped over it:
//! Darwin's advice for that (`MADV_FREE` and its kin) promises no zeros.

use crate::system;
use core::ptr::null_mut;
use os_unix::error;
use rt_core::OsResult;
use rustix::mm::{self, MapFlags, MprotectFlags, ProtFlags};

/// All of our mappings. Without reserve: stacks are far larger than what is touched of them.
const FLAGS: MapFlags = MapFlags::PRIVATE.union(MapFlags::NORESERVE);
/// What is committed.
const USABLE: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

pub(crate) fn reserve(bytes: usize) -> OsResult<*mut u8> {
    // SAFETY: without an address to map at, the kernel chooses a range that nobody uses.
    let at = unsafe { mm::mmap_anonymous(null_mut(), bytes, ProtFlags::empty(), FLAGS) };
    let at = at.map_err(error)?.cast::<u8>();
    // SAFETY: the range was just mapped here.
    unsafe { system::forbid_huge_pages(at, bytes) };
    Ok(at)
}

/// As `Os::commit`.
///
/// # Safety
/// - The range lies in one live reservation, on page borders, and was not committed before.
pub(crate) unsafe fn commit(at: *mut u8, bytes: usize) -> OsResult<()> {
    // SAFETY: the range is the caller's own and unused so far; it only gains rights.
    unsafe { mm::mprotect(at.cast(), bytes, MprotectFlags::READ | MprotectFlags::WRITE) }
        .map_err(error)
}

/// As `Os::guard`.
///
/// # Safety
/// - Each range is committed, on page borders, and holds nothing that is used again.
pub(crate) unsafe fn guard(
    first: *mut u8,
    bytes: usize,
    stride: usize,
    count: usize,
) -> OsResult<()> {
    for index in 0..count {
        let at = first.wrapping_add(index * stride);
        // SAFETY: the caller gave us this range to spoil.
        unsafe { system::forbid(at, bytes) }?;
    }
    Ok(())
}

/// As `Os::discard`.
///
/// # Safety
/// - The range is committed, on page borders, holds no guard, and its contents are not needed.
pub(crate) unsafe fn discard(at: *mut u8, bytes: usize) {
    // SAFETY: the range is the caller's, and nobody needs what is in it.
    let fresh = unsafe { mm::mmap_anonymous(at.cast(), bytes, USABLE, FLAGS | MapFlags::FIXED) };
    match fresh {
        // SAFETY: the range was just mapped here.
        Ok(_) => unsafe { system::forbid_huge_pages(at, bytes) },
        // No mapping is to be had.
        // SAFETY: the range is committed, holds no guard and nobody reads it.
        Err(_) => unsafe { at.write_bytes(0, bytes) },
    }
}

/// As `Os::release`.
///
/// # Safety
/// - `at` and `bytes` are those of one [`reserve`]; nothing in it is used again.
pub(crate) unsafe fn release(at: *mut u8, bytes: usize) {
    // SAFETY: the whole range is ours and unused.
    let released = unsafe { mm::munmap(at.cast(), bytes) };
    debug_assert!(released.is_ok(), "a reservation that was mapped can't be unmapped");
}
