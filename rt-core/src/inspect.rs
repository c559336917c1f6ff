//! What a report says of goroutines (`look` finds it out); and a look at runtimes from outside, while
//! all of their threads stand still, for the simulation.
//!
//! Every change of a state is checked when it is made, and so is every place in a queue (`queued`).
//! What is left is what can be seen only from outside: see [`check`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::panic::Location;
use core::time::Duration;

use crate::goroutine::GoroutineRef;
use crate::processor::Processor;
use crate::runtime::Shared;
use crate::seam::{INSPECTED, Ordering};
use crate::state::State;
use crate::wait::WaitsFor;
use crate::worker::Local;

/// A goroutine that has not ended. Its text is what a report says of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// Its number.
    pub id: u64,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: Option<&'static Location<'static>>,
    /// Its state.
    pub state: State,
    /// What it waits for, if it is parked and could be looked at.
    pub waits: Option<Waits>,
}

/// What a goroutine waits for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waits {
    /// What for.
    pub what: WaitsFor,
    /// Whether it goes on by itself after a time.
    pub timed: bool,
    /// For how long it has waited. It may be less, by as long as its worker had not read the clock.
    pub waited: Duration,
    /// Where: one channel, lock or the like, or those of a `select`.
    pub on: Vec<On>,
    /// The number of the goroutine whose end it waits for, if that one waits too.
    pub joins: Option<u64>,
    /// Why it is certain that it waits for ever; none if that is not known.
    pub never: Option<Never>,
    /// Its address, to know it again by.
    pub(crate) waiter: usize,
}

/// A channel, a lock or the like that a goroutine waits for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct On {
    /// What it does there: one of several things, if it selects.
    pub what: WaitsFor,
    /// How many senders and receivers a channel has, clones included.
    pub handles: Option<(usize, usize)>,
    /// Who holds the lock, if that was noted.
    pub held_by: Option<HeldBy>,
    /// As [`Holder`](crate::wait::Holder) has it.
    pub(crate) holder: u64,
    /// Its address: a name that can be compared.
    pub(crate) name: usize,
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// The goroutine of this number.
    Goroutine(u64),
    /// A goroutine that has ended, and has leaked its guard.
    Ended,
    /// A plain thread, or a goroutine of another runtime.
    Other,
}

/// Why a goroutine waits for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// It receives from `never()`.
    Channel,
    /// None of the channels of its `select` ever has a message.
    Cases,
    /// The goroutine that holds the lock has ended.
    HolderEnded,
    /// It waits for a goroutine that waits, directly or by others, for it.
    Cycle,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, &mut Vec::new(), self)
    }
}

/// A line for each goroutine, channels and locks numbered by who is first in the list.
pub fn list(all: &[Seen]) -> String {
    let mut known = Vec::new();
    let mut text = String::new();
    for seen in all {
        text.push_str("\n  ");
        // Writing to a string is not refused.
        let _ = line(&mut text, &mut known, seen);
    }
    text
}

fn line(text: &mut dyn Write, known: &mut Vec<usize>, seen: &Seen) -> fmt::Result {
    write!(text, "goroutine {}", seen.id)?;
    if let Some(name) = &seen.name {
        write!(text, " '{name}'")?;
    }
    if let Some(at) = seen.spawned_at {
        write!(text, ", spawned at {at},")?;
    }
    let Some(waits) = &seen.waits else {
        let doing = match seen.state {
            State::Runnable => "can run",
            State::Running | State::Parking | State::Notified => "runs, or holds its thread up",
            _ => "is off its stack",
        };
        return write!(text, " {doing}");
    };
    text.write_str(" ")?;
    match (waits.what, waits.joins) {
        (WaitsFor::Join, Some(id)) => write!(text, "waits for the end of goroutine {id}")?,
        (what, _) => text.write_str(verb(what).0)?,
    }
    for (place, on) in waits.on.iter().enumerate() {
        if waits.what == WaitsFor::Select {
            text.write_str(if place == 0 { ": " } else { ", or " })?;
            text.write_str(verb(on.what).0.trim_start_matches("waits "))?;
        }
        write_on(text, known, on)?;
    }
    if waits.timed && waits.what != WaitsFor::Sleep {
        text.write_str(" until a deadline")?;
    }
    write!(text, " for {:.1?}", waits.waited)?;
    text.write_str(match waits.never {
        None => "",
        Some(Never::Channel) => ": for ever, as such a channel has no message",
        Some(Never::Cases) => ": for ever, as none of them ever has a message",
        Some(Never::HolderEnded) => ": for ever, as nobody unlocks it",
        Some(Never::Cycle) => ": for ever, as they wait for each other in a circle",
    })
}

