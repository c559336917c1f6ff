//! The first worker, for those who spawn from outside of the runtime: it is there before anything
//! is queued for it. So a system that refuses a thread refuses the spawning, and no goroutine waits
//! for a worker that never comes. Refused to others, a thread is only missed: there is one already.

use crate::runtime::Shared;
use crate::seam::{Ordering, mutant};
use crate::sleep::{AWAKE, UNSTARTED};
use crate::{OsResult, os};

impl Shared {
    /// Sees to it that there is a worker.
    ///
    /// # Errors
    /// There is none, and the system refuses it a thread.
    pub(crate) fn ensure_worker(&self) -> OsResult<()> {
        self.check_process();
        // Acquire: pairs with the Release in note_worker(): the worker is not `UNSTARTED`.
        if self.has_worker.load(Ordering::Acquire) { Ok(()) } else { self.first_worker() }
    }

    /// There is a worker from now on, until the runtime closes.
    pub(crate) fn note_worker(&self) {
        // Release: pairs with the Acquire in ensure_worker().
        self.has_worker.store(true, Ordering::Release);
    }

    #[cold]
    fn first_worker(&self) -> OsResult<()> {
        // One at a time, so that nobody relies on a worker whose thread is refused after all. Held
        // for long, but nobody who is not in the same need takes it.
        let _first = self.first.lock();
        if self.has_worker.load(Ordering::Relaxed) {
            return Ok(());
        }
        os::point();
        let processor = self.processor(0);
        // SeqCst: as in `Processor::wake_asleep`. Closed by now: then it needs no thread.
        let here =
            processor.sleep.compare_exchange(UNSTARTED, AWAKE, Ordering::SeqCst, Ordering::SeqCst);
        if here.is_ok()
            && let Err(Some(error)) = self.start_thread_of(processor)
        {
            mutant!("first-refused": processor.sleep.store(UNSTARTED, Ordering::SeqCst) => ());
            return Err(error);
        }
        self.note_worker();
        Ok(())
    }
}
