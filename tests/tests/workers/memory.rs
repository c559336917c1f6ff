//! Memory that goroutines have touched and no longer use goes back to the system.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gort::chan;

/// Resident memory in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("it has the figure");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    kib * 1024
}

/// Touches about 100 KiB of stack.
#[inline(never)]
fn deep(level: u32) -> u64 {
    let page = black_box([level as u8; 4096]);
    if level == 0 { 0 } else { deep(level - 1) + u64::from(page[level as usize]) }
}

const DEEP: u32 = 25;
const GOROUTINES: u64 = 1200;

/// Waits until resident memory is at most `bytes`.
fn falls_to(bytes: u64) -> bool {
    let end = Instant::now() + Duration::from_secs(40);
    while resident() > bytes {
        if Instant::now() > end {
            return false;
        }
        gort::sleep(Duration::from_millis(200));
    }
    true
}

#[test]
fn below_the_stack_pointer_of_the_long_parked() {
    gort::Builder::new()
        .procs(2)
        .run(|| {
            let (tx, rx) = chan::bounded::<()>(0);
            let before = resident();
            let handles: Vec<_> = (0..GOROUTINES)
                .map(|_| {
                    let rx = rx.clone();
                    gort::spawn(move || {
                        let sum = deep(DEEP);
                        (sum, rx.recv().is_err())
                    })
                })
                .collect();
            gort::sleep(Duration::from_millis(500));
            let used = resident() - before;
            assert!(used > GOROUTINES * 80_000, "they have touched only {used} bytes");
            assert!(falls_to(before + used / 4), "{} bytes stay", resident() - before);
            drop(tx);
            let sum: u64 = (1..=u64::from(DEEP)).sum();
            assert!(handles.into_iter().all(|h| h.join().expect("no panic") == (sum, true)));
        })
        .expect("a runtime");
}

#[test]
fn stacks_of_the_ended() {
    gort::Builder::new()
        .procs(2)
        .run(|| {
            let before = resident();
            let handles: Vec<_> = (0..GOROUTINES)
                .map(|_| {
                    gort::spawn(|| {
                        gort::sleep(Duration::from_millis(300));
                        deep(DEEP)
                    })
                })
                .collect();
            let sum: u64 = handles.into_iter().map(|h| h.join().expect("no panic")).sum();
            assert_eq!(sum, GOROUTINES * (1..=u64::from(DEEP)).sum::<u64>());
            // Two lists of 32 stay with each processor and with the pool. A build without optimization
            // touches up to 220 KB of each stack.
            let stay = 3 * 2 * 32 * 250_000;
            assert!(falls_to(before + stay), "{} bytes stay", resident() - before);
        })
        .expect("a runtime");
}
