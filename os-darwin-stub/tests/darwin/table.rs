//! Sleeping on words that share buckets, with many threads.

use os_darwin_stub::Darwin;
use rt_core::{FOREVER, Os};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

/// More than there are buckets.
const WORDS: usize = 200;

#[test]
fn a_wake_is_for_its_word_alone() {
    let words: Vec<AtomicU32> = (0..WORDS).map(|_| AtomicU32::new(0)).collect();
    let awake = AtomicUsize::new(0);
    thread::scope(|scope| {
        for word in &words {
            let awake = &awake;
            scope.spawn(move || {
                while word.load(Ordering::Acquire) == 0 {
                    Darwin::wait(word, 0, FOREVER);
                }
                awake.fetch_add(1, Ordering::Relaxed);
            });
        }
        for (index, word) in words.iter().enumerate() {
            word.store(1, Ordering::Release);
            Darwin::wake(word, 1);
            // It wakes, whoever else sleeps in its bucket.
            while awake.load(Ordering::Relaxed) <= index {
                thread::yield_now();
            }
            assert_eq!(awake.load(Ordering::Relaxed), index + 1);
        }
    });
}

#[test]
fn as_many_wake_as_are_asked() {
    const THREADS: usize = 12;
    let (word, inside, woken) = (AtomicU32::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                inside.fetch_add(1, Ordering::Relaxed);
                while word.load(Ordering::Acquire) == 0 {
                    Darwin::wait(&word, 0, FOREVER);
                }
                woken.fetch_add(1, Ordering::Relaxed);
            });
        }
        while inside.load(Ordering::Relaxed) < THREADS {
            thread::yield_now();
        }
        word.store(1, Ordering::Release);
        // Those who sleep are woken, a few at a time; the rest see the word.
        for n in [1, 3, u32::MAX] {
            Darwin::wake(&word, n);
        }
    });
    assert_eq!(woken.into_inner(), THREADS);
}

/// Deadlines and wakes meet: nobody is left in the list, and no wake is lost.
#[test]
fn deadlines_take_themselves_out() {
    const ROUNDS: u32 = 2000;
    let (word, other) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            // Comes and goes on the same word.
            while word.load(Ordering::Acquire) < ROUNDS {
                let seen = word.load(Ordering::Acquire);
                Darwin::wait(&word, seen, Darwin::now() + 20_000);
            }
        });
        scope.spawn(|| {
            for round in 0..ROUNDS {
                while word.load(Ordering::Acquire) == round {
                    Darwin::wait(&word, round, FOREVER);
                }
                other.store(round + 1, Ordering::Release);
                Darwin::wake(&other, 1);
            }
        });
        for round in 0..ROUNDS {
            word.store(round + 1, Ordering::Release);
            Darwin::wake(&word, u32::MAX);
            while other.load(Ordering::Acquire) == round {
                Darwin::wait(&other, round, FOREVER);
            }
        }
    });
}
