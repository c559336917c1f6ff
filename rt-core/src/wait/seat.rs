//! Parking in two calls, with the switch between them in the caller's own code.
//!
//! A processor takes it that each `ret` goes to where the last `call` came from. A switch from within a function
//! breaks that: the goroutine that comes up returns from that function to its own caller, and is expected where
//! the one that left has called it, unless that is the same place. Each such `ret` costs some 20 cycles. So
//! [`Seat::sit`] does everything but the switch, in a function that returns, and [`Seat::leave`], inlined into who
//! called that, switches and calls what comes after: no call is open on either side.
//!
//! Rejected: to return by a jump from the function in which the switch is (what its caller's `call` has announced
//! stays, and every `ret` of the callers is one off).

use core::cell::{Cell, UnsafeCell};
use core::mem::{MaybeUninit, offset_of};
use core::ptr::NonNull;

use super::{About, Node, WaitQueue, Waiter};
use crate::fiber;
use crate::goroutine::LINE;
use crate::lock::Guard;
use crate::seam::MODEL;
use crate::switch::{Departure, Leave, enter_unlimited};

/// What lies on the stack of one who waits, with the slot for its claimer. What that touches lies together, in two
/// lines of the cache, or three.
#[repr(C)]
pub(crate) struct Seat<S> {
    waiter: UnsafeCell<MaybeUninit<Waiter>>,
    slot: UnsafeCell<MaybeUninit<S>>,
    node: UnsafeCell<MaybeUninit<Node>>,
    departure: Cell<MaybeUninit<Departure>>,
}

impl<S> Seat<S> {
    /// The bytes that a claimer touches: from the waiter's first of these to the node's last.
    const TOUCHED: usize =
        offset_of!(Seat<S>, node) + offset_of!(Node, slot) + size_of::<*mut ()>()
            - (offset_of!(Seat<S>, waiter) + offset_of!(Waiter, exclusive));

    /// Whether anybody sits: not in small programs, nor where a sanitizer wants nothing between what it is told and
    /// the switch.
    const USED: bool = !cfg!(feature = "small") && !fiber::WATCHED;

    #[inline(always)]
    pub(crate) fn new() -> Seat<S> {
        const { assert!(MODEL || Seat::<S>::TOUCHED <= 2 * LINE - 16) };
        Seat {
            waiter: UnsafeCell::new(MaybeUninit::uninit()),
            slot: UnsafeCell::new(MaybeUninit::uninit()),
            node: UnsafeCell::new(MaybeUninit::uninit()),
            departure: Cell::new(MaybeUninit::uninit()),
        }
    }

    /// Begins to wait in one queue of the locked data, for as long as it takes. Only a goroutine without a
    /// [`Limit`](crate::limit::Limit) does; to others the lock comes back.
    ///
    /// # Safety
    /// - As for [`park`](super::park). What `about` points to, and the seat, stay where they are until `leave` has
    ///   returned; and if no lock comes back, that is what the caller does next.
    #[inline(always)]
    pub(crate) unsafe fn sit<'a, T>(
        &self,
        mut guard: Guard<'a, T>,
        queue: impl FnOnce(&mut T) -> &mut WaitQueue,
        slot: S,
        about: About,
    ) -> Option<Guard<'a, T>> {
        if !Seat::<S>::USED {
            return Some(guard);
        }
        let Some((entered, g)) = enter_unlimited(Guard::inside(&mut guard)) else {
            return Some(guard);
        };
        let lock = NonNull::from(Guard::source(&guard).bare_lock());
        let queue = queue(&mut guard);
        // SAFETY: nobody else knows of the seat yet, and references to what is in it are made here alone.
        let slot: *mut S = unsafe { (*self.slot.get()).write(slot) };
        // SAFETY: as above.
        let waiter =
            unsafe { (*self.waiter.get()).write(Waiter::new(Some(g), true, queue.waits_for)) };
        let node = Node::new(waiter, slot.cast(), queue, lock, about);
        // SAFETY: as above.
        let node = unsafe { (*self.node.get()).write(node) };
        waiter.node.set(Some(NonNull::from(&*node)));
        queue.push(node);
        g.about_to_wait(waiter, &entered);
        let departure = entered.depart(Leave::Park(Guard::leave_held(guard)));
        self.departure.set(MaybeUninit::new(departure));
        None
    }

    /// Leaves, and returns when it was claimed and woken: with its slot.
    ///
    /// # Safety
    /// - [`sit`](Seat::sit) has given no lock back, and nothing has been done since.
    #[inline(always)]
    pub(crate) unsafe fn leave(&self) -> &S {
        // SAFETY: `sit` has written it.
        let departure = unsafe { self.departure.replace(MaybeUninit::uninit()).assume_init() };
        // SAFETY: promised by the caller.
        unsafe { departure.park() };
        // SAFETY: whoever has claimed it has gone.
        let slot = unsafe { &*self.slot.get() };
        // SAFETY: `sit` has written it.
        unsafe { slot.assume_init_ref() }
    }
}
