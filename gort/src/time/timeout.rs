//! A deadline for whatever a goroutine does meanwhile.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use rt_core::{Limit, deadline_after, with_limit};

/// The time was over: see [`timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was over")
    }
}

impl std::error::Error for Elapsed {}

/// What unwinds from the operation that was cut short to `timeout`.
struct Cancelled;

fn cancel() -> ! {
    // No panic: the hook is not called.
    panic::resume_unwind(Box::new(Cancelled))
}

/// Calls `f`, and cancels it where it waits when `duration` has passed.
///
/// What can be cancelled is a wait: to send to or receive from a channel, with `select!` too; for a
/// mutex, a reader-writer lock, a condition, a permit, a wait group or somebody's once of
/// [`gort::sync`](crate::sync); for a socket of [`gort::net`](crate::net); for a future, in
/// [`block_on`](crate::block_on); [`sleep`](crate::sleep) and [`park`](crate::thread::park). Such an operation, begun before or after the deadline, does what it
/// can do at once, and otherwise waits until the deadline and is left by unwinding, as if by a panic
/// that nobody hears of: destructors run, and a mutex that is held is poisoned. It has not happened
/// then: no message is taken, and the one that was to be sent is dropped.
///
/// What can't be cancelled goes on until it ends by itself, and the next wait after it is cancelled:
/// computation, [`blocking`](crate::blocking), [`join`](crate::thread::JoinHandle::join), the end of
/// a [`scope`](crate::scope), and a [`Barrier`](crate::sync::Barrier), where others count on those
/// who have come; goroutines that `f` starts have no deadline. While `f` unwinds, for
/// this or another reason, its waits are not cut short. Nested timeouts each keep their own time.
///
/// On a plain thread it does the same.
///
/// # Errors
/// [`Elapsed`] if a wait was cancelled. If `f` comes to its end nevertheless, its result counts.
///
/// # Panics
/// When `f` panics, its panic goes on.
///
/// ```
/// use gort::time::{Duration, Elapsed, timeout};
///
/// gort::run(|| {
///     let (tx, rx) = gort::chan::bounded::<i32>(0);
///     let got = timeout(Duration::from_millis(5), || rx.recv());
///     assert!(got.is_err());
///
///     gort::go(move || tx.send(7).unwrap());
///     let got = timeout(Duration::from_secs(60), || rx.recv());
///     assert_eq!(got, Ok(Ok(7)));
/// });
/// ```
pub fn timeout<F, R>(duration: Duration, f: F) -> Result<R, Elapsed>
where
    F: FnOnce() -> R,
{
    let (outer, own) = (Limit::current(), deadline_after(duration));
    let limit = Limit::new(own.min(outer), cancel, std::thread::panicking);
    match with_limit(limit, || panic::catch_unwind(AssertUnwindSafe(f))) {
        Ok(result) => Ok(result),
        Err(panic) if own <= outer && is_own(&*panic) => Err(Elapsed(())),
        Err(panic) => panic::resume_unwind(panic),
    }
}

fn is_own(panic: &(dyn Any + Send)) -> bool {
    panic.is::<Cancelled>()
}
