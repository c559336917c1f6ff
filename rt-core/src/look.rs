//! A look at goroutines while they go on: what each that is parked waits for, and who could wake it.
//!
//! What it waits for lies on its stack and in what it borrows, and is there as long as it waits. So:
//!
//! 1. The looker makes `pins` odd in the goroutine's record. (Records stay records meanwhile, because
//!    the looker keeps pooled memory from being given back; and so there is one at a time.)
//! 2. It makes every thread pass a fence, and then looks at the goroutine's state. If that is not
//!    `Parked`, it leaves it alone. If it is, whoever resumes it writes that after the fence; so the
//!    goroutine, which looks at `pins` before it leaves its wait (`Goroutine::came_back`), sees it
//!    and stays there until it changes. It pays a plain load for that; where the system makes no
//!    fences for others, a fence of its own (`goroutine::FENCES`).
//! 3. The looker reads, and makes `pins` even.
//!
//! What one look shows of several goroutines is of different moments. Those who are said to wait for
//! ever because of others are looked at once more, all of them pinned at the same time.
//!
//! Rejected: a state of its own for "looked at" (each waking would need a locked instruction);
//! stopping every worker (a goroutine that computes stops for nobody).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::goroutine::{GoroutineRef, LOOK, PINNED};
use crate::identity::Slot;
use crate::inspect::{HeldBy, Never, On, Seen, Waits};
use crate::os;
use crate::runtime::{Runtime, Shared};
use crate::seam::{Ordering, fence, mutant};
use crate::stack::Cursor;
use crate::state::State;
use crate::switch::{Entered, enter};
use crate::wait::{About, Holder, Stand, Waiter, WaitsFor};

/// Goroutines that stay in their waits while this lives, those that are parked.
struct Pinned<'a>(&'a [GoroutineRef]);

impl<'a> Pinned<'a> {
    /// Steps 1 and 2; none if the system has stopped making others pass a fence.
    fn new(shared: &Shared, all: &'a [GoroutineRef]) -> Option<Pinned<'a>> {
        for g in all {
            // SeqCst: before the fence.
            g.pins.fetch_add(PINNED, Ordering::SeqCst);
        }
        os::point();
        let pinned = Pinned(all);
        if shared.each_fences() {
            // SeqCst: pairs with the fence in `wait_for_looker`.
            fence(Ordering::SeqCst);
            return Some(pinned);
        }
        os::fence_all().then_some(pinned)
    }
}

impl Drop for Pinned<'_> {
    fn drop(&mut self) {
        for g in self.0 {
            // Release: pairs with the Acquire in `came_back`.
            g.pins.fetch_add(LOOK - PINNED, Ordering::Release);
        }
    }
}

/// What others do while one looks. Where they stand still, a lock may be held for good.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    GoOn,
    StandStill,
}

/// A goroutine that was looked at.
struct Found {
    g: GoroutineRef,
    seen: Seen,
    /// The number of the goroutine that waits for its end, if there is one.
    joiner: Option<u64>,
}

impl Runtime {
    /// Every goroutine that has not ended, but the caller, in the order of their numbers.
    pub fn leaked(&self) -> Vec<Seen> {
        let caller = enter().and_then(Entered::on_goroutine).map(|(_, g)| g);
        self.shared.look(caller)
    }
}

impl Shared {
    /// Every goroutine that has not ended, but one. For threads that the runtime waits for.
    pub(crate) fn look(&self, but: Option<GoroutineRef>) -> Vec<Seen> {
        self.while_memory_stays(|| {
            let mut all = Vec::new();
            let mut next = Some(Cursor::START);
            while let Some(cursor) = next {
                let (batch, after) = self.stacks.some_live(cursor);
                let batch: Vec<_> = batch.iter().filter(|&g| Some(g) != but).collect();
                let pinned = Pinned::new(self, &batch);
                let now = os::now();
                all.extend(batch.iter().filter_map(|&g| {
                    os::point();
                    self.see(g, Others::GoOn, pinned.is_some(), now)
                }));
                next = after;
            }
            let mut all = self.conclude(all, Others::GoOn);
            confirm(self, &mut all);
            all.into_iter().map(|found| found.seen).collect()
        })
    }

    /// As [`Shared::look`], while nobody resumes a goroutine; waits for no lock. A program that is to
    /// be small sees nobody.
    pub(crate) fn look_at_still(&self, now: u64) -> Vec<Seen> {
        if cfg!(feature = "small") {
            return Vec::new();
        }
        let mut all = Vec::new();
        self.stacks.visit(|g| all.extend(self.see(g, Others::StandStill, true, now)));
        self.conclude(all, Others::StandStill).into_iter().map(|found| found.seen).collect()
    }

