//! Running a program on a runtime: Go's `newproc(main)` and `mstart`.

use core::panic::Location;

use crate::boot::{Boot, Stage};
use crate::close::Lent;
use crate::runtime::Runtime;
use crate::seam::{AtomicU32, Ordering};
use crate::spawn::{Running, Spawn};
use crate::switch::enter_worker;
use crate::worker::Left;
use crate::{FOREVER, OsResult, os};

impl Runtime {
    /// Runs `main` as a goroutine and returns when it has returned, with everything ended or
    /// abandoned. In default mode the calling thread is worker 0, and `main` is at home on it; in
    /// migratory mode the caller sleeps.
    ///
    /// The stages of a start that come from here on are noted in `boot`.
    ///
    /// It doesn't wait for others for more than a moment: what is returned says that some still run.
    ///
    /// # Errors
    /// The system refuses a stack or a thread to start with.
    ///
    /// # Safety
    /// - `main` doesn't unwind. In migratory mode it may be called on another thread.
    pub unsafe fn run<F: FnOnce(&Running)>(
        self,
        at: &'static Location<'static>,
        boot: &Boot,
        main: F,
    ) -> OsResult<Option<Lent>> {
        let ran = if self.shared.migratory() {
            // SAFETY: the caller's contract is the same.
            unsafe { self.run_elsewhere(at, boot, main) }
        } else {
            // SAFETY: the caller's contract is the same.
            unsafe { self.run_here(at, boot, main) }
        };
        let over = self.shared.wait_for_end();
        ran.map(|()| (!over).then(|| Lent(self)))
    }

    /// # Safety
    /// - As for [`Runtime::run`].
    unsafe fn run_here<F: FnOnce(&Running)>(
        &self,
        at: &'static Location<'static>,
        boot: &Boot,
        main: F,
    ) -> OsResult<()> {
        let token = os::enter_thread()?;
        let worker = self.shared.worker(0);
        worker.processor().begin(&self.shared);
        worker.take_thread();
        boot.done(Stage::MStart, "the calling thread is worker 0");
        let spawn = Spawn { local: true, ..Spawn::new(at) };
        let closing = |running: &Running| {
            boot.done(Stage::Gogo, "on the stack of a goroutine");
            main(running);
            close_current();
        };
        // SAFETY: the caller vouches for `main`, and closing doesn't unwind. What `main` borrows
        // lives while this function waits for it.
        let spawned = unsafe { enter_worker().spawn(&spawn, closing) };
        match spawned {
            Ok(_) => {
                boot.done(Stage::NewProc, "the goroutine of main");
                boot.done(Stage::Schedule, "the worker looks for work");
                // Nobody takes a processor from a worker of this mode, and the first one is always in
                // use, so it ends only with the runtime.
                _ = worker.run();
            }
            Err(_) => self.shared.close(),
        }
        worker.leave_thread(Left::Closing);
        // SAFETY: the token of this function's first line, on the same thread.
        unsafe { os::leave_thread(token) };
        spawned.map(drop)
    }

    /// # Safety
    /// - As for [`Runtime::run`].
    unsafe fn run_elsewhere<F: FnOnce(&Running)>(
        &self,
        at: &'static Location<'static>,
        boot: &Boot,
        main: F,
    ) -> OsResult<()> {
        let done = AtomicU32::new(0);
        let spawn = Spawn::new(at);
        boot.skipped(Stage::MStart, "the calling thread sleeps, and a worker of ours is started");
        let closing = |running: &Running| {
            boot.done(Stage::Gogo, "on the stack of a goroutine");
            main(running);
            close_current();
            let word: *const AtomicU32 = &done;
            // Release: pairs with the Acquire below.
            done.store(1, Ordering::Release);
            os::wake(word, 1);
        };
        boot.done(Stage::NewProc, "the goroutine of main");
        // SAFETY: as in `run_here`.
        let spawned = unsafe { self.spawn(&spawn, closing) };
        match spawned {
            Ok(_) => {
                // From now on this thread does nothing until main has returned. Release: pairs with the
                // Acquire in `threads_asleep`; who counts this thread sees main in a queue.
                self.shared.alarm.callers.fetch_add(1, Ordering::Release);
                while done.load(Ordering::Acquire) == 0 {
                    os::wait(&done, 0, FOREVER);
                }
            }
            Err(_) => self.shared.close(),
        }
        spawned.map(drop)
    }
}

/// Closes the runtime of the current goroutine, which goes on until it leaves its stack; then its
/// worker resumes no other.
fn close_current() {
    let entered = enter_worker();
    entered.shared().close();
    entered.processor().set_budget(0);
}
