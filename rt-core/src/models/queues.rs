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

/// Takes all that is left in a ring. By its owner.
fn drain(ring: &RunQueue) -> Vec<u64> {
    core::iter::from_fn(|| ring.pop()).map(open).collect()
}

/// What a thief that comes once gets.
fn steal(ring: &RunQueue) -> Vec<u64> {
    let own = RunQueue::new();
    let first = ring.steal_into(&own).map(open);
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
            assert!(ring.push(herd.pack(number)).is_ok());
        }
        taken.extend(ring.pop().map(open));
        assert!(ring.push(herd.pack(2)).is_ok());
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
            assert!(ring.push(herd.pack(number)).is_ok());
        }
        let mut taken = drain(&ring);
        for thief in thieves {
            taken.extend(thief.join().unwrap_or_default());
        }
        assert_all(taken, 2);
    });
}

/// The owner writes slots again that a thief may be reading.
#[test]
fn run_queue_full_and_round() {
    check_with(2, || {
        let herd = Herd::new(6);
        let ring = Rc::new(RunQueue::new());
        for number in 0..4 {
            assert!(ring.push(herd.pack(number)).is_ok());
        }
        let victim = ring.clone();
        let thief = thread::spawn(move || steal(&victim));
        let mut taken = Vec::new();
        for number in 4..6 {
            let g = herd.pack(number);
            while ring.push(g).is_err() {
                taken.extend(ring.pop().map(open));
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
