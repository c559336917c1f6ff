//! A list so long that the stacks of those in it are not at hand.

use core::cell::Cell;

use super::List;
use crate::goroutine::{GoroutineRef, prefetch};
use crate::seam::{INSPECTED, mutant};

/// How many turns before its own a goroutine's record is fetched, and after how many of these its stack.
/// (Twice as many each is not better. In a simulation there are few.)
const AHEAD: usize = if INSPECTED { 3 } else { 16 };
const NEAR: usize = if INSPECTED { 2 } else { 8 };

/// The stacks of so many are at hand: in the caches, and what translates their addresses too.
const MANY: usize = if INSPECTED { 2 } else { 1500 };

/// As [`List`], where there may be so many that their stacks are not at hand. Then these are fetched while
/// others run, many at the same time:
///
/// 1. Each knows who comes [`AHEAD`] later, as soon as that one is queued.
/// 2. With each that is taken the record of that one is fetched,
/// 3. and of whom it has named [`NEAR`] turns before, and whose record is there by now, the stack.
///
/// Rejected: to follow the links (each is in a record that has to be fetched first); an array (it would
/// have a limit, or take memory from the heap); to do so always (a switch between two took a third longer).
#[derive(Debug)]
pub(crate) struct LongList {
    list: List,
    /// Whether it looks ahead.
    long: Cell<bool>,
    /// How many of the first were queued before that.
    unnamed: Cell<usize>,
    /// The last that were queued, and how many were since.
    queued: [Cell<Option<GoroutineRef>>; AHEAD],
    names: Cell<usize>,
    /// The last whose records were fetched, and how many were since.
    fetched: [Cell<Option<GoroutineRef>>; NEAR],
    fetches: Cell<usize>,
}

impl LongList {
    pub(crate) const fn new() -> LongList {
        LongList {
            list: List::new(),
            long: Cell::new(false),
            unnamed: Cell::new(0),
            queued: [const { Cell::new(None) }; AHEAD],
            names: Cell::new(0),
            fetched: [const { Cell::new(None) }; NEAR],
            fetches: Cell::new(0),
        }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    #[inline(always)]
    pub(crate) fn first(&self) -> Option<GoroutineRef> {
        self.list.first()
    }

    #[inline(always)]
    pub(crate) fn push_back(&self, g: GoroutineRef) {
        self.list.push_back(g);
        if self.long.get() {
            self.name(g);
        }
    }

    #[inline(always)]
    pub(crate) fn pop_front(&self) -> Option<GoroutineRef> {
        let g = self.list.pop_front()?;
        if self.long.get() {
            self.look_ahead(g);
        }
        Some(g)
    }

    /// Everything, leaving nothing.
    pub(crate) fn take(&self) -> List {
        self.long.set(false);
        self.list.take()
    }

    /// Looks ahead from now on if there are many, and not if there are few. To be called now and then.
    pub(crate) fn adapt(&self) {
        let long = self.list.len() > MANY;
        if long != self.long.replace(long) {
            self.unnamed.set(self.list.len());
            self.names.set(0);
            self.fetches.set(0);
        }
    }

    /// Step 1.
    #[cold]
    fn name(&self, g: GoroutineRef) {
        g.aside.set(None);
        let names = self.names.get();
        self.names.set(names + 1);
        let before = self.queued[names % AHEAD].replace(Some(g));
        // Nobody was left out in between, so all the last are still here, and need `aside` for nothing else.
        if mutant!("list-names": names >= AHEAD => true)
            && mutant!("list-gone": self.list.len() > AHEAD => true)
            && let Some(before) = before
        {
            before.aside.set(Some(g.into()));
        }
    }

    /// Steps 2 and 3, for one that is taken.
    #[cold]
    fn look_ahead(&self, g: GoroutineRef) {
        let unnamed = self.unnamed.get();
        self.unnamed.set(unnamed.saturating_sub(1));
        let ahead = if unnamed == 0 { g.aside.get() } else { None };
        let Some(ahead) = ahead else {
            self.fetches.set(0);
            return;
        };
        // SAFETY: `name` put it there when it was queued, and it still is.
        let ahead = unsafe { GoroutineRef::from_raw(ahead.as_ptr().cast()) };
        ahead.queued.assert_entered(ahead);
        prefetch(ahead.as_ptr());
        let fetches = self.fetches.get();
        self.fetches.set(fetches + 1);
        let near = self.fetched[fetches % NEAR].replace(Some(ahead));
        // Nobody was left out in between, so it is still here.
        if mutant!("list-fetches": fetches >= NEAR => true)
            && let Some(near) = near
        {
            near.queued.assert_entered(near);
            near.prefetch_stack(3);
        }
    }
}
