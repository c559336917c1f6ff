//! The running of checks: one after the other, each under a time limit.
#![forbid(unsafe_code)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use rt_core::{Arch, Net, Os, Poller};

use crate::clause::{Clause, Verdict};
use crate::os::process;
use crate::report::{Report, Skipped, Violation};
use crate::suite::{Suite, Time};
use crate::{arch, net, os, poller};

/// All clauses, in the order in which they are checked: what others lean on comes first.
pub fn clauses<O, A>() -> Vec<Clause>
where
    O: Os + Poller + Net + 'static,
    A: Arch + 'static,
{
    let mut all = os::clauses::<O, A>();
    all.extend(poller::clauses::<O>());
    all.extend(net::clauses::<O>());
    all.extend(arch::clauses::<O, A>());
    all
}

/// Checks every clause of the suite against the backend `O` on the processor `A`.
///
/// A check that hangs is left behind with its thread, and what that thread holds.
pub fn run<O, A>(suite: &Suite) -> Report
where
    O: Os + Poller + Net + 'static,
    A: Arch + 'static,
{
    process::play::<O, A>();
    let mut report = Report::default();
    for clause in clauses::<O, A>() {
        if !suite.includes(clause.id) {
            continue;
        }
        if suite.without.contains(&clause.id) {
            report.skipped.push(Skipped { clause, why: "is not asked for".to_owned() });
            continue;
        }
        if let Some(need) = clause.needs.iter().find(|&&need| !suite.has::<O>(need)) {
            report.skipped.push(Skipped { clause, why: need.to_string() });
            continue;
        }
        match execute(clause, suite) {
            Ok(()) => report.held.push(clause),
            Err(seen) => report.violations.push(Violation { clause, seen }),
        }
    }
    report
}

/// As [`run`], for a test.
///
/// # Panics
/// If a clause is violated, with the [`Report`] as its message; or if none was checked.
#[track_caller]
pub fn check<O, A>(suite: &Suite)
where
    O: Os + Poller + Net + 'static,
    A: Arch + 'static,
{
    let report = run::<O, A>(suite);
    assert!(report.violations.is_empty(), "{report}");
    assert!(!report.held.is_empty(), "no clause was checked\n{report}");
}

fn execute(clause: Clause, suite: &Suite) -> Verdict {
    let suite = *suite;
    let check = move || {
        // What a check leaves half done is its own, and it is over.
        catch_unwind(AssertUnwindSafe(|| (clause.check)(&suite)))
            .unwrap_or_else(|payload| Err(format!("it panicked: {}", message(&*payload))))
    };
    let Time::Real { limit } = suite.time else { return check() };
    let (verdict, ended) = mpsc::channel();
    // A send fails when nobody waits for the verdict any more.
    let body = move || drop(verdict.send(check()));
    let thread = thread::Builder::new().name(clause.id.to_owned()).spawn(body);
    let thread = thread.map_err(|error| format!("std has no thread for the check: {error}"))?;
    match ended.recv_timeout(limit) {
        Ok(verdict) => match thread.join() {
            Ok(()) => verdict,
            Err(payload) => Err(format!("its thread panicked: {}", message(&*payload))),
        },
        Err(RecvTimeoutError::Timeout) => Err(format!("it hangs: no end after {limit:?}")),
        Err(RecvTimeoutError::Disconnected) => Err("its thread ended without a verdict".to_owned()),
    }
}

/// What a panic said.
fn message(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<String>() {
        Some(text) => text,
        None => payload.downcast_ref::<&str>().unwrap_or(&"(a payload that is not text)"),
    }
}
