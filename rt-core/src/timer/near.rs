//! The deadlines of the next milliseconds.
//!
//! Those of a slot of the wheel come all at once, and are sorted once. Those that come one at a time are in a
//! heap.
//!
//! Rejected: all in the heap (the way in and out takes 45 ns among 4 000, and a place in their order 24).

#![forbid(unsafe_code)]

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::mem;

use super::Entry;
use crate::seam::mutant;

pub(super) struct Near {
    /// In order, the first deadline last.
    sorted: Vec<Entry>,
    heap: BinaryHeap<Entry>,
    /// How many there were when those of a slot had last come.
    came: usize,
}

impl Near {
    pub(super) const fn new() -> Near {
        Near { sorted: Vec::new(), heap: BinaryHeap::new(), came: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.heap.len()
    }

    /// How many are in the same few milliseconds, while no other slot is due.
    pub(super) fn crowd(&self) -> usize {
        self.came.max(self.len())
    }

    /// The one with the first deadline.
    pub(super) fn first(&self) -> Option<&Entry> {
        if cfg!(feature = "small") {
            return self.heap.peek();
        }
        self.sorted.last().max(self.heap.peek())
    }

    pub(super) fn take_first(&mut self) -> Option<Entry> {
        if cfg!(feature = "small") || self.sorted.last() < self.heap.peek() {
            self.heap.pop()
        } else {
            self.sorted.pop()
        }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.heap.push(entry);
    }

    /// Those of a slot come; there may be none in it.
    pub(super) fn append(&mut self, mut entries: Vec<Entry>) {
        if !entries.is_empty() {
            entries.append(&mut self.sorted);
            mutant!("near-order": entries.sort_unstable() => ());
            self.sorted = entries;
        }
        self.came = self.len();
    }

    pub(super) fn empty_into(&mut self, entries: &mut Vec<Entry>) {
        entries.append(&mut mem::take(&mut self.heap).into_vec());
        entries.append(&mut mem::take(&mut self.sorted));
    }
}
