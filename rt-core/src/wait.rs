//! Waiting: who waits, in which queues, and who may wake it.
//!
//! A [`Waiter`] is one blocked operation of a goroutine or of a plain thread. It lies on the stack
//! of the one who waits, with one [`Node`] for each [`WaitQueue`] that it stands in. The protocol:
//!
//! 1. The waiter pushes its nodes, each under the lock of its queue.
//! 2. It leaves: holding the one lock, whose release is then the commit (`Leave::Park`); or, when
//!    more than one party can end the wait, having said so in its state (`Leave::Commit`).
//! 3. Whoever ends the wait first *claims* it: takes the node out under the queue's lock, or for a
//!    deadline swings `selected` from `WAITING`. With a single party the node is the claim.
//! 4. The claimer fills the node's slot and wakes the waiter, and touches nothing of it afterwards.
//! 5. The waiter takes its other nodes and its timer out. Only then do they leave its stack.
//!
//! A plain thread does the same with a word of its own in place of step 2. A wait in several queues
//! at once is in `many`.

mod about;
mod alarm;
mod many;
mod seat;

use core::cell::Cell;
use core::fmt;
use core::ptr::NonNull;

use crate::goroutine::GoroutineRef;
use crate::limit::Limit;
use crate::lock::{Guard, Lock};
use crate::processor::Processor;
use crate::runtime::Shared;
use crate::schedule;
use crate::seam::{AtomicU32, AtomicUsize, Ordering, mutant};
use crate::state::Change;
use crate::switch::{Entered, Leave, enter, enter_from};
use crate::timer::Number;
use crate::worker::Inside;
use crate::{FOREVER, os};

pub(crate) use about::{About, Ends, Handles, Holder};
pub(crate) use alarm::Alarm;
pub(crate) use many::{Many, Place, chance, park_in_many};
pub(crate) use seat::Seat;

/// `selected` while nobody has claimed the waiter.
const WAITING: usize = 0;
/// `selected` when the deadline came first.
const TIMED_OUT: usize = 1;
/// `selected` when a queue's claimer came first.
const CLAIMED: usize = 2;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Somebody claimed the node and has filled its slot.
    Claimed,
    /// The deadline came first, and the node is out of its queue.
    TimedOut,
}

/// What a wait is for, as a report says it.
#[doc(alias = "waitReason")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// To receive from a channel.
    Receive,
    /// To send to a channel.
    Send,
    /// To hold a lock.
    Lock,
    /// For a wait group to come to zero.
    Group,
    /// For one goroutine to end.
    Join,
    /// For the goroutines of a scope to end.
    Scope,
    /// For time to pass.
    Sleep,
    /// For a socket to be ready.
    Socket,
    /// For a blocking call to return.
    Blocking,
    /// For one of several channels.
    Select,
    /// For a message of a channel that never has one.
    Nothing,
    /// To be notified by a condition variable.
    Condition,
    /// For a permit of a semaphore.
    Permit,
    /// For the others that a barrier needs.
    Others,
    /// For something that is done once.
    Once,
    /// To be unparked.
    Unpark,
    /// For a future to be woken.
    Future,
}

/// One blocked operation. What every claimer touches comes last, and in a [`Node`] first: in a [`Seat`] that lies
/// together.
#[repr(C)]
pub(crate) struct Waiter {
    /// How to wake a future, which is neither goroutine nor thread.
    ring: Option<unsafe fn(NonNull<Waiter>)>,
    /// A plain thread sleeps on it: 0, then 1 by the claimer as the last thing it does.
    word: AtomicU32,
    timer: Number,
    /// Written by the waiter before it leaves: the processor whose heap holds its deadline.
    timer_on: Cell<Option<NonNull<Processor>>>,
    // Constant while it waits.
    /// When it began to wait, or a little before.
    since: Cell<u64>,
    /// The first of the nodes that it stands in queues with.
    node: Cell<Option<NonNull<Node>>>,
    waits_for: WaitsFor,
    /// Whether only the holder of one queue's lock can end the wait.
    exclusive: bool,
    goroutine: Option<GoroutineRef>,
    /// Of the goroutine.
    runtime: Cell<Option<NonNull<Shared>>>,
    /// Written by claimers: CAS from `WAITING`, or a store where `exclusive`.
    selected: AtomicUsize,
}