    /// One goroutine; none if it has ended meanwhile.
    fn see(&self, g: GoroutineRef, others: Others, stays: bool, now: u64) -> Option<Found> {
        loop {
            // In this order: who begins writes its number first, and its state last.
            let id = g.id.get();
            let state = g.state.load();
            let spawned_at = g.spawned_at.get();
            if state == State::Free {
                return None;
            }
            if g.id.get() != id {
                continue;
            }
            let (mut waits, mut joiner, mut name) = (None, None, None);
            if stays && state == State::Parked {
                if others == Others::GoOn {
                    os::point();
                }
                // SAFETY: it was parked after it had been pinned, or nobody resumes it.
                waits = unsafe { Waits::of(g, now) };
                // SAFETY: as above.
                (joiner, name) = unsafe { self.of_packet(g) };
                // SAFETY: as above.
                name = unsafe { name_of(g) }.or(name);
            }
            return Some(Found { g, seen: Seen { id, name, spawned_at, state, waits }, joiner });
        }
    }

    /// The number of the goroutine that waits for the end of this one, and the name that its handle
    /// has given it.
    ///
    /// # Safety
    /// - It is parked, and stays in its wait while this runs.
    unsafe fn of_packet(&self, g: GoroutineRef) -> (Option<u64>, Option<String>) {
        // While this is locked, nobody else says for the goroutine that it has ended.
        let Some(stranded) = self.ending.stranded() else { return (None, None) };
        let Some(packet) = g.packet.get() else { return (None, None) };
        // SAFETY: the record names the packet, with which the goroutine is not done, for it is parked.
        let waiter = unsafe { packet.joiner() };
        // SAFETY: as above.
        let identity = unsafe { packet.identity() };
        // SAFETY: it waits for this goroutine's half, or who speaks for it, to wake it: and neither
        // can, as said above.
        let joiner = waiter.and_then(|waiter| unsafe { waiter.as_ref() }.goroutine());
        let joiner = joiner.map(|g| g.id.get());
        let name = identity.and_then(Slot::get).and_then(|known| known.name().map(String::from));
        drop(stranded);
        (joiner, name)
    }

    /// Puts them in order, and says who holds what each waits for, and who waits for ever.
    fn conclude(&self, mut all: Vec<Found>, others: Others) -> Vec<Found> {
        all.sort_unstable_by_key(|found| found.seen.id);
        for at in 0..all.len() {
            let Some(joiner) = all[at].joiner else { continue };
            let id = all[at].seen.id;
            if let Some(waits) = place_of(&all, joiner).and_then(|at| all[at].seen.waits.as_mut()) {
                waits.joins = Some(id);
            }
        }
        for waits in all.iter_mut().filter_map(|found| found.seen.waits.as_mut()) {
            waits.on.iter_mut().for_each(|on| on.held_by = self.holder(on.holder, others));
            waits.never = never(waits);
        }
        mark_cycles(&mut all);
        all
    }

    /// Who holds a lock.
    fn holder(&self, number: u64, others: Others) -> Option<HeldBy> {
        if number == 0 {
            return None;
        }
        let record = |at| self.stacks.record_at(at, others == Others::GoOn);
        let Some(g) = Holder::address(number).and_then(record) else {
            return Some(HeldBy::Other);
        };
        let is_there = g.state.load() != State::Free && Holder::number(g) == number;
        Some(if is_there { HeldBy::Goroutine(g.id.get()) } else { HeldBy::Ended })
    }
}

/// The name by which a goroutine knows itself.
///
/// # Safety
/// - It is parked, and stays in its wait while this runs.
unsafe fn name_of(g: GoroutineRef) -> Option<String> {
    // SAFETY: counted for the record until the goroutine ends.
    let identity = unsafe { g.identity.get()?.as_ref() };
    identity.name().map(String::from)
}

/// Why one waits for ever, as far as that doesn't hang on others.
fn never(waits: &Waits) -> Option<Never> {
    match waits.what {
        _ if waits.timed => None,
        WaitsFor::Nothing => Some(Never::Channel),
        WaitsFor::Select if waits.on.is_empty() => Some(Never::Cases),
        _ if waits.on.iter().any(|on| on.held_by == Some(HeldBy::Ended)) => {
            Some(Never::HolderEnded)
        }
        _ => None,
    }
}

