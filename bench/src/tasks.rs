//! Goroutines alone: switching between them, starting and joining them.

use std::hint::black_box;
use std::time::Instant;

use gort::chan::{self, Sender};

use crate::figures::{Figures, Given};

/// Two goroutines that yield to each other.
pub(crate) fn switch(given: Given) -> Figures {
    let half = given.n / 2;
    let body = move || {
        for _ in 0..half {
            gort::yield_now();
        }
        half
    };
    let start = Instant::now();
    let other = gort::spawn(body);
    let mine = body();
    let both = mine + other.join().expect("the other goroutine yields and returns");
    assert_eq!(both, half * 2);
    Figures::per(start, both, "ns/switch")
}

/// So many goroutines that yield, all of them in turn, ten times each or two millions in all. The figure
/// is the time from when all have started.
pub(crate) fn crowd(given: Given) -> Figures {
    let rounds = (2_000_000 / given.n).max(10);
    let (open, gate) = chan::bounded::<()>(0);
    let mut handles = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let gate = gate.clone();
        handles.push(gort::spawn(move || {
            gate.recv().expect_err("nobody sends");
            (0..rounds).for_each(|_| gort::yield_now());
            rounds
        }));
        if i % 256 == 255 {
            gort::yield_now();
        }
    }
    (0..3).for_each(|_| gort::yield_now());
    drop(open);
    let start = Instant::now();
    let sum: u64 = handles.into_iter().map(|h| h.join().expect("it yields and returns")).sum();
    assert_eq!(sum, given.n * rounds);
    Figures::per(start, sum, "ns/switch")
}

/// Batches of a thousand goroutines, spawned and joined.
pub(crate) fn spawn_join(given: Given) -> Figures {
    const BATCH: u64 = 1_000;
    let mut handles = Vec::with_capacity(BATCH as usize);
    let mut sum = 0;
    let batches = given.n.div_ceil(BATCH);
    let start = Instant::now();
    for _ in 0..batches {
        handles.extend((0..BATCH).map(|_| gort::spawn(|| black_box(1u64))));
        for handle in handles.drain(..) {
            sum += handle.join().expect("the goroutine returns 1");
        }
    }
    let figures = Figures::per(start, sum, "ns/task");
    assert_eq!(sum, batches * BATCH);
    figures
}

/// A binary tree of goroutines: each starts one for its left half and does the right one itself.
pub(crate) fn spawn_tree(given: Given) -> Figures {
    fn leaves(depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let left = gort::spawn(move || leaves(depth - 1));
        leaves(depth - 1) + left.join().expect("the left half is counted")
    }
    let depth = given.n.ilog2();
    let start = Instant::now();
    let sum = leaves(depth);
    let figures = Figures::per(start, sum, "ns/task");
    assert_eq!(sum, 1 << depth);
    figures
}

/// A tree of ten branches at each node, whose leaves send their numbers up over channels.
pub(crate) fn skynet(given: Given) -> Figures {
    fn node(up: Sender<u64>, first: u64, leaves: u64) {
        if leaves == 1 {
            return up.send(first).expect("the node above receives");
        }
        let (tx, rx) = chan::bounded(10);
        let each = leaves / 10;
        for i in 0..10 {
            let tx = tx.clone();
            gort::go(move || node(tx, first + i * each, each));
        }
        let sum = (0..10).map(|_| rx.recv().expect("each branch sends")).sum();
        up.send(sum).expect("the node above receives");
    }
    let leaves = 10_u64.pow(given.n.ilog10());
    let (tx, rx) = chan::bounded(1);
    let start = Instant::now();
    gort::go(move || node(tx, 0, leaves));
    let sum = rx.recv().expect("the root sends");
    let figures = Figures::millis(start);
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    figures
}