impl Waiter {
    pub(crate) fn new(
        goroutine: Option<GoroutineRef>,
        exclusive: bool,
        waits_for: WaitsFor,
    ) -> Waiter {
        Waiter {
            ring: None,
            word: AtomicU32::new(0),
            timer: Number::none(),
            timer_on: Cell::new(None),
            since: Cell::new(0),
            node: Cell::new(None),
            waits_for,
            exclusive,
            goroutine,
            runtime: Cell::new(None),
            selected: AtomicUsize::new(WAITING),
        }
    }

    /// A goroutine begins to wait, at about this time.
    #[inline(always)]
    pub(crate) fn began(&self, now: u64, shared: &Shared) {
        self.since.set(now);
        self.runtime.set(Some(NonNull::from(shared)));
    }

    /// When it began to wait, or a little before.
    pub(crate) fn since(&self) -> u64 {
        self.since.get()
    }

    /// The queues that it stands in, last joined first.
    ///
    /// # Safety
    /// - It waits, and goes on waiting while this is used.
    pub(crate) unsafe fn stands(&self) -> impl Iterator<Item = Stand> {
        // SAFETY: a waiter's nodes lie beside it and stay as long as it waits.
        let node = |at: NonNull<Node>| unsafe { at.as_ref() };
        core::iter::successors(self.node.get().map(node), move |of| of.sibling.map(node))
            .map(|node| Stand { waits_for: node.waits_for, lock: node.lock, about: node.about })
    }

    pub(crate) fn timer(&self) -> &Number {
        &self.timer
    }

    /// Who waits; none for a plain thread.
    pub(crate) fn goroutine(&self) -> Option<GoroutineRef> {
        self.goroutine
    }

    pub(crate) fn waits_for(&self) -> WaitsFor {
        self.waits_for
    }

    /// Whether it has a deadline.
    pub(crate) fn is_timed(&self) -> bool {
        self.timer_on.get().is_some()
    }

