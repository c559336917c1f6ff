//! The deadlines that are not near: the slots of a timing wheel (Varghese and Lauck, 1987).
//!
//! A level has 64 slots of one width, and each level 64 times the width of the one below. A deadline is kept
//! on the lowest level on whose turn of the wheel it comes: where it and the horizon first differ, read in
//! digits of six bits. When the horizon has moved on, slots that it has come into or passed are emptied:
//! what is near now is put in order (`near`), and the rest goes to a level below. So each deadline is moved once
//! a level at most, from one end of an array to another, which no cache misses.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Entry;
use super::near::Near;
use crate::FOREVER;
use crate::seam::mutant;

/// The bits of a digit.
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;

/// The bits within a slot of the lowest level, which is 4.2 ms wide.
const WITHIN: u32 = 22;

/// So that they reach 64 bits.
const LEVELS: usize = (u64::BITS - WITHIN).div_ceil(DIGIT) as usize;

pub(super) struct Far {
    /// The last moment that is near: the end of a slot of the lowest level.
    horizon: u64,
    /// Made slot by slot: 14 KiB at once would be on the stack of whoever waits first, which may be small.
    levels: Box<[Level]>,
}

struct Level {
    /// Which slots have an entry, a bit each.
    used: u64,
    slots: Box<[Slot]>,
}

struct Slot {
    /// The earliest deadline that it was given since it was empty.
    earliest: u64,
    entries: Vec<Entry>,
}

impl Far {
    #[cold]
    pub(super) fn new(now: u64) -> Far {
        Far { horizon: horizon(now), levels: (0..LEVELS).map(|_| Level::new()).collect() }
    }

    pub(super) fn is_near(&self, entry: Entry) -> bool {
        entry.deadline <= self.horizon
    }

    /// Not later than the first deadline; `FOREVER` if there is none. (It may have been taken out.)
    pub(super) fn nearest(&self) -> u64 {
        // All of a level come before those of the next.
        let first = self.levels.iter().find_map(Level::first);
        first.map_or(FOREVER, |slot| slot.earliest)
    }

    /// Level and slot of a deadline that is not near.
    fn place(&self, deadline: u64) -> (usize, usize) {
        let differ = (deadline ^ self.horizon) >> WITHIN;
        let level = differ.ilog2() / DIGIT;
        let digit = deadline >> (WITHIN + level * DIGIT);
        (level as usize, digit as usize % SLOTS)
    }

    /// Keeps a deadline that is not near.
    pub(super) fn push(&mut self, entry: Entry) {
        let (level, slot) = self.place(entry.deadline);
        self.levels[level].push(slot, entry);
    }

    /// Whether the horizon is where it belongs at this moment.
    pub(super) fn is_turned_to(&self, now: u64) -> bool {
        horizon(now) == self.horizon
    }

    /// Moves the horizon on if it is time for that, and gives to `near` what it has passed.
    pub(super) fn turn_to(&mut self, now: u64, near: &mut Near) {
        let horizon = horizon(now);
        if horizon <= self.horizon {
            return;
        }
        self.horizon = horizon;
        let mut passed = Vec::new();
        for level in 0..LEVELS {
            // If the first is where it belongs, so are those behind it.
            while let Some(first) = self.levels[level].first()
                && (first.earliest <= horizon
                    || mutant!("far-turn": self.place(first.earliest).0 != level => false))
            {
                for entry in self.levels[level].take_first() {
                    if self.is_near(entry) { passed.push(entry) } else { self.push(entry) }
                }
            }
        }
        near.append(passed);
    }

    pub(super) fn empty_into(&mut self, entries: &mut Vec<Entry>) {
        for level in self.levels.iter_mut() {
            while level.used != 0 {
                entries.append(&mut level.take_first());
            }
        }
    }
}

/// The end of the lowest level's slot in which this moment is.
fn horizon(now: u64) -> u64 {
    now | ((1 << WITHIN) - 1)
}

impl Level {
    fn new() -> Level {
        let empty = |_| Slot { earliest: FOREVER, entries: Vec::new() };
        Level { used: 0, slots: (0..SLOTS).map(empty).collect() }
    }

    fn first(&self) -> Option<&Slot> {
        self.slots.get(self.used.trailing_zeros() as usize)
    }

    fn push(&mut self, slot: usize, entry: Entry) {
        self.used |= 1 << slot;
        let slot = &mut self.slots[slot];
        slot.earliest = slot.earliest.min(entry.deadline);
        slot.entries.push(entry);
    }

    /// The entries of the first slot that has any.
    fn take_first(&mut self) -> Vec<Entry> {
        let slot = &mut self.slots[self.used.trailing_zeros() as usize];
        self.used &= self.used - 1;
        slot.earliest = FOREVER;
        core::mem::take(&mut slot.entries)
    }
}
