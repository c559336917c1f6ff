//! The strategies by which the seed chooses who goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use os_sim::Strategy;
use rt_core::os;

use crate::{Config, Thread, check, exact, pass, spawn, word};

fn with(seed: u64, strategy: Strategy) -> Config {
    Config { strategy, ..exact(seed) }
}

/// How often control went from one of two busy threads to the other.
fn switches(seed: u64, strategy: Strategy) -> u32 {
    let switches = word();
    let count = Arc::clone(&switches);
    pass(&with(seed, strategy), move || {
        let last = word();
        let threads = [1, 2].map(|me| {
            let (last, count) = (Arc::clone(&last), Arc::clone(&count));
            spawn(move || {
                for _ in 0..100 {
                    os::point();
                    if last.swap(me, Ordering::Relaxed) != me {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        });
        threads.into_iter().for_each(Thread::join);
    });
    switches.load(Ordering::Relaxed)
}

#[test]
fn uniform_switches_often() {
    assert!((0..20).all(|seed| switches(seed, Strategy::Uniform) > 10));
}

#[test]
fn pct_switches_at_change_points_only() {
    for seed in 0..50 {
        // One thread and then the other, without an end of one in between.
        assert_eq!(switches(seed, Strategy::Pct { changes: 0 }), 2);
        assert!(switches(seed, Strategy::Pct { changes: 3 }) <= 5);
    }
    assert!((0..50).any(|seed| switches(seed, Strategy::Pct { changes: 3 }) > 2));
}

#[test]
fn mixed_is_both() {
    let counts: Vec<u32> = (0..50).map(|seed| switches(seed, Strategy::Mixed)).collect();
    assert!(counts.contains(&2) && counts.iter().any(|&count| count > 10));
}

#[test]
fn who_spins_does_not_spin_for_good() {
    for seed in 0..50 {
        let outcome = pass(&with(seed, Strategy::Pct { changes: 1 }), || {
            let flag = word();
            let theirs = Arc::clone(&flag);
            let others = [0, 1].map(|_| {
                let flag = Arc::clone(&flag);
                spawn(move || {
                    while flag.load(Ordering::Relaxed) == 0 {
                        os::point();
                    }
                })
            });
            let setter = spawn(move || {
                (0..10).for_each(|_| os::point());
                theirs.store(1, Ordering::Relaxed);
            });
            others.into_iter().for_each(Thread::join);
            setter.join();
        });
        assert!(outcome.steps < 5000, "{} steps", outcome.steps);
    }
}

/// A counter that `threads` increase, each in two steps.
fn lost_update(threads: u32) {
    let counter = word();
    let busy: Vec<_> = (0..threads)
        .map(|_| {
            let counter = Arc::clone(&counter);
            spawn(move || {
                (0..10).for_each(|_| os::point());
                let seen = counter.load(Ordering::Relaxed);
                os::point();
                counter.store(seen + 1, Ordering::Relaxed);
            })
        })
        .collect();
    busy.into_iter().for_each(Thread::join);
    assert_eq!(counter.load(Ordering::Relaxed), threads);
}

#[test]
fn either_strategy_finds_a_lost_update() {
    for strategy in [Strategy::Uniform, Strategy::Pct { changes: 2 }] {
        let bad = |seed: &u64| check(&with(*seed, strategy), || lost_update(2)).failure.is_some();
        assert!((0..500).any(|seed| bad(&seed)), "{strategy:?}");
    }
}

#[test]
fn there_are_1_to_256_processors() {
    for (procs, told) in [(0, 1), (1, 1), (64, 64), (256, 256), (10_000, 256)] {
        let seen = AtomicU32::new(0);
        let config = Config { procs, ..exact(0) };
        pass(&config, || seen.store(os::cpus() as u32, Ordering::Relaxed));
        assert_eq!(seen.load(Ordering::Relaxed), told);
    }
}

#[test]
fn parallel_threads_work_at_the_same_time() {
    const WORK: u64 = 1_000_000;
    let run = |seed| {
        pass(&with(seed, Strategy::Parallel), || {
            let work = || assert!(os_sim::advance(core::time::Duration::from_nanos(WORK)));
            let threads = [(); 4].map(|()| spawn(work));
            threads.into_iter().for_each(Thread::join);
        })
    };
    let outcome = run(0);
    assert!(outcome.virtual_time >= WORK && outcome.virtual_time < WORK + WORK / 4, "{outcome:?}");
    assert_eq!(outcome.busy.len(), 5);
    assert!(outcome.busy[0] < WORK / 4 && outcome.busy[1..].iter().all(|&busy| busy >= WORK));
    // The seed chooses nothing here.
    assert_eq!(outcome.busy, run(1).busy);
}