    /// Claims the waiter (step 3); false if somebody else has.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn claim(&self, how: usize) -> bool {
        if self.exclusive {
            self.selected.store(how, Ordering::Relaxed);
            return true;
        }
        // Relaxed: what the claimer writes for the waiter is published by waking it.
        let claimed =
            self.selected.compare_exchange(WAITING, how, Ordering::Relaxed, Ordering::Relaxed);
        mutant!("claim": claimed.is_ok() => true)
    }

    /// Whether it is a goroutine that will never run again: its runtime is closed. (When the last
    /// thread has left, `close` takes such out of their queues; but that may be long after `run`.)
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn is_abandoned(&self) -> bool {
        let Some(runtime) = self.runtime.get() else { return false };
        // SAFETY: a runtime lives as long as any of its goroutines has not ended, and this one waits.
        unsafe { runtime.as_ref() }.is_closing()
    }

    /// Claims it for its deadline; the caller holds the lock of the heap that it was in.
    pub(crate) fn claim_timeout(&self) -> Option<GoroutineRef> {
        self.claim(TIMED_OUT).then_some(self.goroutine).flatten()
    }

    /// Wakes a claimed waiter (step 4), on a thread that was kept inside or not.
    ///
    /// # Safety
    /// - The caller has claimed it, so it is still there; it may be gone on return.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) unsafe fn wake(this: NonNull<Waiter>, inside: Inside) {
        // SAFETY: a claimed waiter stays until it is woken.
        let waiter = unsafe { this.as_ref() };
        let Some(g) = waiter.goroutine else {
            // Code of the user's is not for who is in the scheduler.
            drop(inside);
            // SAFETY: the caller's contract is the same.
            return unsafe { Waiter::wake_other(this) };
        };
        let ready = if waiter.exclusive { g.state.ready_parked() } else { g.state.ready() };
        if ready {
            schedule::enqueue_woken(enter_from(inside), g);
        }
    }

    /// As [`Waiter::wake`], for a plain thread or a future.
    ///
    /// # Safety
    /// - As for [`Waiter::wake`].
    #[inline(never)]
    unsafe fn wake_other(this: NonNull<Waiter>) {
        // SAFETY: as in `wake`.
        let waiter = unsafe { this.as_ref() };
        if let Some(ring) = waiter.ring {
            // SAFETY: the alarm that this waiter is part of has set it, and is rung once.
            return unsafe { ring(this) };
        }
        let word: *const AtomicU32 = &waiter.word;
        // Release: pairs with the Acquire in sleep_thread().
        let release = mutant!("parker-wake": Ordering::Release => Ordering::Relaxed);
        waiter.word.store(1, release);
        // The thread may have gone on since the store; `wake` takes a mere address.
        os::wake(word, 1);
    }

    /// Makes a plain thread sleep until it is claimed, or claims itself at the deadline.
    fn sleep_thread(&self, deadline: u64) -> Wake {
        crate::fork::check_thread();
        let mut until = deadline;
        // Acquire: pairs with the Release in wake().
        while self.word.load(Ordering::Acquire) == 0 {
            if until != FOREVER && os::now() >= until {
                if self.claim(TIMED_OUT) {
                    return Wake::TimedOut;
                }
                // Claimed by somebody who is about to wake us.
                until = FOREVER;
            }
            os::wait(&self.word, 0, until);
        }
        Wake::Claimed
    }

    /// Takes the deadline out of its heap, and says how the wait ended.
    fn finish_timer(&self) -> Wake {
        if self.selected.load(Ordering::Relaxed) == TIMED_OUT {
            return Wake::TimedOut;
        }
        if let Some(processor) = self.timer_on.get() {
            // SAFETY: processors live as long as their runtime, on which this goroutine runs.
            let processor = unsafe { processor.as_ref() };
            mutant!("timer-remove": processor.remove_timer(self) => ());
        }
        Wake::Claimed
    }
}

/// A waiter's place in one queue.
#[repr(C)]
pub(crate) struct Node {
    // Protected by the queue's lock.
    next: Cell<Option<NonNull<Node>>>,
    previous: Cell<Option<NonNull<Node>>>,
    linked: Cell<bool>,
    // Constant while it waits.
    waits_for: WaitsFor,
    waiter: NonNull<Waiter>,
    slot: *mut (),
    /// The queue that it is in, or was. Protected by the queue's lock.
    queue: Cell<NonNull<WaitQueue>>,
    lock: NonNull<Lock>,
    about: About,
    /// Another node of the same waiter.
    sibling: Option<NonNull<Node>>,
}

impl Node {
    /// One that is in no queue, and will be in this.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn new(
        waiter: &Waiter,
        slot: *mut (),
        queue: &mut WaitQueue,
        lock: NonNull<Lock>,
        about: About,
    ) -> Node {
        Node {
            next: Cell::new(None),
            previous: Cell::new(None),
            linked: Cell::new(false),
            waiter: NonNull::from(waiter),
            slot,
            waits_for: queue.waits_for,
            queue: Cell::new(NonNull::from(queue)),
            lock,
            about,
            sibling: None,
        }
    }
}

/// One queue in which a waiter stands, as others see it.
pub(crate) struct Stand {
    pub(crate) waits_for: WaitsFor,
    /// The queue's lock, as a name.
    pub(crate) lock: NonNull<Lock>,
    pub(crate) about: About,
}

