//! Timers: a heap of deadlines a processor.
//!
//! A deadline belongs to a [`Waiter`], which lies on the stack of what waits. The heap has four
//! children a node, as Go's: fewer cache lines on the way down than with two. Each entry carries its
//! deadline, so that sifting doesn't follow pointers; each waiter knows its place, so that a
//! cancelled timer is taken out at once and leaves nothing behind.

use alloc::vec::Vec;
use core::ptr::NonNull;

use crate::FOREVER;
use crate::wait::Waiter;

const CHILDREN: usize = 4;

/// The place of a waiter that is in no heap.
pub(crate) const NOWHERE: usize = usize::MAX;

#[derive(Clone, Copy)]
struct Entry {
    deadline: u64,
    waiter: NonNull<Waiter>,
}

/// The deadlines of one processor.
pub(crate) struct TimerHeap {
    entries: Vec<Entry>,
}

// SAFETY: the waiters pointed to may be on any stack; the heap's lock orders all accesses to their
// places, and a waiter is taken out under it before its stack goes on.
unsafe impl Send for TimerHeap {}

impl TimerHeap {
    pub(crate) const fn new() -> TimerHeap {
        TimerHeap { entries: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The first deadline, or `FOREVER`.
    pub(crate) fn nearest(&self) -> u64 {
        self.entries.first().map_or(FOREVER, |entry| entry.deadline)
    }

    /// # Safety
    /// - `waiter` is in no heap, and stays alive and in place until it is taken out.
    pub(crate) unsafe fn insert(&mut self, deadline: u64, waiter: NonNull<Waiter>) {
        self.entries.push(Entry { deadline, waiter });
        self.up(self.entries.len() - 1);
    }

    /// Takes a waiter out, if it is still in.
    pub(crate) fn remove(&mut self, waiter: &Waiter) {
        let place = waiter.timer_place().get();
        if place == NOWHERE {
            return;
        }
        debug_assert_eq!(self.entries[place].waiter, NonNull::from(waiter), "a timer is misplaced");
        self.take(place);
    }

    /// Takes out a waiter whose deadline has come.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<NonNull<Waiter>> {
        if self.nearest() > now {
            return None;
        }
        Some(self.take(0))
    }

    fn take(&mut self, place: usize) -> NonNull<Waiter> {
        let taken = self.entries.swap_remove(place);
        if place < self.entries.len() {
            self.settle(place);
        }
        place_of(taken.waiter, NOWHERE);
        taken.waiter
    }

    /// Moves the entry at `place`, which came from the end, to where it belongs.
    fn settle(&mut self, place: usize) {
        if place > 0 && self.entries[place].deadline < self.entries[(place - 1) / CHILDREN].deadline
        {
            self.up(place);
        } else {
            self.down(place);
        }
    }

    fn up(&mut self, mut place: usize) {
        let entry = self.entries[place];
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.entries[parent].deadline <= entry.deadline {
                break;
            }
            self.put(place, self.entries[parent]);
            place = parent;
        }
        self.put(place, entry);
    }

    fn down(&mut self, mut place: usize) {
        let entry = self.entries[place];
        loop {
            let first = place * CHILDREN + 1;
            let end = (first + CHILDREN).min(self.entries.len());
            let Some(least) = (first..end).min_by_key(|&i| self.entries[i].deadline) else { break };
            if entry.deadline <= self.entries[least].deadline {
                break;
            }
            self.put(place, self.entries[least]);
            place = least;
        }
        self.put(place, entry);
    }

    fn put(&mut self, place: usize, entry: Entry) {
        self.entries[place] = entry;
        place_of(entry.waiter, place);
    }
}

fn place_of(waiter: NonNull<Waiter>, place: usize) {
    // SAFETY: `insert` was promised that the waiter stays until it is taken out; the place is
    // written under the heap's lock only.
    unsafe { waiter.as_ref() }.timer_place().set(place);
}
