//! A deterministic simulation of the operating system, to run the scheduler under.
//!
//! [`Sim<H>`](Sim) is a platform beside the real one, `H`. Outside of a [`check`] every call passes
//! to `H`; inside, the simulation answers, and every choice that a kernel would make comes from
//! [`Config::seed`]: who runs, who is woken, how fast the clock goes, when a sleep ends for no
//! reason. So native and simulated tests share one binary, and a seed that fails is a program that
//! can be run again.
//!
//! ```
//! use core::sync::atomic::{AtomicU32, Ordering};
//! use rt_core::{FOREVER, os};
//!
//! rt_core::platform!(os = os_sim::Sim<os_linux::Linux>, arch = arch_amd64::Amd64);
//!
//! unsafe extern "C" fn set(flag: *mut ()) {
//!     // SAFETY: `main` passes a flag that outlives the thread, for it joins it.
//!     let flag = unsafe { &*flag.cast::<AtomicU32>() };
//!     flag.store(1, Ordering::Relaxed);
//!     os::wake(flag, 1);
//! }
//!
//! for seed in 0..100 {
//!     let config = os_sim::Config { seed, ..Default::default() };
//!     let outcome = os_sim::check::<os_linux::Linux>(&config, || {
//!         let flag = AtomicU32::new(0);
//!         let arg = (&raw const flag).cast_mut().cast();
//!         // SAFETY: `set` expects a flag, and has one until it is joined below.
//!         let thread = unsafe { os::start(set, arg) }.expect("no thread");
//!         while flag.load(Ordering::Relaxed) == 0 {
//!             os::wait(&flag, 0, FOREVER);
//!         }
//!         // SAFETY: started above, joined once, by another thread.
//!         unsafe { os::join(thread) };
//!     });
//!     assert_eq!(outcome.failure, None, "{outcome:#?}");
//! }
//! ```
//!
//! # What a program under check must keep to
//!
//! - It sleeps through the platform only. A `std` lock that is held over a call of the platform, or
//!   a spin loop without one, stops the real thread for good: nobody else gets to run. After
//!   [`Config::patience`] the process is aborted, with a message.
//! - It starts threads through the platform only: a `std` thread is outside of the check.
//! - It does not depend on addresses, real time or real randomness. With the feature `interpose`,
//!   `std`'s clocks and what it keys hash maps with are virtual as well; but it draws the keys once
//!   for each real thread, so checks that are to be equal begin on a fresh one. Then equal seeds give equal
//!   [`Outcome::hash`]es, on every machine. (A `wake` of a word that is gone can meet another word
//!   at the same address. That is allowed, and the one place where the allocator can be seen.)
//! - A destructor that sleeps while its thread unwinds makes `std::thread::panicking` true for the
//!   virtual threads that run meanwhile, because they share one real thread.
//! - Its sockets are streams, between addresses of one simulated host that has them all. A socket
//!   from outside of the check answers `ENOSYS`.
//!
//! # Inside
//!
//! A check is a small kernel: virtual threads leave a call at the gate (`gate.rs`), the loop
//! (`run.rs`) acts on it and chooses who goes on, by `order.rs` or `parallel.rs`. `threads.rs` has the table of threads, `sleep.rs`
//! the clock and whoever waits for it, `poll.rs` the pollers, `sockets.rs` the calls of sockets and
//! `network.rs` what is behind them, `chance.rs` the seed's choices, `faults.rs` what goes wrong.

mod chance;
mod check;
mod errno;
mod faults;
mod gate;
#[cfg(feature = "interpose")]
mod interpose;
mod net;
mod network;
mod order;
mod parallel;
mod poll;
mod run;
mod sleep;
mod socket;
mod sockets;
mod stack;
mod stream;
mod threads;
mod trace;
mod watchdog;
mod wire;

use core::marker::PhantomData;
use core::sync::atomic::AtomicU32;
use core::time::Duration;

