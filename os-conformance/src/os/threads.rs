//! Threads: start, join, and what a thread is prepared for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use rt_core::{FOREVER, Os};

use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::{Need, Suite};
use crate::tools::thread::Thread;
use crate::tools::time::{MILLI, eventually, pass};

pub(super) fn clauses<O: Os + 'static>() -> Vec<Clause> {
    vec![
        Clause::new(
            "Os::start/calls-entry",
            "Starts a thread that calls `entry(arg)` and ends when that returns.",
            calls_entry::<O>,
        ),
        Clause::new("Os::start/runs-beside", "Starts a thread", runs_beside::<O>),
        Clause::new("Os::start/word-is-null", "Its word is null.", word_is_null::<O>),
        Clause::new(
            "Os::join/waits-for-the-end",
            "Waits until the thread has ended",
            waits_for_the_end::<O>,
        ),
        Clause::new(
            "Os::join/frees",
            "Waits until the thread has ended and nothing of it is left, then frees what `start` \
             made.",
            frees::<O>,
        ),
        Clause::new(
            "Os::enter_thread/prepares",
            "Prepares the calling thread, which the core did not start, for running goroutines",
            enter::<O>,
        )
        .needs(&[Need::RealTime]),
        Clause::new(
            "Os::leave_thread/undoes",
            "Undoes `Os::enter_thread` on the same thread.",
            leave::<O>,
        ),
        Clause::new(
            "Os::threads/counts",
            "How many threads the process has, the caller's included",
            counts_threads::<O>,
        ),
        Clause::new(
            "Os::at_thread_end/calls",
            "Calls `f(arg)` when the calling thread ends",
            at_thread_end::<O>,
        ),
        Clause::new(
            "Os::thread/of-its-own",
            "No other thread of the process has it while this one lives.",
            name_of_its_own::<O>,
        ),
        Clause::new(
            "Os::is_blocked/waits",
            "Whether the thread of this name waits in the system at this moment",
            blocked_in_a_wait::<O>,
        ),
        Clause::new(
            "Os::is_blocked/runs",
            "rather than run or be ready to. False as well if the system doesn't tell, or there is \
             no such thread.",
            not_blocked::<O>,
        ),
        Clause::new(
            "Os::point/returns",
            "Marks a place in the core's lock-free code where another thread could come between.",
            point::<O>,
        ),
    ]
}

fn calls_entry<O: Os>(_: &Suite) -> Verdict {
    let calls: [AtomicU32; 8] = Default::default();
    let bodies = calls.each_ref().map(|calls| move || _ = calls.fetch_add(1, Ordering::Relaxed));
    let threads: Result<Vec<_>, _> = bodies.iter().map(Thread::<O>::start).collect();
    drop(threads?);
    let calls = calls.map(AtomicU32::into_inner);
    holds!(
        calls == [1; 8],
        "eight threads were started, and called their closures {calls:?} times"
    );
    Ok(())
}

/// The thread sees what its starter does after starting it.
fn runs_beside<O: Os>(suite: &Suite) -> Verdict {
    let (told, heard) = (AtomicBool::new(false), AtomicBool::new(false));
    let body = || {
        let seen = eventually::<O, _>(suite, || told.load(Ordering::Relaxed).then_some(()));
        heard.store(seen.is_some(), Ordering::Relaxed);
    };
    let thread = Thread::<O>::start(&body)?;
    told.store(true, Ordering::Relaxed);
    drop(thread);
    holds!(heard.into_inner(), "a thread was over before its starter went on");
    Ok(())
}

fn word_is_null<O: Os>(_: &Suite) -> Verdict {
    let (null, runs) = (AtomicU32::new(0), 4);
    let body = || {
        null.fetch_add(u32::from(O::local().is_null()), Ordering::Relaxed);
        // The next thread may be on the same stack.
        O::set_local(std::ptr::without_provenance_mut(16));
    };
    for _ in 0..runs {
        drop(Thread::<O>::start(&body)?);
    }
    let null = null.into_inner();
    holds!(null == runs, "of {runs} threads, the word of {null} was null");
    Ok(())
}

fn name_of_its_own<O: Os>(_: &Suite) -> Verdict {
    let (mine, others) = (O::thread(), AtomicUsize::new(O::thread()));
    let body = || others.store(O::thread(), Ordering::Relaxed);
    drop(Thread::<O>::start(&body)?);
    holds!(mine == O::thread(), "a thread has had two names");
    let other = others.into_inner();
    holds!(mine != other, "two threads have had the name {other}");
    Ok(())
}

/// Tells its name, and waits until it is let go.
struct Waiter {
    name: AtomicUsize,
    go: AtomicU32,
}

impl Waiter {
    fn wait<O: Os>(&self) {
        self.name.store(O::thread(), Ordering::Release);
        while self.go.load(Ordering::Relaxed) == 0 {
            O::wait(&self.go, 0, FOREVER);
        }
    }
}

fn blocked_in_a_wait<O: Os>(suite: &Suite) -> Verdict {
    let waiter = Waiter { name: AtomicUsize::new(usize::MAX), go: AtomicU32::new(0) };
    let body = || waiter.wait::<O>();
    let thread = Thread::<O>::start(&body)?;
    let blocked = eventually::<O, _>(suite, || {
        let name = waiter.name.load(Ordering::Acquire);
        (name != usize::MAX && O::is_blocked(name)).then_some(())
    });
    waiter.go.store(1, Ordering::Relaxed);
    O::wake(&waiter.go, 1);
    drop(thread);
    holds!(blocked.is_some(), "a thread that waits is said to run");
    Ok(())
}

