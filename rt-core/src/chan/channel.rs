//! The protocol of a channel: who hands a message to whom, under one lock.
//!
//! Whenever the lock is free:
//!
//! 1. Receivers wait only while the buffer is empty and no sender waits.
//! 2. Senders wait only while the buffer is full and no receiver waits.
//! 3. Once the channel is disconnected nobody starts to wait.
//!
//! So a sender that finds a waiting receiver owes it the message, past the empty buffer; and a
//! receiver that empties a place of a full buffer owes it to the sender that has waited longest.
//! Both move the message while they hold the lock, from or to the stack of the one who waits, and
//! wake it after giving the lock back. Messages are received in the order in which they were sent,
//! and waiters are served in the order in which they came.
//!
//! A waiter's slot points at its [`Packet`]. The claimer who moves the message takes the packet's
//! pointer; a waiter that was claimed and finds it still there learns that the other side is gone.
//! A waiter whose deadline came first has been passed over, and its message is its own.
//!
//! A waiter may also be a `select`, which has no message yet, and no place for one: see `pick`.
//!
//! No code of the user runs while the lock is held: messages are moved, never dropped or cloned.

use core::mem;
use core::ptr::NonNull;

use super::buffer::Buffer;
use super::clock::Clock;
use super::future::ring;
use super::packet::{Note, Packet, Token, wake};
use super::pick::Promised;
use crate::lock::{Guard, Protected};
use crate::seam::mutant;
use crate::switch::checkpoint;
use crate::wait::{About, Claimed, Ends, Handles, Seat, Stands, WaitQueue, WaitsFor, Wake, park};
use crate::{FOREVER, os};

/// Why an operation has not happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It would have to wait longer than it may.
    TimedOut,
    /// The other side is gone.
    Disconnected,
    // Not for callers of a channel.
    /// The one who was to hand the message over has let it down.
    Again,
    /// It has sat down to wait, and its caller is to leave ([`Seat`]).
    Sits,
}

/// Leaves if an operation has sat down, and says what has become of it.
///
/// # Safety
/// - The operation was given this seat, and was the last that the caller did.
#[inline(always)]
pub(super) unsafe fn end(done: Result<(), Refused>, seat: &Seat<Packet>) -> Result<(), Refused> {
    match done {
        Ok(()) => Ok(()),
        // SAFETY: promised by the caller.
        Err(Refused::Sits) => unsafe { seat.leave() }.outcome(Wake::Claimed),
        refused => refused,
    }
}

/// The deadline of an operation that doesn't wait at all.
pub(super) const AT_ONCE: u64 = 0;

/// After so many operations that have not waited, one counts as a resumption: who never waits, because
/// the other side is on another processor, is not to keep its own for good.
const PER_TURN: u32 = 64;

/// What senders and receivers of one channel share. What an operation touches comes first, in one or two lines of
/// the cache.
#[repr(C)]
pub(super) struct Channel<T> {
    pub(super) state: Protected<State<T>>,
    // Constant.
    /// Whether the messages are a clock's: its operations can be ready by themselves.
    pub(super) ticks: bool,
    capacity: Option<usize>,
    // Written by handles that are cloned and dropped.
    pub(super) ends: Ends,
}

#[repr(C)]
pub(super) struct State<T> {
    /// Set once, when the last handle of either side goes.
    pub(super) disconnected: bool,
    /// How many operations have not waited.
    unwaited: u32,
    pub(super) waiting_receivers: WaitQueue,
    pub(super) waiting_senders: WaitQueue,
    pub(super) buffer: Buffer<T>,
    /// Futures that want to try again (`future`), and how many senders are about to wait, and have rung
    /// for one if there was one.
    pub(super) futures: WaitQueue,
    pub(super) coming: usize,
    /// What goes past the buffer, between those who select.
    pub(super) promised: Promised<T>,
}

/// Whether an operation counts as a resumption.
#[must_use]
struct Turn(bool);

impl Turn {
    /// Without the channel's lock.
    #[inline(always)]
    fn end(self) {
        if self.0 {
            checkpoint();
        }
    }
}

impl<T> State<T> {
    /// An operation needn't wait; one with this deadline might have.
    #[inline(always)]
    fn count_unwaited(&mut self, deadline: u64) -> Turn {
        self.unwaited = self.unwaited.wrapping_add(1);
        let due = self.unwaited.is_multiple_of(PER_TURN) && deadline != AT_ONCE;
        Turn(mutant!("without-waiting": due => false))
    }
}

