//! Who runs: `current()`, and parking.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::num::NonZero;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use rt_core::{FOREVER, Identity, Runtime, deadline_after, os};

use crate::base::{io, thread};
use crate::time::Instant;

/// What the next goroutine or thread that is asked for its identity is called.
static NEXT: AtomicU64 = AtomicU64::new(1);

#[cfg(feature = "std")]
thread_local! {
    /// Of a plain thread.
    static OWN: Arc<Identity> = of_thread();
}

#[cfg(feature = "std")]
fn of_thread() -> Arc<Identity> {
    fresh(thread::current().name().map(Box::from))
}

/// A new identity, which is nobody's.
pub(crate) fn fresh(name: Option<Box<str>>) -> Arc<Identity> {
    // Relaxed: numbers have to differ, nothing else hangs on them.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // It would take centuries to come by 0 again.
    Identity::new(NonZero::new(number).unwrap_or(NonZero::<u64>::MAX), name)
}

/// The identity of the calling goroutine or plain thread.
pub(crate) fn identity() -> Arc<Identity> {
    rt_core::identity(|| fresh(None)).unwrap_or_else(of_plain)
}

/// A thread that ends, and has dropped its own, is somebody else each time it asks.
#[cfg(feature = "std")]
fn of_plain() -> Arc<Identity> {
    OWN.try_with(Arc::clone).unwrap_or_else(|_| of_thread())
}

/// Without std nobody keeps what a plain thread is known by: it is somebody else each time it asks.
#[cfg(not(feature = "std"))]
fn of_plain() -> Arc<Identity> {
    fresh(None)
}

/// Names the first goroutine of a runtime as std names the first thread. Not in a program that is to
/// be small.
pub(crate) fn name_main() {
    if cfg!(feature = "small") {
        return;
    }
    rt_core::identity(|| fresh(Some("main".into())));
}

/// A goroutine, or a plain thread, as others know it: `std::thread::Thread`.
///
/// It may outlive what it stands for, and its runtime.
///
/// ```
/// use gort::thread;
///
/// let handle = thread::Builder::new().name("reader".into()).spawn(|| {
///     assert_eq!(thread::current().name(), Some("reader"));
/// })?;
/// let known = handle.thread().clone();
/// handle.join().unwrap();
/// assert_eq!(known.name(), Some("reader"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Thread(pub(crate) Arc<Identity>);

impl Thread {
    /// Lets it go on from its present or next [`park`]. Never parks.
    ///
    /// ```
    /// use gort::thread;
    ///
    /// let parked = gort::spawn(thread::park);
    /// parked.thread().unpark();
    /// parked.join().unwrap();
    /// ```
    #[doc(alias = "goready")]
    pub fn unpark(&self) {
        self.0.unpark();
    }

    /// Its number, which nothing else in this process has or will have.
    ///
    /// ```
    /// use gort::thread;
    ///
    /// let here = thread::current().id();
    /// let there = gort::spawn(|| thread::current().id()).join().unwrap();
    /// assert_ne!(here, there);
    /// ```
    pub fn id(&self) -> ThreadId {
        ThreadId(self.0.number())
    }

    /// Its name: as [`Builder::name`](super::Builder::name) gave it, `main` for the goroutine of
    /// [`run`](crate::run), and std's for a plain thread.
    ///
    /// ```
    /// gort::run(|| assert_eq!(gort::thread::current().name(), Some("main")));
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// The number of a goroutine or of a plain thread: no two have the same, in one process.
///
/// A thread's is not the one that std gives it.
///
/// ```
/// let me = gort::thread::current();
/// assert_eq!(me.id(), gort::thread::current().id());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId(NonZero<u64>);

/// The calling goroutine; on a plain thread, that.
///
/// The first call of a goroutine allocates what others know it by; those that never ask, and are
/// never asked for, have none.
///
/// ```
/// let me = gort::thread::current();
/// gort::spawn(move || me.unpark()).join().unwrap();
/// gort::thread::park();
/// ```
pub fn current() -> Thread {
    Thread(identity())
}

/// Waits until somebody calls [`Thread::unpark`] on the caller; not at all if somebody has since the
/// last time. It may return for no reason.
///
/// Parks a goroutine; makes a plain thread sleep. A thread that waits here is not the one to be
/// unparked through std's handle of it: the two are apart.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// use gort::thread;
///
/// static READY: AtomicBool = AtomicBool::new(false);
///
/// let waiting = gort::spawn(|| {
///     while !READY.load(Ordering::Acquire) {
///         thread::park();
///     }
/// });
/// READY.store(true, Ordering::Release);
/// waiting.thread().unpark();
/// waiting.join().unwrap();
/// ```
#[doc(alias = "gopark")]
pub fn park() {
    identity().park(FOREVER);
}

/// As [`park`], for so long at most.
///
/// ```
/// use gort::time::Duration;
///
/// gort::run(|| gort::thread::park_timeout(Duration::from_millis(1)));
/// ```
pub fn park_timeout(dur: Duration) {
    identity().park(deadline_after(dur));
}

/// Waits for a time, at least. Parks; on a plain thread, sleeps.
///
/// Where more than a thousand wait for their time, they are woken by the 100 µs: so much later at most.
///
/// ```
/// use gort::time::{Duration, Instant};
///
/// let start = Instant::now();
/// gort::sleep(Duration::from_millis(2));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// ```
pub fn sleep(dur: Duration) {
    rt_core::sleep_until(deadline_after(dur));
}

/// Waits until the clock reaches `deadline`, an [`Instant`] or one of std; not at all if it has.
/// Parks; on a plain thread, sleeps.
///
/// ```
/// use gort::time::{Duration, Instant};
///
/// let at = Instant::now() + Duration::from_millis(2);
/// gort::thread::sleep_until(at);
/// assert!(Instant::now() >= at);
/// ```
pub fn sleep_until(deadline: impl Into<Instant>) {
    rt_core::sleep_until(deadline.into().as_nanos());
}

/// Gives way to the other goroutines of this worker; on a plain thread, to other threads.
///
/// ```
/// gort::run(|| {
///     let other = gort::spawn(|| 1);
///     while !other.is_finished() {
///         gort::yield_now();
///     }
/// });
/// ```
#[doc(alias = "Gosched")]
#[inline]
pub fn yield_now() {
    if !rt_core::yield_now() {
        thread::yield_now();
    }
}

/// How many goroutines can run at the same moment: the processors of the calling goroutine's runtime;
/// on a plain thread, what the process may use.
///
/// # Errors
/// None here; the signature is std's.
///
/// ```
/// let procs = gort::Builder::new().procs(2).run(gort::thread::available_parallelism)??;
/// assert_eq!(procs.get(), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn available_parallelism() -> io::Result<NonZero<usize>> {
    let procs = Runtime::current().map_or_else(os::cpus, |runtime| runtime.procs());
    Ok(NonZero::new(procs).unwrap_or(NonZero::<usize>::MIN))
}

/// Whether the calling thread unwinds at this moment: std's own answer. While a goroutine is parked
/// in the middle of its unwinding, others on its thread see it unwind too.
///
/// ```
/// assert!(!gort::thread::panicking());
/// ```
pub fn panicking() -> bool {
    thread::panicking()
}
