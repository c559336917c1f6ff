//! Starting a runtime.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::base::io;
use crate::base::panic::{self, AssertUnwindSafe, Location};

use rt_core::boot::{Boot, Stage};
use rt_core::inspect::Seen;
use rt_core::{Config, Deadlock, Running, Runtime};

use crate::base::variable;
use crate::thread::{end_locals, name_main};
use crate::{debug, lent, refusal};

/// The environment variable that sets the number of processors.
const MAXPROCS: &str = "GORT_MAXPROCS";

/// Go's limit of threads.
const MAX_THREADS: usize = 10_000;

/// The most processors; more are taken as a slip of the pen.
const MOST_PROCS: usize = 65_536;

/// How a runtime is to be: processors, stacks, threads.
///
/// ```
/// let answer = gort::Builder::new().procs(2).run(|| 6 * 7)?;
/// assert_eq!(answer, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it runs something"]
pub struct Builder {
    procs: Option<usize>,
    stack_bytes: usize,
    max_threads: usize,
    migratory: bool,
    deadlock: Deadlock,
    left: Option<fn(&[Seen])>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// The default: as many processors as the process may use, stacks of 256 KiB of addresses, at
    /// most 10 000 threads, goroutines that stay on the thread that they first ran on.
    pub fn new() -> Builder {
        Builder {
            procs: None,
            stack_bytes: rt_core::DEFAULT_STACK_BYTES,
            max_threads: MAX_THREADS,
            migratory: false,
            deadlock: Deadlock::default(),
            left: None,
        }
    }

    /// Sets the number of processors: how many goroutines run at the same moment. Unless set, it is
    /// the environment's `GORT_MAXPROCS`, or else what the affinity mask and the cgroup quota allow,
    /// and then it changes when these do: within a second or two, while anything runs. See
    /// [`runtime::procs`](crate::runtime::procs).
    #[doc(alias = "GOMAXPROCS")]
    pub fn procs(mut self, n: usize) -> Builder {
        self.procs = Some(n);
        self
    }

