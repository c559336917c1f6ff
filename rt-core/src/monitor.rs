//! The monitor: a thread without a processor that looks after those who are held up. Go's sysmon.
//!
//! A goroutine that blocks in a system call, or computes for long, holds its worker up, and the
//! worker can't notice. The monitor sees it from outside: its processor has resumed nothing for a
//! while. In migratory mode it takes the processor and gives it to another worker (`handoff`). In
//! default mode started goroutines can't move, and others steal what has not started; the monitor
//! looks after the timers and sockets, whose goroutines may be at home elsewhere. In both modes it
//! makes workers look around that have not for long, and looks now and then how many processors the
//! system allows (`surplus`).
//!
//! It sleeps 20 µs while it finds something to do, or in default mode 2 ms, then ever longer, up to 10 ms; and
//! when every worker has been asleep for two looks in a row it sleeps until one wakes:
//!
//! 1. It says that it sleeps, and looks whether every worker still does.
//! 2. A worker that wakes says so, and looks whether the monitor sleeps. One of them sees the other.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::processor::Processor;
use crate::runtime::Shared;
use crate::schedule::enqueue_woken;
use crate::seam::{AtomicBool, AtomicU32, MODEL, Ordering, mutant};
use crate::switch::enter;
use crate::{FOREVER, os, surplus};

/// The shortest and the longest sleep between two looks, in nanoseconds (Go's numbers).
const SLEEP: (u64, u64) = (20_000, 10_000_000);
/// The shortest in default mode, in nanoseconds: nothing is to be done there before [`LATE`]. (With 20 µs two
/// workers that slept for moments woke it 5 000 times while a million slept once, 7 % of the processor time.)
const UNHURRIED: u64 = 2_000_000;
/// After so many looks in vain the sleeps grow (Go's number).
const PATIENCE: u32 = 50;
/// How long a goroutine may keep a processor that others need, in nanoseconds (Go's number).
const SLICE: u64 = 10_000_000;

/// After so long, in nanoseconds, a worker whose goroutines take turns is made to look around.
const LATE: u64 = 5_000_000;

/// `Monitor::word` while it looks, or sleeps for a time.
const WATCHING: u32 = 0;
/// `Monitor::word` while it sleeps until a worker wakes.
const IDLE: u32 = 1;
/// `Monitor::word` when there is nothing more to look after.
const ENDING: u32 = 2;

/// What a runtime knows of its monitor.
pub(crate) struct Monitor {
    /// Written by the monitor, when it goes to sleep for long; by who wakes it from that; and by
    /// the last worker that leaves. Slept on by the monitor.
    word: AtomicU32,
    /// Whether it has a thread. Written by who starts it.
    started: AtomicBool,
    /// Whether the thread runs. Written by itself.
    lives: AtomicBool,
}

/// What was seen of a processor.
#[derive(Clone, Copy, Default)]
struct Sample {
    tick: u64,
    /// When it was seen with this tick first; 0: it was not.
    since: u64,
    /// When it was seen first with as many looks around.
    looked: u64,
}

/// How often and how long the monitor sleeps.
struct Pace {
    shortest: u64,
    pause: u64,
    in_vain: u32,
    /// How many looks in a row have found every worker asleep.
    all_asleep: u32,
}

impl Monitor {
    pub(crate) const fn new() -> Monitor {
        Monitor {
            word: AtomicU32::new(WATCHING),
            started: AtomicBool::new(false),
            lives: AtomicBool::new(false),
        }
    }

    /// A worker has woken (step 2).
    #[inline(always)]
    pub(crate) fn rouse(&self) {
        // SeqCst: the worker's word was written before; pairs with the look in Shared::watch().
        if !MODEL && self.word.load(Ordering::SeqCst) == IDLE {
            self.rouse_idle();
        }
    }

    #[cold]
    fn rouse_idle(&self) {
        // SeqCst: no weaker than the load above; only one of many needs to wake it.
        let was = self.word.compare_exchange(IDLE, WATCHING, Ordering::SeqCst, Ordering::SeqCst);
        if was.is_ok() {
            os::wake(&self.word, 1);
        }
    }

    /// Whether its thread runs.
    pub(crate) fn lives(&self) -> bool {
        self.lives.load(Ordering::Relaxed)
    }

    /// The last worker has left.
    pub(crate) fn end(&self) {
        // SeqCst: the monitor reads it after it has written `IDLE`.
        self.word.store(ENDING, Ordering::SeqCst);
        os::wake(&self.word, 1);
    }
}

impl Pace {
    fn new(shortest: u64) -> Pace {
        Pace { shortest, pause: shortest, in_vain: 0, all_asleep: 0 }
    }

    fn after(&mut self, found: bool) {
        if found {
            *self = Pace::new(self.shortest);
            return;
        }
        self.in_vain += 1;
        if self.in_vain > PATIENCE {
            self.pause = (self.pause * 2).min(SLEEP.1);
        }
    }
}

