//! Who notices that a program runs on without ever coming to a switch point.
//!
//! The step limit counts switch points, so it never sees such a program, and the loop of the check
//! never gets to run. One thread of the process, which is there while any check is, looks at how far
//! each has come; after [`Config::patience`](crate::Config::patience) without a step it says which
//! program it is, and ends the process.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(250);

/// What is watched in this process.
static WATCHED: Mutex<All> = Mutex::new(All { checks: Vec::new(), looking: false });

struct All {
    /// Those that run at this moment.
    checks: Vec<Arc<Pulse>>,
    /// Whether there is a thread that looks.
    looking: bool,
}

fn all() -> MutexGuard<'static, All> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How far a check has come.
#[derive(Debug)]
struct Pulse {
    seed: u64,
    patience: Duration,
    /// Switch points so far. Written by the check's thread.
    steps: AtomicU64,
    /// Whose turn it is. Written before `steps`.
    turn: AtomicU64,
}

/// A check that is watched, until this is dropped.
#[derive(Debug)]
pub(crate) struct Watched(Arc<Pulse>);

impl Watched {
    /// Watches from now on; `None` for no patience at all: nobody looks.
    pub(crate) fn new(seed: u64, patience: Duration) -> Option<Watched> {
        if patience.is_zero() {
            return None;
        }
        let (steps, turn) = (AtomicU64::new(0), AtomicU64::new(0));
        let pulse = Arc::new(Pulse { seed, patience, steps, turn });
        let mut all = all();
        all.checks.push(Arc::clone(&pulse));
        if !all.looking {
            // Without a thread for it nobody looks, and all else is as it was.
            let thread = std::thread::Builder::new().name("sim watchdog".to_owned());
            all.looking = thread.spawn(look).is_ok();
        }
        Some(Watched(pulse))
    }

    /// The check goes on with this thread.
    pub(crate) fn beat(&self, steps: u64, turn: usize) {
        // Relaxed: a stale reading only means another look.
        self.0.turn.store(turn as u64, Ordering::Relaxed);
        self.0.steps.store(steps, Ordering::Relaxed);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        all().checks.retain(|other| !Arc::ptr_eq(other, &self.0));
    }
}

/// The life of the thread that looks.
fn look() {
    // How far each was, and for how long since. By looks and not by a clock: while this thread doesn't
    // look, the machine stands still, and the check with it.
    let mut seen: Vec<(Arc<Pulse>, u64, Duration)> = Vec::new();
    loop {
        std::thread::sleep(INTERVAL);
        let mut all = all();
        if all.checks.is_empty() {
            all.looking = false;
            return;
        }
        seen.retain(|(pulse, ..)| all.checks.iter().any(|other| Arc::ptr_eq(other, pulse)));
        for pulse in &all.checks {
            let steps = pulse.steps.load(Ordering::Relaxed);
            match seen.iter_mut().find(|(other, ..)| Arc::ptr_eq(other, pulse)) {
                None => seen.push((Arc::clone(pulse), steps, Duration::ZERO)),
                Some((_, before, stands)) if *before != steps => {
                    (*before, *stands) = (steps, Duration::ZERO);
                }
                Some((_, _, stands)) => {
                    *stands += INTERVAL;
                    if *stands >= pulse.patience {
                        give_up(pulse);
                    }
                }
            }
        }
    }
}

fn give_up(pulse: &Pulse) -> ! {
    let seconds = pulse.patience.as_secs_f64();
    let turn = pulse.turn.load(Ordering::Relaxed);
    let steps = pulse.steps.load(Ordering::Relaxed);
    // A closed error stream is no reason to go on.
    let _ = writeln!(
        std::io::stderr(),
        "fatal: the simulation stands still under seed {}: thread {turn} has run for {seconds} s \
         since switch point {steps} without coming to another. It loops without a call of the \
         runtime, or waits for something outside of the simulation, as a `std` lock or thread",
        pulse.seed
    );
    std::process::abort()
}
