//! The states of a goroutine: which there are, who may change them, and what follows.
//!
//! [`TABLE`] is the one place that says it. The assertions of every change come from it (in builds
//! with debug assertions or the feature `inspect`), as do the simulation's invariants and the picture in ARCHITECTURE.md.

use crate::seam::{AtomicU32, INSPECTED, Ordering, mutant};

/// Where a goroutine is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// A region in the pool: no goroutine. Zero, so that fresh memory says so.
    Free = 0,
    /// In exactly one queue, waiting for a processor.
    Runnable = 1,
    /// On a processor.
    Running = 2,
    /// Still on its stack, about to leave it; others may already try to wake it.
    Parking = 3,
    /// Off its stack, waiting for whoever claims its waiter.
    Parked = 4,
    /// Woken while parking: must be put in a queue once it is off its stack.
    Notified = 5,
    /// Its runtime has ended without it; it never runs again.
    Abandoned = 6,
}

/// What changes a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A region becomes a goroutine.
    Spawn,
    /// A processor takes it from a queue.
    Resume,
    /// It gives way and is put in a queue again.
    Yield,
    /// It leaves its stack holding the lock under which it can be found.
    ParkLocked,
    /// It says that it is about to leave, with no lock held.
    Prepare,
    /// It is off its stack after [`Change::Prepare`], and nobody has woken it meanwhile.
    Commit,
    /// It finds a reason to stay after [`Change::Prepare`].
    Cancel,
    /// Its waker finds it parked.
    Ready,
    /// Its waker finds it still on its stack.
    ReadyEarly,
    /// It is off its stack, and somebody has woken it meanwhile.
    Requeue,
    /// It has returned and is off its stack.
    Exit,
    /// Its runtime ends.
    Abandon,
}

/// One row: the states it may start from, where it leads, who may do it, and what the doer owes.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What happens.
    pub change: Change,
    /// From which states.
    pub from: &'static [State],
    /// To which state.
    pub to: State,
    /// Who may do it, and holding what.
    pub who: &'static str,
    /// What the doer owes afterwards.
    pub owes: &'static str,
}

const fn rule(
    change: Change,
    from: &'static [State],
    to: State,
    who: &'static str,
    owes: &'static str,
) -> Rule {
    Rule { change, from, to, who, owes }
}

/// Every change that there is, in the order of [`Change`].
pub const TABLE: [Rule; 12] = {
    use Change as C;
    use State as S;
    [
        rule(
            C::Spawn,
            &[S::Free],
            S::Runnable,
            "the spawner, owning the region",
            "queue; wake_one",
        ),
        rule(C::Resume, &[S::Runnable], S::Running, "who popped it", "switch to it"),
        rule(C::Yield, &[S::Running], S::Runnable, "the other side", "queue"),
        rule(C::ParkLocked, &[S::Running], S::Parked, "the other side, its lock held", "unlock"),
        rule(C::Prepare, &[S::Running], S::Parking, "itself", "leave, or Cancel"),
        rule(C::Commit, &[S::Parking], S::Parked, "the other side, by CAS", "nothing"),
        rule(C::Cancel, &[S::Parking, S::Notified], S::Running, "itself", "nothing"),
        rule(C::Ready, &[S::Parked], S::Runnable, "who claimed its waiter", "queue; wake"),
        rule(
            C::ReadyEarly,
            &[S::Parking],
            S::Notified,
            "who claimed its waiter, by CAS",
            "nothing",
        ),
        rule(C::Requeue, &[S::Notified], S::Runnable, "the other side", "queue"),
        rule(C::Exit, &[S::Running], S::Free, "the other side", "give the region back"),
        rule(
            C::Abandon,
            &[S::Runnable, S::Parked],
            S::Abandoned,
            "the last to leave a closed runtime",
            "unlink its waiter",
        ),
    ]
};

const _: () = {
    let mut i = 0;
    while i < TABLE.len() {
        assert!(TABLE[i].change as usize == i, "a row stands in the wrong place");
        i += 1;
    }
};

/// A goroutine's state.
///
/// Written by whoever [`TABLE`] names. A read of `Parked` with Acquire proves that the goroutine's
/// context is saved; everything else is protected by the queue or lock that hands the goroutine on.
pub(crate) struct StateWord(AtomicU32);

impl StateWord {
    pub(crate) const fn new() -> StateWord {
        StateWord(AtomicU32::new(State::Free as u32))
    }

    pub(crate) fn load(&self) -> State {
        // Acquire: pairs with the Releases below, for whoever inspects a stopped runtime.
        match self.0.load(Ordering::Acquire) {
            0 => State::Free,
            1 => State::Runnable,
            2 => State::Running,
            3 => State::Parking,
            4 => State::Parked,
            5 => State::Notified,
            6 => State::Abandoned,
            other => crate::fatal!("a goroutine's state is {other}, which is none"),
        }
    }

    /// Makes a change that nobody else can make at this moment.
    #[inline(always)]
    pub(crate) fn set(&self, change: Change) {
        let rule = &TABLE[change as usize];
        if cfg!(debug_assertions) || INSPECTED {
            let from = self.load();
            if !rule.from.contains(&from) {
                crate::fatal!("{change:?} of a goroutine that is {from:?}");
            }
        }
        // Release: pairs with the Acquire in load() and ready().
        self.0.store(rule.to as u32, Ordering::Release);
    }

    /// `Parking` to `Parked`; false when someone has woken it meanwhile.
    #[inline(always)]
    pub(crate) fn commit(&self) -> bool {
        // Release: pairs with the Acquire in ready(), which then may resume the saved context.
        // Acquire on failure: pairs with the Release of ready()'s `Notified`.
        self.0
            .compare_exchange(
                State::Parking as u32,
                State::Parked as u32,
                mutant!("state-commit": Ordering::Release => Ordering::Relaxed),
                Ordering::Acquire,
            )
            .is_ok()
    }

    /// Wakes a goroutine whose waker held the lock that it had parked under. False: its runtime has
    /// ended meanwhile. (It may also end right after the look: then what is queued is never run.)
    #[inline(always)]
    pub(crate) fn ready_parked(&self) -> bool {
        // Relaxed: the lock ordered it.
        let state = self.0.load(Ordering::Relaxed);
        if state != State::Parked as u32 {
            return ready_unparked(state);
        }
        // Release: as in set().
        self.0.store(State::Runnable as u32, Ordering::Release);
        true
    }

    /// Wakes a goroutine that may still be on its stack. True: it was parked, is runnable now, and
    /// the caller has to queue it. False: it will be queued by the other side, or never runs again.
    #[inline(always)]
    pub(crate) fn ready(&self) -> bool {
        // Release: what the waker wrote for it is seen by commit()'s failure. Acquire on failure:
        // pairs with the Release in commit().
        match self.0.compare_exchange(
            State::Parking as u32,
            State::Notified as u32,
            mutant!("state-notify": Ordering::Release => Ordering::Relaxed),
            Ordering::Acquire,
        ) {
            Ok(_) => false,
            Err(state) if state == State::Parked as u32 => self.ready_parked(),
            Err(state) => ready_unparked(state),
        }
    }
}

#[cold]
fn ready_unparked(state: u32) -> bool {
    if state != State::Abandoned as u32 {
        crate::fatal!("woke a goroutine in state {state}: readied twice");
    }
    false
}
