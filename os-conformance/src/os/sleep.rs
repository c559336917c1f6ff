//! Sleeping on a word. (`wake` has what it takes two for.)
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rt_core::{FOREVER, Os};

use crate::clause::{Clause, Verdict, holds};
use crate::suite::Suite;
use crate::tools::thread::Thread;
use crate::tools::time::{MILLI, TRIES, Watch, ends, eventually, late, naps, pass};

pub(super) fn clauses<O: Os + 'static>() -> Vec<Clause> {
    vec![
        Clause::new("Os::wait/sleeps", "Sleeps until woken", sleeps::<O>),
        Clause::new("Os::wait/deadline", "or until the clock reaches `until`", deadline::<O>),
        Clause::new(
            "Os::wait/past-deadline",
            "or until the clock reaches `until`",
            past_deadline::<O>,
        ),
        Clause::new("Os::wait/forever", "(`FOREVER`: no limit)", |suite| far::<O>(suite, FOREVER)),
        Clause::new("Os::wait/far-deadline", "or until the clock reaches `until`", |suite| {
            far::<O>(suite, FOREVER - 1)
        }),
        Clause::new("Os::wait/differs", "unless `*word != expected` on entry.", differs::<O>),
    ]
}

fn sleeps<O: Os>(suite: &Suite) -> Verdict {
    let word = AtomicU32::new(7);
    let lasts = naps::<O>(suite, |until| O::wait(&word, 7, until));
    holds!(lasts, "{TRIES} sleeps of 2 ms ended early, though nobody woke them");
    Ok(())
}

fn deadline<O: Os>(suite: &Suite) -> Verdict {
    let word = AtomicU32::new(0);
    let in_time = ends::<O>(suite, |until| O::wait(&word, 0, until));
    holds!(in_time, "a sleep of 2 ms took {:?} at least", suite.patience);
    Ok(())
}

fn past_deadline<O: Os>(suite: &Suite) -> Verdict {
    let word = AtomicU32::new(0);
    for until in [0, 1, O::now()] {
        let watch = Watch::<O>::new(suite);
        O::wait(&word, 0, until);
        holds!(
            !watch.is_late(),
            "a sleep until {until}, which was over, took {:?}",
            watch.elapsed()
        );
    }
    Ok(())
}

/// A sleep whose end is too far to be seen is not over after a few milliseconds.
fn far<O: Os>(suite: &Suite, until: u64) -> Verdict {
    let (word, ends, begun) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
    let body = || {
        begun.store(true, Ordering::Relaxed);
        while word.load(Ordering::Relaxed) == 0 && ends.load(Ordering::Relaxed) < TRIES {
            O::wait(&word, 0, until);
            if word.load(Ordering::Relaxed) == 0 {
                ends.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let thread = Thread::<O>::start(&body)?;
    eventually::<O, _>(suite, || begun.load(Ordering::Relaxed).then_some(()));
    pass::<O>(suite, 10 * MILLI);
    word.store(1, Ordering::Relaxed);
    O::wake(&word, u32::MAX);
    drop(thread);
    let ends = ends.into_inner();
    holds!(ends < TRIES, "it ended {ends} times in 10 ms, though nobody woke it");
    Ok(())
}

fn differs<O: Os>(suite: &Suite) -> Verdict {
    let word = AtomicU32::new(1);
    for expected in [0, 2, u32::MAX] {
        let watch = Watch::<O>::new(suite);
        O::wait(&word, expected, late::<O>(suite));
        holds!(!watch.is_late(), "the word was 1 and not {expected}, and the call slept");
    }
    Ok(())
}
