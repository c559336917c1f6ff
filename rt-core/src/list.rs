//! Lists of goroutines, linked through their records: no memory, no limit.

use core::cell::Cell;

use crate::goroutine::GoroutineRef;
#[cfg(not(feature = "small"))]
use crate::goroutine::prefetch;
#[cfg(not(feature = "small"))]
use crate::seam::{INSPECTED, mutant};

/// A first-in first-out queue of goroutines with one user at a time: the owner of a processor or the holder of a lock.
#[derive(Debug, Default)]
pub(crate) struct List {
    ends: Cell<Option<(GoroutineRef, GoroutineRef)>>,
    len: Cell<usize>,
}

impl List {
    pub(crate) const fn new() -> List {
        List { ends: Cell::new(None), len: Cell::new(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.get().is_none()
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn first(&self) -> Option<GoroutineRef> {
        self.ends.get().map(|(head, _)| head)
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push_back(&self, g: GoroutineRef) {
        g.link.set(None);
        self.ends.set(match self.ends.get() {
            None => Some((g, g)),
            Some((head, tail)) => {
                tail.link.set(Some(g));
                Some((head, g))
            }
        });
        self.len.set(self.len.get() + 1);
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push_front(&self, g: GoroutineRef) {
        self.ends.set(match self.ends.get() {
            None => {
                g.link.set(None);
                Some((g, g))
            }
            Some((head, tail)) => {
                g.link.set(Some(head));
                Some((g, tail))
            }
        });
        self.len.set(self.len.get() + 1);
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pop_front(&self) -> Option<GoroutineRef> {
        let (head, tail) = self.ends.get()?;
        self.ends.set(head.link.get().map(|second| (second, tail)));
        self.len.set(self.len.get() - 1);
        Some(head)
    }

    /// Puts the whole of `other` behind this one.
    pub(crate) fn append(&self, other: List) {
        self.len.set(self.len.get() + other.len.get());
        self.ends.set(match (self.ends.get(), other.ends.get()) {
            (ends, None) => ends,
            (None, ends) => ends,
            (Some((head, tail)), Some((first, last))) => {
                tail.link.set(Some(first));
                Some((head, last))
            }
        });
    }

    /// Everything, leaving nothing.
    pub(crate) fn take(&self) -> List {
        List { ends: Cell::new(self.ends.take()), len: Cell::new(self.len.take()) }
    }
}

/// As [`List`], where there may be so many that their stacks are not at hand. Then these are fetched while
/// others run, many at the same time:
///
/// 1. Each knows who comes [`AHEAD`] later, as soon as that one is queued.
/// 2. With each that is taken the record of that one is fetched,
/// 3. and of whom it has named [`NEAR`] turns before, and whose record is there by now, the stack.
///
/// Rejected: to follow the links (each is in a record that has to be fetched first); an array (it would
/// have a limit, or take memory from the heap); to do so always (a switch between two took a third longer).
#[cfg(not(feature = "small"))]
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

#[cfg(feature = "small")]
pub(crate) type LongList = List;

/// How many turns before its own a goroutine's record is fetched, and after how many of these its stack.
/// (Twice as many each is not better. In a simulation there are few.)
#[cfg(not(feature = "small"))]
const AHEAD: usize = if INSPECTED { 3 } else { 16 };
#[cfg(not(feature = "small"))]
const NEAR: usize = if INSPECTED { 2 } else { 8 };

/// The stacks of so many are at hand: in the caches, and what translates their addresses too.
#[cfg(not(feature = "small"))]
const MANY: usize = if INSPECTED { 2 } else { 1500 };

#[cfg(not(feature = "small"))]
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
            near.prefetch_stack();
        }
    }
}

/// As [`List`], to be taken from at both ends.
#[derive(Debug, Default)]
pub(crate) struct Deque {
    ends: Cell<Option<(GoroutineRef, GoroutineRef)>>,
    len: Cell<usize>,
}

impl Deque {
    pub(crate) const fn new() -> Deque {
        Deque { ends: Cell::new(None), len: Cell::new(0) }
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn first(&self) -> Option<GoroutineRef> {
        self.ends.get().map(|(first, _)| first)
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn last(&self) -> Option<GoroutineRef> {
        self.ends.get().map(|(_, last)| last)
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push_back(&self, g: GoroutineRef) {
        let first = match self.ends.get() {
            None => g,
            Some((first, last)) => {
                last.link.set(Some(g));
                g.aside.set(Some(last.into()));
                first
            }
        };
        self.ends.set(Some((first, g)));
        self.len.set(self.len.get() + 1);
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pop_front(&self) -> Option<GoroutineRef> {
        let (first, last) = self.ends.get()?;
        let second = if first == last { None } else { first.link.get() };
        self.ends.set(second.map(|second| (second, last)));
        self.len.set(self.len.get() - 1);
        Some(first)
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pop_back(&self) -> Option<GoroutineRef> {
        let (first, last) = self.ends.get()?;
        let before = if first == last { None } else { last.aside.get() };
        // SAFETY: `push_back` put it there, from a reference that is in this queue.
        let before = before.map(|g| unsafe { GoroutineRef::from_raw(g.as_ptr().cast()) });
        self.ends.set(before.map(|before| (first, before)));
        self.len.set(self.len.get() - 1);
        Some(last)
    }
}
