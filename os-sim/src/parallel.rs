//! Threads that run at the same time, each on a processor of its own, in the order of their times.
//!
//! Each thread has a clock. The one whose clock is lowest goes on, so nothing that a thread does
//! can come before what another has seen: a conservative simulation of parallel processors. What a
//! step takes is fixed, in round figures for a server of today; what a program computes takes what
//! it says by [`crate::advance`]. Caches are not simulated, nor is waiting for a cache line.
#![forbid(unsafe_code)]

use crate::gate::Call;
use crate::sleep::BEGINNING;
use crate::trace::Event;

/// From a wake to the first step of who was woken, in nanoseconds.
const WOKEN: u64 = 4000;

/// The clocks of threads, by number.
#[derive(Debug, Default)]
pub(crate) struct Parallel {
    clocks: Vec<u64>,
    /// For how long each has run.
    busy: Vec<u64>,
}

impl Parallel {
    /// Whose turn it is, and its time. Of equals, the lower number.
    pub(crate) fn first(&self, able: impl Iterator<Item = usize>) -> Option<(u64, usize)> {
        able.map(|number| (self.clocks.get(number).copied().unwrap_or(BEGINNING), number)).min()
    }

    /// A thread ran from one time to the other.
    pub(crate) fn ran(&mut self, number: usize, from: u64, to: u64) {
        self.grow(number);
        self.clocks[number] = to;
        self.busy[number] += to.saturating_sub(from);
    }

    /// A thread was started or woken at this time.
    pub(crate) fn woken(&mut self, number: usize, now: u64) {
        self.grow(number);
        self.clocks[number] = self.clocks[number].max(now.saturating_add(WOKEN));
    }

    /// When the last thread ended, and for how long each ran.
    pub(crate) fn times(&self) -> (u64, &[u64]) {
        (self.clocks.iter().copied().max().unwrap_or(BEGINNING), &self.busy)
    }

    fn grow(&mut self, number: usize) {
        let len = self.clocks.len().max(number + 1);
        self.clocks.resize(len, BEGINNING);
        self.busy.resize(len, 0);
    }
}

/// What a step that ends in this call takes, in nanoseconds.
pub(crate) fn takes(call: &Call) -> u64 {
    match call {
        Call::Start(_) => 15_000,
        Call::Wake { .. } | Call::Notify(_) => 1000,
        Call::Sleep { .. } | Call::Poll { .. } | Call::Memory(_) => 500,
        Call::Point(Event::Fence) => 1000,
        _ => 25,
    }
}
