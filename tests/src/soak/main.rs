//! The soak: every primitive at once, in both modes, for as long as is asked, and at the end nothing
//! is lost and nothing has grown.
//!
//! `cargo ci soak --seconds N`
//!
//! 1. One runtime after the other lives for a part of the time, each mode twice. In each, every job
//!    of [`JOBS`] is done over and over, by a few goroutines; each doing checks itself.
//! 2. A plain thread looks at what the process holds, and that each job gets on.
//! 3. What was held in the last part of a runtime's life, as a rule, is no more than in its first, and
//!    after the last runtime there is no more than after the first one of its mode.

mod channels;
mod jobs;
mod locks;
mod sockets;
mod tally;
mod watch;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jobs::{JOBS, Job};
use tests::{Footprint, Mode, hide_expected_panics};
use watch::Watch;

/// Every mode, and so twice.
const LIVES: [Mode; 4] = [Mode::Stays(4), Mode::Migrates(4), Mode::Stays(1), Mode::Migrates(2)];

/// How much has been done, by job.
struct Done {
    operations: Vec<AtomicU64>,
    /// What went wrong, first of all.
    failure: Mutex<Option<String>>,
    failed: AtomicBool,
}

impl Done {
    fn fail(&self, text: String) {
        self.failed.store(true, Ordering::Relaxed);
        self.failure.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(text);
    }
}

fn main() -> ExitCode {
    let seconds = match parse() {
        Ok(seconds) => seconds,
        Err(error) => {
            eprintln!("soak: {error}\nusage: soak [--seconds N]");
            return ExitCode::from(2);
        }
    };
    hide_expected_panics();
    let done = Done {
        operations: JOBS.iter().map(|_| AtomicU64::new(0)).collect(),
        failure: Mutex::new(None),
        failed: AtomicBool::new(false),
    };
    let life = Duration::from_millis(seconds * 1000 / (2 * LIVES.len() as u64));
    let mut after = Vec::new();
    for mode in LIVES.into_iter().chain(LIVES) {
        live(mode, life, &done);
        let held = Footprint::now();
        println!("{mode:?} for {:.1} s, and then: {held}", life.as_secs_f64());
        if done.failed.load(Ordering::Relaxed) {
            break;
        }
        after.push(held);
    }
    compare(&after, &done);
    summary(seconds, &done)
}

/// One runtime's life. What its threads hold at its end is given back when it returns.
fn live(mode: Mode, life: Duration, done: &Done) {
    let end = Instant::now() + life;
    let watch = Watch::start(life, JOBS.len());
    mode.run(|| {
        gort::scope(|s| {
            for (index, job) in JOBS.iter().enumerate() {
                for one in 0..job.at_once {
                    let watch = &watch;
                    s.spawn(move || {
                        let mut seed = (one as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                        while Instant::now() < end && !done.failed.load(Ordering::Relaxed) {
                            let operations = attempt(job, seed, done);
                            done.operations[index].fetch_add(operations, Ordering::Relaxed);
                            watch.progress(index);
                            seed = seed.rotate_left(7).wrapping_mul(0xd129_1c3b_9e04_6e35) | 1;
                            gort::yield_now();
                        }
                        watch.rests(index, one + 1 == job.at_once);
                    });
                }
            }
        });
    });
    if let Err(text) = watch.verdict() {
        done.fail(format!("{mode:?}: {text}"));
    }
}

/// Does a job once; what it finds wrong ends the soak.
fn attempt(job: &Job, seed: u64, done: &Done) -> u64 {
    // In a goroutine of its own, so that it ends with whatever it has started.
    let run = job.run;
    match gort::spawn(move || run(seed)).join() {
        Ok(operations) => operations,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            done.fail(format!("{}, seed {seed}: {text}", job.name));
            0
        }
    }
}

/// Step 3, for what is left after each runtime: the same mode's second life against its first.
fn compare(after: &[Footprint], done: &Done) {
    let Some((first, second)) = after.split_at_checked(LIVES.len()) else { return };
    let slack = Footprint { resident_kib: 8 << 10, address_kib: 32 << 10, ..Footprint::NOISE };
    let slack = Footprint { mappings: 24, ..slack };
    for ((first, second), mode) in first.iter().zip(second).zip(LIVES) {
        if !first.covers(second, &slack) {
            done.fail(format!("after {mode:?}, first: {first}; then: {second}"));
        }
    }
}

fn summary(seconds: u64, done: &Done) -> ExitCode {
    println!("\n{:<28} {:>14} {:>12}", "job", "operations", "per second");
    for (job, count) in JOBS.iter().zip(&done.operations) {
        let count = count.load(Ordering::Relaxed);
        println!("{:<28} {count:>14} {:>12}", job.name, count / seconds.max(1));
        if count == 0 {
            done.fail(format!("{} has done nothing", job.name));
        }
    }
    let failure = done.failure.lock().unwrap_or_else(|e| e.into_inner()).take();
    match failure {
        None => {
            println!("test result: ok. {} passed; 0 failed", JOBS.len());
            ExitCode::SUCCESS
        }
        Some(text) => {
            println!("\n{text}\ntest result: FAILED. 0 passed; 1 failed");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<u64, String> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        [] => Ok(60),
        ["--seconds", seconds] => match seconds.parse() {
            Ok(seconds) if seconds >= 8 => Ok(seconds),
            _ => Err(format!("--seconds is {seconds:?}: give a number, at least 8")),
        },
        _ => Err(format!("not understood: {}", words.join(" "))),
    }
}