use rt_core::{Fault, GuardKind, Os, OsError, OsResult, Shortage, ThreadHandle};

pub use check::{Config, Outcome, check};
pub use faults::{Faults, Refusal, Scarce};
use gate::{Call, Reply, Start, inside};
pub use order::Strategy;
use trace::Event;

/// The simulation in front of the platform `H`, which answers outside of a [`check`].
#[derive(Debug)]
pub struct Sim<H>(PhantomData<H>);

/// Whether the caller runs inside a [`check`].
pub fn active() -> bool {
    inside(|_| ()).is_some()
}

/// The virtual time since the check began; none outside of a check.
pub fn now() -> Option<Duration> {
    inside(|gate| {
        gate.point(Event::Now);
        Duration::from_nanos(gate.clock.get() - sleep::BEGINNING)
    })
}

/// Lets the virtual clock go forward by this much, whoever can run. False, and nothing happens:
/// outside of a check.
pub fn advance(time: Duration) -> bool {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    inside(|gate| {
        gate.pass(nanoseconds);
        gate.point(Event::Advance);
    })
    .is_some()
}

/// A switch point, when inside a check.
fn point(event: Event) -> bool {
    inside(|gate| gate.point(event)).is_some()
}

/// A switch point, when inside a check, at which the seed may refuse memory.
fn granted<H: Os>(event: Event) -> OsResult<bool> {
    match inside(|gate| gate.ask(Call::Memory(event))) {
        None => Ok(false),
        Some(Ok(_)) => Ok(true),
        Some(Err(_)) => Err(H::no_memory()),
    }
}

impl<H: Os> Os for Sim<H> {
    // Memory is the host's, for the program really uses it; each call is a switch point, and those
    // that can be refused are by the seed.

    fn page_size() -> usize {
        H::page_size()
    }

    fn reserve(bytes: usize) -> OsResult<*mut u8> {
        granted::<H>(Event::Reserve)?;
        let at = H::reserve(bytes)?;
        inside(|gate| gate.keep(at, bytes));
        Ok(at)
    }

    unsafe fn commit(at: *mut u8, bytes: usize) -> OsResult<()> {
        granted::<H>(Event::Commit)?;
        // SAFETY: the caller's contract is the same.
        unsafe { H::commit(at, bytes) }
    }

    unsafe fn guard(first: *mut u8, bytes: usize, stride: usize, count: usize) -> OsResult<()> {
        // Guards cost a system call and find nothing that a native test would not.
        if granted::<H>(Event::Guard)? {
            return Ok(());
        }
        // SAFETY: the caller's contract is the same.
        unsafe { H::guard(first, bytes, stride, count) }
    }

    unsafe fn discard(at: *mut u8, bytes: usize) {
        point(Event::Discard);
        // SAFETY: the caller's contract is the same.
        unsafe { H::discard(at, bytes) }
    }

    unsafe fn release(at: *mut u8, bytes: usize) {
        point(Event::Release);
        inside(|gate| gate.forget(at));
        // SAFETY: the caller's contract is the same.
        unsafe { H::release(at, bytes) }
    }

    fn guard_kind() -> GuardKind {
        if active() { GuardKind::Simulated } else { H::guard_kind() }
    }

    fn cpus() -> usize {
        // Asking for a number is never refused.
        inside(|gate| gate.ask(Call::Cpus).map_or(1, Reply::number) as usize)
            .unwrap_or_else(H::cpus)
    }

    fn most_cpus() -> usize {
        inside(|gate| gate.procs).unwrap_or_else(H::most_cpus)
    }

