//! Timers: a heap of deadlines a processor.
//!
//! A deadline belongs to a [`Waiter`], which lies on the stack of what waits. The heap has four
//! children a node, as Go's: fewer cache lines on the way down than with two. Each entry carries its
//! deadline, so that sifting doesn't follow pointers, and its number, under which a table knows where
//! it is, so that a cancelled timer is taken out at once and leaves nothing behind.
//!
//! Rejected: a place that each waiter keeps for itself. To take out the first of a million moves ten
//! others, and each of them would be a stack that nobody has touched for long.

use alloc::vec::Vec;
use core::cell::Cell;
use core::ptr::NonNull;

use crate::FOREVER;
use crate::wait::Waiter;

const CHILDREN: usize = 4;

/// The number of what is in no heap, and the end of the list of free ones.
const NONE: u32 = u32::MAX;

/// Under which number a heap knows a waiter. Protected by the heap's lock.
pub(crate) struct Number(Cell<u32>);

impl Number {
    pub(crate) const fn none() -> Number {
        Number(Cell::new(NONE))
    }
}

#[derive(Clone, Copy)]
struct Entry {
    deadline: u64,
    number: u32,
}

/// The deadlines of one processor.
pub(crate) struct TimerHeap {
    entries: Vec<Entry>,
    /// By number: where its entry is; of a free number, the next free one.
    places: Vec<u32>,
    /// By number: whose it is, or was.
    waiters: Vec<NonNull<Waiter>>,
    free: u32,
}

// SAFETY: the waiters pointed to may be on any stack; the heap's lock orders all accesses to their
// numbers, and a waiter is taken out under it before its stack goes on.
unsafe impl Send for TimerHeap {}

impl TimerHeap {
    pub(crate) const fn new() -> TimerHeap {
        TimerHeap { entries: Vec::new(), places: Vec::new(), waiters: Vec::new(), free: NONE }
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
        let number = self.number_for(waiter);
        // SAFETY: promised by the caller.
        unsafe { waiter.as_ref() }.timer().0.set(number);
        self.entries.push(Entry { deadline, number });
        self.up(self.entries.len() - 1);
    }

    fn number_for(&mut self, waiter: NonNull<Waiter>) -> u32 {
        let number = self.free;
        if number == NONE {
            let number = self.places.len() as u32;
            if number == NONE {
                crate::fatal!("a processor keeps {NONE} deadlines at most, and has as many");
            }
            self.places.push(NONE);
            self.waiters.push(waiter);
            return number;
        }
        self.free = self.places[number as usize];
        self.waiters[number as usize] = waiter;
        number
    }

    /// Takes a waiter out, if it is still in.
    pub(crate) fn remove(&mut self, waiter: &Waiter) {
        let number = waiter.timer().0.get();
        if number == NONE {
            return;
        }
        debug_assert_eq!(
            self.waiters[number as usize],
            NonNull::from(waiter),
            "a timer is misplaced"
        );
        self.take(self.places[number as usize] as usize);
        waiter.timer().0.set(NONE);
    }

    /// Takes out waiters whose deadline has come, and hands each to `claim`, `N` at a time at most.
    pub(crate) fn take_due<const N: usize>(&mut self, now: u64, mut claim: impl FnMut(&Waiter)) {
        let mut due = [None; N];
        for waiter in &mut due {
            if self.nearest() > now {
                break;
            }
            *waiter = Some(self.take(0));
        }
        // SAFETY: `insert` was promised that a waiter stays until it is taken out, and the lock on
        // this heap, which is held, has to be taken for that.
        let waiters = || due.iter().map_while(|waiter| waiter.map(|w| unsafe { w.as_ref() }));
        // One by one only now, and nothing else: a processor fetches many stacks at the same time.
        waiters().for_each(|waiter| waiter.timer().0.set(NONE));
        waiters().for_each(&mut claim);
    }

    /// Its waiter doesn't know of it yet.
    fn take(&mut self, place: usize) -> NonNull<Waiter> {
        let number = self.entries.swap_remove(place).number;
        if place < self.entries.len() {
            self.settle(place);
        }
        self.places[number as usize] = self.free;
        self.free = number;
        self.waiters[number as usize]
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
        self.places[entry.number as usize] = place as u32;
    }
}