/// What one does that waits, and the kind of thing that it does it to.
fn verb(what: WaitsFor) -> (&'static str, &'static str) {
    match what {
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
        WaitsFor::Nothing => ("waits to receive from `never()`", ""),
        WaitsFor::Condition => ("waits to be notified by", "condition"),
        WaitsFor::Permit => ("waits for a permit of", "semaphore"),
        WaitsFor::Others => ("waits for the others of", "barrier"),
        WaitsFor::Once => ("waits for the work of", "once"),
        WaitsFor::Unpark => ("waits to be unparked", ""),
        WaitsFor::Future => ("waits for a future", ""),
    }
}

/// Which channel or lock, and who could do something there.
fn write_on(text: &mut dyn Write, known: &mut Vec<usize>, on: &On) -> fmt::Result {
    let kind = verb(on.what).1;
    if kind.is_empty() {
        return Ok(());
    }
    let number = known.iter().position(|&name| name == on.name).unwrap_or_else(|| {
        known.push(on.name);
        known.len() - 1
    });
    write!(text, " {kind} {number}")?;
    if let Some((senders, receivers)) = on.handles {
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        let (s, r) = (plural(senders), plural(receivers));
        write!(text, " ({senders} sender{s}, {receivers} receiver{r})")?;
    }
    match on.held_by {
        None => Ok(()),
        Some(HeldBy::Goroutine(id)) => write!(text, ", held by goroutine {id},"),
        Some(HeldBy::Ended) => text.write_str(", held by a goroutine that has ended,"),
        Some(HeldBy::Other) => text.write_str(", held from outside,"),
    }
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
pub unsafe fn goroutines(words: impl Iterator<Item = *mut ()>, now: u64) -> Vec<Seen> {
    // SAFETY: the caller's contract.
    let all = unsafe { runtimes(words) };
    all.into_iter().flat_map(|shared| shared.look_at_still(now)).collect()
}

/// Whether a thread that sleeps on a word with this value naps for a lock of the core's, and has
/// something between its hands.
pub fn naps(value: u32) -> bool {
    value == crate::lock::HELD
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
            && shared.in_use().any(Processor::is_asleep)
    })
}

fn check_one(shared: &Shared) -> Result<(), String> {
    if shared.handoff.is_wanted() {
        // A worker is in the midst of things, and waits for a processor.
        let idle = shared.in_use().find(|processor| processor.is_asleep());
        return match idle.map(Processor::index) {
            Some(i) => Err(format!("processor {i} sleeps while a worker wants one")),
            None => Ok(()),
        };
    }
    let mut wrong = None;
    let (mut runnable, mut timed) = (0, 0);
    let live = shared.stacks.visit(|g| {
        runnable += usize::from(g.state.load() == State::Runnable);
        timed += usize::from(is_timed(g));
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
    // Not what is in `next` of a worker that has just begun to be held up: nobody is woken for that, and
    // the monitor comes.
    let offered =
        shared.processors().iter().any(Processor::has_shared) || !shared.inject.is_empty();
    if offered && let Some(processor) = asleep().find(|p| !shared.is_surplus(p)) {
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

/// Whether a goroutine is parked and has a deadline, while nobody runs.
fn is_timed(g: GoroutineRef) -> bool {
    let waiting = g.waiting.get().filter(|_| g.state.load() == State::Parked);
    // SAFETY: a parked goroutine's waiter lies on its stack, and nobody runs.
    waiting.is_some_and(|waiter| unsafe { waiter.as_ref() }.is_timed())
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