/// Who waits, oldest first. Lives inside of a [`Protected`](crate::Protected), whose lock protects
/// it and the links of its nodes.
pub struct WaitQueue {
    waits_for: WaitsFor,
    first: Option<NonNull<Node>>,
    last: Option<NonNull<Node>>,
}

// SAFETY: nodes lie on the stacks of those who wait; they are reached under the queue's lock only.
unsafe impl Send for WaitQueue {}

/// The right and the duty to wake one waiter.
#[must_use = "a claimed waiter sleeps for ever unless it is woken"]
pub struct Claimed {
    waiter: NonNull<Waiter>,
    slot: *mut (),
}

impl Claimed {
    /// What the waiter passed to [`park_on`] as its slot; valid until it is woken.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn slot(&self) -> *mut () {
        self.slot
    }

    /// Wakes it. With the queue's lock held or not; better not, for the woken one may want it.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn wake(self) {
        // SAFETY: a `Claimed` is made by `claim_first` alone, and used up here.
        unsafe { Waiter::wake(self.waiter, Inside::NOT) };
    }

    /// Gives the queue's lock back, and wakes it.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn wake_after<T: ?Sized>(self, guard: Guard<'_, T>) {
        // SAFETY: as in `wake`.
        unsafe { Waiter::wake(self.waiter, Guard::unlock(guard)) };
    }
}

impl WaitQueue {
    /// A queue in which nobody waits; those who will, wait for this.
    pub const fn new(waits_for: WaitsFor) -> WaitQueue {
        WaitQueue { waits_for, first: None, last: None }
    }

    /// True if nobody waits.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Takes out the one that has waited longest, and is neither claimed by its deadline nor
    /// abandoned.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn claim_first(&mut self) -> Option<Claimed> {
        while let Some(first) = self.first {
            // SAFETY: linked nodes are alive: a waiter takes its node out before its stack goes on.
            let node = unsafe { first.as_ref() };
            self.unlink(node);
            // SAFETY: the waiter lies beside its node.
            let waiter = unsafe { node.waiter.as_ref() };
            let lost = mutant!("abandoned": waiter.is_abandoned() => false);
            if !lost && waiter.claim(CLAIMED) {
                return Some(Claimed { waiter: node.waiter, slot: node.slot });
            }
        }
        None
    }

    /// As [`claim_first`](WaitQueue::claim_first), if the first is no plain thread.
    pub(crate) fn claim_first_goroutine(&mut self) -> Option<Claimed> {
        // SAFETY: linked nodes are alive, see `claim_first`.
        let node = unsafe { self.first?.as_ref() };
        // SAFETY: the waiter lies beside its node.
        let waiter = unsafe { node.waiter.as_ref() };
        if waiter.goroutine.is_some() { self.claim_first() } else { None }
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn push(&mut self, node: &Node) {
        let this = NonNull::from(node);
        node.previous.set(self.last);
        node.linked.set(true);
        match self.last {
            None => self.first = Some(this),
            // SAFETY: linked nodes are alive, see `claim_first`.
            Some(last) => unsafe { last.as_ref() }.next.set(Some(this)),
        }
        self.last = Some(this);
    }

    fn push_first(&mut self, node: &Node) {
        let this = NonNull::from(node);
        node.next.set(self.first);
        node.linked.set(true);
        match self.first {
            None => self.last = Some(this),
            // SAFETY: linked nodes are alive, see `claim_first`.
            Some(first) => unsafe { first.as_ref() }.previous.set(Some(this)),
        }
        self.first = Some(this);
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn unlink(&mut self, node: &Node) {
        debug_assert!(node.linked.get(), "unlinked a waiter twice");
        match node.previous.get() {
            None => self.first = node.next.get(),
            // SAFETY: linked nodes are alive, see `claim_first`.
            Some(previous) => unsafe { previous.as_ref() }.next.set(node.next.get()),
        }
        match node.next.get() {
            None => self.last = node.previous.get(),
            // SAFETY: linked nodes are alive, see `claim_first`.
            Some(next) => unsafe { next.as_ref() }.previous.set(node.previous.get()),
        }
        node.linked.set(false);
    }

    /// Takes a node out if it is still in.
    fn remove(&mut self, node: &Node) {
        if node.linked.get() {
            self.unlink(node);
        }
    }
}

impl fmt::Debug for WaitQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "WaitQueue(empty)" } else { "WaitQueue(waited on)" })
    }
}

