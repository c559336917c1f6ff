//! What a `select` does to one of its channels.
//!
//! It chooses an operation before it has the message or a place for one: those come when the user
//! completes the operation. What it has been promised meanwhile is its [`Token`]:
//!
//! - A receiver *holds* a message of the buffer; a sender has *reserved* a place of it. Others see
//!   neither; when they are given up, they are there for others again.
//! - A sender that finds a waiting `select` leaves its message in the channel's *hands*, behind the
//!   buffer, for that one. So does a plain sender whom a `select` finds waiting.
//! - A `select` that chose to send to a receiver *owes* a message. The receiver, if it is a plain
//!   one, is claimed and goes on waiting in `counting_on`; and a `select` joins it there when it is
//!   completed before the other. The message goes to the first who waits there, else into the hands.
//!
//! Messages are not meant for one receiver by name: tokens of a kind are as good as each other. At
//! any time `hands + owed = hand tokens + counting_on + unwanted`, but for senders that have let
//! their receiver down: who finds less than it was promised does the operation once more.

use core::ptr::NonNull;

use super::blocks::Blocks;
use super::buffer::Buffer;
use super::channel::{Channel, Refused, State, end};
use super::future::ring;
use super::packet::{Note, Packet, Token, wake};
use crate::FOREVER;
use crate::lock::Guard;
use crate::seam::mutant;
use crate::wait::{About, Claimed, Many, Place, Seat, WaitQueue, WaitsFor, park_on};

/// Which operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Send,
    Receive,
}

/// What became of a registration.
pub(super) enum Registered {
    /// The waiter stands in the queue.
    Waits,
    /// The waiter has been claimed by somebody, who wakes it.
    Lost,
    /// It has claimed itself, and got this.
    Got(Token),
    /// It has claimed itself, and the operation is ready, or was a moment ago.
    Ready,
}

/// What goes past the buffer.
pub(super) struct Promised<T> {
    /// For hand tokens.
    hands: Hands<T>,
    /// How many messages select's senders owe.
    owed: usize,
    /// Those who wait for a message that is owed; claimed, or without a deadline.
    counting_on: WaitQueue,
    /// How many wait in it.
    counting: usize,
    /// How many of the owed messages nobody wants any more.
    unwanted: usize,
}

/// A few messages that are dropped with the channel.
pub(super) struct Hands<T>(Buffer<T>);

impl<T> Promised<T> {
    pub(super) fn none() -> Promised<T> {
        Promised {
            hands: Hands(Buffer::Blocks(Blocks::new())),
            owed: 0,
            counting_on: WaitQueue::new(WaitsFor::Receive),
            counting: 0,
            unwanted: 0,
        }
    }

    pub(super) fn take_hands(&mut self) -> Hands<T> {
        core::mem::replace(&mut self.hands, Hands(Buffer::Nothing))
    }

    /// Takes out the first who counts on an owed message and will still run.
    fn first_counting(&mut self) -> Option<Claimed> {
        while let Some((claimed, alive)) = self.counting_on.take_claimed() {
            self.counting -= 1;
            if alive {
                return Some(claimed);
            }
        }
        None
    }

    /// # Safety
    /// - `message` is moved away.
    unsafe fn put(&mut self, message: NonNull<T>) {
        let Some(place) = self.hands.0.push() else {
            crate::fatal!("a channel has no hands: its receivers are gone");
        };
        // SAFETY: `push` gave out an empty place, and the caller gives a message up.
        unsafe { place.copy_from_nonoverlapping(message, 1) };
    }
}

impl<T> State<T> {
    /// Gives a message to a claimed waiter that has no place for it; false if it only watches.
    ///
    /// # Safety
    /// - After true the message is moved away.
    #[cold]
    pub(super) unsafe fn hand_to_select(&mut self, receiver: Claimed, message: NonNull<T>) -> bool {
        if watches(&receiver) {
            wake(receiver, Note::Ready);
            return false;
        }
        // SAFETY: the caller gives the message up.
        unsafe { self.promised.put(message) };
        wake(receiver, Note::Got(Token::Hand));
        true
    }

    /// Makes a claimed sender without a message owe one; false if it only watches.
    #[cold]
    pub(super) fn make_select_owe(&mut self, sender: Claimed) -> bool {
        if watches(&sender) {
            wake(sender, Note::Ready);
            return false;
        }
        self.promised.owed += 1;
        wake(sender, Note::Got(Token::Owes));
        true
    }

    /// Offers the room that there is to a claimed sender without a message, then to the others.
    #[cold]
    pub(super) fn offer_room(&mut self, sender: Claimed) {
        self.room_for(sender);
        self.offer_room_to_all();
    }

