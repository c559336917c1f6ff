//! A wait in several queues at once, of which one claimer ends it: what `select` stands on.
//!
//! 1. The waiter says that it is about to leave, and only then stands in the queues, one lock at a
//!    time. From the first one on it can be claimed, while it still registers with the others.
//! 2. A waiter that finds meanwhile that it needn't wait claims *itself* first. If that succeeds
//!    nobody else will wake it, and it stays; if not, somebody will, and it leaves.
//! 3. Then it takes its nodes out of all queues again.
//!
//! Rejected: holding the locks of all queues at once, as Go does. It needs an order of locks, which
//! would need a number for each channel, and lets one long list of channels hold up all of them.

use core::cell::{Cell, UnsafeCell};
use core::ptr::{self, NonNull};

use super::{About, CLAIMED, Claimed, Node, WAITING, WaitQueue, Waiter, WaitsFor, Wake};
use crate::limit::Limit;
use crate::lock::{Guard, Protected};
use crate::seam::Ordering;
use crate::state::Change;
use crate::switch::{Entered, Leave, enter};
use crate::{FOREVER, os};

/// A waiter that may stand in several queues.
pub(crate) struct Many(Waiter);

/// Where a [`Many`] stands in one queue, if it does.
///
/// The node is made once, and stays as it is: what `OnceCell` is for, which goes a long way about it.
pub(crate) struct Place(UnsafeCell<Option<Node>>);

impl Place {
    pub(crate) const fn new() -> Place {
        Place(UnsafeCell::new(None))
    }

    /// The node, if it has been made.
    fn node(&self) -> Option<&Node> {
        // SAFETY: it is not written again once it is there (`join`); this type is not `Sync`, so
        // nobody writes it now.
        unsafe { &*self.0.get() }.as_ref()
    }

    /// Takes the node out of its queue, which is inside of `source`; false if it was out already.
    ///
    /// # Safety
    /// - If the place is taken, then in a queue inside of this `source`'s data, which has not moved.
    pub(crate) unsafe fn leave<T>(&self, source: &Protected<T>) -> bool {
        let Some(node) = self.node() else { return false };
        let guard = source.lock();
        let was_in = node.linked.get();
        // SAFETY: the caller says that it is a queue in the data, whose lock is held.
        unsafe { &mut *node.queue.get().as_ptr() }.remove(node);
        drop(guard);
        was_in
    }

    /// Puts a waiter into a queue of the locked data.
    ///
    /// # Safety
    /// - As for [`Many::join`].
    pub(super) unsafe fn join<T>(
        &self,
        waiter: NonNull<Waiter>,
        guard: &mut Guard<'_, T>,
        queue: impl FnOnce(&mut T) -> &mut WaitQueue,
        slot: *mut (),
        about: About,
    ) {
        let lock = NonNull::from(Guard::source(guard).bare_lock());
        let queue = queue(guard);
        // SAFETY: the waiter stays where it is, as the caller says.
        let chain = &unsafe { waiter.as_ref() }.node;
        let node = self.node().unwrap_or_else(|| {
            let node = Node {
                next: Cell::new(None),
                previous: Cell::new(None),
                linked: Cell::new(false),
                queue: Cell::new(NonNull::from(&mut *queue)),
                waiter,
                slot,
                lock,
                waits_for: queue.waits_for,
                about,
                sibling: chain.get(),
            };
            // SAFETY: nobody has a reference to the node, for there was none.
            unsafe { &mut *self.0.get() }.insert(node)
        });
        chain.set(Some(NonNull::from(node)));
        queue.push(node);
    }
}

impl Many {
    /// Claims the waiter for itself (step 2); false if somebody else has, who wakes it.
    pub(crate) fn claim_self(&self) -> bool {
        self.0.claim(CLAIMED)
    }

    /// Whether nobody has claimed it yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.selected.load(Ordering::Relaxed) == WAITING
    }

    /// Joins a queue of the locked data, with a slot for whoever claims the waiter through it.
    ///
    /// # Safety
    /// - The queue is inside of the locked data, and stays where it is until `place.leave`.
    /// - `self` and `place` stay where they are until then, and `slot` and what `about` points to are
    ///   valid as long.
    pub(crate) unsafe fn join<T>(
        &self,
        place: &Place,
        guard: &mut Guard<'_, T>,
        queue: impl FnOnce(&mut T) -> &mut WaitQueue,
        slot: *mut (),
        about: About,
    ) {
        // SAFETY: the caller's contract is the same.
        unsafe { place.join(NonNull::from(&self.0), guard, queue, slot, about) };
    }
}

