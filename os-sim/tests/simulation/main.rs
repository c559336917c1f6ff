//! The simulation, driven through the linked symbols as the core drives it.

#[cfg(feature = "interpose")]
mod chance;
mod conformance;
mod failures;
mod faults;
mod orders;
mod outside;
mod poll;
mod schedules;
mod sleep;
mod sockets;
mod stacks;
mod streams;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(target_arch = "aarch64")]
use arch_aarch64::Aarch64 as Processor;
#[cfg(target_arch = "x86_64")]
use arch_amd64::Amd64 as Processor;
use os_linux::Linux;
use os_sim::{Config, Faults, Outcome};
use rt_core::{FOREVER, ThreadHandle, os};

rt_core::platform!(os = os_sim::Sim<Linux>, arch = Processor);

/// A millisecond of the clock.
const MS: u64 = 1_000_000;

/// A thread of the platform that runs a closure.
struct Thread(ThreadHandle);

fn spawn(body: impl FnOnce() + Send + 'static) -> Thread {
    fn start<F: FnOnce()>(body: F) -> Thread {
        let body = Box::into_raw(Box::new(body));
        // SAFETY: `run::<F>` expects what a box of `F` was, and that is valid on any thread: `F` is
        // `Send` and lives as long as it likes.
        Thread(unsafe { os::start(run::<F>, body.cast()) }.expect("no thread"))
    }
    unsafe extern "C" fn run<F: FnOnce()>(body: *mut ()) {
        // SAFETY: `start` above made it from a box of `F` and gave it away.
        let body = unsafe { Box::from_raw(body.cast::<F>()) };
        body();
    }
    start(body)
}

impl Thread {
    fn join(self) {
        // SAFETY: the handle is from `spawn` and used up here. No thread has its own.
        unsafe { os::join(self.0) };
    }
}

/// A word that threads share.
fn word() -> Arc<AtomicU32> {
    Arc::default()
}

/// Sleeps until the word is not `old`.
fn wait_while(word: &AtomicU32, old: u32) {
    while word.load(Ordering::Relaxed) == old {
        os::wait(word, old, FOREVER);
    }
}

/// Sleeps for some nanoseconds.
fn sleep(time: u64) {
    let until = os::now() + time;
    let word = AtomicU32::new(0);
    while os::now() < until {
        os::wait(&word, 0, until);
    }
}

/// Without spurious wake-ups, so that a test can count.
fn exact(seed: u64) -> Config {
    Config { seed, faults: Faults::NONE, ..Config::default() }
}

fn check(config: &Config, program: impl FnOnce()) -> Outcome {
    // Programs here use the platform without a runtime, and some set words.
    os_sim::check::<Linux>(&Config { inspect: false, ..config.clone() }, program)
}

/// A check that must not fail.
fn pass(config: &Config, program: impl FnOnce()) -> Outcome {
    let outcome = check(config, program);
    assert_eq!(outcome.failure, None, "seed {}", outcome.seed);
    outcome
}

/// The failure of a check that must fail.
fn fail(config: &Config, program: impl FnOnce()) -> String {
    let outcome = check(config, program);
    outcome.failure.unwrap_or_else(|| panic!("seed {} did not fail", outcome.seed))
}
