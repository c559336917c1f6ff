//! What the seed decides, and that nothing else does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rt_core::os;

use crate::{Config, exact, pass, spawn, wait_while, word};

const ROUNDS: u32 = 20;

/// Two threads that take turns by a shared word.
fn ping_pong() {
    let turn = word();
    let rounds = word();
    let players: Vec<_> = (0..2)
        .map(|me| {
            let turn = Arc::clone(&turn);
            let rounds = Arc::clone(&rounds);
            spawn(move || {
                for _ in 0..ROUNDS {
                    wait_while(&turn, 1 - me);
                    rounds.fetch_add(1, Ordering::Relaxed);
                    turn.store(1 - me, Ordering::Relaxed);
                    os::wake(Arc::as_ptr(&turn), 1);
                }
            })
        })
        .collect();
    for player in players {
        player.join();
    }
    assert_eq!(rounds.load(Ordering::Relaxed), 2 * ROUNDS);
}

fn seed(seed: u64) -> Config {
    Config { seed, ..Config::default() }
}

#[test]
fn ping_pong_ends_whatever_the_seed() {
    for number in 0..100 {
        let outcome = pass(&seed(number), ping_pong);
        assert_eq!(outcome.seed, number);
        assert!(outcome.steps > u64::from(2 * ROUNDS));
    }
}

#[test]
fn a_seed_is_a_schedule() {
    for number in 0..20 {
        let config = Config { trace: true, ..seed(number) };
        let one = pass(&config, ping_pong);
        let other = pass(&config, ping_pong);
        assert_eq!(one.trace, other.trace);
        assert_eq!(one.hash, other.hash);
        assert_eq!(one.steps, other.steps);
        assert_eq!(one.virtual_time, other.virtual_time);
        // Keeping lines changes nothing.
        assert_eq!(one.hash, pass(&seed(number), ping_pong).hash);
    }
}

#[test]
fn other_seeds_are_other_schedules() {
    let hashes: BTreeSet<_> = (0..100).map(|n| pass(&seed(n), ping_pong).hash).collect();
    assert!(hashes.len() > 90, "100 seeds gave {} schedules", hashes.len());
}

#[test]
fn checks_on_several_real_threads_do_not_meet() {
    let hashes = || -> Vec<_> { (0..50).map(|n| pass(&seed(n), ping_pong).hash).collect() };
    let expected = hashes();
    let others: Vec<_> = (0..3).map(|_| std::thread::spawn(hashes)).collect();
    for other in others {
        assert_eq!(other.join().expect("it panicked"), expected);
    }
}

#[test]
fn a_started_thread_runs_before_its_starter_or_after() {
    let orders: BTreeSet<bool> = (0..50)
        .map(|number| {
            let first = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&first);
            pass(&exact(number), move || {
                let ran = Arc::new(AtomicBool::new(false));
                let runs = Arc::clone(&ran);
                let thread = spawn(move || runs.store(true, Ordering::Relaxed));
                seen.store(ran.load(Ordering::Relaxed), Ordering::Relaxed);
                thread.join();
                assert!(ran.load(Ordering::Relaxed));
            });
            first.load(Ordering::Relaxed)
        })
        .collect();
    assert_eq!(orders.len(), 2);
}

#[test]
fn every_call_lets_others_run() {
    let calls: [fn(); 6] = [
        || _ = os::now(),
        || _ = os::seed(),
        || assert!(os::fence_all()),
        || os::wake(core::ptr::null(), 1),
        || os::wait(&AtomicU32::new(0), 1, rt_core::FOREVER),
        || {
            let bytes = os::page_size();
            let at = os::reserve(bytes).expect("no memory");
            // SAFETY: all of the reservation just made, of which nothing is used.
            unsafe { os::release(at, bytes) };
        },
    ];
    for (which, call) in calls.into_iter().enumerate() {
        let met = (0..50).any(|number| {
            let met = word();
            let seen = Arc::clone(&met);
            pass(&exact(number), move || {
                let at = word();
                let theirs = Arc::clone(&at);
                let thread = spawn(move || theirs.store(1, Ordering::Relaxed));
                let before = at.load(Ordering::Relaxed);
                call();
                seen.store(u32::from(before != at.load(Ordering::Relaxed)), Ordering::Relaxed);
                thread.join();
            });
            met.load(Ordering::Relaxed) == 1
        });
        assert!(met, "call {which} never let the other thread run");
    }
}

#[test]
fn threads_have_words_of_their_own() {
    for number in 0..20 {
        pass(&exact(number), || {
            assert!(os::local().is_null());
            os::set_local(core::ptr::without_provenance_mut(8));
            let threads: Vec<_> = (2..6)
                .map(|me| {
                    spawn(move || {
                        assert!(os::local().is_null());
                        os::set_local(core::ptr::without_provenance_mut(8 * me));
                        for _ in 0..10 {
                            os::now();
                            assert_eq!(os::local().addr(), 8 * me);
                        }
                    })
                })
                .collect();
            for thread in threads {
                thread.join();
            }
            assert_eq!(os::local().addr(), 8);
        });
    }
}

#[test]
fn random_numbers_are_the_seeds() {
    let number = |seed| {
        let mut number = 0;
        pass(&exact(seed), || number = os::seed());
        number
    };
    assert_eq!(number(1), number(1));
    assert_ne!(number(1), number(2));
}

#[test]
fn a_program_may_borrow_and_is_told_its_processors() {
    let mut procs = 0;
    pass(&Config { procs: 7, ..exact(0) }, || procs = os::cpus());
    assert_eq!(procs, 7);
}
