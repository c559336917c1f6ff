//! Who goes on: the strategies, by which the seed chooses among those who can run.
#![forbid(unsafe_code)]

use crate::chance::Chance;
use crate::parallel::Parallel;

/// How the seed chooses who goes on at each switch point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Any of those who can run, with the same chance; every second time whoever ran last. Good at
    /// races that need many switches.
    Uniform,
    /// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte 2010):
    /// each thread has a random priority and the highest one that can run does; at so many random
    /// steps whoever runs falls behind all others. Good at races that need few switches, at the
    /// right places, and threads that are held up for long.
    ///
    /// Beyond the paper, who could run and had no turn for 500 steps goes to the front, so that a
    /// thread that spins until another has done something does not spin for good.
    Pct {
        /// How many change points there are.
        changes: u32,
    },
    /// The seed chooses one of the two, with 0 to 7 change points.
    #[default]
    Mixed,
    /// Every thread has a processor and a clock of its own, and the one that is furthest behind goes
    /// on. Steps take fixed times. For measuring, not for finding bugs: [`crate::Outcome`] then says
    /// how long each thread ran and when the last one ended.
    Parallel,
}

/// One in so many times the thread that called goes on, whoever else could.
const STAY: u32 = 2;

/// Mixed takes up to one less change points.
const CHANGES_END: u64 = 8;

/// The length of a run, among whose steps the change points are, is 2 to one of these powers: how
/// long it really is, nobody knows before.
const LENGTHS: core::ops::Range<u64> = 6..15;

/// Who could run and had no turn for so many steps goes to the front.
const PATIENCE: u64 = 500;

/// Priorities, from the back: threads that met a change point, threads that did not, and, from
/// here on, threads that went to the front.
const FRONT: u64 = 1 << 63;

/// Where priorities of threads that met no change point begin.
const MIDDLE: u64 = 1 << 62;

/// A strategy at work.
#[derive(Debug)]
pub(crate) enum Order {
    Uniform,
    Pct(Pct),
    Parallel(Parallel),
}

impl Order {
    pub(crate) fn new(strategy: Strategy, chance: &mut Chance) -> Order {
        match strategy {
            Strategy::Uniform => Order::Uniform,
            Strategy::Parallel => Order::Parallel(Parallel::default()),
            Strategy::Pct { changes } => Order::Pct(Pct::new(changes, chance)),
            Strategy::Mixed if chance.one_in(2) => Order::Uniform,
            Strategy::Mixed => {
                let changes = chance.below(CHANGES_END) as u32;
                Order::Pct(Pct::new(changes, chance))
            }
        }
    }

    /// One of those that can run, of whom there are `count`, not none. `last` had the turn before.
    pub(crate) fn choose(
        &mut self,
        chance: &mut Chance,
        step: u64,
        last: usize,
        count: usize,
        mut able: impl Iterator<Item = usize> + Clone,
    ) -> Option<usize> {
        match self {
            Order::Pct(pct) => pct.choose(chance, step, last, able),
            Order::Parallel(parallel) => parallel.first(able).map(|(_, number)| number),
            Order::Uniform => {
                let may_stay = able.clone().any(|number| number == last);
                if may_stay && (count == 1 || chance.one_in(STAY)) {
                    return Some(last);
                }
                able.nth(chance.index(count))
            }
        }
    }
}

/// What probabilistic concurrency testing remembers.
#[derive(Debug)]
pub(crate) struct Pct {
    /// By the number of the thread, as far as one was seen able to run.
    threads: Vec<Rank>,
    /// The steps of the change points to come, the next one last.
    changes: Vec<u64>,
    /// The next priority at the front.
    front: u64,
}

/// A thread, as it is ordered.
#[derive(Clone, Copy, Debug)]
struct Rank {
    priority: u64,
    /// The step at which it was last seen unable to run, or had its turn.
    since: u64,
    /// The last step at which it was seen able to run.
    seen: u64,
}

impl Pct {
    fn new(changes: u32, chance: &mut Chance) -> Pct {
        let length = 1 << (LENGTHS.start + chance.below(LENGTHS.end - LENGTHS.start));
        let mut changes: Vec<u64> = (0..changes).map(|_| chance.below(length)).collect();
        changes.sort_unstable_by(|a, b| b.cmp(a));
        Pct { threads: Vec::new(), changes, front: FRONT }
    }

    fn choose(
        &mut self,
        chance: &mut Chance,
        step: u64,
        last: usize,
        able: impl Iterator<Item = usize> + Clone,
    ) -> Option<usize> {
        for number in able.clone() {
            while self.threads.len() <= number {
                let priority = MIDDLE + chance.below(MIDDLE);
                self.threads.push(Rank { priority, since: step, seen: step });
            }
            let rank = &mut self.threads[number];
            // It could not run at the step before: its waiting begins here.
            if rank.seen + 1 < step {
                rank.since = step;
            }
            rank.seen = step;
            if step - rank.since > PATIENCE {
                rank.priority = self.front;
                self.front += 1;
                rank.since = step;
            }
        }
        while self.changes.pop_if(|at| *at <= step).is_some() {
            if let Some(rank) = self.threads.get_mut(last) {
                // Later change points put threads further to the front of those at the back, as in
                // the paper.
                rank.priority = MIDDLE - 1 - self.changes.len() as u64;
            }
        }
        // Equal priorities are as good as impossible, and then the lower number wins, by `Reverse`.
        let chosen =
            able.max_by_key(|&number| (self.threads[number].priority, core::cmp::Reverse(number)))?;
        self.threads[chosen].since = step;
        Some(chosen)
    }
}
