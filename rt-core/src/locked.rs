//! A goroutine that has a thread for itself for a while: Go's `LockOSThread`.
//!
//! It does without the scheduler meanwhile: what would park it makes the thread sleep, as a plain
//! thread does. To the others it is a goroutine that holds its worker up, and what is done for that
//! is done for it (`monitor`): in migratory mode the processor is taken from the worker; in default
//! mode what it has not started is stolen, and others look after its timers and sockets. So goroutines
//! that can run on that worker alone are in the way; and one worker has to be left for the rest.
//!
//! Its word says so ([`Local::locked_word`](crate::worker::Local::locked_word)), and keeps the word that
//! the thread had before. Who asks for the goroutine itself, and not for the way into the scheduler,
//! still finds it ([`current`]).
//!
//! Rejected: handing the processor over at each wait, as Go does (a worker's own stack would have to
//! look for one goroutine alone, in every place that picks one; and a thread that waits costs the same
//! either way).

use core::fmt;

use crate::goroutine::GoroutineRef;
use crate::os;
use crate::seam::{AtomicUsize, Ordering, mutant};
use crate::switch::{Entered, enter};
use crate::worker::{Local, WorkerRef};

/// What the word of a locked thread points to.
#[repr(align(64))]
pub(crate) struct Locked {
    /// The word before.
    word: *mut (),
    goroutine: GoroutineRef,
}

impl Locked {
    pub(crate) fn word(&self) -> *mut () {
        self.word
    }

    pub(crate) fn goroutine(&self) -> GoroutineRef {
        self.goroutine
    }
}

/// The current goroutine, also one that does without the scheduler.
#[cfg_attr(not(feature = "small"), inline(always))]
pub(crate) fn current() -> Option<GoroutineRef> {
    match enter().and_then(Entered::on_goroutine) {
        Some((_, g)) => Some(g),
        None => Local::locked(),
    }
}

/// How many workers of a runtime are locked, in default mode.
pub(crate) struct Count(
    /// Written by those who lock; a number that is refused is taken back.
    AtomicUsize,
);

impl Count {
    pub(crate) const fn new() -> Count {
        Count(AtomicUsize::new(0))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a thread can't be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotLocked {
    /// So many other goroutines can run on this thread alone.
    Shared(u64),
    /// So few processors has the runtime, and no other would be left.
    Last(usize),
}

impl fmt::Display for NotLocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotLocked::Shared(1) => f.write_str("another goroutine can run on this thread alone"),
            NotLocked::Shared(n) => write!(f, "{n} other goroutines can run on this thread alone"),
            NotLocked::Last(1) => {
                f.write_str("the runtime has 1 processor, and needs it for others")
            }
            NotLocked::Last(n) => {
                write!(f, "the runtime has {n} processors, and needs the last one for others")
            }
        }
    }
}

/// Takes back that this worker is locked, if that was counted.
struct Taken(Option<WorkerRef>);

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(worker) = self.0 {
            worker.shared().locked.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Entered<'_> {
    /// Whether the worker may be locked by `g`, its current goroutine, which it is then until the result
    /// is dropped.
    fn take_worker(&self, g: GoroutineRef) -> Result<Taken, NotLocked> {
        let shared = self.shared();
        let homed = if shared.migratory() {
            self.worker().pinned.get() - u64::from(g.pinned.get())
        } else {
            // It is counted itself.
            self.processor().settled.load(Ordering::Relaxed).saturating_sub(1)
        };
        if mutant!("lock-alone": homed > 0 => false) {
            return Err(NotLocked::Shared(homed));
        }
        if shared.migratory() {
            return Ok(Taken(None));
        }
        let taken = Taken(Some(self.worker().reference()));
        // Relaxed: only the number counts.
        let before = shared.locked.0.fetch_add(1, Ordering::Relaxed);
        if mutant!("lock-last": before + 1 >= shared.procs() => false) {
            return Err(NotLocked::Last(shared.procs()));
        }
        Ok(taken)
    }
}

/// Calls `f`, which must not unwind, while no other goroutine runs on the calling thread; on a thread
/// that runs no goroutines, or is locked already, just so.
///
/// # Errors
/// Other goroutines need the thread; then `f` comes back uncalled.
pub fn lock_thread<F: FnOnce() -> R, R>(f: F) -> Result<R, (NotLocked, F)> {
    let Some((entered, g)) = enter().and_then(Entered::on_goroutine) else { return Ok(f()) };
    let taken = match entered.take_worker(g) {
        Ok(taken) => taken,
        Err(why) => return Err((why, f)),
    };
    drop(entered);
    let result = with_word(g, f);
    drop(taken);
    Ok(result)
}

/// As [`blocking`](crate::blocking), with `f` still the calling goroutine's: what it keeps is what `f`
/// finds. The goroutine's identity has to be known by now. `f` must not unwind.
pub fn blocking_as_itself<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    match enter().and_then(Entered::on_goroutine).map(|(_, g)| g) {
        None => f(),
        // It waits until the call has ended; so what is its own is the call's.
        Some(g) => crate::blocking(move || with_word(g, f)),
    }
}

/// Calls `f` on a thread whose word says that it is this goroutine's.
fn with_word<R>(goroutine: GoroutineRef, f: impl FnOnce() -> R) -> R {
    let locked = Locked { word: os::local(), goroutine };
    Local::during(Local::locked_word(&locked), f)
}
