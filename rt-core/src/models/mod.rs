//! The lock-free pieces under a model checker: loom runs each model through every order in which its
//! threads can come, with a bounded number of preemptions, and every value that a load can read.
//! `cargo ci loom` runs them; `cargo ci loom --mutants` shows that they can fail.
//!
//! The models run the core's own code. Its atomics are loom's (`seam`), and below it is a platform
//! made of loom's threads (`platform`). A model's goroutine has no stack: it carries a piece of
//! cargo, which is written before it is queued and opened by whoever takes it out. loom stops if
//! nothing orders the two.
//!
//! What is argued and not modelled: the *asymmetric* fence of `Worker::sleep`, step 3, for loom has
//! no `membarrier`, and so who pays for it (`payer`). The models are of the symmetric one, where both
//! sides pass a full fence. The asymmetric one leaves a compiler fence to the producer, and lets the
//! sleeper make every thread of the process pass a full fence instead: either before the producer's
//! push, and then the producer, whose next access comes after the fence, sees the sleeper in the idle
//! set; or after it, and then the sleeper, whose look comes after the fence, sees what was pushed.
//! Sleeping in a poller is not modelled either: the simulation does that.

extern crate std;

mod cargo;
mod handover;
mod locks;
mod parking;
mod platform;
mod queues;
mod sleep;
mod timers;

use std::env;

use crate::deadlock::Deadlock;
use crate::runtime::{Config, Runtime};

/// Runs a model through all executions with at most three preemptions.
fn check(model: impl Fn() + Send + Sync + 'static) {
    check_with(3, model);
}

/// As [`check`], with this many preemptions: for models with so many steps that three take too long.
/// `LOOM_MAX_PREEMPTIONS` overrides both.
fn check_with(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    if env::var_os("LOOM_MAX_BRANCHES").is_none() {
        builder.max_branches = 20_000;
    }
    let executions = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = executions.clone();
    builder.check(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        crate::seam::begin();
        platform::begin();
        model();
    });
    let test = std::thread::current();
    std::println!("{}: {executions:?} executions", test.name().unwrap_or("a model"));
}

/// A runtime of `procs` workers, of which none is started.
fn runtime(procs: usize) -> Runtime {
    runtime_of(procs, false)
}

/// As [`runtime`], migratory or not.
fn runtime_of(procs: usize, migratory: bool) -> Runtime {
    let config = Config {
        procs,
        follows: false,
        stack_bytes: 1 << 15,
        max_threads: procs,
        migratory,
        deadlock: Deadlock::Off,
        unwinding: || false,
        left: None,
        keeps_left: false,
    };
    let Ok(runtime) = Runtime::new(&config) else { panic!("the platform refuses nothing") };
    runtime
}