impl<T> Channel<T> {
    pub(super) fn new(capacity: Option<usize>) -> Channel<T> {
        Channel::with(capacity, Handles::one(), Buffer::new(capacity))
    }

    /// A channel without senders, which is never disconnected.
    pub(super) fn of_clock(clock: Clock<T>) -> Channel<T> {
        Channel::with(Some(1), Handles::none(), Buffer::Clock(clock))
    }

    fn with(capacity: Option<usize>, senders: Handles, buffer: Buffer<T>) -> Channel<T> {
        Channel {
            capacity,
            ticks: matches!(buffer, Buffer::Clock(_)),
            ends: Ends { senders, receivers: Handles::one() },
            state: Protected::new(State {
                buffer,
                waiting_receivers: WaitQueue::new(WaitsFor::Receive),
                waiting_senders: WaitQueue::new(WaitsFor::Send),
                futures: WaitQueue::new(WaitsFor::Receive),
                coming: 0,
                disconnected: false,
                unwaited: 0,
                promised: Promised::none(),
            }),
        }
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        let state = self.state.lock();
        match &state.buffer {
            Buffer::Clock(clock) => clock.is_due().into(),
            buffer => buffer.len(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        let state = self.state.lock();
        match &state.buffer {
            Buffer::Clock(clock) => clock.is_due(),
            Buffer::Nothing => self.capacity == Some(0),
            buffer => !buffer.has_room(),
        }
    }

    /// Sends the message at `message`, which is moved away exactly if this returns `Ok`.
    ///
    /// # Safety
    /// - `message` points at a message of the caller's; after `Ok` it is the caller's no more.
    #[inline(always)]
    pub(super) unsafe fn send(&self, message: NonNull<T>, deadline: u64) -> Result<(), Refused> {
        let seat = Seat::new();
        // SAFETY: the caller's contract is the same.
        let done = unsafe { self.send_or_sit(message, deadline, &seat) };
        // SAFETY: it was called on the line above.
        unsafe { end(done, &seat) }
    }

    /// As `send`, up to the leaving.
    ///
    /// # Safety
    /// - As for `send`, and for `Seat::sit`.
    #[inline]
    unsafe fn send_or_sit(
        &self,
        message: NonNull<T>,
        deadline: u64,
        seat: &Seat<Packet>,
    ) -> Result<(), Refused> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.send_locked(self.state.lock(), message, deadline, false, seat) }
    }

    /// As `send`, past futures that want to try when a sender waits.
    ///
    /// # Safety
    /// - As for `send`.
    #[cold]
    unsafe fn send_announced(
        &self,
        message: NonNull<T>,
        deadline: u64,
        seat: &Seat<Packet>,
    ) -> Result<(), Refused> {
        self.announce();
        let mut state = self.state.lock();
        // It stands in the queue, or is done, before the lock is free again.
        state.coming -= 1;
        // SAFETY: the caller's contract is the same.
        unsafe { self.send_locked(state, message, deadline, true, seat) }
    }

    /// # Safety
    /// - As for `send_or_sit`.
    #[inline(always)]
    pub(super) unsafe fn send_locked(
        &self,
        mut state: Guard<'_, State<T>>,
        message: NonNull<T>,
        deadline: u64,
        announced: bool,
        seat: &Seat<Packet>,
    ) -> Result<(), Refused> {
        if state.disconnected {
            return Err(Refused::Disconnected);
        }
        while let Some(receiver) = state.waiting_receivers.claim_first() {
            // SAFETY: it waited in a queue of this channel.
            let Some(place) = (unsafe { Packet::of(receiver.slot()) }).take() else {
                // SAFETY: the caller gives the message up if it is taken here.
                if unsafe { state.hand_to_select(receiver, message) } {
                    return Ok(());
                }
                continue;
            };
            // SAFETY: the receiver left room for one message there, and the caller gives one up.
            unsafe { place.copy_from_nonoverlapping(message, 1) };
            let turn = state.count_unwaited(deadline);
            receiver.wake_after(state);
            turn.end();
            return Ok(());
        }
        if let Some(place) = state.buffer.push() {
            // SAFETY: `push` gave out an empty place, and the caller gives a message up.
            unsafe { place.copy_from_nonoverlapping(message, 1) };
            let turn = state.count_unwaited(deadline);
            let future = state.futures.claim_first();
            drop(state);
            ring(future);
            turn.end();
            return Ok(());
        }
        if deadline == AT_ONCE {
            return Err(Refused::TimedOut);
        }
        if !announced && !state.futures.is_empty() {
            drop(state);
            // SAFETY: the caller's contract is the same.
            return unsafe { self.send_announced(message, deadline, seat) };
        }
        self.sit_or_wait(state, |state| &mut state.waiting_senders, message, deadline, seat)
    }

