//! Waking whoever sleeps on a word.

use std::ptr::without_provenance;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rt_core::Os;

use crate::clause::{Clause, Verdict, holds};
use crate::suite::Suite;
use crate::tools::region::Region;
use crate::tools::thread::Thread;
use crate::tools::time::{MILLI, Watch, eventually, late, pass};

pub(super) fn clauses<O: Os + 'static>() -> Vec<Clause> {
    const UP_TO_N: &str = "Wakes up to `n` threads that wait on the word at this address.";
    vec![
        Clause::new(
            "Os::wait/atomic-with-wake",
            "The comparison and the going to sleep are one step as seen by `wake`.",
            atomic_with_wake::<O>,
        ),
        Clause::new("Os::wake/one", UP_TO_N, |suite| wakes::<O>(suite, 1, 1)),
        Clause::new("Os::wake/two", UP_TO_N, |suite| wakes::<O>(suite, 2, 2)),
        Clause::new("Os::wake/all", UP_TO_N, |suite| wakes::<O>(suite, u32::MAX, SLEEPERS)),
        Clause::new("Os::wake/nobody", UP_TO_N, nobody::<O>),
        Clause::new(
            "Os::wake/word-gone",
            "The word may be gone by now: the address is only a name, and nothing is read through \
             it.",
            word_gone::<O>,
        ),
    ]
}

/// Sleeps until the turn is not `theirs`. False: a wake was lost, and only the deadline helped.
fn turns<O: Os>(suite: &Suite, turn: &AtomicU32, theirs: u32) -> bool {
    let watch = Watch::<O>::new(suite);
    while turn.load(Ordering::Relaxed) == theirs {
        O::wait(turn, theirs, late::<O>(suite));
        if watch.is_late() {
            return false;
        }
    }
    true
}

/// Two threads count up in turns: the one from even numbers, the other from odd ones. Each goes to
/// sleep while the other ends that sleep, over and over.
fn atomic_with_wake<O: Os>(suite: &Suite) -> Verdict {
    let (turn, lost) = (AtomicU32::new(0), AtomicBool::new(false));
    let rounds = suite.rounds(600);
    let play = |first: u32| {
        for mine in (first..2 * rounds).step_by(2) {
            let theirs = mine.wrapping_sub(1);
            if lost.load(Ordering::Relaxed) || !turns::<O>(suite, &turn, theirs) {
                lost.store(true, Ordering::Relaxed);
                return;
            }
            turn.store(mine + 1, Ordering::Relaxed);
            O::wake(&turn, 1);
        }
    };
    let body = || play(1);
    let thread = Thread::<O>::start(&body)?;
    play(0);
    drop(thread);
    holds!(!lost.into_inner(), "a thread slept on although the word was changed and then woken");
    Ok(())
}

/// How many threads sleep where some are woken.
const SLEEPERS: u32 = 3;

/// Sleeps may end for no reason, and a thread may take its time from its last word to its sleep or
/// from its sleep to its next word. So of ten rounds, three have to be as they should.
fn wakes<O: Os>(suite: &Suite, n: u32, expected: u32) -> Verdict {
    let mut seen = Vec::new();
    while seen.len() < 10 {
        seen.push(woken_by::<O>(suite, n)?);
        if seen.iter().filter(|woken| **woken == expected).count() == 3 {
            return Ok(());
        }
    }
    Err(format!("of {SLEEPERS} that slept, waking {n} woke, time after time, {seen:?}"))
}

/// How many of [`SLEEPERS`] one wake of `n` wakes: those who are up before the deadline.
fn woken_by<O: Os>(suite: &Suite, n: u32) -> Result<u32, String> {
    let (word, asleep, woken) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let until = O::now() + 20 * MILLI;
    let body = || {
        asleep.fetch_add(1, Ordering::Relaxed);
        O::wait(&word, 0, until);
        woken.fetch_add(u32::from(O::now() < until), Ordering::Relaxed);
    };
    let threads: Result<Vec<_>, _> = (0..SLEEPERS).map(|_| Thread::<O>::start(&body)).collect();
    let threads = threads?;
    eventually::<O, _>(suite, || (asleep.load(Ordering::Relaxed) == SLEEPERS).then_some(()));
    pass::<O>(suite, 3 * MILLI);
    O::wake(&word, n);
    drop(threads);
    Ok(woken.into_inner())
}

fn nobody<O: Os>(_: &Suite) -> Verdict {
    let word = AtomicU32::new(0);
    for n in [0, 1, u32::MAX] {
        O::wake(&word, n);
    }
    Ok(())
}

/// Words where there is no memory: the process would not survive a look.
fn word_gone<O: Os>(_: &Suite) -> Verdict {
    let region = Region::<O>::reserved(1)?;
    O::wake(region.page(0).cast(), 1);
    O::wake(without_provenance(64), u32::MAX);
    Ok(())
}
