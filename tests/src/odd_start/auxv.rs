//! A program whose auxiliary vector says nothing: its entries are blotted out before it runs.

use std::ffi::CString;
use std::process::ExitCode;

use libc::{c_int, c_long, pid_t};

/// The tag of an entry that programs pass over.
const AT_IGNORE: c_long = 1;

/// Runs the program as a child, and returns with its status.
pub(crate) fn run_without(
    program: &CString,
    args: &[CString],
    environment: &[CString],
) -> ExitCode {
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: asks to be watched by the parent, and takes nothing else.
        unsafe { libc::ptrace(libc::PTRACE_TRACEME) };
        super::exec(program, args, environment);
        std::process::exit(2);
    }
    // The kernel stops it when it has become the program, before the first instruction.
    let mut status = wait(child);
    if libc::WIFSTOPPED(status) {
        blot_out(child);
        // SAFETY: the child is stopped, and goes on without us.
        unsafe { libc::ptrace(libc::PTRACE_DETACH, child, 0_usize, 0_usize) };
        status = wait(child);
    }
    if libc::WIFEXITED(status) {
        return ExitCode::from(libc::WEXITSTATUS(status) as u8);
    }
    ExitCode::from(128 + libc::WTERMSIG(status) as u8)
}

fn wait(child: pid_t) -> c_int {
    let mut status = 0;
    // SAFETY: the status is writable.
    unsafe { libc::waitpid(child, &mut status, 0) };
    status
}

/// Makes every entry one to pass over.
fn blot_out(child: pid_t) {
    let stack = tests::stopped::stopped(child).stack;
    let word = |at: u64| {
        // SAFETY: the child is stopped; an address that it has not is an error.
        unsafe { libc::ptrace(libc::PTRACE_PEEKDATA, child, at, 0_usize) }
    };
    // Arguments and environment each end with a null, and then there are pairs.
    let argc = word(stack) as u64;
    let mut at = stack + 8 * (argc + 2);
    while word(at) != 0 {
        at += 8;
    }
    at += 8;
    while word(at) != 0 {
        // SAFETY: as above; the word is an entry's tag.
        unsafe { libc::ptrace(libc::PTRACE_POKEDATA, child, at, AT_IGNORE) };
        at += 16;
    }
}
