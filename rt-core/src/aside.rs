//! Calls that block: `blocking(f)` runs `f` on a thread of its own kind, aside of the workers.
//!
//! The job lies on the stack of the goroutine that waits for it. Threads come as they are needed,
//! up to the runtime's limit, take job after job, and end after ten seconds without one.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::Cell;
use core::ptr::NonNull;

use crate::lock::Protected;
use crate::runtime::Shared;
use crate::seam::{AtomicU32, Ordering, mutant};
use crate::switch::enter;
use crate::wait::{WaitQueue, WaitsFor, park_on};
use crate::worker::Local;
use crate::{FOREVER, os};

/// How long a thread waits for another job, in nanoseconds.
const IDLE: u64 = 10_000_000_000;

/// A call to be made.
struct Job {
    run: unsafe fn(*mut ()),
    argument: *mut (),
    finished: Protected<Finished>,
    /// Protected by the pool's lock.
    next: Cell<Option<NonNull<Job>>>,
}

struct Finished {
    yes: bool,
    waiting: WaitQueue,
}

/// The threads aside of a runtime.
pub(crate) struct Aside {
    pool: Protected<Pool>,
    /// Slept on by idle threads; written, under the lock, whenever there is a reason to wake.
    bell: AtomicU32,
}

struct Pool {
    jobs: Option<(NonNull<Job>, NonNull<Job>)>,
    /// The length of `jobs`.
    queued: usize,
    /// Threads that sleep, or are about to.
    idle: usize,
    /// Threads that are being started and have not looked for a job yet. Unless there are as many
    /// threads as there may be, each queued job has one of these or of the idle ones.
    coming: usize,
    threads: usize,
    closed: bool,
}

// SAFETY: jobs lie on stacks of parked goroutines, which stay until their job is finished.
unsafe impl Send for Pool {}

impl Aside {
    pub(crate) const fn new() -> Aside {
        Aside {
            pool: Protected::ordinary(Pool {
                jobs: None,
                queued: 0,
                idle: 0,
                coming: 0,
                threads: 0,
                closed: false,
            }),
            bell: AtomicU32::new(0),
        }
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.pool.lock().threads
    }

    /// Whether all threads are idle, and no call is under way.
    pub(crate) fn is_idle(&self) -> bool {
        let pool = self.pool.lock();
        pool.queued == 0 && pool.idle == pool.threads
    }

    /// Lets the idle threads end, and those that come back from a call.
    pub(crate) fn close(&self) {
        let mut pool = self.pool.lock();
        pool.closed = true;
        // Relaxed: the lock orders it.
        self.bell.fetch_add(1, Ordering::Relaxed);
        drop(pool);
        os::wake(&self.bell, u32::MAX);
    }
}

impl Pool {
    fn push(&mut self, job: NonNull<Job>) {
        self.queued += 1;
        self.jobs = match self.jobs {
            None => Some((job, job)),
            Some((first, last)) => {
                // SAFETY: queued jobs are alive.
                unsafe { last.as_ref() }.next.set(Some(job));
                Some((first, job))
            }
        };
    }

    fn pop(&mut self) -> Option<NonNull<Job>> {
        let (first, last) = self.jobs?;
        // SAFETY: as above.
        let next = unsafe { first.as_ref() }.next.get();
        self.jobs = next.map(|next| (next, last));
        self.queued -= 1;
        Some(first)
    }
}

/// What a thread aside is started with.
struct Start {
    shared: NonNull<Shared>,
    number: usize,
}

/// Why a thread aside has nothing more to do.
#[derive(PartialEq, Eq)]
enum Done {
    Idle,
    Closed,
}

impl Shared {
    /// Queues a job and sees to it that a thread takes it; false when there is none and none can be
    /// started, and the job is not queued.
    fn submit(&self, job: NonNull<Job>) -> bool {
        let mut pool = self.aside.pool.lock();
        // Again and again, for the thread that was started may have been taken by another's job. Not
        // when the pool closed meanwhile: who is started then ends at once and takes nothing.
        while mutant!("call-closed": !pool.closed => true)
            && mutant!("call-enough": pool.queued >= pool.idle + pool.coming => pool.threads == 0)
            && self.processors().len() + self.handoff.extra() + pool.threads < self.max_threads
        {
            pool.threads += 1;
            pool.coming += 1;
            // Without the lock, for it takes long.
            drop(pool);
            let started = self.start_aside();
            pool = self.aside.pool.lock();
            if !started {
                mutant!("call-refused": {
                    pool.threads -= 1;
                    pool.coming -= 1;
                } => ());
                break;
            }
        }
        if pool.closed || mutant!("call-none": pool.threads == 0 => false) {
            return false;
        }
        pool.push(job);
        // Relaxed: the lock orders it.
        mutant!("bell": self.aside.bell.fetch_add(1, Ordering::Relaxed) => 0);
        drop(pool);
        os::wake(&self.aside.bell, 1);
        true
    }

    fn start_aside(&self) -> bool {
        let mut start = None;
        let argument = |number| {
            let shared = self.itself();
            let raw = Box::into_raw(Box::new(Start { shared, number }));
            start = Some(raw);
            raw.cast()
        };
        if self.start_thread(aside_main, argument).is_ok() {
            return true;
        }
        if let Some(raw) = start {
            // SAFETY: made above, and no thread was started that could use it.
            drop(unsafe { Box::from_raw(raw) });
        }
        false
    }