    fn room_for(&mut self, sender: Claimed) {
        if watches(&sender) {
            wake(sender, Note::Ready);
        } else if self.buffer.reserve() {
            wake(sender, Note::Got(Token::Room));
        } else {
            crate::fatal!("a channel is full after a message was taken out");
        }
    }

    /// Lets waiting senders have the room that there is.
    fn offer_room_to_all(&mut self) {
        while self.buffer.has_room() {
            let Some(sender) = self.waiting_senders.claim_first() else { return };
            // SAFETY: it waited in a queue of this channel.
            let message = unsafe { Packet::of(sender.slot()) }.take();
            let Some((message, place)) = message.and_then(|m| Some((m, self.buffer.push()?)))
            else {
                self.room_for(sender);
                continue;
            };
            // SAFETY: `push` gave out an empty place, and the sender gave its message up.
            unsafe { place.copy_from_nonoverlapping(message, 1) };
            sender.wake();
        }
    }

    /// Lets waiting receivers have the messages that there are.
    fn offer_messages(&mut self) {
        while self.buffer.has_message() {
            let Some(receiver) = self.waiting_receivers.claim_first() else { return };
            // SAFETY: it waited in a queue of this channel.
            let place = unsafe { Packet::of(receiver.slot()) }.take();
            let Some((place, message)) = place.and_then(|p| Some((p, self.buffer.pop()?))) else {
                let note = match watches(&receiver) {
                    true => Note::Ready,
                    false if self.buffer.hold() => Note::Got(Token::Held),
                    false => crate::fatal!("a message that was there is gone"),
                };
                wake(receiver, note);
                continue;
            };
            // SAFETY: `pop` gave a message up, and the receiver left room for one.
            unsafe { place.copy_from_nonoverlapping(message, 1) };
            receiver.wake();
        }
    }

    /// Whether an operation needn't wait.
    pub(super) fn is_ready(&self, side: Side, me: Option<&Many>) -> bool {
        if self.disconnected {
            return true;
        }
        match (side, &self.buffer) {
            (Side::Receive, Buffer::Clock(clock)) => clock.is_due(),
            (Side::Receive, buffer) => {
                buffer.has_message() || self.waiting_senders.any_other(me, is_there)
            }
            (Side::Send, buffer) => {
                buffer.has_room() || self.waiting_receivers.any_other(me, is_there)
            }
        }
    }

    /// Chooses an operation if it needn't wait.
    fn pick(&mut self, side: Side, me: Option<&Many>, since: u64) -> Option<Token> {
        match side {
            Side::Send => self.pick_send(me),
            Side::Receive => self.pick_receive(me, since),
        }
    }

    fn pick_send(&mut self, me: Option<&Many>) -> Option<Token> {
        if self.disconnected {
            return Some(Token::Gone);
        }
        if let Buffer::Blocks(_) = self.buffer {
            return Some(Token::Free);
        }
        if self.buffer.reserve() {
            return Some(Token::Room);
        }
        while let Some(receiver) = self.waiting_receivers.claim_other(me) {
            // SAFETY: it waited in a queue of this channel, and is claimed.
            match unsafe { Packet::of(receiver.slot()) }.note.get() {
                Note::Watches => {
                    wake(receiver, Note::Ready);
                    continue;
                }
                Note::Selects => wake(receiver, Note::Got(Token::Hand)),
                _ => {
                    self.promised.counting_on.keep_claimed(receiver);
                    self.promised.counting += 1;
                }
            }
            self.promised.owed += 1;
            return Some(Token::Owes);
        }
        None
    }

    fn pick_receive(&mut self, me: Option<&Many>, since: u64) -> Option<Token> {
        if let Buffer::Clock(clock) = &mut self.buffer {
            return clock.take(since).map(Token::Due);
        }
        if self.buffer.hold() {
            return Some(Token::Held);
        }
        if self.waiting_senders.is_empty() {
            return self.disconnected.then_some(Token::Gone);
        }
        while let Some(sender) = self.waiting_senders.claim_other(me) {
            // SAFETY: it waited in a queue of this channel.
            let Some(message) = (unsafe { Packet::of(sender.slot()) }).take() else {
                if self.make_select_owe(sender) {
                    return Some(Token::Hand);
                }
                continue;
            };
            // SAFETY: the sender gave its message up.
            unsafe { self.promised.put(message) };
            sender.wake();
            return Some(Token::Hand);
        }
        self.disconnected.then_some(Token::Gone)
    }

    fn queue(&mut self, side: Side) -> &mut WaitQueue {
        match side {
            Side::Send => &mut self.waiting_senders,
            Side::Receive => &mut self.waiting_receivers,
        }
    }

