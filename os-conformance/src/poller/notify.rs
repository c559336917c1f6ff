//! Ending a poll from outside.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

use rt_core::{Net, Os, Poller};

use super::Polled;
use crate::clause::{Clause, Verdict, holds};
use crate::suite::Suite;
use crate::tools::thread::Thread;
use crate::tools::time::{MILLI, NAP, TRIES, Watch, late, naps_after, pass};

pub(super) fn clauses<O: Os + Poller + Net + 'static>() -> Vec<Clause> {
    const ENDS: &str = "Ends the current `poll`, or else the next one, at once.";
    vec![
        Clause::new("Poller::notify/ends-current-poll", ENDS, ends_current::<O>),
        Clause::new("Poller::notify/ends-next-poll", ENDS, ends_next::<O>),
        Clause::new("Poller::notify/merges", "Several merge into one.", merges::<O>),
        Clause::new("Poller::notify/again-and-again", ENDS, again::<O>),
    ]
}

fn ends_current<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let polled = Polled::<O>::open()?;
    let told = AtomicBool::new(false);
    let poll = polled.poll;
    let body = || {
        pass::<O>(suite, 2 * MILLI);
        told.store(true, Ordering::Relaxed);
        O::notify(poll);
    };
    let thread = Thread::<O>::start(&body)?;
    let mut lost = false;
    // At least one: if the notification is there already, it ends that.
    loop {
        let watch = Watch::<O>::new(suite);
        polled.poll(late::<O>(suite));
        lost |= watch.is_late();
        if told.load(Ordering::Relaxed) {
            break;
        }
    }
    drop(thread);
    holds!(!lost, "a poll slept on although its poller was notified");
    Ok(())
}

fn ends_next<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let polled = Polled::<O>::open()?;
    for _ in 0..3 {
        O::notify(polled.poll);
        let watch = Watch::<O>::new(suite);
        polled.poll(late::<O>(suite));
        holds!(!watch.is_late(), "a poll slept although its poller had been notified before");
    }
    Ok(())
}

/// A sleep that follows may end for no reason, but not each time.
fn merges<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let polled = Polled::<O>::open()?;
    let notify = || {
        (0..3).for_each(|_| O::notify(polled.poll));
        polled.poll(O::now() + NAP);
    };
    let lasts = naps_after::<O>(suite, notify, |until| drop(polled.poll(until)));
    holds!(lasts, "after three notifications, the second poll did not sleep either, {TRIES} times");
    Ok(())
}

/// The poller sleeps, and is notified, while the notifier does not know which comes first.
fn again<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, rounds) = (Polled::<O>::open()?, suite.rounds(500));
    let poll = polled.poll;
    // Set by the notifier before it notifies, cleared by the poller.
    let told = AtomicBool::new(false);
    let stop = AtomicBool::new(false);
    let body = || {
        while !stop.load(Ordering::Relaxed) {
            if !told.swap(true, Ordering::Relaxed) {
                O::notify(poll);
            }
            O::point();
        }
    };
    let thread = Thread::<O>::start(&body)?;
    let mut lost = false;
    for _ in 0..rounds {
        let watch = Watch::<O>::new(suite);
        while !told.swap(false, Ordering::Relaxed) && !lost {
            polled.poll(late::<O>(suite));
            lost = watch.is_late();
        }
    }
    stop.store(true, Ordering::Relaxed);
    drop(thread);
    holds!(!lost, "a poll slept on although its poller was notified");
    Ok(())
}
