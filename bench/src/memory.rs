//! What waiting goroutines cost: memory, and the time to start them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gort::chan::{self, Receiver};

use crate::figures::{Figures, Given};

/// A figure of `/proc/self/status` in bytes.
fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|n| n.parse().ok());
    kib.unwrap_or(0) * 1024
}

/// Resident memory and page tables, in bytes.
fn used() -> u64 {
    status("VmRSS:") + status("VmPTE:")
}

/// Goroutines that wait on one channel: what each costs in memory and in time to spawn.
pub(crate) fn mem(given: Given) -> Figures {
    let n = given.n;
    let started = Arc::new(AtomicU64::new(0));
    let (tx, rx) = chan::bounded::<()>(0);
    let wait = |started: Arc<AtomicU64>, rx: Receiver<()>| {
        move || {
            started.fetch_add(1, Ordering::Relaxed);
            rx.recv().is_err()
        }
    };
    let before = used();
    let start = Instant::now();
    let mut handles = Vec::with_capacity(n as usize);
    for i in 0..n {
        handles.push(gort::spawn(wait(started.clone(), rx.clone())));
        if i % 256 == 255 {
            gort::yield_now();
        }
    }
    while started.load(Ordering::Relaxed) < n {
        gort::yield_now();
    }
    let spawn_ns = start.elapsed().as_nanos() as f64 / n as f64;
    let handle = size_of_val(&handles[..]) as f64 / n as f64;
    let each = (used() - before) as f64 / n as f64;
    drop((tx, rx));
    let ended = handles.into_iter().filter_map(|h| h.join().ok()).filter(|closed| *closed).count();
    assert_eq!(ended as u64, n);
    Figures::new(each, "B/task").with("spawn_ns", spawn_ns).with("handle_bytes", handle)
}
