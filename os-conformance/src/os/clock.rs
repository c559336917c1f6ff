//! The clock, and what else a backend answers without doing much.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use rt_core::Os;

use crate::clause::{Clause, Verdict, holds};
use crate::suite::{Need, Suite};
use crate::tools::thread::Thread;
use crate::tools::time::{MILLI, Watch};

pub(super) fn clauses<O: Os + 'static>() -> Vec<Clause> {
    vec![
        Clause::new("Os::now/monotonic", "The monotonic clock.", monotonic::<O>),
        Clause::new(
            "Os::now/nanoseconds",
            "times are nanoseconds of one monotonic clock",
            nanoseconds::<O>,
        )
        .needs(&[Need::RealTime]),
        Clause::new(
            "Os::now/same-on-all-threads",
            "times are nanoseconds of one monotonic clock",
            same_on_all_threads::<O>,
        ),
        Clause::new("Os::cpus/at-least-one", "at least 1.", cpus::<O>),
        Clause::new(
            "Os::most_cpus/no-fewer",
            "The most that `Os::cpus` will ever answer",
            most_cpus::<O>,
        ),
        Clause::new(
            "Os::seed/differs",
            "A random number to seed the core's own generators.",
            seeds::<O>,
        ),
        Clause::new(
            "Os::fence_all/constant",
            "False: not to be had here, and every call will answer so.",
            fence_answers::<O>,
        ),
        Clause::new(
            "Os::fence_all/fences",
            "Makes every other running thread of the process pass a full fence",
            fences::<O>,
        ),
    ]
}

fn monotonic<O: Os>(suite: &Suite) -> Verdict {
    let mut before = O::now();
    for _ in 0..suite.rounds(20_000) {
        let now = O::now();
        holds!(now >= before, "after {before} came {now}");
        before = now;
    }
    Ok(())
}

fn nanoseconds<O: Os>(_: &Suite) -> Verdict {
    let outer = Instant::now();
    let start = O::now();
    let inner = Instant::now();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let least = inner.elapsed().as_nanos() as u64;
    let passed = O::now().saturating_sub(start);
    let most = outer.elapsed().as_nanos() as u64;
    // Two clocks of one machine may be trimmed differently, and be read in coarse steps.
    let grain = 4 * MILLI;
    let fits = passed + grain >= least && passed <= most + grain;
    holds!(fits, "{passed} passed while std's clock counted {least} to {most} nanoseconds");
    Ok(())
}

/// One thread publishes what it reads, and the other never reads less than was published.
fn same_on_all_threads<O: Os>(suite: &Suite) -> Verdict {
    let (published, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let body = || {
        while !stop.load(Ordering::Relaxed) {
            let now = O::now();
            // Release: pairs with the Acquire below, so that this clock was read before that one.
            published.store(now, Ordering::Release);
        }
    };
    let publisher = Thread::<O>::start(&body)?;
    let mut verdict = Ok(());
    for _ in 0..suite.rounds(20_000) {
        // Acquire: pairs with the Release above.
        let theirs = published.load(Ordering::Acquire);
        let ours = O::now();
        if ours < theirs {
            verdict = Err(format!("{ours} was read after another thread had read {theirs}"));
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    drop(publisher);
    verdict
}

fn cpus<O: Os>(_: &Suite) -> Verdict {
    let cpus = O::cpus();
    holds!(cpus >= 1, "there are {cpus}");
    Ok(())
}

fn most_cpus<O: Os>(_: &Suite) -> Verdict {
    // In this order, for the number may change meanwhile.
    let (cpus, most) = (O::cpus(), O::most_cpus());
    holds!(most >= cpus, "there are {cpus}, and at most {most}");
    Ok(())
}

fn seeds<O: Os>(_: &Suite) -> Verdict {
    let seeds: BTreeSet<u64> = (0..16).map(|_| O::seed()).collect();
    holds!(seeds.len() == 16, "of 16 seeds, {} differ", seeds.len());
    Ok(())
}

fn fence_answers<O: Os>(_: &Suite) -> Verdict {
    let first = O::fence_all();
    for _ in 0..16 {
        holds!(O::fence_all() == first, "it answered both {first} and {}", !first);
    }
    Ok(())
}

/// Mutual exclusion of a thread that has fences, by this call, and one that has none. Each says
/// that it wants to and then looks whether the other does. Without a fence on the other's behalf,
/// both can be shown what was before.
fn fences<O: Os>(suite: &Suite) -> Verdict {
    if !O::fence_all() {
        return Ok(());
    }
    let (light, heavy) = (AtomicBool::new(false), AtomicBool::new(false));
    let (inside, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let body = || {
        while !stop.load(Ordering::Relaxed) {
            light.store(true, Ordering::Relaxed);
            std::sync::atomic::compiler_fence(Ordering::SeqCst);
            if !heavy.load(Ordering::Relaxed) {
                inside.store(true, Ordering::Relaxed);
                O::point();
                inside.store(false, Ordering::Relaxed);
            }
            // Release: pairs with the Acquire below: who sees it sees `inside` cleared.
            light.store(false, Ordering::Release);
            O::point();
        }
    };
    let thread = Thread::<O>::start(&body)?;
    let (watch, mut both) = (Watch::<O>::new(suite), 0_u32);
    for _ in 0..suite.rounds(1000) {
        heavy.store(true, Ordering::Relaxed);
        O::fence_all();
        // Acquire: pairs with the Release above.
        if !light.load(Ordering::Acquire) {
            for _ in 0..20 {
                both += u32::from(inside.load(Ordering::Relaxed));
                spin_loop();
            }
        }
        // Release: what was read of `inside` was read before the other may go on.
        heavy.store(false, Ordering::Release);
        O::point();
        if watch.elapsed().as_nanos() as u64 > 20 * MILLI {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    drop(thread);
    holds!(both == 0, "a thread did not see what was stored before the fence on its behalf");
    Ok(())
}