/// Marks those who wait for one another in a circle.
fn mark_cycles(all: &mut [Found]) {
    let next: Vec<_> = all.iter().map(|found| next_in_line(all, found)).collect();
    for start in 0..all.len() {
        let mut at = start;
        // No circle is longer than all of them.
        for _ in 0..all.len() {
            let Some(after) = next[at] else { break };
            at = after;
            if at == start {
                all[start].seen.waits.iter_mut().for_each(|waits| waits.never = Some(Never::Cycle));
                break;
            }
        }
    }
}

/// The only one who could wake this one, by its place in the list.
fn next_in_line(all: &[Found], found: &Found) -> Option<usize> {
    let waits = found.seen.waits.as_ref().filter(|waits| !waits.timed)?;
    let held = waits.on.iter().find_map(|on| match on.held_by {
        Some(HeldBy::Goroutine(id)) => Some(id),
        _ => None,
    });
    place_of(all, held.or(waits.joins)?)
}

/// Where the goroutine of this number is, in a list in their order.
fn place_of(all: &[Found], id: u64) -> Option<usize> {
    all.binary_search_by_key(&id, |found| found.seen.id).ok()
}

/// Takes back what was said of some who would wait for ever, if it is not so while all of these are
/// pinned at the same time.
fn confirm(shared: &Shared, all: &mut [Found]) {
    let hangs_on_others = |found: &Found| {
        let never = found.seen.waits.as_ref().and_then(|waits| waits.never);
        matches!(never, Some(Never::HolderEnded | Never::Cycle))
    };
    let places: Vec<_> = all.iter().filter(|f| hangs_on_others(f)).map(|found| found.g).collect();
    if places.is_empty() {
        return;
    }
    let pinned = Pinned::new(shared, &places);
    // First the states of all: from then on none of them does anything.
    let there =
        |found: &Found| found.g.state.load() == State::Parked && found.g.id.get() == found.seen.id;
    let stay = pinned.is_some() && all.iter().filter(|found| hangs_on_others(found)).all(there);
    let same = |found: &Found| {
        // SAFETY: it was parked after it had been pinned.
        let again = unsafe { Waits::of(found.g, 0) };
        again.zip(found.seen.waits.as_ref()).is_some_and(|(now, before)| now.is_as(before))
    };
    let sure = mutant!("look-again": {
        stay && all.iter().filter(|found| hangs_on_others(found)).all(same)
    } => true);
    drop(pinned);
    if !sure {
        // Somebody has gone on, and what hung on it is not looked into: no more is said than is sure.
        for found in all.iter_mut().filter(|found| hangs_on_others(found)) {
            found.seen.waits.iter_mut().for_each(|waits| waits.never = None);
        }
    }
}

impl Waits {
    /// What a goroutine waits for.
    ///
    /// # Safety
    /// - It is parked, and stays in its wait while this runs.
    unsafe fn of(g: GoroutineRef, now: u64) -> Option<Waits> {
        let waiter = g.waiting.get()?;
        // SAFETY: a parked goroutine's waiter lies on its stack while it waits.
        let waiter: &Waiter = unsafe { waiter.as_ref() };
        // SAFETY: it waits, and goes on waiting, says the caller.
        let stands = unsafe { waiter.stands() };
        let mut on: Vec<_> = stands.map(|stand| On::of(&stand)).collect();
        on.reverse();
        Some(Waits {
            what: waiter.waits_for(),
            timed: waiter.is_timed(),
            waited: Duration::from_nanos(now.saturating_sub(waiter.since())),
            on,
            joins: None,
            never: None,
            waiter: core::ptr::from_ref(waiter).addr(),
        })
    }

    /// Whether this is the same wait, and the same ones hold what it is for.
    fn is_as(&self, before: &Waits) -> bool {
        let holders = self.on.iter().map(|on| on.holder);
        self.waiter == before.waiter && holders.eq(before.on.iter().map(|on| on.holder))
    }
}

impl On {
    fn of(stand: &Stand) -> On {
        let (mut handles, mut holder) = (None, 0);
        match stand.about {
            About::Nothing => {}
            About::Channel(ends) => {
                // SAFETY: the channel is kept by who waits there (`wait::park`, `Many::join`).
                let ends = unsafe { ends.as_ref() };
                handles = Some((ends.senders.count(), ends.receivers.count()));
            }
            // SAFETY: as above, for a lock.
            About::Lock(of) => holder = unsafe { of.as_ref() }.get(),
        }
        let name = stand.lock.addr().get();
        On { what: stand.waits_for, handles, held_by: None, holder, name }
    }
}
