//! How long a poll sleeps when there is nothing to see.
#![forbid(unsafe_code)]

use rt_core::{Net, Os, Poller};

use super::Polled;
use crate::clause::{Clause, Verdict, holds};
use crate::suite::Suite;
use crate::tools::time::{TRIES, Watch, ends, naps};

pub(super) fn clauses<O: Os + Poller + Net + 'static>() -> Vec<Clause> {
    vec![
        Clause::new(
            "Poller::poll/sleeps",
            "sleeps until one comes, `Poller::notify` is called or the clock reaches `until`",
            sleeps::<O>,
        ),
        Clause::new("Poller::poll/deadline", "the clock reaches `until`", deadline::<O>),
        Clause::new("Poller::poll/zero", "(0: do not sleep)", zero::<O>),
        Clause::new("Poller::open/several", "A new poller.", several::<O>),
    ]
}

fn sleeps<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let polled = Polled::<O>::open()?;
    let lasts = naps::<O>(suite, |until| drop(polled.poll(until)));
    holds!(lasts, "{TRIES} polls of 2 ms ended early, with nothing to see");
    Ok(())
}

fn deadline<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let polled = Polled::<O>::open()?;
    let in_time = ends::<O>(suite, |until| drop(polled.poll(until)));
    holds!(in_time, "a poll of 2 ms took {:?} at least", suite.patience);
    Ok(())
}

fn zero<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let polled = Polled::<O>::open()?;
    for _ in 0..10 {
        let watch = Watch::<O>::new(suite);
        let events = polled.poll(0);
        holds!(!watch.is_late(), "a poll that must not sleep took {:?}", watch.elapsed());
        holds!(events.is_empty(), "a poller without sockets reports {events:?}");
    }
    Ok(())
}

/// A notification of one poller does not keep ending the sleeps of another.
fn several<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (one, other) = (Polled::<O>::open()?, Polled::<O>::open()?);
    let lasts = naps::<O>(suite, |until| {
        O::notify(one.poll);
        other.poll(until);
    });
    holds!(lasts, "{TRIES} polls ended early, each after another poller was notified");
    Ok(())
}
