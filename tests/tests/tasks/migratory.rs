//! The migratory mode: started goroutines go where there is room. (What works in both modes is
//! tested in both, in the other files.)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gort::chan;
use tests::{Mode, hide_expected_panics, spin_until, thread_id, yield_until};

/// Starts `n` goroutines that run `begin` and then park, makes all of them runnable on one worker,
/// and holds that worker until they have gone on elsewhere. Returns how many have moved.
fn moved(n: usize, begin: fn()) -> usize {
    let (tx, rx) = chan::bounded::<()>(0);
    let [started, parked, ended] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
    let handles: Vec<_> = (0..n)
        .map(|_| {
            let rx = rx.clone();
            let [started, parked, ended] = [&started, &parked, &ended].map(Arc::clone);
            gort::spawn(move || {
                begin();
                // While one unwinds, all that leave its thread are taken for unwinding ones.
                started.fetch_add(1, Ordering::Relaxed);
                while started.load(Ordering::Relaxed) < n {
                    gort::yield_now();
                }
                let before = thread_id();
                parked.fetch_add(1, Ordering::Relaxed);
                assert!(rx.recv().is_err());
                ended.fetch_add(1, Ordering::Relaxed);
                thread_id() != before
            })
        })
        .collect();
    while parked.load(Ordering::Relaxed) < n {
        gort::yield_now();
    }
    // All are parked, or about to. Who wakes them queues them here; the last one woken is to run
    // next, and waits for that if the others have been taken before it was there.
    drop(tx);
    spin_until("the others", || ended.load(Ordering::Relaxed) >= n - 1);
    handles.into_iter().map(|handle| usize::from(handle.join().unwrap())).sum()
}

#[test]
fn started_goroutines_leave_a_worker_that_is_held() {
    for procs in [2, 4] {
        Mode::Migrates(procs).run(|| {
            // Those that had started on the worker that is held have moved. There are some, but
            // perhaps not each time.
            let mut rounds = (0..1000).map(|_| moved(64, || ()));
            assert!(rounds.any(|moved| moved > 0), "none has ever moved");
        });
    }
}

#[test]
fn the_default_mode_moves_none_of_them() {
    // The same program on a runtime whose goroutines stay must not end while its worker is held.
    Mode::Stays(2).run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let handles: Vec<_> = (0..8)
            .map(|_| {
                let stop = Arc::clone(&stop);
                gort::spawn(move || {
                    let here = thread_id();
                    yield_until(&stop);
                    assert_eq!(thread_id(), here);
                })
            })
            .collect();
        (0..1000).for_each(|_| gort::yield_now());
        stop.store(true, Ordering::Release);
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
}

#[test]
fn spawn_local_does_not_move() {
    Mode::Migrates(4).run(|| {
        let handle = gort::spawn_local(|| {
            let here = thread_id();
            let others: Vec<_> =
                (0..16).map(|_| gort::spawn(|| (0..200).for_each(|_| gort::yield_now()))).collect();
            for _ in 0..1000 {
                gort::yield_now();
                assert_eq!(thread_id(), here);
            }
            others.into_iter().for_each(|other| other.join().unwrap());
            assert_eq!(thread_id(), here);
        });
        handle.join().unwrap();
    });
}

/// Yields when it is dropped, often enough to be moved if that were possible.
struct YieldsInDrop;

impl Drop for YieldsInDrop {
    fn drop(&mut self) {
        let here = thread_id();
        for _ in 0..200 {
            gort::yield_now();
            assert_eq!(thread_id(), here, "moved while it unwinds");
            assert!(std::thread::panicking());
        }
    }
}

#[test]
fn an_unwinding_goroutine_stays_and_is_free_again_afterwards() {
    fn unwind() {
        let caught = std::panic::catch_unwind(|| {
            let _yields = YieldsInDrop;
            panic!("expected");
        });
        assert!(caught.is_err());
    }
    hide_expected_panics();
    Mode::Migrates(4).run(|| {
        let mut rounds = (0..1000).map(|_| moved(16, unwind));
        assert!(rounds.any(|moved| moved > 0), "none has ever moved");
        assert!(!gort::spawn(std::thread::panicking).join().unwrap());
    });
}

#[test]
fn workers_steal_from_each_other_under_load() {
    Mode::Migrates(4).run(|| {
        // Many small groups that talk among themselves, from one spawner.
        let sums: Vec<_> = (0..50)
            .map(|i| {
                gort::spawn(move || {
                    let (tx, rx) = chan::bounded(i % 3);
                    for j in 0..10 {
                        let tx = tx.clone();
                        gort::go(move || (0..50).for_each(|n| tx.send(n * j).unwrap()));
                    }
                    drop(tx);
                    rx.iter().sum::<usize>()
                })
            })
            .collect();
        assert!(sums.into_iter().all(|sum| sum.join().unwrap() == 1225 * 45));
    });
}
