//! The thread's word.

use std::ptr::without_provenance_mut;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rt_core::{Arch, Os};

use crate::clause::{Clause, Verdict, holds};
use crate::suite::Suite;
use crate::tools::stack::{EXITED, Stack, home, home_for_good};
use crate::tools::thread::Thread;
use crate::tools::time::eventually;

pub(super) fn clauses<O: Os + 'static, A: Arch + 'static>() -> Vec<Clause> {
    vec![
        Clause::new(
            "Os::local/null-at-first",
            "This thread's word: null until `Os::set_local`.",
            null_at_first::<O>,
        ),
        Clause::new("Os::set_local/sets", "Sets this thread's word.", sets::<O>),
        Clause::new(
            "Os::set_local/no-other-thread's",
            "Sets this thread's word.",
            no_other_threads::<O>,
        ),
        Clause::new(
            "Os::local/read-anew",
            "Must be read anew on each call, for the caller may have moved to another thread since \
             the last one.",
            read_anew::<O, A>,
        ),
    ]
}

fn null_at_first<O: Os>(_: &Suite) -> Verdict {
    let word = O::local();
    holds!(word.is_null(), "on a thread that never set its word, it is {word:?}");
    Ok(())
}

fn sets<O: Os>(_: &Suite) -> Verdict {
    let before = O::local();
    let words = [8, 16, usize::MAX, 1, 0].map(without_provenance_mut::<()>);
    let read = words.map(|word| {
        O::set_local(word);
        O::local()
    });
    O::set_local(before);
    holds!(read == words, "set were {words:?}, read were {read:?}");
    Ok(())
}

/// Eight threads set their words, and when all have, each reads its own.
fn no_other_threads<O: Os>(suite: &Suite) -> Verdict {
    const THREADS: u32 = 8;
    let (set, kept) = (AtomicU32::new(0), AtomicU32::new(0));
    let body = || {
        // The address of a local, which no other thread has.
        let here = 0_u8;
        let mine = (&raw const here).cast_mut().cast();
        O::set_local(mine);
        set.fetch_add(1, Ordering::Relaxed);
        let all = || (set.load(Ordering::Relaxed) == THREADS).then_some(());
        eventually::<O, _>(suite, all);
        kept.fetch_add(u32::from(O::local() == mine), Ordering::Relaxed);
    };
    let threads: Result<Vec<_>, _> = (0..THREADS).map(|_| Thread::<O>::start(&body)).collect();
    drop(threads?);
    let kept = kept.into_inner();
    holds!(kept == THREADS, "of {THREADS} threads, {kept} read their own words");
    Ok(())
}

/// What a flow of control that moves between threads reads, before and after.
#[derive(Default)]
struct Read {
    before: AtomicUsize,
    after: AtomicUsize,
}

unsafe extern "C" fn reads_twice<O: Os, A: Arch>(_: usize, read: *mut ()) -> ! {
    // SAFETY: `read_anew` passes a record that outlives the flow.
    let read = unsafe { &*read.cast::<Read>() };
    read.before.store(O::local().addr(), Ordering::Relaxed);
    home::<A>(0);
    read.after.store(O::local().addr(), Ordering::Relaxed);
    home_for_good::<A>(EXITED)
}

/// Starts a flow on one thread and goes on with it on another.
fn read_anew<O: Os, A: Arch>(_: &Suite) -> Verdict {
    let read = Read::default();
    let stack = Stack::<A>::new(reads_twice::<O, A>, (&raw const read).cast_mut().cast())?;
    let stack = Shared(stack);
    let word = AtomicUsize::new(8);
    let messages = AtomicUsize::new(0);
    let body = || {
        O::set_local(without_provenance_mut(word.fetch_add(8, Ordering::Relaxed)));
        messages.store(stack.go(), Ordering::Relaxed);
    };
    for _ in 0..2 {
        drop(Thread::<O>::start(&body)?);
    }
    let message = messages.into_inner();
    holds!(message == EXITED, "the flow came back with {message:#x}");
    let read = [read.before, read.after].map(AtomicUsize::into_inner);
    holds!(read == [8, 16], "on threads with the words 8 and 16, read were {read:?}");
    Ok(())
}

/// A stack that several threads go to, one after the other.
struct Shared<A>(Stack<A>);

// SAFETY: `read_anew` joins each thread that goes to the stack before it starts the next.
unsafe impl<A> Sync for Shared<A> {}

impl<A: Arch> Shared<A> {
    fn go(&self) -> usize {
        self.0.go(0)
    }
}
