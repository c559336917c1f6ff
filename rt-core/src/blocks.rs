//! Small pieces of memory that a processor keeps instead of giving them back to the heap.
//!
//! A spawn with a handle needs a place for its result that outlives the goroutine's stack. Kept
//! here between one goroutine and the next, it costs a warm spawn no visit to the allocator.

use alloc::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use core::cell::Cell;
use core::ptr::NonNull;

/// The layout of every kept piece: what an allocator that keeps a word beside each, as glibc's does, has
/// of 64 bytes. (Pieces of 64 that are aligned to as many take 192 there.)
const BLOCK: Layout = match Layout::from_size_align(56, 16) {
    Ok(layout) => layout,
    Err(_) => panic!("56 bytes, aligned to 16, is a layout"),
};

/// The most pieces kept: 64 KiB a processor.
const KEEP: usize = 1024;

/// A free piece holds the next one's address.
type Link = Option<NonNull<()>>;

/// The kept pieces of one processor. Owner only.
#[derive(Debug)]
pub(crate) struct BlockCache {
    first: Cell<Link>,
    len: Cell<usize>,
}

/// True if a piece serves for this layout.
const fn fits(layout: Layout) -> bool {
    layout.size() <= BLOCK.size() && layout.align() <= BLOCK.align()
}

/// The layout that is really allocated for one that was asked for.
const fn real(layout: Layout) -> Layout {
    if fits(layout) { BLOCK } else { layout }
}

/// Takes memory for `layout`, from `cache` if it serves.
#[inline(always)]
pub(crate) fn take(cache: Option<&BlockCache>, layout: Layout) -> NonNull<()> {
    if fits(layout)
        && let Some(block) = cache.and_then(BlockCache::pop)
    {
        return block;
    }
    // SAFETY: neither layout has size zero: a piece has 56 bytes, and what doesn't fit is a packet, which
    // has a head.
    let memory = unsafe { alloc(real(layout)) };
    NonNull::new(memory.cast()).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Gives memory back, to `cache` if it has room.
///
/// # Safety
/// - `memory` came from [`take`] with the same layout, whichever the cache, and is not used again.
#[inline(always)]
pub(crate) unsafe fn give(cache: Option<&BlockCache>, memory: NonNull<()>, layout: Layout) {
    if fits(layout)
        && let Some(cache) = cache
        && cache.len.get() < KEEP
    {
        cache.push(memory);
        return;
    }
    // SAFETY: `take` allocated it with `real(layout)`, in the same or another cache's name.
    unsafe { dealloc(memory.as_ptr().cast(), real(layout)) };
}

impl BlockCache {
    pub(crate) const fn new() -> BlockCache {
        BlockCache { first: Cell::new(None), len: Cell::new(0) }
    }

    #[inline(always)]
    fn pop(&self) -> Link {
        let block = self.first.get()?;
        // SAFETY: a kept piece holds its link, written by `push`.
        self.first.set(unsafe { block.cast::<Link>().read() });
        self.len.set(self.len.get() - 1);
        Some(block)
    }

    #[inline(always)]
    fn push(&self, block: NonNull<()>) {
        // SAFETY: a piece is larger than a link and aligned to 16; the caller gave it up.
        unsafe { block.cast::<Link>().write(self.first.get()) };
        self.first.set(Some(block));
        self.len.set(self.len.get() + 1);
    }
}

impl Drop for BlockCache {
    fn drop(&mut self) {
        while let Some(block) = self.pop() {
            // SAFETY: every kept piece was allocated with this layout (`take`).
            unsafe { dealloc(block.as_ptr().cast(), BLOCK) };
        }
    }
}
