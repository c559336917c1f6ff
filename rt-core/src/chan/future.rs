//! Receiving without waiting: what a future of a receiver stands on.
//!
//! A future is never handed a message, for it may be dropped before it is polled again. It is told to
//! try once more:
//!
//! 1. It joins `futures` only when there is nothing to receive, under the channel's lock.
//! 2. Each message that comes for anybody to take, in the buffer or with a sender that waits, comes
//!    with a ring for the one of them that has waited longest. So does the end of the channel, for
//!    all of them.
//! 3. A future that was rung for, and is dropped before it has tried, passes the ring on.
//!
//! To ring is to run code of the user's, so the lock is not held, and the one who rings is not parked
//! yet. A sender that is about to wait therefore rings first, and counts itself in `coming` until it
//! stands in the queue: a future that finds nothing meanwhile asks to be polled again, and doesn't
//! take the ring for one in vain.

use alloc::sync::Arc;
use core::fmt;
use core::future::{Future, IntoFuture};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::buffer::Buffer;
use super::channel::{Channel, State};
use super::pick::Side;
use super::{Receiver, RecvError, TryRecvError};
use crate::seam::mutant;
use crate::wait::{Alarm, Claimed, WaitsFor};

/// Rings for a future, if there is one.
#[inline(always)]
pub(super) fn ring(alarm: Option<Claimed>) {
    if let Some(alarm) = alarm {
        mutant!("future-wake": alarm.wake() => drop(alarm));
    }
}

impl<T> Channel<T> {
    /// Counts a sender that is about to wait as coming, and rings for a future on its behalf. It counts
    /// if there is none as well: one that comes before the sender stands in the queue must not join.
    pub(super) fn announce(&self) {
        let mut state = self.state.lock();
        state.coming += 1;
        let alarm = state.futures.claim_first();
        drop(state);
        ring(alarm);
    }

    /// Ends what `announce` has begun.
    pub(super) fn arrive(&self) {
        self.state.lock().coming -= 1;
    }

    /// Rings for the next future (step 3).
    pub(super) fn pass_ring_on(&self) {
        let alarm = self.state.lock().futures.claim_first();
        mutant!("future-pass": ring(alarm) => ());
    }

    /// Rings for all futures of a disconnected channel, which none joins any more.
    pub(super) fn ring_for_all(&self) {
        loop {
            let alarm = self.state.lock().futures.claim_first();
            if alarm.is_none() {
                return;
            }
            ring(alarm);
        }
    }

    /// Joins the futures, unless there may be something to receive.
    fn register_future(&self, waker: &Waker) -> Registered {
        // Made, and dropped if it is of no use, without the lock: the waker is the user's.
        let alarm = Alarm::new(waker, WaitsFor::Receive);
        let mut state = self.state.lock();
        if state.is_ready(Side::Receive, None) {
            return Registered::Ready;
        }
        let coming = mutant!("future-early": state.coming > 0 => false);
        if coming || matches!(state.buffer, Buffer::Clock(_)) {
            return Registered::Soon;
        }
        // SAFETY: the queue is part of the state, which stays as long as the receiver that the
        // future borrows; and the alarm is new.
        unsafe { alarm.join(&mut state, |state: &mut State<T>| &mut state.futures) };
        Registered::Waits(alarm)
    }
}

enum Registered {
    Waits(Arc<Alarm>),
    Ready,
    /// A sender is about to wait, or the clock goes on.
    Soon,
}

/// The future of a `&Receiver`: its next message, or [`RecvError`] when there never will be one.
///
/// It never owns a message, so nothing is lost when it is dropped: when a message comes, it is woken
/// to try for it, and if it is dropped before it has, it wakes another in its place. Receivers that
/// wait without a future are served before. Its polls never park, but as
/// [`try_recv`](Receiver::try_recv) does. The channels of the clock ([`after`](super::after),
/// [`at`](super::at), [`tick`](super::tick)) wake nobody: on one of them it asks to be polled again
/// and again, so better wait for time by the means of the executor.
#[must_use = "a future does nothing unless it is polled"]
pub struct Recv<'a, T> {
    receiver: &'a Receiver<T>,
    /// Names a place in the queue, or has been rung.
    alarm: Option<Arc<Alarm>>,
    /// Whether it has been rung for, and has not found what for.
    rung: bool,
}

impl<T> Recv<'_, T> {
    /// Leaves the queue, and notes if it was rung for.
    fn leave(&mut self) {
        if let (Some(alarm), Some(channel)) = (self.alarm.take(), &self.receiver.channel) {
            // SAFETY: it has joined a queue of this channel's state.
            self.rung |= !unsafe { alarm.leave(&channel.state) };
        }
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        let receiver = self.receiver;
        let Some(channel) = &receiver.channel else { return Poll::Pending };
        self.leave();
        loop {
            let received = match receiver.try_recv() {
                Ok(message) => Ok(message),
                Err(TryRecvError::Disconnected) => Err(RecvError),
                Err(TryRecvError::Empty) => match channel.register_future(context.waker()) {
                    Registered::Waits(alarm) => {
                        self.rung = false;
                        self.alarm = Some(alarm);
                        return Poll::Pending;
                    }
                    Registered::Soon => {
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Registered::Ready => continue,
                },
            };
            self.rung = false;
            return Poll::Ready(received);
        }
    }
}

impl<'a, T> IntoFuture for &'a Receiver<T> {
    type Output = Result<T, RecvError>;
    type IntoFuture = Recv<'a, T>;

    fn into_future(self) -> Recv<'a, T> {
        Recv { receiver: self, alarm: None, rung: false }
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        self.leave();
        if let (true, Some(channel)) = (self.rung, &self.receiver.channel) {
            channel.pass_ring_on();
        }
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Recv { .. }")
    }
}