/// Waits in one queue of the locked data until claimed or until `deadline` ([`FOREVER`]: no limit),
/// and gives the lock back meanwhile. `slot` is for the claimer: it may write through it until it
/// wakes the waiter.
///
/// Parks a goroutine; makes a plain thread sleep.
///
/// # Safety
/// - `queue` returns a queue inside of the locked data, which stays where it is while anybody waits
///   in it. (A method that borrows what the data is part of, and waits, sees to that.)
#[cfg_attr(not(feature = "small"), inline(always))]
pub unsafe fn park_on<T>(
    guard: Guard<'_, T>,
    queue: impl FnOnce(&mut T) -> &mut WaitQueue,
    slot: *mut (),
    deadline: u64,
) -> Wake {
    // SAFETY: the caller's contract is the same, and there is nothing to stay.
    unsafe { park::<T, false>(guard, queue, slot, deadline, About::Nothing, Stands::Last) }
}

/// As [`park_on`], but cut short by the caller's [`Limit`]: it unwinds when that comes first. So the
/// caller must be able to end there, as if it had never waited.
///
/// # Safety
/// - As for [`park_on`].
#[cfg_attr(not(feature = "small"), inline(always))]
pub unsafe fn park_limited<T>(
    guard: Guard<'_, T>,
    queue: impl FnOnce(&mut T) -> &mut WaitQueue,
    slot: *mut (),
    deadline: u64,
) -> Wake {
    // SAFETY: the caller's contract is the same, and there is nothing to stay.
    unsafe { park::<T, true>(guard, queue, slot, deadline, About::Nothing, Stands::Last) }
}

/// Where in its queue somebody begins to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// Behind those who wait already.
    Last,
    /// Before them: one who was woken and has to wait again.
    First,
}

/// As [`park_limited`] or [`park_on`], telling where to look for who could wake it.
///
/// # Safety
/// - As for [`park_on`]; what `about` points to stays where it is until this returns.
#[inline(always)]
pub(crate) unsafe fn park<T, const LIMITED: bool>(
    mut guard: Guard<'_, T>,
    queue: impl FnOnce(&mut T) -> &mut WaitQueue,
    slot: *mut (),
    deadline: u64,
    about: About,
    stands: Stands,
) -> Wake {
    let entered = enter_from(Guard::take_inside(&mut guard)).and_then(Entered::on_goroutine);
    let goroutine = entered.as_ref().map(|(_, g)| *g);
    let limit = if LIMITED { Limit::before(deadline, goroutine) } else { None };
    let deadline = limit.map_or(deadline, |limit| limit.deadline());
    let source = Guard::source(&guard);
    let lock = NonNull::from(source.bare_lock());
    let queue = queue(&mut guard);
    let waiter = Waiter::new(goroutine, deadline == FOREVER, queue.waits_for);
    let node = Node::new(&waiter, slot, queue, lock, about);
    waiter.node.set(Some(NonNull::from(&node)));
    match stands {
        Stands::Last => queue.push(&node),
        Stands::First => queue.push_first(&node),
    }

    let wake = match entered {
        Some((entered, g)) if deadline == FOREVER => {
            g.about_to_wait(&waiter, &entered);
            entered.leave(Leave::Park(Guard::leave_held(guard)));
            g.came_back();
            return Wake::Claimed;
        }
        Some((entered, g)) => {
            park_until(entered, g, &waiter, deadline, || drop(guard));
            waiter.finish_timer()
        }
        None => {
            drop(guard);
            waiter.sleep_thread(deadline)
        }
    };
    if wake == Wake::TimedOut {
        let guard = source.lock();
        // SAFETY: the queue is part of the data whose guard was just taken; the pointer was made
        // from it, and the data has not moved since, for the waiting borrowed it.
        let queue = unsafe { &mut *node.queue.get().as_ptr() };
        mutant!("timeout-unlink": queue.remove(&node) => ());
        drop(guard);
        if let Some(limit) = limit {
            limit.cancel();
        }
    }
    wake
}

