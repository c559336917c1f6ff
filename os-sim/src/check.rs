//! A check: one program, one seed, one outcome.

use core::any::Any;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rt_core::{Net, Os, Poller};

use crate::faults::Faults;
use crate::gate::{Call, Gate, Start, inside};
use crate::order::{Order, Strategy};
use crate::run::Run;
use crate::sleep::BEGINNING;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where every choice comes from.
    pub seed: u64,
    /// The number of processors that the program is told. 1 to 256: what is less or more is taken
    /// as one of these two.
    pub procs: usize,
    /// How the seed chooses who goes on.
    pub strategy: Strategy,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// The receive buffer of each socket, in bytes: as much is sent before somebody receives.
    pub socket_buffer: usize,
    /// After so many switch points the check fails for want of progress.
    pub step_limit: u64,
    /// For how long, by the real clock, a thread may run without a switch point before the process is
    /// aborted with a message: nothing else can stop it. Zero: for ever.
    pub patience: Duration,
    /// Whether to release, after a check that has not failed, what the program reserved and did not
    /// release: a runtime leaves the stacks of goroutines that never ended, and the address space of
    /// many checks would not take them. Nothing that outlives the check may refer to it then.
    pub reclaim: bool,
    /// Whether to look at the runtimes that threads' words name: each time that nobody can run, and
    /// for the lists in failures. Not for a program that sets words of its own.
    pub inspect: bool,
    /// Whether to keep a line for each event in [`Outcome::trace`], and to pass what the program
    /// writes to the error stream on to the host's.
    pub trace: bool,
}

impl Default for Config {
    /// Seed 0, 4 processors, either strategy, one spurious wake-up in 50, buffers of 64 KiB, two
    /// million switch points, half a minute for each, no trace.
    fn default() -> Config {
        Config {
            seed: 0,
            procs: 4,
            strategy: Strategy::Mixed,
            faults: Faults::default(),
            socket_buffer: 64 << 10,
            step_limit: 2_000_000,
            patience: Duration::from_secs(30),
            reclaim: true,
            inspect: true,
            trace: false,
        }
    }
}

/// What came of a check.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed, to run it again.
    pub seed: u64,
    /// How many switch points there were.
    pub steps: u64,
    /// A hash of every event. Equal seeds and equal programs have equal hashes, on every machine.
    pub hash: u64,
    /// How long it took by the virtual clock, in nanoseconds.
    pub virtual_time: u64,
    /// For how long each virtual thread ran, in nanoseconds, by its number: of [`Strategy::Parallel`],
    /// otherwise empty.
    pub busy: Vec<u64>,
    /// How many bytes of address space the program reserved and did not release.
    pub kept_bytes: u64,
    /// How many calls were refused memory, a thread or a descriptor.
    pub refusals: u64,
    /// Why it failed; none when all threads ended.
    pub failure: Option<String>,
    /// What was written to the error stream.
    pub text: String,
    /// A line for each event, if [`Config::trace`] asked for them.
    pub trace: Vec<String>,
}

/// Runs `program` in the simulation, with memory from the host `H`, until it has returned and every
/// thread that it started has ended.
///
/// The program is virtual thread 0, on a stack of 1 MiB; those that it starts through the platform
/// have 256 KiB. All of them take turns on the calling thread; checks on different real threads may
/// run at the same time.
///
/// # Failures
///
/// The check fails, with a message that says which, when
/// - the program panics, or any virtual thread calls [`Os::abort`] or [`Os::exit`];
/// - nobody can run and nobody has a deadline: a deadlock, or threads left behind by the program;
/// - [`Config::step_limit`] is reached;
/// - a thread or a poller is used against the contract: joined twice, closed twice, polled by two.
///
/// A failed check stops where it is. The stacks of its virtual threads are given back to the host
/// without running a destructor: what values on them own is leaked, including memory that the
/// program reserved from the platform. So nothing that outlives the check may refer to a virtual
/// thread's stack, as a waiter in a list that the program shares with its caller would. (A stack
/// that is abandoned while it unwinds leaves `std::thread::panicking` true on the calling thread.)
///
/// # Panics
///
/// If it is called inside of a check. (As a panic of the program, that fails the outer check.)
pub fn check<H: Os + Poller + Net>(config: &Config, program: impl FnOnce()) -> Outcome {
    #[cfg(feature = "interpose")]
    crate::interpose::link();
    let gate = Gate::new(config);
    let mut program = Some(program);
    let mut run = Run::new::<H>(&gate, config);
    let failure = run.all(start(&mut program)).err();
    let kept = gate.take_kept();
    let kept_bytes = kept.iter().map(|&(_, bytes)| bytes as u64).sum();
    if config.reclaim && failure.is_none() {
        for (at, bytes) in kept {
            // SAFETY: the program reserved it and did not release it. All that it started has
            // ended, and whoever set `reclaim` was told that nothing outside may refer to it. That
            // is the program's word, not a proof.
            unsafe { H::release(at, bytes) };
        }
    }
    let (ended, busy) = match &run.order {
        Order::Parallel(parallel) => parallel.times(),
        _ => (gate.clock.get(), &[][..]),
    };
    Outcome {
        seed: config.seed,
        steps: run.steps,
        hash: run.trace.hash,
        virtual_time: ended.saturating_sub(BEGINNING),
        busy: busy.to_vec(),
        kept_bytes,
        refusals: run.refusals,
        failure,
        text: core::mem::take(&mut run.errors),
        trace: core::mem::take(&mut run.trace.lines),
    }
}

/// A virtual thread that runs the program. It must not run after `program` is gone.
fn start<F: FnOnce()>(program: &mut Option<F>) -> Start {
    Start { entry: run_program::<F>, arg: core::ptr::from_mut(program).cast() }
}

/// The entry of virtual thread 0.
///
/// # Safety
/// - `program` points to a live `Option<F>` that nobody else uses.
unsafe extern "C" fn run_program<F: FnOnce()>(program: *mut ()) {
    // SAFETY: it is the local of `check`, which waits for this thread and touches it no more.
    let program = unsafe { &mut *program.cast::<Option<F>>() };
    let Some(program) = program.take() else { return };
    // Whatever the program broke is seen by the outcome's reader, who is told of the panic.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(program)) {
        let message = message(payload);
        inside(|gate| -> () { gate.leave(Call::Panic(message)) });
    }
}

/// What a panic said.
fn message(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => match payload.downcast_ref::<&str>() {
            Some(text) => (*text).to_owned(),
            None => "(a payload that is not text)".to_owned(),
        },
    }
}
