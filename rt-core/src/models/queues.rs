//! Models of the queues: what goes in comes out once, in order, with all that was written before.

extern crate std;

use std::rc::Rc;
use std::vec::Vec;

use loom::thread;

use super::cargo::{Herd, open};
use super::{check, check_with};
use crate::inbox::Inbox;
use crate::inject::Inject;
use crate::run_queue::RunQueue;

/// Whenever it was queued.
const ALL: u64 = u64::MAX;

/// Takes all that is left in a ring. By its owner.
fn drain(ring: &RunQueue) -> Vec<u64> {
    core::iter::from_fn(|| ring.pop_oldest(ALL)).map(open).collect()
}

/// What a thief that comes once gets.
fn steal(ring: &RunQueue) -> Vec<u64> {
    let own = RunQueue::new();
    let first = ring.steal_into(&own, 0).map(open);
    first.into_iter().chain(drain(&own)).collect()
}

/// Each of 0..n once.
fn assert_all(mut taken: Vec<u64>, n: u64) {
    taken.sort_unstable();
    assert_eq!(taken, (0..n).collect::<Vec<_>>());
}

#[test]
fn run_queue_owner_against_thief() {
    check(|| {
        let herd = Herd::new(3);
        let ring = Rc::new(RunQueue::new());
        let victim = ring.clone();
        let thief = thread::spawn(move || steal(&victim));
        let mut taken = Vec::new();
        for number in 0..2 {
            assert!(ring.push(herd.pack(number), 0).is_ok());
        }
        taken.extend(ring.pop_oldest(ALL).map(open));
        assert!(ring.push(herd.pack(2), 0).is_ok());
        taken.extend(drain(&ring));
        assert!(taken.is_sorted(), "the owner takes the oldest first");
        taken.extend(thief.join().unwrap_or_default());
        assert_all(taken, 3);
    });
}

#[test]
fn run_queue_two_thieves() {
    check_with(2, || {
        let herd = Herd::new(2);
        let ring = Rc::new(RunQueue::new());
        let thieves = [ring.clone(), ring.clone()].map(|ring| thread::spawn(move || steal(&ring)));
        for number in 0..2 {
            assert!(ring.push(herd.pack(number), 0).is_ok());
        }
        let mut taken = drain(&ring);
        for thief in thieves {
            taken.extend(thief.join().unwrap_or_default());
        }
        assert_all(taken, 2);
    });
}

/// The owner takes from the end that the thief doesn't take from, and writes the slot again.
#[test]
fn run_queue_newest_against_thief() {
    check(|| {
        let herd = Herd::new(4);
        let ring = Rc::new(RunQueue::new());
        for number in 0..2 {
            assert!(ring.push(herd.pack(number), 0).is_ok());
        }
        let victim = ring.clone();
        let thief = thread::spawn(move || steal(&victim));
        let mut taken: Vec<_> = ring.pop_newest(ALL).map(open).into_iter().collect();
        for number in 2..4 {
            assert!(ring.push(herd.pack(number), 0).is_ok());
        }
        let newest = ring.pop_newest(ALL).map(open);
        assert!(newest.is_none_or(|number| number == 3), "the owner takes the newest first");
        taken.extend(newest);
        taken.extend(drain(&ring));
        taken.extend(thief.join().unwrap_or_default());
        assert_all(taken, 4);
    });
}

/// One is left, and three want it.
#[test]
fn run_queue_last_one() {
    check(|| {
        let herd = Herd::new(1);
        let ring = Rc::new(RunQueue::new());
        assert!(ring.push(herd.pack(0), 0).is_ok());
        let thieves = [ring.clone(), ring.clone()].map(|ring| thread::spawn(move || steal(&ring)));
        let mut taken: Vec<_> = ring.pop_newest(ALL).map(open).into_iter().collect();
        assert!(ring.is_empty() && ring.pop_newest(ALL).is_none());
        for thief in thieves {
            taken.extend(thief.join().unwrap_or_default());
        }
        assert_all(taken, 1);
    });
}

/// The owner makes room while a thief takes.
#[test]
fn run_queue_half_against_thief() {
    check(|| {
        let herd = Herd::new(4);
        let ring = Rc::new(RunQueue::new());
        for number in 0..4 {
            assert!(ring.push(herd.pack(number), number as u64).is_ok());
        }
        let victim = ring.clone();
        let thief = thread::spawn(move || steal(&victim));
        let mut taken = Vec::new();
        ring.take_half(|g, turn| {
            taken.push(open(g));
            assert_eq!(taken.last(), Some(&turn));
        });
        taken.extend(drain(&ring));
        assert!(taken.is_sorted(), "the owner takes the oldest first");
        taken.extend(thief.join().unwrap_or_default());
        assert_all(taken, 4);
    });
}

/// The owner writes slots again that a thief may be reading.
#[test]
fn run_queue_full_and_round() {
    check_with(2, || {
        let herd = Herd::new(6);
        let ring = Rc::new(RunQueue::new());
        for number in 0..4 {
            assert!(ring.push(herd.pack(number), 0).is_ok());
        }
        let victim = ring.clone();
        let thief = thread::spawn(move || steal(&victim));
        let mut taken = Vec::new();
        for number in 4..6 {
            let g = herd.pack(number);
            while ring.push(g, 0).is_err() {
                taken.extend(ring.pop_oldest(ALL).map(open));
            }
        }
        taken.extend(drain(&ring));
        taken.extend(thief.join().unwrap_or_default());
        assert_all(taken, 6);
    });
}

#[test]
fn inbox_two_pushers() {
    check(|| {
        let herd = Herd::new(3);
        let inbox = Rc::new(Inbox::new());
        let (one, ours) = (inbox.clone(), herd.clone());
        let one = thread::spawn(move || {
            one.push(ours.pack(0));
            one.push(ours.pack(1));
        });
        let (other, ours) = (inbox.clone(), herd.clone());
        let other = thread::spawn(move || other.push(ours.pack(2)));
        let mut taken = Vec::new();
        let mut take = || {
            let list = inbox.take_all();
            taken.extend(core::iter::from_fn(|| list.pop_front()).map(open));
        };
        take();
        assert!(one.join().is_ok() && other.join().is_ok());
        take();
        let of_one = taken.iter().filter(|id| **id < 2);
        assert!(of_one.is_sorted(), "what was readied first runs first");
        assert_all(taken, 3);
    });
}

#[test]
fn inject_pusher_against_taker() {
    check(|| {
        let herd = Herd::new(2);
        let inject = Rc::new(Inject::new());
        let (queue, ours) = (inject.clone(), herd.clone());
        let pusher = thread::spawn(move || {
            queue.push(ours.pack(0));
            queue.push(ours.pack(1));
        });
        let mut taken = Vec::new();
        let mut take = || {
            let Some((first, rest)) = inject.take(1, false) else { return };
            let rest = core::iter::from_fn(|| rest.pop_front());
            taken.extend(core::iter::once(first).chain(rest).map(open));
        };
        take();
        assert!(pusher.join().is_ok());
        take();
        take();
        assert!(taken.is_sorted(), "first in, first out");
        assert_all(taken, 2);
    });
}
