//! Models of a worker's sleep: whatever is produced, and from wherever, is found. One that is not is
//! a deadlock, for the runtime closes only when all goroutines have run.

extern crate std;

use core::cell::Cell;
use std::boxed::Box;
use std::rc::Rc;
use std::sync::Arc;
use std::vec::Vec;

use loom::thread;

use super::cargo::Herd;
use super::{check, check_with, runtime};
use crate::goroutine::GoroutineRef;
use crate::late::Late;
use crate::patience::Patience;
use crate::runtime::Shared;
use crate::seam::{AtomicU32, Ordering, fence};
use crate::sleep::AWAKE;
use crate::switch::enter_worker;
use crate::worker::Left;

use crate::{FOREVER, os};

/// `n` goroutines, of which the last to run closes the runtime.
fn herd(n: usize, shared: &Arc<Shared>) -> Herd {
    let left = Rc::new(Cell::new(n));
    Herd::with_jobs((0..n).map(|_| {
        let (left, shared) = (left.clone(), shared.clone());
        let job = move || {
            left.set(left.get() - 1);
            if left.get() == 0 {
                shared.close();
            }
        };
        Box::new(job) as Box<dyn Fn()>
    }))
}

/// Two goroutines that end only when both run: on two workers at once.
fn pair(shared: &Arc<Shared>) -> Herd {
    let running = Rc::new(AtomicU32::new(0));
    Herd::with_jobs((0..2).map(|_| {
        let (running, shared) = (running.clone(), shared.clone());
        let job = move || {
            if running.fetch_add(1, Ordering::Relaxed) == 0 {
                os::wait(&running, 1, FOREVER);
            } else {
                os::wake(&*running, 1);
                shared.close();
            }
        };
        Box::new(job) as Box<dyn Fn()>
    }))
}

/// From a thread that is no worker, through the shared queue.
fn inject(shared: &Shared, g: GoroutineRef) {
    shared.inject.push(g);
    shared.wake_one();
}

#[test]
fn injected_to_the_only_worker() {
    check(|| {
        let runtime = runtime(1);
        let herd = herd(2, &runtime.shared);
        inject(&runtime.shared, herd.spawn(0));
        inject(&runtime.shared, herd.spawn(1));
        assert!(runtime.shared.wait_for_end());
    });
}

#[test]
fn readied_at_home() {
    check(|| {
        let runtime = runtime(1);
        let shared = &runtime.shared;
        let herd = herd(2, shared);
        inject(shared, herd.spawn(0));
        let g = herd.spawn(1);
        let home = shared.worker(0).reference();
        g.home.set(Some(home));
        home.inbox.push(g);
        home.wake();
        assert!(shared.wait_for_end());
    });
}

/// The monitor takes a worker's budget away when it has just looked around, before it would sleep.
#[test]
fn hurried_after_its_look() {
    check(|| {
        let runtime = runtime(1);
        let shared = runtime.shared.clone();
        let herd = Herd::new(1);
        shared.close();
        let processor = shared.processor(0);
        processor.push_own(herd.spawn(0));
        let theirs = shared.clone();
        let monitor = thread::spawn(move || theirs.processor(0).set_budget(0));
        assert!(monitor.join().is_ok());
        assert!(processor.pick_found().is_some(), "it sleeps with something to run");
        assert!(shared.wait_for_end());
    });
}

/// A worker that has nothing to do for good leaves, and is offered something by one who still finds
/// it there. (The runtime closes, so that another that is begun ends at once.)
#[test]
fn offered_to_one_that_leaves() {
    check_with(2, || {
        let runtime = runtime(2);
        let shared = &runtime.shared;
        shared.close();
        let herd = Herd::new(1);
        let (processor, worker) = (shared.processor(1), shared.worker(1));
        processor.begin(shared);
        let (theirs, ours) = (shared.clone(), herd.clone());
        let other = thread::spawn(move || theirs.worker(1).reference().offer(ours.spawn(0)));
        let left = processor.unstart(shared);
        assert!(other.join().is_ok());
        let nobody = left && processor.end_unstarted();
        assert!(!nobody || worker.has_no_mail(), "nobody takes what was offered");
        assert!(shared.wait_for_end());
    });
}

