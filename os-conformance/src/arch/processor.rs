//! What a processor does in passing, and what it tells valgrind.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use rt_core::Arch;

use crate::clause::{Clause, Verdict, holds};
use crate::suite::Suite;

pub(super) fn clauses<A: Arch + 'static>() -> Vec<Clause> {
    vec![
        Clause::new(
            "Arch::pause/returns",
            "Tells the processor that this is a spin loop.",
            pause::<A>,
        ),
        Clause::new(
            "Arch::prefetch/keeps-memory",
            "Tells the processor that what lies at this address will be needed soon. It may be any address.",
            prefetch::<A>,
        ),
        Clause::new("Arch::ticks/counts", "A fast counter of time", ticks::<A>),
        Clause::new(
            "Arch::stack_begins/keeps-memory",
            "Tells valgrind, if it runs this program, that the bytes from `low` to `high` are a stack",
            stack::<A>,
        ),
        Clause::new(
            "Arch::stack_ends/keeps-memory",
            "Tells valgrind that the stack of this number is none any more.",
            stack::<A>,
        ),
    ]
}

fn pause<A: Arch>(_: &Suite) -> Verdict {
    for _ in 0..1000 {
        A::pause();
    }
    Ok(())
}

/// What is there stays as it is, and where nothing is, nothing happens.
fn prefetch<A: Arch>(_: &Suite) -> Verdict {
    let bytes = vec![0x5a_u8; 4096];
    bytes.iter().for_each(|byte| A::prefetch(std::ptr::from_ref(byte).cast()));
    holds!(bytes.iter().all(|&byte| byte == 0x5a), "telling of memory has changed it");
    for address in [0, 1, 1 << 47, usize::MAX] {
        A::prefetch(std::ptr::without_provenance(address));
    }
    Ok(())
}

/// Who is told may be nobody. What is on the stack stays as it is, now and then.
fn stack<A: Arch>(_: &Suite) -> Verdict {
    let mut bytes = vec![0x5a_u8; 64 << 10];
    let ends = bytes.as_mut_ptr_range();
    for _ in 0..3 {
        let number = A::stack_begins(ends.start, ends.end);
        holds!(bytes.iter().all(|&byte| byte == 0x5a), "telling of a stack has changed it");
        A::stack_ends(number);
        holds!(bytes.iter().all(|&byte| byte == 0x5a), "telling of its end has changed a stack");
    }
    Ok(())
}

/// How far the counter gets, by std's clock and on this thread.
fn counted<A: Arch>(time: Duration) -> i64 {
    let (watch, start) = (Instant::now(), A::ticks());
    while watch.elapsed() < time {
        A::pause();
    }
    A::ticks().wrapping_sub(start) as i64
}

/// It is not ordered against other instructions, and a thread may move between processors, so that
/// it may seem to step back; but never as far as two milliseconds.
fn ticks<A: Arch>(_: &Suite) -> Verdict {
    let least = counted::<A>(Duration::from_millis(2));
    holds!(least > 0, "in two milliseconds it counted {least}");
    let mut before = A::ticks();
    for _ in 0..10_000 {
        let now = A::ticks();
        let step = now.wrapping_sub(before) as i64;
        holds!(step > -least, "it stepped from {before} to {now}");
        before = now;
    }
    Ok(())
}
