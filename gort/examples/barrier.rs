//! A simulation in steps: heat spreads along a rod, each part of which is one goroutine's. Nobody
//! begins a step before all have ended the one before: a barrier sees to that.
//!
//! Written as for threads; only the `use` lines are gort's.
//!
//! ```text
//! cargo run --release --example barrier -- 8
//! ```

use gort::sync::atomic::{AtomicU64, Ordering};
use gort::sync::{Barrier, Mutex};
use gort::thread;

const CELLS: usize = 24;
const STEPS: usize = 200;

/// The temperatures before and after a step, which take turns.
type Rod = [Vec<AtomicU64>; 2];

fn rod() -> Rod {
    let cells = || (0..CELLS).map(|i| AtomicU64::new(if i == 0 { 1 << 40 } else { 0 })).collect();
    [cells(), cells()]
}

/// What a cell is after a step. Its neighbours are those of the step before.
fn warmed(cells: &[AtomicU64], i: usize) -> u64 {
    let at = |i: usize| cells[i.min(CELLS - 1)].load(Ordering::Relaxed);
    (at(i.saturating_sub(1)) + 2 * at(i) + at(i + 1)) / 4
}

/// Warms a rod with so many workers; what it is in the end, and how many steps had a leader.
fn simulate(workers: usize) -> (Vec<u64>, usize) {
    let (rod, barrier, led) = (rod(), Barrier::new(workers), Mutex::new(0));
    thread::scope(|s| {
        for worker in 0..workers {
            let (rod, barrier, led) = (&rod, &barrier, &led);
            s.spawn(move || {
                for step in 0..STEPS {
                    let (before, after) = (&rod[step % 2], &rod[(step + 1) % 2]);
                    for i in (worker..CELLS).step_by(workers) {
                        after[i].store(warmed(before, i), Ordering::Relaxed);
                    }
                    if barrier.wait().is_leader() {
                        *led.lock().unwrap() += 1;
                    }
                }
            });
        }
    });
    let cells = rod[STEPS % 2].iter().map(|cell| cell.load(Ordering::Relaxed)).collect();
    (cells, led.into_inner().unwrap())
}

#[gort::main]
fn main() {
    let workers = std::env::args().nth(1).map_or(8, |text| text.parse().expect("a number"));
    let (cells, led) = simulate(workers);
    assert_eq!(led, STEPS, "each step has one leader");
    assert_eq!(cells, simulate(1).0, "the number of workers makes a difference");
    println!("{workers} workers, {STEPS} steps: the last cell has {}", cells[CELLS - 1]);
}