impl Shared {
    /// Starts the monitor, if it could do anything and has no thread. Called by workers that begin in
    /// migratory mode, or with fewer processors than there may be; in default mode, where nothing is
    /// urgent, by one that goes to sleep, or has been busy for a while. If the system refuses a thread, a later worker tries again in
    /// migratory mode; in default mode nobody does, for a refusal takes long.
    pub(crate) fn start_monitor(&self) {
        unsafe extern "C" fn main(shared: *mut ()) {
            // SAFETY: the argument is the runtime below, which is counted for this thread.
            let shared = unsafe { &*shared.cast::<Shared>() };
            shared.watch();
            shared.ending.leave(shared);
            shared.ending.wait_for_all();
            // SAFETY: counted by `start_thread` for this thread, which touches it no more.
            unsafe { Arc::decrement_strong_count(shared) };
        }
        // Relaxed: only one may start it, and nothing else hangs on it.
        let started = &self.monitor.started;
        if mutant!("unwatched": !self.is_watched() => true)
            || started.load(Ordering::Relaxed)
            || started.swap(true, Ordering::Relaxed)
        {
            return;
        }
        if self.start_thread(main, |_| self.itself().as_ptr().cast()).is_err() && self.migratory() {
            self.monitor.started.store(false, Ordering::Relaxed);
        }
    }

    /// Whether a monitor is of use here: nobody could take over from a worker that keeps its
    /// goroutines, where there can be no other.
    pub(crate) fn is_watched(&self) -> bool {
        (self.migratory() || self.most_procs() > 1) && !MODEL
    }

    /// The monitor's life.
    #[doc(alias = "sysmon")]
    fn watch(&self) {
        self.monitor.lives.store(true, Ordering::Relaxed);
        let mut samples = Vec::<Sample>::new();
        let mut pace = Pace::new(if self.migratory() { SLEEP.0 } else { UNHURRIED });
        let mut next_count = os::now().saturating_add(surplus::LOOK);
        while self.monitor.word.load(Ordering::SeqCst) != ENDING {
            let until = os::now().saturating_add(pace.pause);
            os::wait(&self.monitor.word, WATCHING, until);
            let now = os::now();
            let mut found = false;
            if self.follows() && now >= next_count {
                next_count = now.saturating_add(surplus::LOOK);
                self.follow(os::cpus());
            }
            samples.resize(self.processors().len(), Sample::default());
            for (processor, sample) in self.processors().iter().zip(&mut samples) {
                processor.note_time(now);
                found |= self.look_after(processor, sample, now);
            }
            pace.after(found);
            if self.processors().iter().any(Processor::is_awake) {
                pace.all_asleep = 0;
            } else {
                pace.all_asleep += 1;
                if pace.all_asleep >= 2 {
                    self.sleep_for_long();
                    // One that works for a moment now and then needs no close look.
                    pace = Pace { in_vain: PATIENCE, ..Pace::new(pace.shortest) };
                }
            }
        }
    }

    /// Sleeps until a worker wakes.
    fn sleep_for_long(&self) {
        let (watching, idle) = (WATCHING, IDLE);
        let word = &self.monitor.word;
        os::point();
        // SeqCst: step 1, before the look at the workers; pairs with rouse().
        if word.compare_exchange(watching, idle, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return;
        }
        os::point();
        let any = || self.processors().iter().any(Processor::is_awake);
        if mutant!("monitor-recheck": any() => false) {
            // Failing, somebody has woken it.
            let _ = word.compare_exchange(idle, watching, Ordering::SeqCst, Ordering::SeqCst);
        }
        while word.load(Ordering::SeqCst) == IDLE {
            os::wait(word, IDLE, FOREVER);
        }
    }

    /// Looks whether a processor is held up, and does what can be done; true if something was.
    fn look_after(&self, processor: &Processor, sample: &mut Sample, now: u64) -> bool {
        let tick = processor.tick();
        if !processor.is_awake() || sample.since == 0 || sample.tick != tick {
            let same = processor.is_awake() && Processor::same_look(sample.tick, tick);
            let mut looked = if same { sample.looked } else { now };
            if now.saturating_sub(looked) >= LATE {
                // Many turns, and each took long.
                mutant!("hurry": processor.set_budget(0) => ());
                looked = now;
            }
            *sample = Sample { tick, since: now.max(1), looked };
            return false;
        }
        let held = now.saturating_sub(sample.since);
        if held < SLEEP.0 {
            return false;
        }
        if !self.migratory() {
            return held >= SLICE && mutant!("stand-in": self.stand_in(processor, now) => false);
        }
        let relieved = self.relieve(processor, tick, held, now);
        if relieved {
            sample.since = 0;
        }
        relieved
    }

    /// In migratory mode: takes the processor if its goroutine blocks and there is something to do,
    /// or if it has kept it for long.
    fn relieve(&self, processor: &Processor, tick: u64, held: u64, now: u64) -> bool {
        if processor.holder().is_inside() {
            return false;
        }
        let needed = || self.handoff.is_wanted() || processor.has_use(self, now);
        let blocked = || mutant!("blocked": os::is_blocked(processor.holder().thread()) => false);
        let take = if mutant!("hog": held >= SLICE => false) {
            needed() || blocked()
        } else {
            needed() && blocked()
        };
        mutant!("relieve": take => false) && self.take_from_stuck(processor, tick)
    }

    /// In default mode: does what the worker can't do for others.
    fn stand_in(&self, processor: &Processor, now: u64) -> bool {
        let mut did = false;
        if processor.nearest.load(Ordering::Relaxed) <= now {
            let due = processor.due(now);
            for g in due.iter().filter(|g| g.state.ready()) {
                enqueue_woken(enter(), g);
                did = true;
            }
        }
        did | (processor.driver.in_use() && processor.driver.poll_for_owner())
    }
}

impl Processor {
    /// Whether another worker could do something with it that its own can't now.
    fn has_use(&self, shared: &Shared, now: u64) -> bool {
        self.is_stealable()
            || !shared.inject.is_empty()
            || self.driver.in_use()
            || self.nearest.load(Ordering::Relaxed) <= now
    }
}
