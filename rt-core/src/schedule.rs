//! Where a runnable goroutine goes, and who is woken for it.

use crate::goroutine::GoroutineRef;
use crate::os;
use crate::runtime::Shared;
use crate::seam::mutant;
use crate::switch::Entered;
use crate::worker::WorkerRef;

/// Queues a goroutine that the caller, who is in the scheduler or on no worker, has just made runnable by waking
/// it.
#[doc(alias = "goready")]
#[cfg_attr(not(feature = "small"), inline(always))]
pub(crate) fn enqueue_woken(entered: Option<Entered<'_>>, g: GoroutineRef) {
    match entered {
        Some(entered) if entered.may_run(g) => entered.push_woken(g),
        Some(entered) if entered.is_of(g) => send(entered.shared(), g),
        _ => send_from_outside(g),
    }
}

/// Sends a goroutine to where it may run. The caller keeps the runtime alive.
#[cold]
fn send(shared: &Shared, g: GoroutineRef) {
    match g.home.get() {
        Some(home) => {
            home.inbox.push(g);
            os::point();
            mutant!("inbox-wake": home.wake() => ());
        }
        None => {
            shared.inject.push(g);
            os::point();
            mutant!("inject-wake": shared.wake_one() => ());
        }
    }
}

/// As [`send`], from a thread that is no worker of the goroutine's runtime: the goroutine may run,
/// end, and its runtime with it, between the push and the look at the sleeper.
#[cold]
fn send_from_outside(g: GoroutineRef) {
    let Some(shared) = g.runtime.get() else {
        crate::fatal!("{g:?} belongs to no runtime");
    };
    // SAFETY: the goroutine was claimed by the caller and is not queued yet, so it can't have
    // ended; its runtime is there and counted.
    let keep = unsafe { Shared::keep(shared) };
    keep.check_process();
    send(&keep, g);
}

impl Entered<'_> {
    /// Whether this goroutine may run on this worker.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn may_run(&self, g: GoroutineRef) -> bool {
        match g.home.get() {
            Some(home) => home == self.worker().reference(),
            None => self.is_of(g),
        }
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn is_of(&self, g: GoroutineRef) -> bool {
        g.runtime.get().is_some_and(|shared| core::ptr::eq(shared.as_ptr(), self.shared()))
    }

    /// Queues a goroutine to run next: its data is warm, and its waker is likely to park.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push_woken(&self, g: GoroutineRef) {
        let on_own_stack = self.worker().current.get().is_none();
        if on_own_stack || self.processor().migratory() && g.home.get().is_some() {
            // A worker that wakes many, from sockets say, keeps their order. And `next` can be
            // stolen in migratory mode, which one that is at home here must not be.
            self.push_behind(g);
        } else {
            // The waker has things to do before it parks.
            g.prefetch_stack(4);
            if let Some(older) = self.processor().swap_next(Some(g)) {
                mutant!("next-older": self.push_behind(older) => ());
            }
        }
    }

    /// As [`Entered::push_last`], aside from the path of those who wake one at a time.
    #[inline(never)]
    fn push_behind(&self, g: GoroutineRef) {
        self.push_last(g);
    }

    /// Queues a goroutine behind the others.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push_last(&self, g: GoroutineRef) {
        if g.home.get().is_some() {
            self.processor().push_own(g);
        } else {
            self.push_shared(g);
        }
    }

    /// Queues a goroutine where any worker may take it, and wakes one if that can help.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn push_shared(&self, g: GoroutineRef) {
        self.processor().push_shared(g);
        // Who has the only processor is awake.
        if !self.processor().is_alone() {
            mutant!("push-wake": self.shared().wake_one() => ());
        }
    }
}

impl WorkerRef {
    /// Sends an unstarted goroutine to this worker, to be queued there. In default mode.
    pub(crate) fn offer(self, g: GoroutineRef) {
        self.inbox.push(g);
        self.wake();
    }
}
