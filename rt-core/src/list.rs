//! Lists of goroutines, linked through their records: no memory, no limit.

use core::cell::Cell;

use crate::goroutine::GoroutineRef;

#[cfg(not(feature = "small"))]
mod long;
#[cfg(not(feature = "small"))]
pub(crate) use long::LongList;

/// Where size counts, one like all others.
#[cfg(feature = "small")]
pub(crate) type LongList = List;

#[cfg(feature = "small")]
impl LongList {
    pub(crate) fn adapt(&self) {}
}

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

/// As [`List`], to be taken from at both ends, and whoever has it counts.
#[derive(Debug, Default)]
pub(crate) struct Deque {
    ends: Cell<Option<(GoroutineRef, GoroutineRef)>>,
}

impl Deque {
    pub(crate) const fn new() -> Deque {
        Deque { ends: Cell::new(None) }
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
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pop_front(&self) -> Option<GoroutineRef> {
        let (first, last) = self.ends.get()?;
        let second = if first == last { None } else { first.link.get() };
        self.ends.set(second.map(|second| (second, last)));
        Some(first)
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn pop_back(&self) -> Option<GoroutineRef> {
        let (first, last) = self.ends.get()?;
        let before = if first == last { None } else { last.aside.get() };
        // SAFETY: `push_back` put it there, from a reference that is in this queue.
        let before = before.map(|g| unsafe { GoroutineRef::from_raw(g.as_ptr().cast()) });
        self.ends.set(before.map(|before| (first, before)));
        Some(last)
    }
}