    /// The life of a thread aside: jobs, and sleep in between.
    fn serve(&self) -> Done {
        let mut pool = self.aside.pool.lock();
        pool.coming -= 1;
        loop {
            if pool.closed {
                // What is still queued is abandoned with the goroutine that waits for it.
                return Done::Closed;
            }
            if let Some(job) = pool.pop() {
                drop(pool);
                // SAFETY: popped, so this thread's; its goroutine waits for it.
                unsafe { Job::run(job) };
                pool = self.aside.pool.lock();
                continue;
            }
            pool.idle += 1;
            // Relaxed: written under the lock that is held here.
            let bell = self.aside.bell.load(Ordering::Relaxed);
            let last = pool.idle == pool.threads;
            drop(pool);
            os::point();
            if last {
                mutant!("deadlock-called": self.suspect_again() => ());
            }
            let until = os::now().saturating_add(IDLE);
            os::wait(&self.aside.bell, bell, until);
            let late = os::now() >= until;
            pool = self.aside.pool.lock();
            pool.idle -= 1;
            if late && pool.jobs.is_none() && !pool.closed {
                pool.threads -= 1;
                return Done::Idle;
            }
        }
    }
}

/// # Safety
/// - `start` is a box that `start_aside` made for this thread.
unsafe extern "C" fn aside_main(start: *mut ()) {
    // SAFETY: the caller's contract.
    let start = unsafe { Box::from_raw(start.cast::<Start>()) };
    // SAFETY: the runtime is counted for this thread.
    let shared = unsafe { start.shared.as_ref() };
    Local::set_aside(start.shared);
    let done = shared.serve();
    os::set_local(core::ptr::null_mut());
    if done == Done::Idle {
        shared.ending.retire(start.number);
        shared.ending.leave(shared);
    } else {
        shared.ending.leave(shared);
        shared.ending.wait_for_all();
    }
    // SAFETY: the reference counted for this thread, which touches the runtime no more.
    unsafe { Arc::decrement_strong_count(start.shared.as_ptr()) };
}

impl Job {
    /// Makes the call and wakes who waits for it.
    ///
    /// # Safety
    /// - The job was popped by this thread.
    unsafe fn run(this: NonNull<Job>) {
        // SAFETY: the job stays until `finished` says so.
        let job = unsafe { this.as_ref() };
        // SAFETY: the function and its argument were put together by `blocking`.
        unsafe { (job.run)(job.argument) };
        let mut finished = job.finished.lock();
        finished.yes = true;
        let waiter = finished.waiting.claim_first();
        drop(finished);
        if let Some(waiter) = waiter {
            mutant!("call-wake": waiter.wake() => drop(waiter));
        }
    }
}

/// Calls `f` where it may block: on a thread aside, while the goroutine parks; on a plain thread or
/// a thread aside, at once. `f` must not unwind.
pub fn blocking<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    struct Call<F, R> {
        f: Option<F>,
        result: Option<R>,
    }

    /// # Safety
    /// - `call` points to a `Call<F, R>` that nobody else uses meanwhile.
    unsafe fn make<R, F: FnOnce() -> R>(call: *mut ()) {
        // SAFETY: the caller's contract.
        let call = unsafe { &mut *call.cast::<Call<F, R>>() };
        call.result = call.f.take().map(|f| f());
    }

    fn job_for<R, F: FnOnce() -> R>(call: &mut Call<F, R>) -> Job {
        Job {
            run: make::<R, F>,
            argument: core::ptr::from_mut(call).cast(),
            finished: Protected::new(Finished {
                yes: false,
                waiting: WaitQueue::new(WaitsFor::Blocking),
            }),
            next: Cell::new(None),
        }
    }

    fn may_go_no_further() -> bool {
        enter().is_some_and(|entered| entered.shared().is_closing())
    }

    let Some(entered) = enter() else { return f() };
    let mut call = Call { f: Some(f), result: None };
    let job = job_for(&mut call);
    let submitted = entered.shared().submit(NonNull::from(&job));
    // Not while the call is made, or waited for.
    drop(entered);
    if submitted {
        let finished = job.finished.lock();
        if !finished.yes {
            // SAFETY: the queue is part of the job, which lies on this stack until this returns.
            unsafe { park_on(finished, |f| &mut f.waiting, core::ptr::null_mut(), FOREVER) };
        }
    } else if mutant!("call-after-end": may_go_no_further() => false) {
        // A goroutine of a closing runtime comes as far as its next wait, and this is one. Were the
        // call made here, who makes one after the other would keep its worker for ever.
        let finished = job.finished.lock();
        // SAFETY: as above; nobody wakes it, and its stack stays with what it waits in.
        unsafe { park_on(finished, |f| &mut f.waiting, core::ptr::null_mut(), FOREVER) };
        crate::fatal!("a goroutine went on after the end of its runtime");
    } else {
        // No thread to be had: better to hold this worker up than to fail.
        // SAFETY: the job was not queued, so this thread has it for itself.
        unsafe { (job.run)(job.argument) };
    }
    match call.result {
        Some(result) => result,
        None => crate::fatal!("a blocking call ended without a result"),
    }
}
