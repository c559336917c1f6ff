//! One mapping of many regions of one class, and what a region is.

use super::Class;
use crate::OsResult;
use crate::fiber::Mapping;
use crate::goroutine::{Goroutine, GoroutineRef};
use crate::os;
use crate::state::State;

/// The steps by which records are staggered, and the number of them: a record's hot line lies at one of 32
/// places in its page, and so do the first frames below it. (A cache has room for so many lines that lie at
/// the same place in their pages: with 16, a thousand goroutines in a ring took 61 ns a hop on a Xeon, and
/// take 38; with 48 as well, and fewer would do with one page.)
const COLOUR_BYTES: usize = 64;
const COLOURS: usize = 32;

/// What a record knows about the region that it lies in.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Region {
    pub(crate) class: Class,
    colour: u8,
}

impl Region {
    /// The region whose lowest address is `base`.
    fn at(base: *mut u8, class: Class) -> Region {
        let number = base.addr() / class.bytes();
        Region { class, colour: (number % COLOURS) as u8 }
    }

    /// How far below the region's end its record starts.
    fn depth(self) -> usize {
        self.colour as usize * COLOUR_BYTES + size_of::<Goroutine>()
    }
}

/// Makes the record of a fresh region: zeros are a free one but for the region, which is written.
/// (Not the rest, for whoever looks through all regions may be reading its state.)
///
/// # Safety
/// - `base` is the lowest address of a prepared region of this class that no goroutine uses, and the
///   record's memory is zero.
pub(super) unsafe fn adopt(base: *mut u8, class: Class) -> GoroutineRef {
    let region = Region::at(base, class);
    let record = base.wrapping_add(class.bytes() - region.depth()).cast::<Goroutine>();
    // SAFETY: the record lies inside of the region, so this stays in one mapping.
    let of = unsafe { &raw mut (*record).region };
    // SAFETY: the caller has the region for itself, and nobody reads this of a free one; regions are
    // aligned to pages and depths are multiples of 64, the record's alignment.
    unsafe { of.write(region) };
    // SAFETY: zeros but for what was written above, and not null, for it lies in a mapping.
    unsafe { GoroutineRef::from_raw(record) }
}

/// The page of a region's record, and of what is called first below it.
pub(super) fn last_page(base: *mut u8, class: Class) -> *mut u8 {
    base.wrapping_add(class.bytes() - os::page_size())
}

/// The lowest address of the region in which a record lies.
pub(crate) fn base_of(g: GoroutineRef) -> *mut u8 {
    let region = g.region;
    g.as_ptr().cast::<u8>().wrapping_add(region.depth()).wrapping_sub(region.class.bytes())
}

/// A mapping cut into regions, prepared from its start on as they are needed.
#[derive(Debug)]
pub(super) struct Arena {
    base: *mut u8,
    class: Class,
    capacity: usize,
    prepared: usize,
    /// Up to here regions are committed. Those behind `prepared` were refused a guard, some of them.
    committed: usize,
    /// What a sanitizer or valgrind knows of it.
    mapping: Mapping,
}

// SAFETY: an arena owns its mapping; the pointer is its name.
unsafe impl Send for Arena {}

impl Arena {
    pub(super) fn reserve(class: Class, capacity: usize) -> OsResult<Arena> {
        let bytes = class.bytes().checked_mul(capacity).ok_or_else(os::no_memory)?;
        let base = os::reserve(bytes)?;
        let mapping = Mapping::new(base, bytes);
        Ok(Arena { base, class, capacity, prepared: 0, committed: 0, mapping })
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Commits and guards up to `count` more regions and passes each one's lowest address to
    /// `take`. Zero when the arena is used up.
    pub(super) fn prepare(&mut self, count: usize, take: impl FnMut(*mut u8)) -> OsResult<usize> {
        let count = count.min(self.capacity - self.prepared);
        if count == 0 {
            return Ok(0);
        }
        let bytes = self.class.bytes();
        let missing = (self.prepared + count).saturating_sub(self.committed);
        if missing > 0 {
            let at = self.base.wrapping_add(self.committed * bytes);
            // SAFETY: the range lies in this arena's reservation, behind what was committed before.
            unsafe { os::commit(at, missing * bytes) }?;
            self.committed += missing;
        }
        let first = self.base.wrapping_add(self.prepared * bytes);
        // SAFETY: committed, by the lines above or an attempt before; nothing was stored there.
        unsafe { os::guard(first, os::page_size(), bytes, count) }?;
        self.prepared += count;
        let bases = (0..count).map(|i| first.wrapping_add(i * bytes));
        bases.clone().for_each(|base| self.mapping.add_stack(base, bytes));
        bases.for_each(take);
        Ok(count)
    }

    pub(super) fn prepared(&self) -> usize {
        self.prepared
    }

    /// The goroutine in a prepared region, if there is one.
    pub(super) fn live(&self, index: usize) -> Option<GoroutineRef> {
        let g = self.record(index);
        (g.state.load() != State::Free).then_some(g)
    }

    /// The record at this address, of a prepared region.
    pub(super) fn record_at(&self, address: usize) -> Option<GoroutineRef> {
        let index = address.checked_sub(self.base.addr())? / self.class.bytes();
        let record = (index < self.prepared).then(|| self.record(index))?;
        (record.as_ptr().addr() == address).then_some(record)
    }

    /// The goroutine of a prepared region whose guard this address is in.
    pub(super) fn guarded_by(&self, address: usize) -> Option<GoroutineRef> {
        let offset = address.checked_sub(self.base.addr())?;
        let (index, within) = (offset / self.class.bytes(), offset % self.class.bytes());
        if index >= self.prepared || within >= os::page_size() { None } else { self.live(index) }
    }

    /// The record of a prepared region.
    fn record(&self, index: usize) -> GoroutineRef {
        debug_assert!(index < self.prepared, "region {index} is not prepared");
        let base = self.base.wrapping_add(index * self.class.bytes());
        let depth = Region::at(base, self.class).depth();
        let record = base.wrapping_add(self.class.bytes() - depth).cast::<Goroutine>();
        // SAFETY: a prepared region's record is either initialised or zero; zeros are a valid
        // record whose state is `Free` and whose options are all none.
        unsafe { GoroutineRef::from_raw(record) }
    }

    /// # Safety
    /// - Nothing refers to any region of this arena any more.
    pub(super) unsafe fn release(self) {
        self.mapping.end();
        // SAFETY: the reservation of `reserve`, whole; the caller vouches that it is unused.
        unsafe { os::release(self.base, self.capacity * self.class.bytes()) };
    }

    /// Gives back the memory of a region in which no goroutine is, its record included.
    ///
    /// # Safety
    /// - The region at `base` is prepared and in no list.
    pub(super) unsafe fn discard(base: *mut u8, class: Class) {
        let page = os::page_size();
        // SAFETY: all of the region but its guard; the caller vouches that it holds nothing.
        unsafe { os::discard(base.wrapping_add(page), class.bytes() - page) };
    }
}
