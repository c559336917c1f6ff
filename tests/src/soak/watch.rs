//! The thread beside a runtime that looks at what the process holds and whether each job gets on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tests::Footprint;

use crate::jobs::JOBS;

/// A job that has done nothing for so long hangs.
const HANGS: Duration = Duration::from_secs(30);

/// A job that nobody does any more.
const RESTS: u64 = u64::MAX;

/// The addresses that a thread takes, its stacks and their guards included.
const THREAD_KIB: usize = 2200;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(50);

/// A look at a runtime, as long as it lives.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    thread: JoinHandle<Result<(), String>>,
}

struct Shared {
    /// How often each job was done, or [`RESTS`]. Written by those who do it.
    turns: Vec<AtomicU64>,
    over: AtomicBool,
}

impl Watch {
    pub(crate) fn start(life: Duration, jobs: usize) -> Watch {
        let turns = (0..jobs).map(|_| AtomicU64::new(0)).collect();
        let shared = Arc::new(Shared { turns, over: AtomicBool::new(false) });
        let of_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || of_thread.look(life));
        Watch { shared, thread }
    }

    /// A job was done once more.
    pub(crate) fn progress(&self, job: usize) {
        self.shared.turns[job].fetch_add(1, Ordering::Relaxed);
    }

    /// One of those who do a job does it no more: the last of them, so far as it knows.
    pub(crate) fn rests(&self, job: usize, last: bool) {
        if last {
            self.shared.turns[job].store(RESTS, Ordering::Relaxed);
        }
    }

    /// Ends the watch. An error says what has grown.
    pub(crate) fn verdict(self) -> Result<(), String> {
        self.shared.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Err("the watch has panicked".to_owned()))
    }
}

impl Shared {
    fn look(&self, life: Duration) -> Result<(), String> {
        let start = Instant::now();
        let mut seen: Vec<(u64, Instant)> = self.turns.iter().map(|_| (0, start)).collect();
        let mut parts = [Vec::new(), Vec::new()];
        while !self.over.load(Ordering::Relaxed) {
            thread::sleep(EVERY);
            self.progresses(&mut seen);
            let part = start.elapsed().as_secs_f64() / life.as_secs_f64();
            // The first fifth is for warming up; the last part is as long as the first.
            let part = match part {
                0.2..0.6 => &mut parts[0],
                0.6..1.0 => &mut parts[1],
                _ => continue,
            };
            part.push(Footprint::now());
        }
        // How many threads there are at most is the machine's doing too: those that it doesn't run are
        // held up, and others take their place.
        let [Some(first), Some(last)] = parts.map(|part| Footprint::median(&part)) else {
            return Err("it lived too short to be looked at".to_owned());
        };
        let threads = 8;
        let slack = Footprint {
            threads,
            descriptors: 40,
            mappings: 60,
            // One more arena of stacks, and the stacks of so many threads.
            address_kib: (256 << 10) + threads * THREAD_KIB,
            resident_kib: (8 << 10) + first.resident_kib / 4,
        };
        if first.covers(&last, &slack) {
            return Ok(());
        }
        Err(format!("held in the first part: {first}; in the last: {last}"))
    }

    /// Ends the process if a job hangs: its goroutines would never be joined.
    fn progresses(&self, seen: &mut [(u64, Instant)]) {
        let now = Instant::now();
        for ((turns, seen), job) in self.turns.iter().zip(seen).zip(JOBS) {
            let turns = turns.load(Ordering::Relaxed);
            if turns != seen.0 || turns == RESTS {
                *seen = (turns, now);
            } else if now - seen.1 > HANGS {
                println!("{} hangs", job.name);
                println!("test result: FAILED. 0 passed; 1 failed");
                std::process::abort();
            }
        }
    }
}
