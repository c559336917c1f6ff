//! The system's heap, counted, and at times refused: `#[global_allocator] static HEAP: Heap`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An allocator that counts. All of it is for tests that do one thing at a time: the numbers are
/// the process's.
#[derive(Debug)]
pub struct Heap {
    taken: AtomicUsize,
    given_back: AtomicUsize,
    /// Larger blocks are refused.
    largest: AtomicUsize,
}

impl Heap {
    /// A heap that nothing was taken from.
    #[expect(clippy::new_without_default, reason = "statics need a const function")]
    pub const fn new() -> Heap {
        Heap {
            taken: AtomicUsize::new(0),
            given_back: AtomicUsize::new(0),
            largest: AtomicUsize::new(usize::MAX),
        }
    }

    /// How often something was taken, or its size changed.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many blocks are in use.
    pub fn blocks(&self) -> usize {
        // Read first: blocks that come and go meanwhile make it more, not less than none.
        let given_back = self.given_back.load(Ordering::Relaxed);
        self.taken().saturating_sub(given_back)
    }

    /// Calls `f` while no block of more than so many bytes is to be had.
    pub fn at_most<T>(&self, bytes: usize, f: impl FnOnce() -> T) -> T {
        self.largest.store(bytes, Ordering::Relaxed);
        let result = f();
        self.largest.store(usize::MAX, Ordering::Relaxed);
        result
    }

    fn refuses(&self, bytes: usize) -> bool {
        bytes > self.largest.load(Ordering::Relaxed)
    }
}

// SAFETY: every call goes on to the system's heap unchanged, or returns null, which says that there
// is no memory.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.refuses(layout.size()) {
            return ptr::null_mut();
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.given_back.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        if self.refuses(bytes) {
            return ptr::null_mut();
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.given_back.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract is the same.
        unsafe { System.realloc(memory, layout, bytes) }
    }
}
