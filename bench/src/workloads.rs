//! The workloads. Each checks its result, and returns `VALUE UNIT [key=value ..]`.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gort::chan::{self, Receiver};

use crate::memory;

/// A row of the table.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// How many operations unless told otherwise.
    pub(crate) n: u64,
    pub(crate) run: fn(u64) -> String,
}

/// All workloads.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload { name: "switch", n: 20_000_000, run: switch },
    Workload { name: "spawn_join", n: 1_000_000, run: spawn_join },
    Workload { name: "pingpong_unbuf", n: 2_000_000, run: pingpong_unbuf },
    Workload { name: "chan_buf", n: 10_000_000, run: chan_buf },
    Workload { name: "mutex", n: 50_000_000, run: mutex },
    Workload { name: "mem", n: 1_000_000, run: mem },
];

fn per(start: Instant, n: u64, unit: &str) -> String {
    format!("{:.2} ns/{unit}", start.elapsed().as_nanos() as f64 / n as f64)
}

/// Two goroutines that yield to each other.
fn switch(n: u64) -> String {
    let half = n / 2;
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
    per(start, both, "switch")
}

/// Batches of a thousand goroutines, spawned and joined.
fn spawn_join(n: u64) -> String {
    const BATCH: u64 = 1_000;
    let mut handles = Vec::with_capacity(BATCH as usize);
    let mut sum = 0;
    let batches = n.div_ceil(BATCH);
    let start = Instant::now();
    for _ in 0..batches {
        handles.extend((0..BATCH).map(|_| gort::spawn(|| black_box(1u64))));
        for handle in handles.drain(..) {
            sum += handle.join().expect("the goroutine returns 1");
        }
    }
    let line = per(start, sum, "task");
    assert_eq!(sum, batches * BATCH);
    line
}

/// A number to and fro over two rendezvous channels.
fn pingpong_unbuf(n: u64) -> String {
    let (there, theirs) = chan::bounded::<u64>(0);
    let (back, mine) = chan::bounded::<u64>(0);
    let other = gort::spawn(move || theirs.iter().for_each(|v| back.send(v + 1).expect("open")));
    let mut v = 0;
    let start = Instant::now();
    for _ in 0..n {
        there.send(v).expect("the other goroutine receives");
        v = mine.recv().expect("the other goroutine answers");
    }
    let line = per(start, n, "roundtrip");
    assert_eq!(v, n);
    drop(there);
    other.join().expect("the other goroutine returns");
    line
}

/// One sender, one receiver, and room for 128 between them.
fn chan_buf(n: u64) -> String {
    let (tx, rx) = chan::bounded::<u64>(128);
    let start = Instant::now();
    let sender = gort::spawn(move || (0..n).for_each(|i| tx.send(i).expect("open")));
    let (count, sum) = rx.iter().fold((0u64, 0u64), |(c, s), v| (c + 1, s.wrapping_add(v)));
    let line = per(start, n, "item");
    sender.join().expect("the sender returns");
    assert_eq!((count, sum), (n, n.wrapping_sub(1).wrapping_mul(n) / 2));
    line
}

/// A free mutex is locked and unlocked.
fn mutex(n: u64) -> String {
    let count = black_box(gort::sync::Mutex::new(0));
    let start = Instant::now();
    for _ in 0..n {
        *count.lock().expect("nobody panics") += 1;
    }
    let line = per(start, n, "lock");
    assert_eq!(count.into_inner().ok(), Some(n));
    line
}

/// Goroutines that wait on one channel: what each costs in memory and in time to spawn.
fn mem(n: u64) -> String {
    let started = Arc::new(AtomicU64::new(0));
    let (tx, rx) = chan::bounded::<()>(0);
    let wait = |started: Arc<AtomicU64>, rx: Receiver<()>| {
        move || {
            started.fetch_add(1, Ordering::Relaxed);
            rx.recv().is_err()
        }
    };
    let before = memory::used();
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
    let spawn_ms = start.elapsed().as_millis();
    let handle = size_of_val(&handles[..]) as u64 / n;
    let each = (memory::used() - before) / n;
    drop((tx, rx));
    let ended = handles.into_iter().filter_map(|h| h.join().ok()).filter(|closed| *closed).count();
    assert_eq!(ended as u64, n);
    format!("{each} B/task spawn_ms={spawn_ms} handle_bytes={handle}")
}
