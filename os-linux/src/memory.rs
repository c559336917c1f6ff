//! Address space: reserve, commit, guard, discard, release.
//!
//! A guard is, where the kernel really has it, a marker in the page table (`MADV_GUARD_INSTALL`),
//! which splits no mapping: a million guarded stacks are one line of `/proc/self/maps`. Elsewhere
//! it is a page without rights, which costs two mappings of the 65,530 that a process may have.
//!
//! Markers are installed in batches by one `process_madvise` on ourselves, named by the constant
//! `PIDFD_SELF`. Measured: 0.68 µs a guard one by one, 0.55 in batches of 64. Rejected: a
//! descriptor of ourselves (0.62 with opening and closing it, and one to leak over `fork`); batches
//! of 512, no faster, whose list would take 8 KiB of the caller's stack. In the same way pages that are about
//! to be written get their memory: on a nested virtual machine 1.15 µs each, and 1.55 by a fault.

use crate::error;
use crate::raw::{self, Range};
use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU8, Ordering};
use rt_core::{GuardKind, OsError, OsResult};
use rustix::io::Errno;
use rustix::mm::{self, Advice, MapFlags, MprotectFlags, ProtFlags};

/// What the kernel says of markers on locked memory.
const INVALID: OsError = OsError(Errno::INVAL.raw_os_error());

/// What the kernel says of an address that can't be read.
const FAULT: OsError = OsError(Errno::FAULT.raw_os_error());

/// A huge page, on the processors that we are for. Below it there is none to forbid.
const HUGE: usize = 2 * 1024 * 1024;

/// Ranges per system call.
const BATCH: usize = 64;

const UNKNOWN: u8 = 0;
const MARKER: u8 = 1;
const PROTECTION: u8 = 2;

/// How guards are made here. Written by the first callers, who find the same; read by every caller.
/// Nothing else is published through it, hence `Relaxed`.
static GUARDS: AtomicU8 = AtomicU8::new(UNKNOWN);

pub(crate) fn page_size() -> usize {
    crate::host::machine::page_size()
}

pub(crate) fn reserve(bytes: usize) -> OsResult<*mut u8> {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: without an address to map at, the kernel chooses a range that nobody uses.
    let at = unsafe { mm::mmap_anonymous(null_mut(), bytes, ProtFlags::empty(), flags) };
    let at = at.map_err(error)?;
    if bytes >= HUGE {
        // A kernel without huge pages refuses, and there is nothing to forbid.
        // SAFETY: the range was just mapped here, and this advice changes no contents.
        let _ = unsafe { mm::madvise(at, bytes, Advice::LinuxNoHugepage) };
    }
    Ok(at.cast())
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
    let at = |index: usize| Range { at: first.wrapping_add(index * stride), bytes };
    let mut marked = 0;
    let known = GUARDS.load(Ordering::Relaxed);
    if known != PROTECTION {
        // SAFETY: the caller gave us these ranges to spoil.
        let taken = unsafe { mark(&at, count) };
        // A kernel without markers calls them an error, and an emulated one may only say that it
        // has them: the first marker of a process is looked at.
        let real = known == MARKER
            || taken.is_ok_and(|taken| taken > 0) && {
                // SAFETY: the first of the caller's ranges.
                unsafe { is_guarded(first) }
            };
        if real {
            GUARDS.store(MARKER, Ordering::Relaxed);
            marked = taken?;
        } else if known == UNKNOWN {
            // Perhaps only these can't have any: a page that is as good as any is asked.
            guard_kind();
        }
    }
    for index in marked..count {
        // SAFETY: the caller gave us this range to spoil.
        unsafe { protect(at(index)) }?;
    }
    Ok(())
}

/// Whether the kernel itself can't read the page, which it says without a signal.
///
/// # Safety
/// - The page is committed.
unsafe fn is_guarded(at: *mut u8) -> bool {
    // SAFETY: a page without a guard is read, which changes nothing.
    unsafe { raw::madvise(at, page_size(), raw::MADV_POPULATE_READ) == Err(FAULT) }
}

/// Puts markers on the first `count` ranges. Returns how many took one: fewer where the kernel
/// refuses markers on locked memory (`mlockall`), which is left to [`protect`].
///
/// # Safety
/// - Each range is committed, on page borders, and holds nothing that is used again.
unsafe fn mark(at: &impl Fn(usize) -> Range, count: usize) -> OsResult<usize> {
    let mut done = 0;
    let mut batches = true;
    while done < count {
        let left = count - done;
        if batches && left > 1 {
            // SAFETY: these are some of the caller's ranges.
            let marked = unsafe { mark_batch(|index| at(done + index), left.min(BATCH)) };
            // None: no such call here, or the first range is refused, and `madvise` says why.
            batches = marked > 0;
            done += marked;
            continue;
        }
        let Range { at, bytes } = at(done);
        // SAFETY: this is one of the caller's ranges.
        match unsafe { raw::madvise(at, bytes, raw::MADV_GUARD_INSTALL) } {
            Ok(()) => done += 1,
            Err(INVALID) => break,
            Err(refused) => return Err(refused),
        }
    }
    Ok(done)
}