fn not_blocked<O: Os>(_: &Suite) -> Verdict {
    let blocked = (0..1000).filter(|_| O::is_blocked(O::thread())).count();
    holds!(blocked == 0, "a thread that runs was blocked at {blocked} of 1000 looks at itself");
    Ok(())
}

/// What the thread of a `join` that may not wait touches: it must not go away under it.
struct Left {
    suite: Suite,
    ended: AtomicBool,
    called: AtomicUsize,
}

/// Takes its time, and says when it is over.
unsafe extern "C" fn lingers<O: Os>(left: *mut ()) {
    // SAFETY: `waits_for_the_end` passes a record that it leaks if the thread uses it too long.
    let left = unsafe { &*left.cast::<Left>() };
    let arg = std::ptr::from_ref(left).cast_mut().cast();
    // SAFETY: `notes` expects the record, which is as good as for this function.
    if !unsafe { O::at_thread_end(notes, arg) } {
        left.called.store(1, Ordering::Relaxed);
    }
    pass::<O>(&left.suite, 20 * MILLI);
    left.ended.store(true, Ordering::Relaxed);
}

unsafe extern "C" fn notes(left: *mut ()) {
    // SAFETY: the record of `lingers`, on the same thread.
    let left = unsafe { &*left.cast::<Left>() };
    left.called.fetch_add(1, Ordering::Relaxed);
}

fn waits_for_the_end<O: Os>(suite: &Suite) -> Verdict {
    let left = Left { suite: *suite, ended: AtomicBool::new(false), called: AtomicUsize::new(0) };
    // Never freed: if the join is broken, nobody knows for how long it is used.
    let left: &Left = Box::leak(Box::new(left));
    let arg = std::ptr::from_ref(left).cast_mut().cast();
    // SAFETY: `lingers` expects the record, which is there for good and has atomics only.
    let thread = unsafe { O::start(lingers::<O>, arg) }.map_err(refused("a thread"))?;
    // SAFETY: started in the line above, and joined here and nowhere else.
    unsafe { O::join(thread) };
    let ended = left.ended.load(Ordering::Relaxed);
    holds!(ended, "`join` returned before the thread's `entry` did");
    let called = left.called.load(Ordering::Relaxed);
    holds!(called == 1, "`join` returned before the thread's end was told to who had asked for it");
    Ok(())
}

/// One thread after the other: what may be left of them must not add up to a refusal.
fn frees<O: Os>(suite: &Suite) -> Verdict {
    for started in 0..suite.rounds(40) {
        let thread = Thread::<O>::start(&|| ());
        drop(thread.map_err(|error| format!("{error}, after {started} were joined"))?);
    }
    Ok(())
}

/// On a thread of std, as a program's main thread is: prepared, it can start and join others.
fn enter<O: Os>(_: &Suite) -> Verdict {
    let token = O::enter_thread().map_err(refused("entering"))?;
    let started = Thread::<O>::start(&|| ()).map(drop);
    // SAFETY: of the call above on this thread, used once.
    unsafe { O::leave_thread(token) };
    started
}

fn leave<O: Os>(suite: &Suite) -> Verdict {
    for times in 0..suite.rounds(50) {
        let again = |error| format!("entering was refused after {times} times: {error:?}");
        let token = O::enter_thread().map_err(again)?;
        // SAFETY: of the call above on this thread, used once.
        unsafe { O::leave_thread(token) };
    }
    Ok(())
}

/// Three threads more and three less, in a moment in which nobody else starts any.
fn counts_threads<O: Os>(suite: &Suite) -> Verdict {
    const MORE: usize = 3;
    let mut seen = (0, 0, 0);
    let counted = eventually::<O, _>(suite, || {
        let before = O::threads();
        let over = AtomicBool::new(before == 0);
        let body = || {
            eventually::<O, _>(suite, || over.load(Ordering::Relaxed).then_some(()));
        };
        let threads: Result<Vec<_>, _> = (0..MORE).map(|_| Thread::<O>::start(&body)).collect();
        let during = O::threads();
        over.store(true, Ordering::Relaxed);
        let started = threads.map(drop);
        seen = (before, during, O::threads());
        let adds_up = started.is_ok() && seen == (before, before + MORE, before);
        (before == 0 || adds_up).then_some(())
    });
    let (before, during, after) = seen;
    holds!(
        counted.is_some(),
        "there were {before} threads, {during} when {MORE} more ran, and then {after}"
    );
    Ok(())
}

unsafe extern "C" fn counts(calls: *mut ()) {
    // SAFETY: `at_thread_end` passes a count that it gave away, which is taken back here.
    let calls = unsafe { Arc::from_raw(calls.cast::<AtomicU32>()) };
    calls.fetch_add(1, Ordering::Relaxed);
}

fn at_thread_end<O: Os>(_: &Suite) -> Verdict {
    let calls = Arc::new(AtomicU32::new(0));
    let (had, early) = (AtomicBool::new(false), AtomicU32::new(0));
    let body = || {
        let arg = Arc::into_raw(Arc::clone(&calls)).cast_mut().cast();
        // SAFETY: `counts` expects the count, and owns one reference to it.
        had.store(unsafe { O::at_thread_end(counts, arg) }, Ordering::Relaxed);
        early.store(calls.load(Ordering::Relaxed), Ordering::Relaxed);
    };
    drop(Thread::<O>::start(&body)?);
    let (had, early) = (had.into_inner(), early.into_inner());
    let calls = calls.load(Ordering::Relaxed);
    holds!(early == 0, "it was called while the thread still ran");
    holds!(calls == u32::from(had), "the answer was {had}, and it was called {calls} times");
    Ok(())
}

fn point<O: Os>(_: &Suite) -> Verdict {
    for _ in 0..100 {
        O::point();
    }
    Ok(())
}