    /// Sets the stack of each goroutine, in bytes of addresses, guard page included; rounded up to a
    /// power of two of at least 32 KiB. Memory is used as it is touched.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_bytes = bytes;
        self
    }

    /// Sets the most threads that the runtime has at one time: workers and those for
    /// [`blocking`](crate::blocking), whose calls wait for one another when there are no more.
    #[doc(alias = "SetMaxThreads")]
    pub fn max_threads(mut self, n: usize) -> Builder {
        self.max_threads = n;
        self
    }

    /// Lets started goroutines move between threads, as Go's do: all work can be stolen.
    ///
    /// # Safety
    /// - No code that runs on a goroutine of this runtime, libraries included, keeps anything bound
    ///   to its thread (a reference into a `thread_local!`, an `Rc` that a thread-local shares, a
    ///   lock guard that must be dropped where it was made, what a goroutine made by
    ///   [`spawn_local`](crate::spawn_local) shares) over a call that may park.
    /// - What is passed to [`Builder::run`] is `Send`, for it runs on another thread.
    pub unsafe fn migratory(mut self) -> Builder {
        self.migratory = true;
        self
    }

    /// Sets what to do when every goroutine waits and nobody is left who could wake one: none waits
    /// for a time, a socket or a [`blocking`](crate::blocking) call, and the process has no thread
    /// but this runtime's. Unless set, the process says so and ends, with status 2, as in Go:
    ///
    /// ```text
    /// fatal: all goroutines are asleep - deadlock!
    ///   goroutine 1 'main', spawned at main.rs:4:1, waits for the end of goroutine 2 for 10.3ms
    ///   goroutine 2, spawned at main.rs:7:5, waits to send to channel 0 (1 sender, 2 receivers) for 9ms
    /// ```
    ///
    /// It is noticed within a few hundredths of a second. In a process with threads of its own it is
    /// not, for any of them may be about to wake somebody; unless they end less than a second after
    /// the goroutines came to rest. What is buffered for the standard output is lost.
    ///
    /// ```
    /// use gort::runtime::Deadlock;
    ///
    /// let builder = gort::Builder::new().deadlock(Deadlock::Report);
    /// assert_eq!(builder.run(|| 5)?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn deadlock(mut self, what: Deadlock) -> Builder {
        self.deadlock = what;
        self
    }

    /// Has the goroutines that have not ended when the runtime does reported.
    #[cfg(feature = "os-sim")]
    pub(crate) fn report_left(mut self, report: fn(&[Seen])) -> Builder {
        self.left = Some(report);
        self
    }

    // Inlined, so that a program that says how many processors it wants carries nothing along that
    // finds out.
    #[inline(always)]
    fn config(&self) -> io::Result<Config> {
        let (procs, follows) = match self.procs {
            Some(n) => (n, false),
            None => procs_by_default()?,
        };
        if procs == 0 || procs > MOST_PROCS {
            return Err(invalid(format!("procs is {procs}: give 1 to {MOST_PROCS}")));
        }
        if self.stack_bytes > 1 << 30 {
            let bytes = self.stack_bytes;
            return Err(invalid(format!("stack_size is {bytes} bytes: give at most 1 GiB")));
        }
        Ok(Config {
            procs,
            follows,
            stack_bytes: self.stack_bytes,
            max_threads: self.max_threads,
            migratory: self.migratory,
            deadlock: self.deadlock,
            unwinding: crate::base::thread::panicking,
            left: self.left,
            keeps_left: false,
        })
    }

    /// Starts a runtime without running anything in it.
    #[inline(always)]
    pub(crate) fn start(&self, boot: &Boot) -> io::Result<Runtime> {
        self.start_with(&self.config()?, boot)
    }

    fn start_with(&self, config: &Config, boot: &Boot) -> io::Result<Runtime> {
        boot.done(Stage::OsInit, if self.procs.is_some() { GIVEN } else { FOUND });
        match Runtime::new(config) {
            Ok(runtime) => {
                boot.done(Stage::SchedInit, "stacks, workers and processors");
                Ok(runtime)
            }
            Err(error) => Err(refusal::refused("a runtime", error, None)),
        }
    }

    /// Starts a runtime, runs `f` as its first goroutine, and returns what `f` returns as soon as it
    /// does. Goroutines that have not ended then never run again.
    ///
    /// It doesn't wait for goroutines or [`blocking`](crate::blocking) calls that are still under
    /// way. Because they may use what a goroutine of this thread has lent them of its thread-locals,
    /// a thread that has called `run` ends only when they have (the main thread excepted, with which
    /// the process ends).
    ///
    /// The calling thread becomes worker 0 and `f` stays on it, so `f` need be neither `Send` nor
    /// `'static`. (In [`migratory`](Builder::migratory) mode the caller sleeps.) Called on a
    /// goroutine, it holds that goroutine's worker until `f` has returned: what else is at home on
    /// the worker waits so long, and `f` must not wait for it.
    ///
    /// # Errors
    /// The builder's settings make no sense, or the system refuses memory or a thread: the error
    /// says what ran out, how many there were and what to raise, and nothing is left behind.
    ///
    /// # Panics
    /// When `f` panics, its panic goes on in the caller.
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> io::Result<T>
    where
        F: FnOnce() -> T,
    {
        let boot = hosted();
        run_on(&self.start(&boot)?, Location::caller(), &boot, f)
    }

    /// As [`run`](Builder::run), and returns the goroutines too that had not ended when `f` returned,
    /// or a moment later: each with what it waits for, and who could wake it.
    ///
    /// # Errors
    /// As for [`run`](Builder::run).
    ///
    /// # Panics
    /// As [`run`](Builder::run).
    ///
    /// ```
    /// use gort::chan;
    ///
    /// let (value, left) = gort::Builder::new().procs(1).run_reporting(|| {
    ///     let (tx, rx) = chan::bounded::<()>(0);
    ///     gort::go(move || assert!(rx.recv().is_ok()));
    ///     gort::yield_now();
    ///     // It waits for ever: nobody drops this handle.
    ///     std::mem::forget(tx);
    ///     5
    /// })?;
    /// assert_eq!((value, left.len()), (5, 1));
    /// let text = left[0].to_string();
    /// assert!(text.contains("waits to receive from channel 0 (1 sender, 1 receiver)"), "{text}");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run_reporting<F, T>(&self, f: F) -> io::Result<(T, Vec<Seen>)>
    where
        F: FnOnce() -> T,
    {
        let boot = hosted();
        let runtime = self.start_with(&Config { keeps_left: true, ..self.config()? }, &boot)?;
        let value = run_on(&runtime, Location::caller(), &boot, f)?;
        Ok((value, runtime.left()))
    }
}

