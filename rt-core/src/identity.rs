//! Who a goroutine is to others: what handles, wakers and the goroutine itself share.
//!
//! It is made on first use, by whoever needs it first: the goroutine, or the holder of its handle,
//! who finds it through the packet that the two share (`join`). It outlives the goroutine and the
//! runtime, and reaches the goroutine's record only by waking a waiter, as everybody does. A plain
//! thread has one too, which the facade keeps.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::cell::Cell;
use core::fmt;
use core::num::NonZero;
use core::ptr::{self, NonNull};

use crate::goroutine::GoroutineRef;
use crate::lock::Protected;
use crate::locked;
use crate::seam::{AtomicPtr, AtomicU32, Ordering, mutant};
use crate::spawn::Running;
use crate::wait::{WaitQueue, WaitsFor, Wake as Woken, park_limited};

/// Who a goroutine, or a plain thread, is to others.
pub struct Identity {
    // Constant.
    number: NonZero<u64>,
    name: Option<Box<str>>,
    // Shared by all.
    park: Permit,
    wakes: Permit,
    /// Written and read by the one whose identity it is.
    blocked: AtomicU32,
    /// As above: what the facade keeps for it.
    kept: Cell<*mut ()>,
}

// SAFETY: `kept` is touched by its owner alone, as `kept` says; all else is `Sync`.
unsafe impl Sync for Identity {}
// SAFETY: as above; what `kept` points to is the facade's, who frees it on the owner's stack.
unsafe impl Send for Identity {}

impl Identity {
    /// A new one. The number is to be no other's in this process.
    pub fn new(number: NonZero<u64>, name: Option<Box<str>>) -> Arc<Identity> {
        Arc::new(Identity {
            number,
            name,
            park: Permit::new(WaitsFor::Unpark),
            wakes: Permit::new(WaitsFor::Future),
            blocked: AtomicU32::new(0),
            kept: Cell::new(ptr::null_mut()),
        })
    }

    /// The number that it was made with.
    pub fn number(&self) -> NonZero<u64> {
        self.number
    }

    /// The name that it was made with.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Waits for [`unpark`](Identity::unpark), unless that has come already, and until `deadline` at
    /// most. To be called by the one whose identity it is.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    pub fn park(self: &Arc<Identity>, deadline: u64) {
        // Its own count, so that the queue stays for who is abandoned here.
        let this = Arc::clone(self);
        this.park.take(deadline);
    }

    /// Ends the present or the next [`park`](Identity::park). Never parks.
    pub fn unpark(&self) {
        self.park.give();
    }

    /// Waits for a wake of the waker that this is, unless one has come since the last time.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    pub fn wait_for_wake(self: &Arc<Identity>) {
        let this = Arc::clone(self);
        this.wakes.take(crate::FOREVER);
    }

    /// Begins to block on a future.
    pub fn begin_blocking(&self) {
        // Relaxed, here and below: the owner's alone.
        self.blocked.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends it. One future may block on another in its poll: the inner one may have taken the outer
    /// one's wake.
    pub fn end_blocking(&self) {
        if self.blocked.fetch_sub(1, Ordering::Relaxed) > 1 {
            self.wakes.give();
        }
    }

    /// The pointer that the facade keeps here for the one whose identity this is, and who alone may
    /// look at it.
    pub fn kept(&self) -> &Cell<*mut ()> {
        &self.kept
    }
}

impl Wake for Identity {
    fn wake(self: Arc<Self>) {
        self.wakes.give();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.give();
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, {:?})", self.number, self.name)
    }
}

/// At most one permission to go on, and the one who waits for it.
struct Permit(Protected<State>);

struct State {
    given: bool,
    waiting: WaitQueue,
}

impl Permit {
    const fn new(waits_for: WaitsFor) -> Permit {
        Permit(Protected::new(State { given: false, waiting: WaitQueue::new(waits_for) }))
    }

    fn give(&self) {
        let mut state = self.0.lock();
        match state.waiting.claim_first() {
            Some(waiter) => {
                mutant!("unpark-wake": waiter.wake_after(state) => drop((waiter, state)));
            }
            None => state.given = mutant!("unpark-token": true => false),
        }
    }

    fn take(&self, deadline: u64) {
        let mut state = self.0.lock();
        if state.given {
            state.given = false;
            return;
        }
        // SAFETY: the queue is the permit's own, which `self` borrows until this returns.
        let woken = unsafe { park_limited(state, |s| &mut s.waiting, ptr::null_mut(), deadline) };
        debug_assert!(woken == Woken::Claimed || deadline != crate::FOREVER, "woken by nobody");
    }
}