#[test]
fn closed_from_outside() {
    check(|| {
        let runtime = runtime(1);
        let herd = Herd::new(1);
        inject(&runtime.shared, herd.spawn(0));
        runtime.shared.close();
        runtime.shared.ending.leave(&runtime.shared);
        runtime.shared.ending.wait_for_all();
    });
}

#[test]
fn injected_to_one_of_two() {
    check_with(2, || {
        let runtime = runtime(2);
        let herd = herd(2, &runtime.shared);
        inject(&runtime.shared, herd.spawn(0));
        inject(&runtime.shared, herd.spawn(1));
        assert!(runtime.shared.wait_for_end());
    });
}

/// A worker does not sleep while another has more than it can do.
#[test]
fn injected_to_two_at_once() {
    check_with(2, || {
        let runtime = runtime(2);
        let pair = pair(&runtime.shared);
        inject(&runtime.shared, pair.spawn(0));
        inject(&runtime.shared, pair.spawn(1));
        assert!(runtime.shared.wait_for_end());
    });
}

/// The producer is a worker that runs on and on, so another has to take what it pushes.
#[test]
fn pushed_by_a_busy_worker() {
    check(|| {
        let runtime = runtime(2);
        let shared = &runtime.shared;
        let herd = herd(2, shared);
        shared.processor(0).begin(shared);
        shared.worker(0).take_thread();
        for number in 0..2 {
            // What it did before must not stand in for the fence behind the push.
            fence(Ordering::SeqCst);
            enter_worker().push_shared(herd.spawn(number));
        }
        assert!(shared.wait_for_end());
        shared.worker(0).leave_thread(Left::Closing);
    });
}

/// Two producers: one relies on the token that the other has taken to wake somebody.
#[test]
fn pushed_and_injected() {
    check_with(2, || {
        let runtime = runtime(2);
        let shared = &runtime.shared;
        let herd = herd(3, shared);
        shared.processor(0).begin(shared);
        shared.worker(0).take_thread();
        enter_worker().push_shared(herd.spawn(0));
        let (theirs, ours) = (shared.clone(), herd.clone());
        let other = thread::spawn(move || inject(&theirs, ours.spawn(2)));
        enter_worker().push_shared(herd.spawn(1));
        assert!(other.join().is_ok());
        assert!(shared.wait_for_end());
        shared.worker(0).leave_thread(Left::Closing);
    });
}

/// One producer relies on the token that another has taken, who finds nobody to give it to: the only
/// sleeper has just woken by itself, and sleeps again.
#[test]
fn token_without_a_searcher() {
    check(|| {
        let runtime = runtime(2);
        let shared = &runtime.shared;
        let herd = Herd::new(1);
        // Both workers are played by this model; taken out of the idle set is as good as woken.
        for number in 0..2 {
            shared.processor(number).sleep.store(AWAKE, Ordering::SeqCst);
        }
        assert!(shared.idle.remove(0));
        let (theirs, ours) = (shared.clone(), herd.clone());
        let other = thread::spawn(move || {
            let woken_by_itself = theirs.idle.remove(1);
            if woken_by_itself {
                theirs.idle.insert(1);
            }
            inject(&theirs, ours.spawn(0));
        });
        shared.wake_one();
        assert!(other.join().is_ok());
        assert!(shared.idle.is_empty(), "work waits, and a worker sleeps");
    });
}

