//! A mutex that is free, and one that eight want.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use gort::sync::Mutex;

use crate::figures::{Figures, Given};

/// A free mutex is locked and unlocked.
pub(crate) fn mutex(given: Given) -> Figures {
    let count = black_box(Mutex::new(0));
    let start = Instant::now();
    for _ in 0..given.n {
        *count.lock().expect("nobody panics") += 1;
    }
    let figures = Figures::per(start, given.n, "ns/lock");
    assert_eq!(count.into_inner().ok(), Some(given.n));
    figures
}

/// Eight goroutines lock the same mutex.
pub(crate) fn mutex_8(given: Given) -> Figures {
    let each = given.n / 8;
    let count = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let contenders: Vec<_> = (0..8)
        .map(|_| {
            let count = Arc::clone(&count);
            gort::spawn(move || {
                (0..each).for_each(|_| *count.lock().expect("nobody panics") += 1);
            })
        })
        .collect();
    contenders.into_iter().for_each(|contender| contender.join().expect("it returns"));
    let figures = Figures::per(start, 8 * each, "ns/lock");
    assert_eq!(count.lock().ok().map(|count| *count), Some(8 * each));
    figures
}
