//! For the thread sanitizer: what is a race between goroutines, and what is none.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::{Mode, alone, ends_of_its_own, spin_until};

use crate::assert_reported;

/// A number that is shared with nothing to protect it.
struct Bare(UnsafeCell<u64>);

// SAFETY: it isn't true, which is what the sanitizer has to find.
unsafe impl Sync for Bare {}

impl Bare {
    fn new() -> Arc<Bare> {
        Arc::new(Bare(UnsafeCell::new(0)))
    }

    fn add(&self) {
        // SAFETY: a plain number; nobody holds a reference to it.
        let old = unsafe { self.0.get().read() };
        // SAFETY: as above.
        unsafe { self.0.get().write(old + 1) };
    }

    fn value(&self) -> u64 {
        // SAFETY: as above.
        unsafe { self.0.get().read() }
    }
}

/// Holds the caller's worker until `all` have come, so that they are on as many workers. Relaxed, so
/// that it orders nothing.
fn meet(arrived: &AtomicUsize, all: usize) {
    arrived.fetch_add(1, Ordering::Relaxed);
    spin_until("all to be on workers", || arrived.load(Ordering::Relaxed) == all);
}

/// Two goroutines on two workers, each of which calls `add` many times between yields.
fn two_workers(mode: Mode, add: impl Fn() + Send + Sync + 'static) {
    mode.run(|| {
        let (add, arrived) = (Arc::new(add), Arc::new(AtomicUsize::new(0)));
        let both = [(); 2].map(|()| {
            let (add, arrived) = (add.clone(), arrived.clone());
            gort::spawn(move || {
                meet(&arrived, 2);
                for _ in 0..50 {
                    add();
                    gort::yield_now();
                }
            })
        });
        both.into_iter().for_each(|one| assert!(one.join().is_ok()));
    });
}

const BOTH: [Mode; 2] = [Mode::Stays(2), Mode::Migrates(2)];

#[test]
fn a_race_of_two_workers_is_reported() {
    let output = ends_of_its_own("races::a_race_of_two_workers_is_reported", || {
        let number = Bare::new();
        two_workers(Mode::Stays(2), move || number.add());
    });
    assert_reported(&output, "ThreadSanitizer: data race");
}

#[test]
fn a_race_of_wandering_goroutines_is_reported() {
    let output = ends_of_its_own("races::a_race_of_wandering_goroutines_is_reported", || {
        let number = Bare::new();
        two_workers(Mode::Migrates(2), move || number.add());
    });
    assert_reported(&output, "ThreadSanitizer: data race");
}

/// A lock that orders nothing is found out, though its holders never overlap.
#[test]
fn a_race_without_overlap_is_reported() {
    let output = ends_of_its_own("races::a_race_without_overlap_is_reported", || {
        let (number, held) = (Bare::new(), AtomicUsize::new(0));
        two_workers(Mode::Stays(2), move || {
            // Relaxed, all of them: the mistake.
            while held.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                gort::yield_now();
            }
            number.add();
            held.store(0, Ordering::Relaxed);
        });
    });
    assert_reported(&output, "ThreadSanitizer: data race");
}

#[test]
fn a_mutex_orders() {
    alone("races::a_mutex_orders", || {
        for mode in BOTH {
            let (number, lock) = (Bare::new(), gort::sync::Mutex::new(()));
            let seen = number.clone();
            two_workers(mode, move || {
                let _held = lock.lock();
                number.add();
            });
            assert_eq!(seen.value(), 100);
        }
    });
}

#[test]
fn channels_order() {
    for capacity in [0, 1, 8] {
        for mode in BOTH {
            mode.run(|| {
                let (number, arrived) = (Bare::new(), Arc::new(AtomicUsize::new(0)));
                let (there, here) = gort::chan::bounded::<Arc<Bare>>(capacity);
                let other = arrived.clone();
                let receiver = gort::spawn(move || {
                    meet(&other, 2);
                    for number in here.iter() {
                        number.add();
                        if number.value() == 3 {
                            return;
                        }
                    }
                });
                let sender = gort::spawn({
                    let number = number.clone();
                    move || {
                        meet(&arrived, 2);
                        number.add();
                        number.add();
                        assert!(there.send(number).is_ok());
                    }
                });
                assert!(sender.join().is_ok());
                assert!(receiver.join().is_ok());
                // The joins order as well.
                assert_eq!(number.value(), 3);
            });
        }
    }
}

/// More goroutines, one after the other, than the sanitizer has room for at a time: the ended are
/// given back.
#[test]
fn ended_goroutines_are_forgotten() {
    Mode::Stays(2).run(|| {
        let number = Bare::new();
        for _ in 0..10_000 {
            let number = number.clone();
            assert!(gort::spawn(move || number.add()).join().is_ok());
        }
        assert_eq!(number.value(), 10_000);
    });
}