/// Notes the last stage of a program that `main` has returned from.
pub(crate) fn returned(boot: &Boot, reports: bool) {
    boot.done(Stage::Exit, "main has returned");
    if reports {
        boot.report(Stage::Exit);
    }
}

/// How the number of processors was found.
const GIVEN: &str = "the program says how many processors";
const FOUND: &str = "processors by GORT_MAXPROCS, or affinity and quota";

/// The start of a program that libc has started, up to here.
fn hosted() -> Boot {
    let boot = Boot::new();
    boot.skipped(Stage::Rt0, "the kernel started libc");
    boot.skipped(Stage::Rt0Go, "libc has the first stack");
    boot.done(Stage::HostHook, "libc owns the thread-local storage");
    boot.skipped(Stage::SetTls, "libc has set it");
    boot.done(Stage::Bind, "the calling thread's own stack");
    boot.skipped(Stage::Check, "libc has looked at the processor");
    boot.skipped(Stage::Args, "std keeps them");
    boot
}

/// Runs `f` as the first goroutine of a runtime that nothing runs in. See [`Builder::run`].
pub(crate) fn run_on<F, T>(
    runtime: &Runtime,
    at: &'static Location<'static>,
    boot: &Boot,
    f: F,
) -> io::Result<T>
where
    F: FnOnce() -> T,
{
    let mut result = None;
    let main = |running: &Running| {
        boot.done(Stage::Main, "what the program gave");
        let reports = debug::asks_for("boot");
        if reports {
            boot.report(Stage::Rt0);
        }
        name_main();
        result = Some(panic::catch_unwind(AssertUnwindSafe(f)));
        end_locals(running);
        returned(boot, reports);
    };
    // SAFETY: panics are caught on the line above; `migratory` made the caller promise `Send`.
    let ran = unsafe { runtime.clone().run(at, boot, main) };
    let refused = |error| refusal::refused("the first goroutine", error, Some(runtime.held()));
    if let Some(lent) = ran.map_err(refused)? {
        lent::leave(lent);
    }
    lent::sweep();
    match result {
        Some(Ok(value)) => Ok(value),
        Some(Err(panic)) => panic::resume_unwind(panic),
        None => {
            let text = "the first goroutine ended without a result";
            Err(refusal::sentence(io::ErrorKind::Other, text))
        }
    }
}

/// Runs `f` as a goroutine of a new runtime and returns what it returns. See [`Builder::run`].
///
/// # Panics
/// When `f` panics, its panic goes on in the caller. Also when the system refuses memory or a thread
/// to start with; [`Builder::run`] returns an error instead.
#[track_caller]
pub fn run<F, T>(f: F) -> T
where
    F: FnOnce() -> T,
{
    match Builder::new().run(f) {
        Ok(value) => value,
        Err(error) => panic!("gort::run: {error}"),
    }
}

/// The number of processors when the program says none, and whether that changes with the system.
fn procs_by_default() -> io::Result<(usize, bool)> {
    let Some(text) = variable(MAXPROCS) else { return Ok((rt_core::os::cpus(), true)) };
    let number = text.trim().parse().ok();
    let number = number.filter(|n| (1..=MOST_PROCS).contains(n)).ok_or_else(|| {
        invalid(format!("{MAXPROCS} is `{text}`: give a number from 1 to {MOST_PROCS}"))
    })?;
    Ok((number, false))
}

fn invalid(text: String) -> io::Error {
    refusal::sentence(io::ErrorKind::InvalidInput, text)
}
