//! The end of the process, and what is told on the way there: each check has a process of its own.
//!
//! 1. The check starts this program again, to run the one test that [`Suite::again`] names, with
//!    the clause's id in the environment.
//! 2. That test calls [`crate::run`], which calls [`play`]; it finds the id and does what the check
//!    is about, and never returns.
//! 3. The check looks at how the process ended, and at its error stream.

use std::env;
use std::hint::black_box;
use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};

use rt_core::{Arch, Fault, Os};

use super::fork;
use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::{Need, Suite};
use crate::tools::region::Region;
use crate::tools::thread::Thread;
use crate::tools::time::eventually;

/// The name of the variable with the id.
const PART: &str = "OS_CONFORMANCE_PART";

/// What a part ends with that was played to its end.
const PLAYED: i32 = 7;

/// What a part ends with that could not be played.
const NOT_PLAYED: i32 = 8;

/// What the handler of faults writes before the address.
const FAULT_AT: &str = "fault at 0x";

const ABORT: &str = "Os::abort/crash";
const EXIT: &str = "Os::exit/status";
const WRITE_ERROR: &str = "Os::write_error/writes";
const CALLED: &str = "Os::catch_faults/handler-is-called";
const NOT_OURS: &str = "Os::catch_faults/not-ours";
const OVERFLOW: &str = "Os::start/survives-overflow";

const AT_FORK: &str = "Os::at_fork/child-is-told";
const FORKS: &str = "Os::forks/counts";

pub(super) fn clauses<O: Os + 'static>() -> Vec<Clause> {
    let all = [
        Clause::new(ABORT, "Ends the process as a crash", abort::<O>),
        Clause::new(EXIT, "Ends the process with this status.", exit::<O>),
        Clause::new(WRITE_ERROR, "Writes to the error stream, as far as it goes.", write::<O>),
        Clause::new(
            CALLED,
            "Asks to be called as `handler(address)` when a thread touches memory that it may not",
            called::<O>,
        ),
        Clause::new(
            NOT_OURS,
            "for `Fault::NotOurs` the backend goes on to whatever was installed before",
            not_ours::<O>,
        ),
        Clause::new(
            OVERFLOW,
            "The thread can overflow a goroutine's stack and still run the fault handler",
            overflow::<O>,
        ),
        Clause::new(
            AT_FORK,
            "Asks to be called as `child()` in each process that a `fork` makes of this one",
            at_fork::<O>,
        ),
        Clause::new(FORKS, "How many times a process has become another by `fork`", forks::<O>),
    ];
    let needs: [&[Need]; 8] = [
        &[Need::Again],
        &[Need::Again],
        &[Need::Again],
        &[Need::Again, Need::Guards],
        &[Need::Again, Need::Guards],
        &[Need::Again, Need::Guards],
        &[Need::Again],
        &[Need::Again],
    ];
    all.into_iter().zip(needs).map(|(clause, needs)| clause.needs(needs)).collect()
}

/// Step 2: in a process that a check started, does not return.
pub(crate) fn play<O: Os, A: Arch>() {
    let Ok(part) = env::var(PART) else { return };
    match part.as_str() {
        ABORT => O::abort(),
        EXIT => O::exit(43),
        WRITE_ERROR => {
            O::write_error(b"written, ");
            O::write_error(b"and more\n");
        }
        CALLED => touch::<O>(Fault::Overflow),
        NOT_OURS => touch::<O>(Fault::NotOurs),
        OVERFLOW => overflows::<O, A>(),
        AT_FORK | FORKS => tell_of_fork::<O>(),
        _ => std::process::exit(NOT_PLAYED),
    }
    std::process::exit(PLAYED);
}

/// How a process ended.
struct Ended {
    status: ExitStatus,
    errors: String,
}