/// A place for an identity that is made when it is first needed, by any thread.
pub(crate) struct Slot(
    /// Null, or from `Arc::into_raw`: swung once, by whoever makes it. A read with Acquire proves
    /// that it is made.
    AtomicPtr<Identity>,
);

impl Slot {
    pub(crate) fn new(identity: Option<Arc<Identity>>) -> Slot {
        let raw = identity.map_or(ptr::null(), Arc::into_raw);
        Slot(AtomicPtr::new(raw.cast_mut()))
    }

    /// What is there, counted once more.
    pub(crate) fn get(&self) -> Option<Arc<Identity>> {
        // Acquire: pairs with the Release below.
        let raw = NonNull::new(self.0.load(Ordering::Acquire))?;
        // SAFETY: from `Arc::into_raw`, and counted for this place until it is dropped.
        unsafe { Arc::increment_strong_count(raw.as_ptr()) };
        // SAFETY: the count was raised for it on the line above.
        Some(unsafe { Arc::from_raw(raw.as_ptr()) })
    }

    /// What is there by now, made here if it was not.
    pub(crate) fn get_or(&self, make: impl FnOnce() -> Arc<Identity>) -> Arc<Identity> {
        if let Some(known) = self.get() {
            return known;
        }
        let made = make();
        let raw = Arc::into_raw(Arc::clone(&made)).cast_mut();
        // Release: publishes what was made to the Acquire in get().
        let swung =
            self.0.compare_exchange(ptr::null_mut(), raw, Ordering::Release, Ordering::Relaxed);
        if swung.is_ok() {
            return made;
        }
        // SAFETY: counted on the line above the exchange, and not stored.
        drop(unsafe { Arc::from_raw(raw) });
        self.get().unwrap_or(made)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Acquire: pairs with the Release in get_or().
        let raw = self.0.load(Ordering::Acquire);
        if !raw.is_null() {
            // SAFETY: counted for this place, which is gone with this call.
            drop(unsafe { Arc::from_raw(raw) });
        }
    }
}

/// The identity of the current goroutine, made by `make` if it has none yet; none on a plain thread.
pub fn identity(make: impl FnOnce() -> Arc<Identity>) -> Option<Arc<Identity>> {
    let g = locked::current()?;
    if let Some(known) = known_identity() {
        return Some(known);
    }
    let identity = match g.packet.get() {
        // SAFETY: the goroutine's half of the packet is not used up, so the packet is there.
        Some(packet) => match unsafe { packet.identity() } {
            Some(slot) => slot.get_or(make),
            None => make(),
        },
        None => make(),
    };
    // `make` may have been told to make it a second time by a destructor of its own: one is enough.
    let raw = Arc::into_raw(Arc::clone(&identity)).cast_mut();
    if let Some(older) = g.identity.replace(NonNull::new(raw)) {
        // SAFETY: counted for the record, which holds it no more.
        drop(unsafe { Arc::from_raw(older.as_ptr()) });
    }
    Some(identity)
}

/// The identity of the current goroutine, if it has been asked for on it before.
#[inline]
pub fn known_identity() -> Option<Arc<Identity>> {
    let g = locked::current()?;
    let raw = g.identity.get()?;
    // SAFETY: counted for the record until the goroutine ends.
    unsafe { Arc::increment_strong_count(raw.as_ptr()) };
    // SAFETY: the count was raised for it on the line above.
    Some(unsafe { Arc::from_raw(raw.as_ptr()) })
}

/// What the facade keeps for the current goroutine: null as long as it has no identity. None on a
/// plain thread.
#[inline]
pub fn kept() -> Option<*mut ()> {
    locked::current().map(kept_of)
}

/// For itself.
#[inline]
fn kept_of(g: GoroutineRef) -> *mut () {
    // SAFETY: counted for the record until the goroutine, which is here, ends.
    let kept = g.identity.get().map(|identity| unsafe { identity.as_ref() }.kept.get());
    kept.unwrap_or(ptr::null_mut())
}

impl Running {
    /// What the facade keeps for it; null as long as it has no identity.
    #[inline]
    pub fn kept(&self) -> *mut () {
        kept_of(self.goroutine())
    }
}

/// Gives up what the record of a goroutine that ends has counted.
#[cold]
pub(crate) fn forget(identity: NonNull<Identity>) {
    // SAFETY: counted for the record, which the caller has taken it from.
    drop(unsafe { Arc::from_raw(identity.as_ptr()) });
}