    /// Wakes those who only watch for what `side` is about to do.
    fn tell_watchers(&mut self, side: Side) {
        let other = match side {
            Side::Send => Side::Receive,
            Side::Receive => Side::Send,
        };
        while let Some(watcher) = self.queue(other).claim_such(watches_slot) {
            wake(watcher, Note::Ready);
        }
    }
}

impl<T> Channel<T> {
    /// Chooses an operation if it needn't wait. For what `since` is, see `Clock::take`.
    pub(super) fn pick(&self, side: Side, since: u64) -> Option<Token> {
        self.state.lock().pick(side, None, since)
    }

    pub(super) fn is_ready(&self, side: Side) -> bool {
        self.state.lock().is_ready(side, None)
    }

    /// When the operation will be ready by itself.
    #[inline]
    pub(super) fn next_due(&self) -> u64 {
        if !self.ticks {
            return FOREVER;
        }
        match &self.state.lock().buffer {
            Buffer::Clock(clock) => clock.next(),
            _ => FOREVER,
        }
    }

    /// Puts a waiter into the queue of one side, unless the operation needn't wait.
    ///
    /// # Safety
    /// - The channel, `me`, `place` and `packet` stay where they are until `unregister`.
    pub(super) unsafe fn register(
        &self,
        side: Side,
        me: &Many,
        place: &Place,
        packet: &Packet,
        since: u64,
    ) -> Registered {
        let mut state = self.state.lock();
        if packet.announced.take() {
            state.coming -= 1;
        }
        let watches = packet.note.get() == Note::Watches;
        if state.is_ready(side, Some(me)) {
            if !me.claim_self() {
                return Registered::Lost;
            }
            let got = if watches { None } else { state.pick(side, Some(me), since) };
            return got.map_or(Registered::Ready, Registered::Got);
        }
        if !watches {
            state.tell_watchers(side);
        }
        let about = About::Channel(NonNull::from(&self.ends));
        // SAFETY: both sides' queues are part of the channel's state, which stays, as all the others
        // do, until `unregister`.
        unsafe { me.join(place, &mut state, |state| state.queue(side), packet.slot(), about) };
        Registered::Waits
    }

    /// Takes a waiter out of its queue.
    ///
    /// # Safety
    /// - The place was given to no other channel's `register`.
    pub(super) unsafe fn unregister(&self, place: &Place, packet: &Packet) {
        if packet.announced.take() {
            // It has not come to `register`.
            self.arrive();
        }
        // SAFETY: the queues are part of the state, which stays where it is.
        unsafe { place.leave(&self.state) };
    }

    /// Completes a chosen send. The message is moved away exactly if this returns `Ok`.
    ///
    /// # Safety
    /// - As for [`send`](Channel::send); and the token was given to a sender of this channel.
    pub(super) unsafe fn finish_send(
        &self,
        token: Token,
        message: NonNull<T>,
    ) -> Result<(), Refused> {
        match token {
            // SAFETY: the caller's contract is the same.
            Token::Owes => unsafe { self.pay(message) },
            Token::Gone => Err(Refused::Disconnected),
            // SAFETY: the caller's contract is the same.
            Token::Room => unsafe { self.send_into_room(message) },
            // SAFETY: the caller's contract is the same.
            _ => unsafe { self.send(message, FOREVER) },
        }
    }

    /// Sends into the place that is reserved, which is another's as soon as the lock is free.
    ///
    /// # Safety
    /// - As for `finish_send`.
    unsafe fn send_into_room(&self, message: NonNull<T>) -> Result<(), Refused> {
        let mut state = self.state.lock();
        state.buffer.unreserve();
        mutant!("room-kept": () => { drop(state); state = self.state.lock() });
        let seat = Seat::new();
        // SAFETY: the caller's contract is the same.
        let done = unsafe { self.send_locked(state, message, FOREVER, false, &seat) };
        // SAFETY: it was called on the line above.
        let sent = unsafe { end(done, &seat) };
        // If the message went past the buffer, the room is there for others.
        self.state.lock().offer_room_to_all();
        sent
    }

    /// Sends the message that is owed.
    ///
    /// # Safety
    /// - As for `finish_send`.
    unsafe fn pay(&self, message: NonNull<T>) -> Result<(), Refused> {
        let mut state = self.state.lock();
        state.promised.owed -= 1;
        if state.disconnected {
            return Err(Refused::Disconnected);
        }
        if state.promised.unwanted > 0 {
            state.promised.unwanted -= 1;
            drop(state);
            // SAFETY: the caller gives the message up.
            unsafe { message.drop_in_place() };
            return Ok(());
        }
        let Some(receiver) = state.promised.first_counting() else {
            // SAFETY: the caller gives the message up.
            unsafe { state.promised.put(message) };
            return Ok(());
        };
        // SAFETY: it waited in a queue of this channel.
        let Some(place) = (unsafe { Packet::of(receiver.slot()) }).take() else {
            crate::fatal!("one who counts on a message has no place for it");
        };
        // SAFETY: the receiver left room for one message there, and the caller gives one up.
        unsafe { place.copy_from_nonoverlapping(message, 1) };
        receiver.wake_after(state);
        Ok(())
    }