/// Parks a goroutine with a deadline; `unlock` runs once it can be woken.
fn park_until(
    entered: Entered<'_>,
    g: GoroutineRef,
    waiter: &Waiter,
    deadline: u64,
    unlock: impl FnOnce(),
) {
    g.about_to_wait(waiter, &entered);
    g.state.set(Change::Prepare);
    waiter.timer_on.set(Some(NonNull::from(entered.processor())));
    entered.processor().add_timer(deadline, waiter);
    unlock();
    os::point();
    entered.leave(Leave::Commit);
    g.came_back();
}

/// Parks, or makes a plain thread sleep, until `waiter` is woken; not if `register` says that there
/// is nothing to wait for. The waker may come as soon as `register` has begun.
pub(crate) fn park_unless(
    entered: Option<(Entered<'_>, GoroutineRef)>,
    waiter: &Waiter,
    register: impl FnOnce() -> bool,
) {
    match entered {
        Some((entered, g)) => {
            g.about_to_wait(waiter, &entered);
            g.state.set(Change::Prepare);
            if register() {
                os::point();
                entered.leave(Leave::Commit);
                g.came_back();
            } else {
                g.state.set(Change::Cancel);
            }
        }
        None => {
            if register() {
                waiter.sleep_thread(FOREVER);
            }
        }
    }
}

/// Waits until the clock reaches `deadline`; cut short by the caller's [`Limit`].
///
/// Parks a goroutine; makes a plain thread sleep.
pub fn sleep_until(deadline: u64) {
    let goroutine = enter().and_then(Entered::on_goroutine).map(|(_, g)| g);
    match Limit::before(deadline, goroutine) {
        None => sleep(deadline),
        Some(limit) => {
            sleep(limit.deadline());
            limit.cancel();
        }
    }
}

fn sleep(deadline: u64) {
    match enter().and_then(Entered::on_goroutine) {
        Some((entered, g)) => {
            let waiter = Waiter::new(Some(g), false, WaitsFor::Sleep);
            park_until(entered, g, &waiter, deadline, || ());
        }
        None => {
            let nobody = AtomicU32::new(0);
            while os::now() < deadline {
                os::wait(&nobody, 0, deadline);
            }
        }
    }
}

/// Takes an abandoned goroutine out of the queues that it waits in, so that nothing is handed to it.
///
/// # Safety
/// - The goroutine was parked and never runs again; its stack is mapped.
pub(crate) unsafe fn unlink_abandoned(g: GoroutineRef) {
    let Some(waiter) = g.waiting.take() else { return };
    // SAFETY: a parked goroutine's waiter lies on its stack, which stays as it is.
    let waiter = unsafe { waiter.as_ref() };
    let mut next = waiter.node.get();
    while let Some(node) = next {
        // SAFETY: as for the waiter.
        let node = unsafe { node.as_ref() };
        // SAFETY: the goroutine is inside of a method of what the lock is part of, and so keeps it.
        let lock = unsafe { node.lock.as_ref() };
        lock.acquire();
        // SAFETY: the queue is protected by the lock taken on the line above, and kept like it.
        unsafe { &mut *node.queue.get().as_ptr() }.remove(node);
        lock.release();
        next = node.sibling;
    }
}
