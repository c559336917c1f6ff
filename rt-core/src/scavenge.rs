//! Giving back what long-parked goroutines have touched and don't use: all below their stack pointer.
//!
//! An idle worker looks through the goroutines that are at home with it, every five seconds and only
//! while there is something to gain: a goroutine that is met parked is marked, and one that is
//! met again with its mark has been parked all the time in between, so its memory goes. Parking
//! takes the mark away. Only the worker itself can resume them, so nothing runs on a stack meanwhile.
//!
//! In migratory mode any worker could resume a goroutine at any moment, and nothing is given back.

use core::cell::Cell;

use crate::goroutine::GoroutineRef;
use crate::runtime::Shared;
use crate::stack::{Cursor, base_of};
use crate::state::State;
use crate::worker::Worker;
use crate::{FOREVER, os};

/// The time between two looks, in nanoseconds.
const INTERVAL: u64 = 5_000_000_000;

/// With fewer goroutines at home a worker sleeps on: there is little to gain.
const WORTHWHILE: u64 = 16;

/// What a signal handler or the ABI's red zone may use below a stack pointer, at most; more on a
/// goroutine's stack would not survive a switch either.
const RED_ZONE: usize = 128;

/// How a goroutine was met since it parked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mark {
    /// Not at all.
    Fresh = 0,
    /// Parked.
    Seen = 1,
    /// Parked again; its memory has gone.
    Trimmed = 2,
}

/// A worker's plan of looks.
pub(crate) struct Scavenger {
    /// When to look; `FOREVER` while there is nothing to gain.
    due: Cell<u64>,
    cursor: Cell<Cursor>,
    /// Whether this look has met goroutines that the next one has to see again.
    again: Cell<bool>,
}

impl Scavenger {
    pub(crate) const fn new() -> Scavenger {
        Scavenger {
            due: Cell::new(FOREVER),
            cursor: Cell::new(Cursor::START),
            again: Cell::new(false),
        }
    }

    /// Plans a look, for goroutines have run. Owner only.
    #[inline(always)]
    pub(crate) fn plan(&self, at_home: u64) {
        if !cfg!(feature = "small") && self.due.get() == FOREVER && at_home >= WORTHWHILE {
            self.due.set(0);
        }
    }

    /// When to look next. Owner only.
    pub(crate) fn due(&self) -> u64 {
        if cfg!(feature = "small") {
            return FOREVER;
        }
        if self.due.get() == 0 {
            self.due.set(os::now().saturating_add(INTERVAL));
        }
        self.due.get()
    }

    /// Looks, if it is time, until done or `interrupted`. Owner only, with nothing to run.
    pub(crate) fn look(&self, worker: &Worker, interrupted: impl Fn() -> bool) {
        if cfg!(feature = "small") {
            // Such programs are migratory.
            return;
        }
        let due = self.due.get();
        if due == FOREVER || due == 0 || os::now() < due {
            return;
        }
        let shared = worker.shared();
        while !interrupted() {
            let (batch, cursor) = shared.stacks.some_live(self.cursor.get());
            batch.iter().for_each(|g| self.meet(shared, worker, g));
            self.cursor.set(cursor.unwrap_or(Cursor::START));
            if cursor.is_none() {
                let again = self.again.replace(false);
                self.due.set(if again { os::now().saturating_add(INTERVAL) } else { FOREVER });
                return;
            }
        }
    }

    fn meet(&self, shared: &Shared, worker: &Worker, g: GoroutineRef) {
        let home = g.home.get() == Some(worker.reference());
        if shared.migratory() || !home || g.state.load() != State::Parked {
            return;
        }
        match g.mark.get() {
            Mark::Fresh => {
                g.mark.set(Mark::Seen);
                self.again.set(true);
            }
            Mark::Seen => {
                discard_below(g);
                g.mark.set(Mark::Trimmed);
            }
            Mark::Trimmed => {}
        }
    }
}

/// Gives back the whole pages between a parked goroutine's guard and its stack pointer.
fn discard_below(g: GoroutineRef) {
    let page = os::page_size();
    let first = base_of(g).wrapping_add(page);
    let used = g.context.get().0.addr().saturating_sub(RED_ZONE) & !(page - 1);
    let bytes = used.saturating_sub(first.addr());
    if bytes > 0 {
        // SAFETY: within the goroutine's region, above its guard; a parked goroutine needs nothing
        // below its stack pointer, and only the calling thread could resume it (`meet`).
        unsafe { os::discard(first, bytes) };
    }
}
