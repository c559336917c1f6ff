//! What `fork` leaves of a runtime: its memory, and none of its threads but the one that called.
//!
//! Such a child may exec, and may do whatever needs no runtime. What would need one ends it with a
//! sentence, because the alternative is to wait for ever. No way that is taken often asks for it:
//!
//! 1. In the child, before `fork` returns, the calling thread's word is taken away: it is no worker
//!    any more, so everything on it takes the ways of plain threads.
//! 2. Where a plain thread would sleep until it is woken, and where a goroutine is known to have a
//!    worker, the word is asked ([`check_thread`]).
//! 3. A runtime keeps the number of forks before it. Who sends it something from outside, or starts
//!    a thread for it, compares ([`Shared::check_process`]).
//!
//! A runtime that is started in the child is like any other.

use crate::os;
use crate::runtime::Shared;
use crate::seam::mutant;
use crate::worker::Local;

/// Step 1. Called in the child, on its only thread.
pub(crate) fn in_child() {
    if !matches!(Local::read(), Local::Nothing) {
        mutant!("fork-word": Local::set_lost() => ());
    }
}

/// Step 2: ends the process if the calling thread had a runtime before the fork.
pub(crate) fn check_thread() {
    if mutant!("fork-thread": Local::is_lost() => false) {
        lost();
    }
}

impl Shared {
    /// Whether this runtime was started by a process that this one was made of by `fork`.
    pub(crate) fn is_inherited(&self) -> bool {
        self.forks != os::forks()
    }

    /// Step 3: ends the process if this runtime's threads are in another one.
    pub(crate) fn check_process(&self) {
        if mutant!("fork-process": self.is_inherited() => false) {
            lost();
        }
    }
}

#[cold]
fn lost() -> ! {
    crate::fatal!(
        "this process was made by fork, and the goroutines and workers of its runtime stayed in \
         the parent: let the child exec a program or _exit, or fork before the runtime starts"
    )
}