/// Puts markers on `count` ranges by one call, and returns how many took one.
///
/// # Safety
/// - As for [`mark`]; `count` is 1 to [`BATCH`].
unsafe fn mark_batch(at: impl Fn(usize) -> Range, count: usize) -> usize {
    let ranges = some_ranges(at, count);
    // SAFETY: the caller gave us these ranges to spoil.
    let taken = unsafe { raw::process_madvise(&ranges[..count], raw::MADV_GUARD_INSTALL) };
    taken.unwrap_or(0).checked_div(ranges[0].bytes).unwrap_or(0)
}

/// The first `count` ranges, which are [`BATCH`] at most.
fn some_ranges(at: impl Fn(usize) -> Range, count: usize) -> [Range; BATCH] {
    core::array::from_fn(|i| if i < count { at(i) } else { Range { at: null_mut(), bytes: 0 } })
}

/// As `Os::populate`.
pub(crate) fn populate(pages: &[*mut u8]) {
    let bytes = page_size();
    for pages in pages.chunks(BATCH) {
        let ranges = some_ranges(|index| Range { at: pages[index], bytes }, pages.len());
        // SAFETY: this advice changes no contents. Who touches a page that was refused finds out why.
        let _ = unsafe { raw::process_madvise(&ranges[..pages.len()], raw::MADV_POPULATE_WRITE) };
    }
}

/// Takes all rights from a range.
///
/// # Safety
/// - The range is committed, on page borders, and holds nothing that is used again.
unsafe fn protect(range: Range) -> OsResult<()> {
    // SAFETY: the caller gave us this range to spoil.
    unsafe { mm::mprotect(range.at.cast(), range.bytes, MprotectFlags::empty()) }.map_err(error)
}

/// As `Os::discard`.
///
/// # Safety
/// - The range is committed, on page borders, holds no guard, and its contents are not needed.
pub(crate) unsafe fn discard(at: *mut u8, bytes: usize) {
    // SAFETY: the contents are not needed, and the pages stay mapped.
    if unsafe { mm::madvise(at.cast(), bytes, Advice::LinuxDontNeed) }.is_err() {
        // Locked memory (`mlockall`) is not given back.
        // SAFETY: the range is committed, holds no guard and nobody reads it.
        unsafe { at.write_bytes(0, bytes) };
    }
}

/// As `Os::release`.
///
/// # Safety
/// - `at` and `bytes` are those of one [`reserve`]; nothing in it is used again.
pub(crate) unsafe fn release(at: *mut u8, bytes: usize) {
    // SAFETY: the whole range is ours and unused.
    if unsafe { mm::munmap(at.cast(), bytes) }.is_err() {
        // The kernel had joined it with a neighbour, and may have no mapping left to cut it out.
        // SAFETY: as above. Only addresses are lost then, no memory.
        let _ = unsafe { mm::madvise(at.cast(), bytes, Advice::LinuxDontNeed) };
    }
}

pub(crate) fn guard_kind() -> GuardKind {
    let known = match GUARDS.load(Ordering::Relaxed) {
        UNKNOWN => {
            let found = if has_markers() { MARKER } else { PROTECTION };
            GUARDS.store(found, Ordering::Relaxed);
            found
        }
        known => known,
    };
    if known == MARKER { GuardKind::Marker } else { GuardKind::Protection }
}

/// Whether markers work. An emulated kernel may accept the advice and do nothing, so this looks at
/// what the advice does to a page's contents: installing a marker drops them.
#[cold]
fn has_markers() -> bool {
    let bytes = page_size();
    let rights = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: without an address to map at, the kernel chooses a range that nobody uses.
    let page = unsafe { mm::mmap_anonymous(null_mut(), bytes, rights, MapFlags::PRIVATE) };
    let Ok(page) = page.map(<*mut c_void>::cast::<u8>) else { return false };
    // SAFETY: the page was just mapped, writable, for this function alone.
    unsafe { page.write_volatile(1) };
    // SAFETY: nobody else uses the page, and what it holds may be lost.
    let installed = unsafe { raw::madvise(page, bytes, raw::MADV_GUARD_INSTALL) };
    // SAFETY: as above; the page is readable again after it.
    let removed = unsafe { raw::madvise(page, bytes, raw::MADV_GUARD_REMOVE) };
    let real = installed.is_ok() && removed.is_ok() && {
        // SAFETY: no marker is on the page: it was never there, or was removed by the line above.
        unsafe { page.read_volatile() == 0 }
    };
    // SAFETY: the page was mapped here, and this was its last use.
    let _ = unsafe { mm::munmap(page.cast(), bytes) };
    real
}
