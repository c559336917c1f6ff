//! Counting system calls: a test's own small strace, so that the count needs no tool.
//!
//! The traced process marks where a section begins and where it ends, by a call that can do nothing
//! (a write to descriptor -1). Each system call that a thread *enters* in between counts.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ExitStatus, Stdio};
use std::ptr::null_mut;

use crate::alone;
use crate::stopped::stopped;

/// What was seen between two marks.
#[derive(Debug)]
pub struct Section {
    /// What the test calls it.
    pub number: usize,
    /// How many operations the test did in it.
    pub operations: usize,
    /// The numbers of the system calls of the thread that began it, in order.
    pub calls: Vec<u64>,
    /// Those of other threads.
    pub others: Vec<u64>,
    thread: i32,
}

/// Begins a section, or ends the one that was begun.
pub fn mark(section: usize, operations: usize) {
    // SAFETY: writes nothing: there is no such descriptor, which is all that the call reports.
    unsafe { libc::syscall(libc::SYS_write, -1, section, operations) };
}

/// Runs the body of the test of this name in a process of its own, and returns its sections.
///
/// # Panics
/// When the body doesn't return, or the system lets no process trace its child.
pub fn trace(test: &str, body: impl FnOnce()) -> Vec<Section> {
    let mut command = alone::traced(test, body);
    command.stdout(Stdio::null());
    // SAFETY: the closure makes one system call, which is allowed between fork and exec.
    unsafe { command.pre_exec(trace_me) };
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("a test must be able to trace its child (ptrace): {error}"),
    };
    let mut tracer = Tracer { leader: child.id() as i32, sections: Vec::new(), open: false };
    let status = tracer.follow();
    assert!(alone::is_done(status.code()), "{test}, traced, ended with {status}");
    tracer.sections
}

fn trace_me() -> std::io::Result<()> {
    // SAFETY: changes who is told of this process's signals, and touches no memory.
    match unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, null_mut::<u8>(), null_mut::<u8>()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

struct Tracer {
    leader: i32,
    sections: Vec<Section>,
    open: bool,
}

impl Tracer {
    fn follow(&mut self) -> ExitStatus {
        let (leader, status) = wait();
        assert_eq!(leader, self.leader, "the first stop is that of the exec");
        assert!(libc::WIFSTOPPED(status), "the child ended before its exec");
        let options =
            libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
        // SAFETY: the options are a number; the child is stopped.
        let set = unsafe {
            libc::ptrace(libc::PTRACE_SETOPTIONS, leader, null_mut::<u8>(), options as usize)
        };
        assert_eq!(set, 0, "ptrace: {}", std::io::Error::last_os_error());
        resume(leader, 0);
        loop {
            let (thread, status) = wait();
            if !libc::WIFSTOPPED(status) {
                if thread == self.leader {
                    return ExitStatus::from_raw(status);
                }
                continue;
            }
            let signal = libc::WSTOPSIG(status);
            if signal == libc::SIGTRAP | 0x80 {
                self.at_call(thread);
            }
            // New threads stop once, and events have a trap; neither is the program's.
            let own = [libc::SIGTRAP | 0x80, libc::SIGTRAP, libc::SIGSTOP].contains(&signal);
            resume(thread, if own { 0 } else { signal });
        }
    }

    /// A thread stands at the entry or the exit of a system call.
    fn at_call(&mut self, thread: i32) {
        let Some((number, args)) = stopped(thread).entered_call() else { return };
        if number == libc::SYS_write as u64 && args[0] as i32 == -1 {
            self.open = !self.open;
            if self.open {
                let [_, number, operations, ..] = args.map(|arg| arg as usize);
                self.sections.push(Section {
                    number,
                    operations,
                    calls: Vec::new(),
                    others: Vec::new(),
                    thread,
                });
            }
        } else if self.open
            && let Some(section) = self.sections.last_mut()
        {
            let own = section.thread == thread;
            if own { &mut section.calls } else { &mut section.others }.push(number);
        }
    }
}

/// The next stop or end of a thread that this thread traces. Children of other threads are theirs.
fn wait() -> (i32, i32) {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let thread = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    assert!(thread > 0, "waitpid: {}", std::io::Error::last_os_error());
    (thread, status)
}

fn resume(thread: i32, signal: i32) {
    // A thread that is killed meanwhile is not there to be resumed, and its end is reported.
    // SAFETY: the signal is a number; the thread is stopped.
    unsafe { libc::ptrace(libc::PTRACE_SYSCALL, thread, null_mut::<u8>(), signal as usize) };
}
