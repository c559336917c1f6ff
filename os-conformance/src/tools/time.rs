//! Time, as a check sees it: std's, or the backend's where time is virtual.
#![forbid(unsafe_code)]

use std::marker::PhantomData;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use rt_core::Os;

use crate::suite::{Suite, Time};

/// A millisecond in nanoseconds.
pub(crate) const MILLI: u64 = 1_000_000;

/// In how many tries a sleep must be seen to last [`NAPS`] times: each may end for no reason.
pub(crate) const TRIES: u32 = 20;

/// A sleep that lasts might be a thread that was not run meanwhile; so many of them are sleeps.
pub(crate) const NAPS: usize = 3;

/// How long a sleep is to last that must be seen to, in nanoseconds.
pub(crate) const NAP: u64 = 2 * MILLI;

/// A watch that runs from its making.
pub(crate) struct Watch<O> {
    virtual_start: Option<u64>,
    start: Instant,
    patience: Duration,
    _backend: PhantomData<fn() -> O>,
}

impl<O: Os> Watch<O> {
    pub(crate) fn new(suite: &Suite) -> Watch<O> {
        let virtual_start = (suite.time == Time::Virtual).then(O::now);
        let patience = suite.patience;
        Watch { virtual_start, start: Instant::now(), patience, _backend: PhantomData }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        match self.virtual_start {
            Some(start) => Duration::from_nanos(O::now().saturating_sub(start)),
            None => self.start.elapsed(),
        }
    }

    /// Whether more time has passed than whatever happens at all may take.
    pub(crate) fn is_late(&self) -> bool {
        self.elapsed() >= self.patience
    }

    /// Whether a [`NAP`] fits in, but for the grain of clocks.
    pub(crate) fn is_nap(&self) -> bool {
        self.elapsed() >= Duration::from_nanos(NAP - NAP / 10)
    }
}

/// The deadline of a call that must end well before it.
pub(crate) fn late<O: Os>(suite: &Suite) -> u64 {
    O::now() + suite.patience.as_nanos() as u64
}

/// Lets some nanoseconds pass.
pub(crate) fn pass<O: Os>(suite: &Suite, nanos: u64) {
    if suite.time != Time::Virtual {
        std::thread::sleep(Duration::from_nanos(nanos));
        return;
    }
    let (until, word) = (O::now() + nanos, AtomicU32::new(0));
    while O::now() < until {
        O::wait(&word, 0, until);
    }
}

/// Looks until there is what `look` looks for. `None`: patience ran out.
pub(crate) fn eventually<O: Os, T>(
    suite: &Suite,
    mut look: impl FnMut() -> Option<T>,
) -> Option<T> {
    let watch = Watch::<O>::new(suite);
    loop {
        match look() {
            None if watch.is_late() => return None,
            None => pass::<O>(suite, MILLI / 10),
            found => return found,
        }
    }
}

/// Whether of [`TRIES`] calls of `sleep`, each given the deadline after a [`NAP`], [`NAPS`] last so
/// long. `before` is called before each of them.
pub(crate) fn naps_after<O: Os>(
    suite: &Suite,
    mut before: impl FnMut(),
    mut sleep: impl FnMut(u64),
) -> bool {
    let lasts = |_: &u32| {
        before();
        let watch = Watch::<O>::new(suite);
        sleep(O::now() + NAP);
        watch.is_nap()
    };
    (0..TRIES).filter(lasts).take(NAPS).count() == NAPS
}

/// As [`naps_after`] nothing.
pub(crate) fn naps<O: Os>(suite: &Suite, sleep: impl FnMut(u64)) -> bool {
    naps_after::<O>(suite, || (), sleep)
}

/// Calls `sleep` with the same deadline until the backend's clock has reached it. False: that took
/// longer than anything may.
pub(crate) fn ends<O: Os>(suite: &Suite, mut sleep: impl FnMut(u64)) -> bool {
    let (watch, until) = (Watch::<O>::new(suite), O::now() + NAP);
    while O::now() < until && !watch.is_late() {
        sleep(until);
    }
    !watch.is_late()
}
