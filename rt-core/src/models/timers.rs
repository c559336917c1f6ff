//! The deadlines of a processor against a sorted set. Nothing here runs at the same time as anything else:
//! it is among the models because these can reach into the core.

extern crate std;

use std::boxed::Box;
use std::collections::BTreeSet;
use std::ptr::NonNull;
use std::vec::Vec;

use super::check;
use crate::FOREVER;
use crate::timer::Timers;
use crate::wait::{Waiter, WaitsFor};

/// Random numbers (xorshift64, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From a few nanoseconds to some hours, each order of magnitude as often as the others.
    fn span(&mut self) -> u64 {
        let bits = 4 + self.next() % 40;
        (1 << bits) + self.next() % (1 << bits)
    }
}

/// What waits, and until when: its place among all that ever waited.
struct World {
    timers: Timers,
    waiters: Vec<Box<Waiter>>,
    /// Deadlines of those that are in, with their places.
    expected: BTreeSet<(u64, usize)>,
    now: u64,
}

impl World {
    fn new(now: u64) -> World {
        World { timers: Timers::new(), waiters: Vec::new(), expected: BTreeSet::new(), now }
    }

    fn wait(&mut self, span: u64) {
        let waiter = Box::new(Waiter::new(None, false, WaitsFor::Sleep));
        let deadline = self.now + span;
        self.expected.insert((deadline, self.waiters.len()));
        // SAFETY: it is new, and its box keeps it in place for as long as this world lasts.
        unsafe { self.timers.insert(deadline, NonNull::from(&*waiter)) };
        self.waiters.push(waiter);
    }

    fn give_up(&mut self, random: &mut Random) {
        let which = random.next() as usize % self.expected.len().max(1);
        if let Some(entry) = self.expected.iter().nth(which).copied() {
            self.expected.remove(&entry);
            self.timers.remove(&self.waiters[entry.1]);
            self.timers.remove(&self.waiters[entry.1]);
        }
    }

    /// Lets time pass, and looks who is woken: all that are due, the nearest first, and nobody else.
    fn pass(&mut self, span: u64) {
        self.now += span;
        while self.timers.nearest() <= self.now {
            let mut due = Vec::new();
            self.timers.take_due::<4>(self.now, |waiter| due.push(std::ptr::from_ref(waiter)));
            for waiter in due {
                let (deadline, place) = self.expected.pop_first().expect("somebody waited");
                assert!(deadline <= self.now, "woken {} ns too early", deadline - self.now);
                // Of those with one deadline any may come first.
                if !std::ptr::eq(&raw const *self.waiters[place], waiter) {
                    let same = (deadline, 0)..=(deadline, usize::MAX);
                    let other =
                        self.expected.range(same).copied().find(|(_, other)| {
                            std::ptr::eq(&raw const *self.waiters[*other], waiter)
                        });
                    let other = other.expect("the nearest is woken first");
                    self.expected.remove(&other);
                    self.expected.insert((deadline, place));
                }
            }
        }
        self.look();
    }

    fn look(&self) {
        let first = self.expected.first().map_or(FOREVER, |(deadline, _)| *deadline);
        assert!(self.timers.nearest() <= first, "somebody would be late");
        assert!(first > self.now, "somebody was forgotten");
        assert_eq!(self.timers.len(), self.expected.len());
        assert_eq!(self.timers.nearest() == FOREVER, self.expected.is_empty());
    }
}

/// Few and many, near and far, reached and given up.
#[test]
fn deadlines_of_all_kinds() {
    for seed in 1..=40 {
        check(move || {
            let mut random = Random(seed);
            let mut world = World::new(random.span());
            for _ in 0..12 {
                // More come than go, or fewer.
                let coming = 1 + random.next() % 8;
                for _ in 0..40 {
                    match random.next() % 10 {
                        one if one < coming => world.wait(random.span()),
                        8 => world.pass(random.span() % 100_000_000),
                        _ => world.give_up(&mut random),
                    }
                    world.look();
                }
                world.pass(random.span());
            }
            world.pass(1 << 50);
            assert_eq!(world.timers.nearest(), FOREVER);
        });
    }
}

/// Those that are close make a crowd until their time is over, even when most of them have been reached; those
/// that are far away never do.
#[test]
fn close_deadlines_are_a_crowd() {
    const MS: u64 = 1_000_000;
    const HOUR: u64 = 3_600_000 * MS;
    check(|| {
        // Slots of the wheel are 2^22 ns wide: one begins here.
        let mut world = World::new(HOUR >> 22 << 22);
        (0..100).for_each(|i| world.wait(HOUR + i * MS));
        world.timers.take_due::<4>(world.now, |_| unreachable!("nobody is due"));
        assert_eq!(world.timers.crowd(world.now), 0, "they are far away");
        (0..100).for_each(|i| world.wait(5 * MS + i * MS / 100));
        assert_eq!(world.timers.crowd(world.now), 0, "they are in another slot");
        world.pass(5 * MS);
        assert_eq!(world.timers.crowd(world.now), 100);
        world.pass(MS / 2);
        assert_eq!(world.timers.crowd(world.now), 100, "the others come as close together");
        world.pass(MS);
        assert_eq!(world.timers.crowd(world.now + 10 * MS), 0, "their time is over");
    });
}