    /// Receives a message into `place`, which is filled exactly if this returns `Ok`.
    ///
    /// # Safety
    /// - `place` has room for a message, and nobody else looks at it.
    #[inline(always)]
    pub(super) unsafe fn recv(&self, place: NonNull<T>, deadline: u64) -> Result<(), Refused> {
        loop {
            let seat = Seat::new();
            // SAFETY: the caller's contract is the same.
            let done = unsafe { self.recv_or_sit(place, deadline, &seat) };
            // SAFETY: it was called on the line above.
            match unsafe { end(done, &seat) } {
                Err(Refused::Again) => {}
                done => return done,
            }
        }
    }

    /// As `recv`, up to the leaving, and once.
    ///
    /// # Safety
    /// - As for `recv`, and for `Seat::sit`.
    #[inline]
    unsafe fn recv_or_sit(
        &self,
        place: NonNull<T>,
        deadline: u64,
        seat: &Seat<Packet>,
    ) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if let Some(oldest) = state.buffer.pop() {
            // SAFETY: `pop` gave a message up, and the caller has room for it.
            unsafe { place.copy_from_nonoverlapping(oldest, 1) };
            let turn = state.count_unwaited(deadline);
            match state.waiting_senders.claim_first() {
                Some(sender) => {
                    mutant!("refill": Channel::refill(state, sender) => drop(sender));
                }
                None => drop(state),
            }
            turn.end();
            return Ok(());
        }
        while let Some(sender) = state.waiting_senders.claim_first() {
            // SAFETY: it waited in a queue of this channel.
            let Some(message) = (unsafe { Packet::of(sender.slot()) }).take() else {
                if state.make_select_owe(sender) {
                    return self.wait_promised(state, place, deadline);
                }
                continue;
            };
            // SAFETY: the sender gave its message up, and the caller has room for it.
            unsafe { place.copy_from_nonoverlapping(message, 1) };
            let turn = state.count_unwaited(deadline);
            mutant!("send-wake": sender.wake_after(state) => drop((sender, state)));
            turn.end();
            return Ok(());
        }
        if let Buffer::Clock(_) = state.buffer {
            // SAFETY: the caller's contract is the same.
            return unsafe { self.recv_due(state, place, deadline) };
        }
        if state.disconnected {
            return Err(Refused::Disconnected);
        }
        if deadline == AT_ONCE {
            return Err(Refused::TimedOut);
        }
        self.sit_or_wait(state, |state| &mut state.waiting_receivers, place, deadline, seat)
    }

    /// As `recv`, where the messages are a clock's.
    ///
    /// # Safety
    /// - As for `recv`.
    #[cold]
    unsafe fn recv_due<'a>(
        &'a self,
        mut state: Guard<'a, State<T>>,
        place: NonNull<T>,
        deadline: u64,
    ) -> Result<(), Refused> {
        let since = os::now();
        loop {
            let Buffer::Clock(clock) = &mut state.buffer else { return Err(Refused::Disconnected) };
            if let Some(due) = clock.take(since) {
                let message = clock.message(due);
                drop(state);
                // SAFETY: the caller has room for a message.
                unsafe { place.write(message) };
                return Ok(());
            }
            let until = clock.next().min(deadline);
            // Nobody sends, so it is woken by the time alone, or never.
            let why = match until {
                AT_ONCE => Err(Refused::TimedOut),
                _ => self.wait(state, |state| &mut state.waiting_receivers, place, until),
            };
            if until == deadline || why.is_ok() {
                return why;
            }
            state = self.state.lock();
        }
    }

    /// Gives the place that became empty to a waiting sender's message; or, if the sender selects,
    /// reserves it.
    fn refill(mut state: Guard<'_, State<T>>, sender: Claimed) {
        // SAFETY: it waited in a queue of this channel.
        let Some(message) = (unsafe { Packet::of(sender.slot()) }).take() else {
            state.offer_room(sender);
            return;
        };
        let Some(place) = state.buffer.push() else {
            crate::fatal!("a channel is full after a message was taken out");
        };
        // SAFETY: `push` gave out an empty place, and the sender gave its message up.
        unsafe { place.copy_from_nonoverlapping(message, 1) };
        sender.wake_after(state);
    }

    /// Sits down to wait for the other side to move the message; where that can't be, waits.
    #[inline(always)]
    fn sit_or_wait(
        &self,
        mut state: Guard<'_, State<T>>,
        side: impl FnOnce(&mut State<T>) -> &mut WaitQueue + Copy,
        message: NonNull<T>,
        deadline: u64,
        seat: &Seat<Packet>,
    ) -> Result<(), Refused> {
        if deadline == FOREVER {
            let about = About::Channel(NonNull::from(&self.ends));
            // SAFETY: all queues are part of the channel's state, and the channel, with its ends, is kept
            // by the handle whose method waits. Its caller leaves at once.
            match unsafe { seat.sit(state, side, Packet::with(message), about) } {
                None => return Err(Refused::Sits),
                Some(guard) => state = guard,
            }
        }
        self.wait(state, side, message, deadline)
    }

    /// Waits for the other side to move the message. Cut short by the caller's limit: then the message
    /// has not been moved.
    #[inline(never)]
    fn wait(
        &self,
        state: Guard<'_, State<T>>,
        side: impl FnOnce(&mut State<T>) -> &mut WaitQueue,
        message: NonNull<T>,
        deadline: u64,
    ) -> Result<(), Refused> {
        if deadline != FOREVER && os::now() >= deadline {
            return Err(Refused::TimedOut);
        }
        let packet = Packet::with(message);
        let about = About::Channel(NonNull::from(&self.ends));
        // SAFETY: all queues are part of the channel's state, and the channel, with its ends, is kept
        // by the handle whose method waits.
        let wake =
            unsafe { park::<_, true>(state, side, packet.slot(), deadline, about, Stands::Last) };
        packet.outcome(wake)
    }

    /// Disconnects the channel; the caller was the last sender. What is buffered stays.
    #[cold]
    pub(super) fn senders_gone(&self) {
        self.state.lock().disconnected = true;
        mutant!("disconnect": self.wake_all(|state| &mut state.waiting_receivers) => ());
        self.ring_for_all();
        self.let_down_forgotten();
    }

    /// Disconnects the channel; the caller was the last receiver. What is buffered is dropped.
    #[cold]
    pub(super) fn receivers_gone(&self) {
        let mut state = self.state.lock();
        state.disconnected = true;
        let unread = mem::replace(&mut state.buffer, Buffer::Nothing);
        let unclaimed = state.promised.take_hands();
        drop(state);
        self.wake_all(|state| &mut state.waiting_senders);
        // Last, for a message's destructor may panic.
        drop((unread, unclaimed));
    }

    /// Wakes all of a disconnected channel's waiters with nothing. Nobody joins them (invariant 3),
    /// so it is no harm to let the lock go in between.
    fn wake_all(&self, side: impl Fn(&mut State<T>) -> &mut WaitQueue) {
        loop {
            let first = side(&mut self.state.lock()).claim_first();
            let Some(claimed) = first else { return };
            // SAFETY: it waited in a queue of this channel, and is claimed.
            let note = match unsafe { Packet::of(claimed.slot()) }.note.get() {
                Note::Selects => Note::Got(Token::Gone),
                Note::Watches => Note::Ready,
                other => other,
            };
            wake(claimed, note);
        }
    }
}

impl Packet {
    /// What has become of the operation that waited with this.
    pub(super) fn outcome(&self, wake: Wake) -> Result<(), Refused> {
        match wake {
            Wake::TimedOut => Err(Refused::TimedOut),
            Wake::Claimed if self.is_done() => Ok(()),
            Wake::Claimed if self.note.get() == Note::Again => Err(Refused::Again),
            Wake::Claimed => Err(Refused::Disconnected),
        }
    }
}