impl Ended {
    /// Ended by the system and not by itself, as far as std can tell.
    fn is_crash(&self) -> bool {
        let code = self.status.code();
        if cfg!(unix) {
            code.is_none()
        } else {
            code.is_some_and(|code| ![0, PLAYED, NOT_PLAYED].contains(&code))
        }
    }

    /// The address that the handler was called with.
    fn fault(&self) -> Option<usize> {
        let digits = self.errors.split(FAULT_AT).nth(1)?.get(..16)?;
        usize::from_str_radix(digits, 16).ok()
    }
}

/// Steps 1 and 3.
fn child<O: Os>(suite: &Suite, part: &str) -> Result<Ended, String> {
    let program = env::current_exe().map_err(refused("this program's path"))?;
    let mut child = Command::new(program)
        .args(["--exact", suite.again.unwrap_or_default(), "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(refused("a process"))?;
    let ended = eventually::<O, _>(suite, || child.try_wait().transpose());
    let Some(status) = ended else {
        // It may have ended by itself at last.
        let _ = child.kill();
        let _ = child.wait();
        return Err("the process did not end".to_owned());
    };
    let status = status.map_err(refused("the status of a process"))?;
    let mut errors = String::new();
    if let Some(mut stream) = child.stderr.take() {
        stream.read_to_string(&mut errors).map_err(refused("the error stream"))?;
    }
    let name = suite.again.unwrap_or_default();
    holds!(status.code() != Some(0), "the test {name:?} does not exist or does not run a suite");
    holds!(status.code() != Some(NOT_PLAYED), "the process could not play {part}: {errors}");
    Ok(Ended { status, errors })
}

fn abort<O: Os>(suite: &Suite) -> Verdict {
    let ended = child::<O>(suite, ABORT)?;
    holds!(ended.is_crash(), "the process ended with {}", ended.status);
    Ok(())
}

fn exit<O: Os>(suite: &Suite) -> Verdict {
    let ended = child::<O>(suite, EXIT)?;
    holds!(ended.status.code() == Some(43), "the status was to be 43 and is {}", ended.status);
    Ok(())
}

fn write<O: Os>(suite: &Suite) -> Verdict {
    let errors = child::<O>(suite, WRITE_ERROR)?.errors;
    let written = errors.contains("written, and more\n");
    holds!(written, "the error stream has not what was written, but {errors:?}");
    Ok(())
}

fn called<O: Os>(suite: &Suite) -> Verdict {
    let ended = child::<O>(suite, CALLED)?;
    let found = ended.fault();
    holds!(found.is_some(), "no handler was called: {}, {:?}", ended.status, ended.errors);
    let there = found.is_some_and(|at| ended.errors.contains(&touched(at)));
    holds!(there, "the handler was called with {found:x?}, and: {:?}", ended.errors);
    holds!(ended.is_crash(), "after the report, the process ended with {}", ended.status);
    Ok(())
}

fn not_ours<O: Os>(suite: &Suite) -> Verdict {
    let ended = child::<O>(suite, NOT_OURS)?;
    let found = ended.fault();
    holds!(found.is_some(), "no handler was called: {}, {:?}", ended.status, ended.errors);
    holds!(ended.is_crash(), "nobody took the fault, and the process ended with {}", ended.status);
    Ok(())
}

/// What a child of a fork was told, and knew of.
const TOLD: &str = "told 1\n";
const KNOWN: &str = "forks 1\n";

fn at_fork<O: Os>(suite: &Suite) -> Verdict {
    let errors = child::<O>(suite, AT_FORK)?.errors;
    holds!(errors.contains(TOLD), "the child of a fork was not told once: {errors:?}");
    Ok(())
}

fn forks<O: Os>(suite: &Suite) -> Verdict {
    let errors = child::<O>(suite, FORKS)?.errors;
    holds!(errors.contains(KNOWN), "the child of a fork does not count one more: {errors:?}");
    Ok(())
}

/// Forks, and writes what the child said.
fn tell_of_fork<O: Os>() {
    let installed = O::at_fork(fork::tell);
    let before = O::forks();
    let said = fork::in_child(O::forks);
    let (Ok(()), Some((told, forks)), true) = (installed, said, O::forks() == before) else {
        std::process::exit(NOT_PLAYED)
    };
    eprint!("told {told}\nforks {}\n", forks.wrapping_sub(before));
}

fn overflow<O: Os>(suite: &Suite) -> Verdict {
    let ended = child::<O>(suite, OVERFLOW)?;
    let page = ended.fault().map(|at| at & !(O::page_size() - 1));
    let there = page.is_some_and(|at| ended.errors.contains(&touched(at)));
    holds!(there, "the handler was not called for the guard: {}, {:?}", ended.status, ended.errors);
    holds!(ended.is_crash(), "after the report, the process ended with {}", ended.status);
    Ok(())
}

/// What a part says about where it is going to fault.
fn touched(at: usize) -> String {
    format!("touches {at:016x}\n")
}

/// Calls the handler that says what `verdict` is, for a fault on a guard.
fn touch<O: Os>(verdict: Fault) {
    let caught = match verdict {
        Fault::Overflow => O::catch_faults(ours::<O>),
        Fault::NotOurs => O::catch_faults(others::<O>),
    };
    let guarded = Region::<O>::committed(3).and_then(|region| {
        region.guard(1, 1, 1)?;
        Ok(region)
    });
    let (Ok(()), Ok(region)) = (caught, guarded) else { std::process::exit(NOT_PLAYED) };
    let at = region.page(1).expose_provenance();
    eprint!("{}", touched(at));
    let body = || {
        let at = black_box(std::ptr::with_exposed_provenance::<u8>(at));
        // SAFETY: none: this is the fault, in a process that is there to have it.
        unsafe { at.read_volatile() };
    };
    // A fault ends the process, so there is nothing to look at.
    drop(Thread::<O>::start(&body));
}

/// Overflows a stack of a few pages, on a thread of the backend.
fn overflows<O: Os, A: Arch>() {
    const PAGES: usize = 16;
    let caught = O::catch_faults(ours::<O>);
    let guarded = Region::<O>::committed(PAGES).and_then(|region| {
        region.guard(0, 1, 1)?;
        Ok(region)
    });
    let (Ok(()), Ok(region)) = (caught, guarded) else { std::process::exit(NOT_PLAYED) };
    eprint!("{}", touched(region.page(0).addr()));
    let top = region.page(PAGES).expose_provenance();
    let body = || {
        let top = std::ptr::with_exposed_provenance_mut(top);
        // SAFETY: the pages below `top` are committed, and nothing is on them.
        let to = unsafe { A::prepare(top, descends, std::ptr::null_mut()) };
        // SAFETY: made by `prepare` in the line above, and nobody else goes there.
        unsafe { A::gogo(to, 0) };
    };
    // A fault ends the process, so there is nothing to look at.
    drop(Thread::<O>::start(&body));
}

unsafe extern "C" fn descends(_: usize, _: *mut ()) -> ! {
    deeper(0);
    std::process::exit(NOT_PLAYED)
}

/// Goes down the stack to its end.
#[expect(unconditional_recursion, reason = "the stack is to end")]
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    deeper(depth + 1) + black_box(frame)[0]
}

fn ours<O: Os>(address: usize) -> Fault {
    report::<O>(address);
    Fault::Overflow
}

fn others<O: Os>(address: usize) -> Fault {
    report::<O>(address);
    Fault::NotOurs
}

/// Writes the address, with nothing that a handler of faults may not use.
fn report<O: Os>(address: usize) {
    let mut digits = [0; 16];
    for (index, digit) in digits.iter_mut().rev().enumerate() {
        let value = (address as u64 >> (4 * index)) & 15;
        *digit = b"0123456789abcdef"[value as usize];
    }
    O::write_error(FAULT_AT.as_bytes());
    O::write_error(&digits);
    O::write_error(b"\n");
}
