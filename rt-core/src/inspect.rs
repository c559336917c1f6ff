//! A look at runtimes from outside, while all of their threads stand still: for the simulation.
//!
//! Every change of a state is checked when it is made, and so is every place in a queue (`queued`).
//! What is left is what can be seen only from outside: see [`check`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::panic::Location;
use core::ptr::NonNull;

use crate::goroutine::GoroutineRef;
use crate::lock::Lock;
use crate::processor::Processor;
use crate::runtime::Shared;
use crate::seam::{INSPECTED, Ordering};
use crate::state::State;
use crate::wait::WaitsFor;
use crate::worker::Local;

/// A goroutine that has not ended.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its number.
    pub id: u64,
    /// Where it was spawned.
    pub spawned_at: Option<&'static Location<'static>>,
    /// Its state.
    pub state: State,
    /// What it waits for, and by when it last parked.
    pub waits: Option<Waits>,
}

/// What a goroutine waits for.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// What for.
    pub what: WaitsFor,
    /// Whether it goes on by itself after a time.
    pub timed: bool,
    /// On which channel, lock or the like: a name that can be compared.
    on: Option<NonNull<Lock>>,
}

impl Seen {
    fn new(g: GoroutineRef) -> Seen {
        let state = g.state.load();
        let waiting = g.waiting.get().filter(|_| state == State::Parked);
        let waits = waiting.map(|waiter| {
            // SAFETY: a parked goroutine's waiter lies on its stack, and nobody runs.
            let waiter = unsafe { waiter.as_ref() };
            Waits { what: waiter.waits_for(), timed: waiter.is_timed(), on: waiter.lock() }
        });
        Seen { id: g.id.get(), spawned_at: g.spawned_at.get(), state, waits }
    }
}

/// A line for each goroutine, channels and locks numbered by who is first in the list.
pub fn list(all: &[Seen]) -> String {
    let mut known = Vec::new();
    let mut text = String::new();
    for seen in all {
        // Writing to a string is not refused.
        let _ = line(&mut text, &mut known, seen);
    }
    text
}

fn line(text: &mut String, known: &mut Vec<NonNull<Lock>>, seen: &Seen) -> fmt::Result {
    write!(text, "\n  goroutine {}", seen.id)?;
    if let Some(at) = seen.spawned_at {
        write!(text, ", spawned at {at},")?;
    }
    let Some(waits) = seen.waits else {
        let doing = match seen.state {
            State::Runnable => "can run",
            State::Running | State::Parking | State::Notified => "runs, or holds its thread up",
            _ => "is off its stack",
        };
        return write!(text, " {doing}");
    };
    let (doing, object) = match waits.what {
        WaitsFor::Receive => ("waits to receive from", "channel"),
        WaitsFor::Send => ("waits to send to", "channel"),
        WaitsFor::Lock => ("waits for", "lock"),
        WaitsFor::Group => ("waits for", "wait group"),
        WaitsFor::Join => ("waits for the end of a goroutine", ""),
        WaitsFor::Scope => ("waits for the goroutines of", "scope"),
        WaitsFor::Sleep => ("sleeps", ""),
        WaitsFor::Socket => ("waits for", "socket"),
        WaitsFor::Blocking => ("waits for a blocking call", ""),
        WaitsFor::Select => ("waits for one of several channels", ""),
    };
    write!(text, " {doing}")?;
    if let Some(on) = waits.on.filter(|_| !object.is_empty()) {
        let number = known.iter().position(|&lock| lock == on).unwrap_or_else(|| {
            known.push(on);
            known.len() - 1
        });
        write!(text, " {object} {number}")?;
    }
    if waits.timed && waits.what != WaitsFor::Sleep {
        text.write_str(" until a deadline")?;
    }
    Ok(())
}

/// The runtimes that threads with these words work for, each once.
///
/// # Safety
/// - The words are those of threads of this process that stand still.
unsafe fn runtimes<'a>(words: impl Iterator<Item = *mut ()>) -> Vec<&'a Shared> {
    let mut all = Vec::<&Shared>::new();
    for mut word in words {
        loop {
            let (shared, outer) = match Local::of(word) {
                Local::Nothing => break,
                Local::Worker(worker) => {
                    // SAFETY: a thread's word names its live worker.
                    let worker = unsafe { &*worker.as_ptr() };
                    (worker.shared(), worker.outer())
                }
                // SAFETY: a thread aside is counted by its runtime.
                Local::Aside(shared) => (unsafe { &*shared.as_ptr() }, core::ptr::null_mut()),
            };
            if !all.iter().any(|&known| core::ptr::eq(known, shared)) {
                all.push(shared);
            }
            word = outer;
        }
    }
    all
}

/// Every goroutine that has not ended, of the runtimes that threads with these words work for. Those
/// whose stacks are being handed out at this moment are left out.
///
/// # Safety
/// - The words are those of threads of this process; they, and all other threads of their runtimes,
///   stand still.
pub unsafe fn goroutines(words: impl Iterator<Item = *mut ()>) -> Vec<Seen> {
    // SAFETY: the caller's contract.
    unsafe { runtimes(words) }.into_iter().flat_map(of).collect()
}

