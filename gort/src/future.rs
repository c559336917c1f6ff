//! Where goroutines meet async code: blocking on a future, and futures of what goroutines wait for.
//!
//! A `&Receiver` and a [`JoinHandle`] can be awaited, on any executor; a goroutine can
//! [`block_on`] any future. To send from async code, use `try_send`, or a channel with room.
//!
//! ```
//! let (tx, rx) = gort::chan::bounded(1);
//! let sender = gort::spawn(move || (1..=3).for_each(|i| tx.send(i).unwrap()));
//! let sum = gort::block_on(async {
//!     let mut sum = 0;
//!     while let Ok(i) = (&rx).await {
//!         sum += i;
//!     }
//!     sender.await.unwrap();
//!     sum
//! });
//! assert_eq!(sum, 6);
//! ```

use core::fmt;
use core::future::{Future, IntoFuture};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use rt_core::JoinPoll;

pub use rt_core::chan::Recv;

use crate::thread::{self, JoinHandle, identity, never_ran};

/// Waits for a future's output. Parks the goroutine between its polls; makes a plain thread sleep.
/// Whoever wakes the future readies the goroutine, from any thread and any executor.
///
/// The future may block on another one in its poll. It is not polled by an executor: one that needs
/// the clock or the sockets of a certain executor needs that one around it.
///
/// # Panics
/// When the future does.
///
/// ```
/// let sum = gort::run(|| {
///     let one = gort::spawn(|| 1);
///     let two = gort::spawn(|| 2);
///     gort::block_on(async { one.await.unwrap() + two.await.unwrap() })
/// });
/// assert_eq!(sum, 3);
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    let identity = identity();
    let waker = Waker::from(identity.clone());
    let mut context = Context::from_waker(&waker);
    identity.begin_blocking();
    let blocking = Blocking(&identity);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            drop(blocking);
            return output;
        }
        identity.wait_for_wake();
    }
}

/// Counts how deep futures block on futures, unwinding included.
struct Blocking<'a>(&'a rt_core::Identity);

impl Drop for Blocking<'_> {
    fn drop(&mut self) {
        self.0.end_blocking();
    }
}

/// The future of a [`JoinHandle`]: what the goroutine returns.
///
/// Dropped, the goroutine goes on by itself.
///
/// ```
/// let goroutine = gort::spawn(|| 7);
/// assert_eq!(gort::block_on(async { goroutine.await.unwrap() }), 7);
/// ```
#[must_use = "a future does nothing unless it is polled"]
pub struct Join<T>(JoinPoll<thread::Result<T>>);

impl<T> Unpin for Join<T> {}

impl<T> Future for Join<T> {
    type Output = thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<thread::Result<T>> {
        let joined = self.0.poll(context.waker());
        joined.map(|result| result.unwrap_or_else(|| Err(never_ran())))
    }
}

impl<T> IntoFuture for JoinHandle<T> {
    type Output = thread::Result<T>;
    type IntoFuture = Join<T>;

    fn into_future(self) -> Join<T> {
        Join(self.into_poll())
    }
}

impl<T> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").finish_non_exhaustive()
    }
}