    unsafe fn start(entry: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> OsResult<ThreadHandle> {
        let simulated = inside(|gate| {
            gate.point(Event::Start);
            let reply = gate.ask(Call::Start(Start { entry, arg }))?;
            Ok(ThreadHandle(reply.number() as usize))
        });
        match simulated {
            Some(started) => started,
            // SAFETY: the caller's contract is the same.
            None => unsafe { H::start(entry, arg) },
        }
    }

    unsafe fn join(thread: ThreadHandle) {
        let simulated = inside(|gate| {
            gate.point(Event::Join);
            // The answer carries nothing: it only comes when the thread has ended.
            let _ = gate.ask(Call::Join(thread.0));
        });
        if simulated.is_none() {
            // SAFETY: the caller's contract is the same.
            unsafe { H::join(thread) }
        }
    }

    fn enter_thread() -> OsResult<usize> {
        if active() { Ok(0) } else { H::enter_thread() }
    }

    unsafe fn leave_thread(token: usize) {
        if !active() {
            // SAFETY: the caller's contract is the same.
            unsafe { H::leave_thread(token) }
        }
    }

    fn threads() -> usize {
        // Asking for a number is never refused.
        inside(|gate| gate.ask(Call::Count).map_or(0, Reply::number) as usize)
            .unwrap_or_else(H::threads)
    }

    /// Inside of a check: false, for virtual threads share one real thread and its thread-locals.
    unsafe fn at_thread_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> bool {
        if active() {
            return false;
        }
        // SAFETY: the caller's contract is the same.
        unsafe { H::at_thread_end(f, arg) }
    }

    fn thread() -> usize {
        let number = inside(|gate| gate.ask(Call::Name).map_or(0, Reply::number));
        number.map_or_else(H::thread, |number| number as usize)
    }

    fn is_blocked(thread: usize) -> bool {
        let blocked = inside(|gate| gate.ask(Call::IsBlocked(thread)).map_or(0, Reply::number));
        blocked.map_or_else(|| H::is_blocked(thread), |blocked| blocked == 1)
    }

    fn local() -> *mut () {
        inside(|gate| gate.local.get()).unwrap_or_else(H::local)
    }

    fn set_local(word: *mut ()) {
        if inside(|gate| gate.local.set(word)).is_none() {
            H::set_local(word);
        }
    }

    fn wait(word: &AtomicU32, expected: u32, until: u64) {
        if inside(|gate| gate.wait(word, expected, until)).is_none() {
            H::wait(word, expected, until);
        }
    }

    fn wake(word: *const AtomicU32, n: u32) {
        if inside(|gate| gate.wake(word, n)).is_none() {
            H::wake(word, n);
        }
    }

    fn now() -> u64 {
        inside(|gate| {
            gate.point(Event::Now);
            gate.clock.get()
        })
        .unwrap_or_else(H::now)
    }

    fn fence_all() -> bool {
        // Virtual threads take turns: a switch is all the fence there is.
        point(Event::Fence) || H::fence_all()
    }

    fn point() {
        if !point(Event::Point) {
            H::point();
        }
    }

    fn seed() -> u64 {
        // Asking for a seed is never refused.
        inside(|gate| gate.ask(Call::Seed).map_or(0, Reply::number)).unwrap_or_else(H::seed)
    }

    /// Collects the text for the failure and the trace. It may allocate, which is right in a fault
    /// handler only because the core has no guards in a check and so reports no faults.
    fn write_error(text: &[u8]) {
        if inside(|gate| gate.write(text)).unwrap_or(true) {
            H::write_error(text);
        }
    }

    fn catch_faults(handler: fn(address: usize) -> Fault) -> OsResult<()> {
        H::catch_faults(handler)
    }

    fn abort() -> ! {
        inside(|gate| -> () { gate.leave(Call::Abort) });
        H::abort()
    }

    fn exit(status: i32) -> ! {
        inside(|gate| -> () { gate.leave(Call::Exit(status)) });
        H::exit(status)
    }

    fn at_fork(child: fn()) -> OsResult<()> {
        H::at_fork(child)
    }

    fn forks() -> u32 {
        H::forks()
    }

    /// The numbers are the host's: they go into messages, and nothing hangs on them.
    fn shortage(error: OsError) -> Option<Shortage> {
        H::shortage(error)
    }

    fn no_memory() -> OsError {
        H::no_memory()
    }
}