/// A short sleep is asked to end early, by as much as sleeps have ended late; the rest is passed
/// awake, but not for ever, and not for another deadline.
#[test]
fn short_sleep_ends_in_time() {
    const US: u64 = 1000;
    let late = Late::new();
    assert_eq!(late.ask(150 * US, || 1, 100 * US), 150 * US);
    assert!(!late.stays_awake(150 * US), "nothing was asked for early");
    (0..100).for_each(|_| late.learn(150 * US, 170 * US));
    let asked = late.ask(250 * US, || 1, 200 * US);
    assert!((230 * US..232 * US).contains(&asked), "{asked}");
    assert!(late.stays_awake(250 * US) && !late.stays_awake(251 * US));
    let passed = (0..1000).take_while(|_| late.stays_awake(250 * US)).count();
    assert!((1..1000).contains(&passed), "{passed}");
    // Not early: it is long; or so short that it would end at once.
    assert_eq!(late.ask(2_000 * US, || 1, 200 * US), 2_000 * US);
    assert_eq!(late.ask(222 * US, || 1, 200 * US), 222 * US);
    // One very late sleep does not count for more than is ever taken off.
    late.learn(0, u64::MAX);
    assert!(late.ask(300 * US, || 1, 200 * US) >= 275 * US);
    (0..100).for_each(|_| late.learn(0, u64::MAX));
    assert!((260 * US..265 * US).contains(&late.ask(300 * US, || 1, 200 * US)));
}

/// Many deadlines that follow each other closely are served together.
#[test]
fn many_deadlines_are_served_together() {
    let late = Late::new();
    assert_eq!(late.ask(10_000, || 20, 2_000), 102_000);
    assert_eq!(late.ask(10_000, || 300, 2_000), 402_000, "they are many");
    assert_eq!(late.ask(10_000, || 5_000, 2_000), 802_000, "they are very many");
    assert_eq!(late.ask(1_000_000, || 5_000, 2_000), 1_000_000, "it is far away");
    assert_eq!(late.ask(10_000, || 15, 2_000), 10_000, "they are few");
    assert!(!late.stays_awake(10_000));
}

/// A thief that has taken what was soon done is more patient each time, up to some point; one that
/// has taken much is less.
#[test]
fn patience_is_learned() {
    const US: u64 = 1000;
    let patience = Patience::new();
    let soon: Vec<u64> = (0..8).map(|_| patience.judge(128, 31, 30 * US) / US).collect();
    assert_eq!(soon, [25, 50, 100, 200, 400, 800, 1000, 1000]);
    let long: Vec<u64> = (0..4).map(|_| patience.judge(1, 0, 100 * US) / US).collect();
    assert_eq!(long, [250, 62, 0, 0]);
    assert_eq!(patience.judge(128, 127, 30 * US), 0, "they stay");
}

/// Goroutines that settle are a reason to take more of them, unless far more are at home already than with
/// another.
#[test]
fn patience_where_many_stay() {
    check(|| {
        let runtime = runtime(2);
        let (other, thief) = (runtime.shared.processor(0), runtime.shared.processor(1));
        let taken_with = |at_home: u64, elsewhere: u64| {
            other.settled.store(elsewhere, Ordering::Relaxed);
            thief.settled.store(at_home, Ordering::Relaxed);
            let patience = Patience::new();
            patience.took(32, at_home - 32);
            patience.learn(thief, &runtime.shared);
            // Twice what it was, and something if it was nothing.
            patience.judge(128, 0, 0) / 1000
        };
        assert_eq!(taken_with(200, 100), 50, "they are too many");
        assert_eq!(taken_with(200, 180), 25, "there are as many elsewhere");
        assert_eq!(taken_with(40, 0), 25, "they are few");
        // Nobody was there.
        for processor in [other, thief] {
            processor.settled.store(0, Ordering::Relaxed);
        }
    });
}

/// A thief that has just been started leaves what it finds to who started it, once.
#[test]
fn patience_of_a_new_thief() {
    check(|| {
        let runtime = runtime(2);
        let shared = &runtime.shared;
        let herd = Herd::new(1);
        let (victim, thief) = (shared.processor(0), shared.processor(1));
        victim.push_shared(herd.spawn(0));
        thief.patience.begin();
        let left_alone = [(); 2].map(|()| thief.patience.leaves_alone(thief, shared));
        assert_eq!(left_alone, [true, false]);
        assert!(thief.patience.bides_until().is_none());
        assert!(shared.steal(thief).is_some(), "it is still there");
    });
}