/// Parks in the queues that `register` joins, or makes a plain thread sleep, until somebody claims
/// the waiter or until `deadline`. `register` says whether to wait: yes, unless it has claimed the
/// waiter for itself. Afterwards the waiter may still stand in queues, but is claimed. Cut short by
/// the caller's limit: then this unwinds, after `leave`.
pub(crate) fn park_in_many(
    deadline: u64,
    register: impl FnOnce(&Many) -> bool,
    leave: impl FnOnce(),
) -> Wake {
    let entered = enter().and_then(Entered::on_goroutine);
    let goroutine = entered.as_ref().map(|(_, g)| *g);
    let limit = Limit::before(deadline, goroutine);
    let deadline = limit.map_or(deadline, |limit| limit.deadline());
    let many = Many(Waiter::new(goroutine, false, WaitsFor::Select));
    let waiter = &many.0;
    let wake = match entered {
        Some((entered, g)) => {
            g.about_to_wait(waiter, &entered);
            g.state.set(Change::Prepare);
            if deadline != FOREVER {
                waiter.timer_on.set(Some(NonNull::from(entered.processor())));
                entered.processor().add_timer(deadline, waiter);
            }
            if register(&many) {
                os::point();
                entered.leave(Leave::Commit);
                g.came_back();
            } else {
                g.state.set(Change::Cancel);
            }
            waiter.finish_timer()
        }
        None if register(&many) => waiter.sleep_thread(deadline),
        None => Wake::Claimed,
    };
    leave();
    if wake == Wake::TimedOut
        && let Some(limit) = limit
    {
        limit.cancel();
    }
    wake
}

impl WaitQueue {
    /// As [`claim_first`](WaitQueue::claim_first), but passes `me` over.
    pub(crate) fn claim_other(&mut self, me: Option<&Many>) -> Option<Claimed> {
        let mut next = self.first;
        while let Some(node) = next {
            // SAFETY: linked nodes are alive, see `claim_first`.
            let node = unsafe { node.as_ref() };
            next = node.next.get();
            if is_of(node, me) {
                continue;
            }
            self.unlink(node);
            // SAFETY: the waiter lies beside its node.
            let waiter = unsafe { node.waiter.as_ref() };
            if !waiter.is_abandoned() && waiter.claim(CLAIMED) {
                return Some(Claimed { waiter: node.waiter, slot: node.slot });
            }
        }
        None
    }

    /// Takes out the first whose slot is such, if it can be claimed.
    pub(crate) fn claim_such(&mut self, such: impl Fn(*mut ()) -> bool) -> Option<Claimed> {
        let mut next = self.first;
        while let Some(node) = next {
            // SAFETY: linked nodes are alive, see `claim_first`.
            let node = unsafe { node.as_ref() };
            next = node.next.get();
            if !such(node.slot) {
                continue;
            }
            self.unlink(node);
            // SAFETY: the waiter lies beside its node.
            let waiter = unsafe { node.waiter.as_ref() };
            if !waiter.is_abandoned() && waiter.claim(CLAIMED) {
                return Some(Claimed { waiter: node.waiter, slot: node.slot });
            }
        }
        None
    }

    /// Whether `claim_other` could claim one whose slot is such.
    pub(crate) fn any_other(&self, me: Option<&Many>, such: impl Fn(*mut ()) -> bool) -> bool {
        let mut next = self.first;
        while let Some(node) = next {
            // SAFETY: linked nodes are alive, see `claim_first`.
            let node = unsafe { node.as_ref() };
            // SAFETY: the waiter lies beside its node.
            let waiter = unsafe { node.waiter.as_ref() };
            let free = waiter.selected.load(Ordering::Relaxed) == WAITING;
            if free && !is_of(node, me) && !waiter.is_abandoned() && such(node.slot) {
                return true;
            }
            next = node.next.get();
        }
        false
    }

    /// Lets a claimed waiter, which stood in one queue only, go on waiting in this one, which is
    /// under the same lock; [`take_claimed`](WaitQueue::take_claimed) gives it back.
    pub(crate) fn keep_claimed(&mut self, claimed: Claimed) {
        // SAFETY: a claimed waiter stays until it is woken.
        let waiter = unsafe { claimed.waiter.as_ref() };
        let Some(node) = waiter.node.get() else {
            crate::fatal!("a waiter that stood in a queue has no node");
        };
        // SAFETY: the node lies beside its waiter.
        let node = unsafe { node.as_ref() };
        // Its links are still those of the queue that it was taken out of.
        node.next.set(None);
        node.queue.set(NonNull::from(&mut *self));
        self.push(node);
    }

    /// Takes out the first of those who are claimed, or need no claim, for they wait in this queue
    /// alone and without a deadline. False in the pair: it is abandoned, and not to be woken.
    pub(crate) fn take_claimed(&mut self) -> Option<(Claimed, bool)> {
        // SAFETY: linked nodes are alive, see `claim_first`.
        let node = unsafe { self.first?.as_ref() };
        self.unlink(node);
        // SAFETY: the waiter lies beside its node.
        let waiter = unsafe { node.waiter.as_ref() };
        let alive = !waiter.is_abandoned();
        Some((Claimed { waiter: node.waiter, slot: node.slot }, alive))
    }
}

fn is_of(node: &Node, me: Option<&Many>) -> bool {
    me.is_some_and(|me| ptr::eq(node.waiter.as_ptr(), &me.0))
}

/// A number that nobody can rely on: the processor's; on a plain thread one made from the clock.
pub(crate) fn chance() -> u64 {
    match enter() {
        Some(entered) => entered.processor().random(),
        None => {
            // The finalizer of splitmix64 (Steele, Lea and Flood 2014).
            let mut x = os::now().wrapping_add(0x9e37_79b9_7f4a_7c15);
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            x ^ (x >> 31)
        }
    }
}