/// Every goroutine of a runtime that has not ended; while none of them can run.
pub(crate) fn of(shared: &Shared) -> Vec<Seen> {
    let mut all = Vec::new();
    shared.stacks.visit(|g| all.push(Seen::new(g)));
    all
}

/// Looks whether everything is as it must be when no thread of a runtime can go on by itself:
///
/// - a goroutine is in a queue exactly if it is runnable;
/// - one that is running is the current one of a processor;
/// - a deadline is kept for each that waits with one, and for no other;
/// - a worker that sleeps has nothing queued that it alone may run, and none does while something
///   is queued that all may run;
/// - no worker sleeps with a processor while another wants one;
/// - each region of the arenas holds a goroutine, or is free in one place.
///
/// # Errors
/// A sentence that says what is wrong.
///
/// # Safety
/// - As for [`goroutines`]; and every thread sleeps, with nothing between its hands.
pub unsafe fn check(words: impl Iterator<Item = *mut ()>) -> Result<(), String> {
    // SAFETY: the caller's contract.
    for shared in unsafe { runtimes(words) } {
        // A runtime that closes leaves things as they are.
        if !shared.is_closing() {
            check_one(shared)?;
        }
    }
    Ok(())
}

/// Whether a worker sleeps while something is queued that any may run, with nobody searching: right
/// for a moment, when a producer is about to wake one or a worker about to look once more.
///
/// # Safety
/// - As for [`goroutines`].
pub unsafe fn idles(word: *mut ()) -> bool {
    // SAFETY: the caller's contract.
    unsafe { runtimes([word].into_iter()) }.first().is_some_and(|shared| {
        !shared.is_closing()
            && shared.searching.load(Ordering::Relaxed) == 0
            && (shared.has_stealable() || !shared.inject.is_empty())
            && shared.processors().iter().any(Processor::is_asleep)
    })
}

fn check_one(shared: &Shared) -> Result<(), String> {
    if shared.handoff.is_wanted() {
        // A worker is in the midst of things, and waits for a processor.
        let idle = shared.processors().iter().find(|processor| processor.is_asleep());
        return match idle.map(Processor::index) {
            Some(i) => Err(format!("processor {i} sleeps while a worker wants one")),
            None => Ok(()),
        };
    }
    let mut wrong = None;
    let (mut runnable, mut timed) = (0, 0);
    let live = shared.stacks.visit(|g| {
        let seen = Seen::new(g);
        runnable += usize::from(seen.state == State::Runnable);
        timed += usize::from(seen.waits.is_some_and(|waits| waits.timed));
        if wrong.is_none() {
            wrong = misplaced(shared, g);
        }
    });
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    let deadlines: usize = shared.processors().iter().map(Processor::deadlines).sum();
    // One that was woken takes its deadline out when it runs.
    if runnable == 0 && deadlines != timed {
        return Err(format!("{deadlines} deadlines are kept, for {timed} goroutines"));
    }
    let asleep = || shared.processors().iter().filter(|processor| processor.is_asleep());
    if let Some(processor) = asleep().find(|processor| !processor.has_nothing()) {
        let i = processor.index();
        return Err(format!("worker {i} sleeps while goroutines are queued for it"));
    }
    let offered = shared.has_stealable() || !shared.inject.is_empty();
    if offered && let Some(processor) = asleep().next() {
        let i = processor.index();
        return Err(format!("worker {i} sleeps while goroutines are queued for anybody"));
    }
    let cached: usize = shared.processors().iter().map(|p| p.stacks.len()).sum();
    let (prepared, pooled) = shared.stacks.count();
    if prepared != pooled + cached + live {
        return Err(format!(
            "of {prepared} stacks {pooled} are in the pool, {cached} in caches, and {live} in use"
        ));
    }
    Ok(())
}

/// What is wrong with the place of a goroutine, if anything is.
fn misplaced(shared: &Shared, g: GoroutineRef) -> Option<String> {
    let state = g.state.load();
    let runs = matches!(state, State::Running | State::Parking | State::Notified);
    if INSPECTED && g.queued.is_set() != (state == State::Runnable) {
        Some(format!("{g:?} is {state:?}, and its place in a queue does not agree"))
    } else if runs && !is_current(shared, g) {
        Some(format!("{g:?} is {state:?}, but on no worker"))
    } else {
        None
    }
}

fn is_current(shared: &Shared, g: GoroutineRef) -> bool {
    let mut found = shared.workers().iter().any(|w| w.current.get() == Some(g));
    shared.handoff.each(|w| found |= w.current.get() == Some(g));
    found
}

impl Processor {
    /// Whether nothing is queued that its worker alone may run.
    fn has_nothing(&self) -> bool {
        self.holder().inbox.is_empty() && self.own.is_empty() && !self.has_next()
    }
}
