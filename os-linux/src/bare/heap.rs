//! The global allocator of a program without libc: talc, over mappings of ours.
//!
//! The first [`FIRST_BYTES`] are part of the program, so that a small one asks the kernel for
//! nothing. Then it grows by mappings of [`GROWTH`], kept for ever. What is as large as [`LARGE`] is a
//! mapping of its own, and goes back to the kernel when it is freed.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicU32, Ordering};

use rt_core::FOREVER;
use rustix::mm::{self, MapFlags, MremapFlags, ProtFlags};
use talc::DefaultBinning;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use crate::{futex, memory};

/// The heap that is there from the start: a runtime of a few processors.
const FIRST_BYTES: usize = 128 * 1024;
/// By how much it grows at least.
const GROWTH: usize = 1024 * 1024;
/// From here on a mapping serves better: it is worth the calls, and gives back what it took.
const LARGE: usize = 256 * 1024;

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep until it is not.
const CONTENDED: u32 = 2;

/// The allocator: `#[global_allocator] static HEAP: os_linux::Heap = os_linux::Heap::new();`
#[derive(Debug)]
pub struct Heap {
    /// Written by all: swapped on the way in and out.
    lock: AtomicU32,
    // Protected by the lock:
    talc: UnsafeCell<Talc<Mappings, DefaultBinning>>,
    first: UnsafeCell<First>,
}

#[derive(Debug)]
#[repr(C, align(64))]
struct First([u8; FIRST_BYTES]);

// SAFETY: what is in cells is reached by the lock's holder alone, one thread at a time.
unsafe impl Sync for Heap {}

impl Heap {
    /// An empty heap.
    pub const fn new() -> Heap {
        Heap {
            lock: AtomicU32::new(FREE),
            talc: UnsafeCell::new(Talc::new(Mappings { first: null_mut() })),
            first: UnsafeCell::new(First([0; FIRST_BYTES])),
        }
    }

    /// Calls `f` with the allocator, which nobody else uses meanwhile.
    fn with<R>(&self, f: impl FnOnce(&mut Talc<Mappings, DefaultBinning>) -> R) -> R {
        // Acquire: pairs with the Release below.
        if self.lock.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.contend();
        }
        // SAFETY: the lock is held from the line above to the swap below.
        let talc = unsafe { &mut *self.talc.get() };
        if !talc.is_metadata_established() {
            talc.source.first = self.first.get().cast();
        }
        let result = f(talc);
        // Release: pairs with the Acquire of the next holder.
        if self.lock.swap(FREE, Ordering::Release) == CONTENDED {
            futex::wake(&self.lock, 1);
        }
        result
    }

    /// Takes the lock that somebody holds.
    #[cold]
    fn contend(&self) {
        for _ in 0..100 {
            core::hint::spin_loop();
            // Acquire: pairs with the Release of the holder.
            let free = self.lock.load(Ordering::Relaxed) == FREE;
            if free
                && self
                    .lock
                    .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
        }
        // Acquire: as above. Who has slept can't know that nobody else does.
        while self.lock.swap(CONTENDED, Ordering::Acquire) != FREE {
            futex::wait(&self.lock, CONTENDED, FOREVER);
        }
    }
}

impl Default for Heap {
    fn default() -> Heap {
        Heap::new()
    }
}

/// Where more memory comes from.
#[derive(Debug)]
struct Mappings {
    /// The first heap, until it is claimed.
    first: *mut u8,
}

// SAFETY: the pointer is to a part of the heap's own, which is `Sync`.
unsafe impl Send for Mappings {}

// SAFETY: touches no allocator but the one that it is given.
unsafe impl Source for Mappings {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let first = core::mem::replace(&mut talc.source.first, null_mut());
        if !first.is_null() {
            // SAFETY: the program's own memory, which is claimed on this line only, once.
            unsafe { talc.claim(first, FIRST_BYTES) };
            return Ok(());
        }
        // Twice, for the allocator's own words and the alignment.
        let bytes = (layout.size() + layout.align()).saturating_mul(2).max(GROWTH);
        let at = map(bytes.next_multiple_of(memory::page_size())).ok_or(())?;
        // SAFETY: a fresh mapping, kept for ever.
        unsafe { talc.claim(at, bytes) }.map(drop).ok_or(())
    }
}

/// Fresh memory, zero.
fn map(bytes: usize) -> Option<*mut u8> {
    let rights = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: without an address to map at, the kernel chooses a range that nobody uses.
    let at = unsafe { mm::mmap_anonymous(null_mut(), bytes, rights, MapFlags::PRIVATE) };
    at.ok().map(|at| at.cast())
}

/// Whether such memory is a mapping of its own. Alignments beyond a page are left to talc.
fn is_mapping(layout: &Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= memory::page_size()
}

/// The bytes of such a mapping.
fn mapping_bytes(size: usize) -> usize {
    size.next_multiple_of(memory::page_size())
}

// SAFETY: memory comes from the kernel or from talc, which is given the layouts that it wants; none
// of it unwinds.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_mapping(&layout) {
            return map(mapping_bytes(layout.size())).unwrap_or(null_mut());
        }
        // SAFETY: the caller gives a layout of some size.
        self.with(|talc| unsafe { talc.allocate(layout) }).map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is the same.
        let at = unsafe { self.alloc(layout) };
        // A fresh mapping is zero.
        if !at.is_null() && !is_mapping(&layout) {
            // SAFETY: allocated on the line above with this size.
            unsafe { at.write_bytes(0, layout.size()) };
        }
        at
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if is_mapping(&layout) {
            // SAFETY: `alloc` mapped it for this layout, and nobody uses it any more.
            let _ = unsafe { mm::munmap(at.cast(), mapping_bytes(layout.size())) };
            return;
        }
        // SAFETY: talc allocated it for this layout, and nobody uses it any more.
        self.with(|talc| unsafe { talc.deallocate(at, layout) });
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller gives a size that makes a layout with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (is_mapping(&layout), is_mapping(&new)) {
            (true, true) => {
                let (old, new) = (mapping_bytes(layout.size()), mapping_bytes(size));
                // SAFETY: a mapping of `alloc`'s, which only its owner uses.
                let moved = unsafe { mm::mremap(at.cast(), old, new, MremapFlags::MAYMOVE) };
                return moved.map_or(null_mut(), |at| at.cast());
            }
            (false, false) => {
                // SAFETY: talc allocated it for this layout; the size is not zero.
                let grown =
                    self.with(|talc| unsafe { talc.try_realloc_in_place(at, layout, size) });
                if grown {
                    return at;
                }
            }
            _ => {}
        }
        // SAFETY: a layout of some size, by the caller's promise.
        let to = unsafe { self.alloc(new) };
        if !to.is_null() {
            // SAFETY: both are this large, and the new one is nobody else's.
            unsafe { to.copy_from_nonoverlapping(at, layout.size().min(size)) };
            // SAFETY: the caller gave it to us to free.
            unsafe { self.dealloc(at, layout) };
        }
        to
    }
}