    /// Completes a chosen receive, which fills `place` exactly if this returns `Ok`. Waits if the
    /// message is owed.
    ///
    /// # Safety
    /// - As for [`recv`](Channel::recv); and the token was given to a receiver of this channel.
    pub(super) unsafe fn finish_recv(
        &self,
        token: Token,
        place: NonNull<T>,
    ) -> Result<(), Refused> {
        let mut state = self.state.lock();
        let message = match token {
            Token::Gone => return Err(Refused::Disconnected),
            Token::Due(due) => {
                let Buffer::Clock(clock) = &state.buffer else {
                    return Err(Refused::Disconnected);
                };
                let message = clock.message(due);
                drop(state);
                // SAFETY: the caller has room for a message.
                unsafe { place.write(message) };
                return Ok(());
            }
            Token::Held => state.buffer.pop_held(),
            _ => state.promised.hands.0.pop(),
        };
        let Some(message) = message else {
            return self.wait_promised(state, place, FOREVER);
        };
        // SAFETY: the buffer gave a message up, and the caller has room for it.
        unsafe { place.copy_from_nonoverlapping(message, 1) };
        if token == Token::Held {
            state.offer_room_to_all();
        }
        Ok(())
    }

    /// Waits for a message that is owed. If its sender lets it down, receives by `deadline`.
    #[cold]
    pub(super) fn wait_promised<'a>(
        &'a self,
        mut state: Guard<'a, State<T>>,
        place: NonNull<T>,
        deadline: u64,
    ) -> Result<(), Refused> {
        let promised = &mut state.promised;
        let again = if promised.owed > promised.counting + promised.unwanted {
            promised.counting += 1;
            Channel::count_on(state, place)
        } else {
            drop(state);
            Err(Refused::Again)
        };
        match again {
            // SAFETY: the place is still empty, and the caller's.
            Err(Refused::Again) => unsafe { self.recv(place, deadline) },
            done => done,
        }
    }

    /// Waits for a message that is owed, for as long as it takes.
    fn count_on(state: Guard<'_, State<T>>, place: NonNull<T>) -> Result<(), Refused> {
        let packet = Packet::with(place);
        // SAFETY: the queue is part of the channel's state, and the channel is kept by the handle whose
        // method waits.
        let wake = unsafe {
            park_on(state, |state| &mut state.promised.counting_on, packet.slot(), FOREVER)
        };
        packet.outcome(wake)
    }

    /// Gives up what a chosen operation was promised.
    pub(super) fn abandon(&self, token: Token) {
        let mut state = self.state.lock();
        match token {
            Token::Room => {
                state.buffer.unreserve();
                state.offer_room_to_all();
            }
            Token::Owes => {
                let promised = &mut state.promised;
                promised.owed -= 1;
                if promised.counting + promised.unwanted <= promised.owed {
                    // The one who is let down has not come yet.
                } else if promised.unwanted > 0 {
                    promised.unwanted -= 1;
                } else if let Some(receiver) = promised.first_counting() {
                    drop(state);
                    wake(receiver, Note::Again);
                }
            }
            Token::Hand if !state.promised.hands.0.has_message() => {
                let promised = &mut state.promised;
                if promised.owed > promised.counting + promised.unwanted {
                    promised.unwanted += 1;
                }
            }
            Token::Held => {
                state.buffer.unhold();
                state.offer_messages();
                let future = state.futures.claim_first();
                drop(state);
                ring(future);
            }
            // What is in the hands stays, and is dropped with the channel.
            Token::Hand | Token::Free | Token::Due(_) | Token::Gone => {}
        }
    }

    /// Wakes those who count on senders that are gone, which is only if a selected operation was
    /// forgotten.
    pub(super) fn let_down_forgotten(&self) {
        loop {
            let first = self.state.lock().promised.first_counting();
            let Some(receiver) = first else { return };
            wake(receiver, Note::Again);
        }
    }
}

fn watches(claimed: &Claimed) -> bool {
    watches_slot(claimed.slot())
}

/// Whether a waiter of a channel only watches.
fn watches_slot(slot: *mut ()) -> bool {
    // SAFETY: the slot is of a waiter in a queue of a channel, whose lock is held, or claimed.
    unsafe { Packet::of(slot) }.note.get() == Note::Watches
}

/// Whether a waiter of a channel is there for the other side.
fn is_there(slot: *mut ()) -> bool {
    !watches_slot(slot)
}
