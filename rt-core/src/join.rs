//! Waiting for one goroutine's result.
//!
//! A packet is shared by two: the goroutine, which completes it once, and the handle, which joins
//! or is dropped. One word says how far they are, and whoever comes last frees the packet:
//!
//! 1. The goroutine writes the result and swaps the word to `DONE`. If it reads a waiter, it wakes
//!    that; if `DETACHED`, the packet is its own.
//! 2. The joiner that reads `DONE` takes the result, and the packet is its own. Otherwise it says
//!    that it parks, and swings the word from `RUNNING` to its waiter. A future does the same with an
//!    alarm, and takes it back when it is dropped.
//! 3. A handle that is dropped swings the word from `RUNNING` to `DETACHED`, or frees the packet.
//! 4. When the runtime ends without the goroutine, the closer swaps the word to `DONE` in its place:
//!    no result will ever come, and the joiner learns that.

use alloc::alloc::Layout;
use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};
use core::task::{Poll, Waker};

use crate::blocks;
use crate::identity::{Identity, Slot};
use crate::scope::Members;
use crate::seam::{AtomicPtr, Ordering, mutant};
use crate::spawn::Running;
use crate::switch::{Entered, Leave, enter};
use crate::wait::{Alarm, Waiter, WaitsFor, park_unless};
use crate::worker::Inside;

/// No handle waits.
const RUNNING: *mut Waiter = ptr::null_mut();
/// The handle is gone.
const DETACHED: *mut Waiter = ptr::without_provenance_mut(1);
/// The goroutine is done with the packet.
const DONE: *mut Waiter = ptr::without_provenance_mut(2);
/// Marks the address of a waiter that is an alarm: one that may be taken back at any time.
const ALARM: usize = 4;
const _: () = assert!(align_of::<Waiter>() > ALARM, "the low bits of a waiter's address are marks");

/// What a packet has whatever the result is.
pub(crate) struct Head {
    /// One of the above, or the waiter of a joiner. Written by both sides, as the file's head says. A
    /// read of `DONE` proves that the result is written, or that there will be none.
    state: AtomicPtr<Waiter>,
    /// Who the goroutine is.
    identity: Slot,
    /// Constant: the scope that it belongs to.
    members: Option<NonNull<Members>>,
}

#[repr(C)]
struct Packet<R> {
    head: Head,
    /// Written by the goroutine before `DONE`.
    result: UnsafeCell<Option<R>>,
}

/// The goroutine's half by name, for [`Spawn`](crate::Spawn): who is to learn it when the runtime
/// ends without the goroutine.
///
/// First it is the packet; when the goroutine has completed that, its scope if it is of one. The low
/// bit of the address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed(NonNull<()>);

impl Packed {
    const SCOPE: usize = 1;

    /// Of the packet or, marked, of the scope.
    #[cfg(not(feature = "small"))]
    pub(crate) fn address(self) -> *const () {
        self.0.as_ptr()
    }

    fn packet(head: NonNull<Head>) -> Packed {
        Packed(head.cast())
    }

    fn scope(members: NonNull<Members>) -> Packed {
        Packed(members.cast().map_addr(|address| address | Packed::SCOPE))
    }

    fn is_scope(self) -> bool {
        self.0.addr().get() & Packed::SCOPE != 0
    }

    /// The waiter of who joins, if it is one that stays until it is woken: not a future's.
    ///
    /// # Safety
    /// - The record of the goroutine still names this.
    pub(crate) unsafe fn joiner(self) -> Option<NonNull<Waiter>> {
        if self.is_scope() {
            return None;
        }
        // SAFETY: the packet is there until the goroutine completes it, and it has not.
        let head = unsafe { self.0.cast::<Head>().as_ref() };
        // Acquire: pairs with the Release with which the joiner named its waiter.
        let waiter = head.state.load(Ordering::Acquire);
        let stays = ![RUNNING, DETACHED, DONE].contains(&waiter) && waiter.addr() & ALARM == 0;
        if stays { NonNull::new(waiter) } else { None }
    }

    /// The place for the goroutine's identity, while it has not completed its packet.
    ///
    /// # Safety
    /// - The record of the goroutine still names this.
    pub(crate) unsafe fn identity<'a>(self) -> Option<&'a Slot> {
        if self.is_scope() {
            return None;
        }
        // SAFETY: the packet is there until the goroutine completes it, and it has not.
        Some(&unsafe { self.0.cast::<Head>().as_ref() }.identity)
    }

    /// The scope that the goroutine is of.
    ///
    /// # Safety
    /// - The record of the goroutine names this, or it was taken from it and not abandoned.
    pub(crate) unsafe fn members(self) -> Option<NonNull<Members>> {
        if self.is_scope() {
            let unmarked = self.0.as_ptr().map_addr(|address| address & !Packed::SCOPE);
            return NonNull::new(unmarked.cast());
        }
        // SAFETY: the packet is there until the goroutine's half is done with it.
        unsafe { self.0.cast::<Head>().as_ref() }.members
    }

    /// Step 4. What the goroutine's half owns stays with its stack.
    ///
    /// # Safety
    /// - The record of the goroutine has named this until now, and the goroutine never runs again.
    pub(crate) unsafe fn abandon(self) {
        // SAFETY: the caller's contract is the same.
        let members = unsafe { self.members() };
        if !self.is_scope() {
            // SAFETY: the packet is there until the goroutine's half is done with it, here.
            unsafe { self.0.cast::<Head>().as_ref() }.done();
        }
        if let Some(members) = members {
            // SAFETY: a scope stays until all its members are counted out, and this one was not.
            unsafe { members.as_ref() }.lose();
        }
    }
}

impl Head {
    /// Says that the goroutine is done with the packet; true if the packet is the caller's now.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn done(&self) -> bool {
        // Release: publishes the result to the joiner's Acquire. Acquire: pairs with the Release
        // with which the joiner named its waiter, or the handle its end.
        let both = mutant!("join-done": Ordering::AcqRel => Ordering::Acquire);
        // From here on the packet may be gone.
        let before = self.state.swap(DONE, both);
        if before == DETACHED {
            return true;
        }
        if let Some(waiter) = NonNull::new(before.map_addr(|address| address & !ALARM)) {
            // SAFETY: the word says that the joiner waits for this half alone to wake it.
            mutant!("join-wake": unsafe { wake(waiter) } => ());
        }
        false
    }
}

/// Apart, for [`Completer::complete`] becomes part of each function that is spawned.
///
/// # Safety
/// - As for [`Waiter::wake`].
#[inline(never)]
unsafe fn wake(waiter: NonNull<Waiter>) {
    // SAFETY: the caller's contract is the same.
    unsafe { Waiter::wake(waiter, Inside::NOT) };
}

/// The goroutine's half.
pub struct Completer<R>(NonNull<Packet<R>>);

/// The handle's half.
pub struct Joiner<R>(NonNull<Packet<R>>);

// SAFETY: a half may go to any thread, for the word orders all accesses; the result crosses with it.
unsafe impl<R: Send> Send for Completer<R> {}
// SAFETY: as above.
unsafe impl<R: Send> Send for Joiner<R> {}
// SAFETY: a shared `Joiner` can only look at the word.
unsafe impl<R: Send> Sync for Joiner<R> {}

/// The two halves of a new packet, in memory that the current processor has kept if there is any.
#[cfg_attr(not(feature = "small"), inline(always))]
pub(crate) fn packet<R>(
    entered: Option<&Entered<'_>>,
    members: Option<&Members>,
    identity: Option<Arc<Identity>>,
) -> (Completer<R>, Joiner<R>) {
    let cache = entered.map(|e| &e.processor().blocks);
    let memory = blocks::take(cache, Layout::new::<Packet<R>>()).cast::<Packet<R>>();
    let head = Head {
        state: AtomicPtr::new(RUNNING),
        identity: Slot::new(identity),
        members: members.map(NonNull::from),
    };
    let packet = Packet { head, result: UnsafeCell::new(None) };
    // SAFETY: memory of this layout, which is nobody else's.
    unsafe { memory.write(packet) };
    (Completer(memory), Joiner(memory))
}

/// Frees a packet and returns the result if it is still there.
///
/// # Safety
/// - Nobody else uses the packet.
#[cfg_attr(not(feature = "small"), inline(always))]
unsafe fn free<R>(entered: Option<Entered<'_>>, packet: NonNull<Packet<R>>) -> Option<R> {
    // SAFETY: the caller has the packet for itself.
    let content = unsafe { packet.read() };
    let cache = entered.as_ref().map(|e| &e.processor().blocks);
    // SAFETY: from `packet` with the same layout; its content was moved out on the line above.
    unsafe { blocks::give(cache, packet.cast(), Layout::new::<Packet<R>>()) };
    content.result.into_inner()
}

/// Comes in, for one who takes a result, and gives way after many for which nobody has waited.
#[cfg_attr(not(feature = "small"), inline(always))]
fn enter_to_take<'p>(waited: bool) -> Option<Entered<'p>> {
    let entered = enter()?;
    if mutant!("joined": !waited && entered.processor().count_join() => false) {
        give_way(entered);
        return enter();
    }
    Some(entered)
}

#[cold]
#[inline(never)]
fn give_way(entered: Entered<'_>) {
    if let Some((entered, _)) = entered.on_goroutine() {
        // As if it had waited: those that have not begun stay in their order.
        entered.processor().forget_pushed();
        entered.leave(Leave::Yield);
    }
}

impl<R> Completer<R> {
    /// Puts the result where it will be asked for. It is not handed over yet. Once only.
    ///
    /// (Apart from [`complete`](Completer::complete), so that it is written where it stays. What is written
    /// word by word and then moved as a whole makes the processor wait until the words have left
    /// its store buffer: 10 ns of 75 that a goroutine took on a Xeon.)
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn put(&mut self, result: R) {
        // SAFETY: the packet is there until both halves are done with it (file's head).
        let place = unsafe { self.0.as_ref() }.result.get();
        // SAFETY: only this half writes the result, and the other reads it after `DONE`. Nothing is
        // there to be dropped.
        unsafe { place.write(Some(result)) };
    }

    /// Hands the result over, if there is one: the goroutine that was spawned with it does, before it ends. When
    /// nobody will ever ask for it, it comes back.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn complete(self, running: &Running) -> Option<R> {
        let this = ManuallyDrop::new(self);
        let g = running.goroutine();
        debug_assert!(
            g.packet.get() == Some(Packed::packet(this.0.cast())),
            "{g:?} was spawned with another packet"
        );
        // SAFETY: the packet is there until both halves are done with it (file's head).
        let members = unsafe { this.0.as_ref() }.head.members;
        // The packet may be gone from here on: step 4 must not find it.
        g.packet.set(members.map(Packed::scope));
        this.hand_over()
    }

    /// The last use of this half.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) fn hand_over(&self) -> Option<R> {
        // SAFETY: the packet is there until both halves are done with it (file's head).
        if unsafe { self.0.as_ref() }.head.done() {
            // SAFETY: the handle is gone (step 3), so the packet is this half's.
            unsafe { free_unclaimed(self.0) }
        } else {
            None
        }
    }
}

/// Apart, as [`wake`] is.
///
/// # Safety
/// - As for [`free`].
#[inline(never)]
unsafe fn free_unclaimed<R>(packet: NonNull<Packet<R>>) -> Option<R> {
    // SAFETY: the caller's contract is the same.
    unsafe { free(enter(), packet) }
}

impl<R> Drop for Completer<R> {
    /// A goroutine that was never started completes without a result.
    fn drop(&mut self) {
        drop(self.hand_over());
    }
}

impl<R> Joiner<R> {
    /// The packet by name.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn packed(&self) -> Packed {
        Packed::packet(self.0.cast())
    }

    /// True when the result is there.
    pub fn is_finished(&self) -> bool {
        // SAFETY: the packet is there until both halves are done with it.
        let state = &unsafe { self.0.as_ref() }.head.state;
        // Acquire: pairs with the Release in done().
        state.load(Ordering::Acquire) == DONE
    }

    /// Waits for the result; none if the goroutine was dropped without having run, or its runtime
    /// has ended without it.
    ///
    /// Parks a goroutine; makes a plain thread sleep. A goroutine that finds many results there lets
    /// others run at times.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn join(self) -> Option<R> {
        let this = ManuallyDrop::new(self);
        let waited = !this.is_finished();
        if waited {
            this.wait();
        }
        let entered = enter_to_take(waited);
        // SAFETY: `DONE` was read with Acquire, so the other half is done with the packet (step 1);
        // this half is never used or dropped again.
        unsafe { free(entered, this.0) }
    }

    #[cold]
    fn wait(&self) {
        // SAFETY: the packet is there until both halves are done with it.
        let head = &unsafe { self.0.as_ref() }.head;
        let entered = enter().and_then(Entered::on_goroutine);
        let waiter = Waiter::new(entered.as_ref().map(|(_, g)| *g), false, WaitsFor::Join);
        let named = (&raw const waiter).cast_mut();
        park_unless(entered, &waiter, || {
            // Release: publishes the waiter to done(). Acquire: pairs with its Release of `DONE`.
            head.state
                .compare_exchange(RUNNING, named, Ordering::Release, Ordering::Acquire)
                .is_ok()
        });
    }

    /// Who the goroutine is, made by `make` if nobody has asked yet.
    pub fn identity(&self, make: impl FnOnce() -> Arc<Identity>) -> Arc<Identity> {
        // SAFETY: the packet is there until both halves are done with it.
        unsafe { self.0.as_ref() }.head.identity.get_or(make)
    }
}

/// The name of an alarm in a packet's word.
fn marked(alarm: *mut Waiter) -> *mut Waiter {
    alarm.map_addr(|address| address | ALARM)
}

/// A [`Joiner`] that is asked again and again, and never waits.
#[derive(Debug)]
pub struct JoinPoll<R> {
    /// None when the result has been taken.
    joiner: Option<Joiner<R>>,
    /// The alarm that the packet's word names, if this has set one.
    alarm: Option<Arc<Alarm>>,
}

impl<R> JoinPoll<R> {
    /// For this joiner.
    pub fn new(joiner: Joiner<R>) -> JoinPoll<R> {
        JoinPoll { joiner: Some(joiner), alarm: None }
    }

    /// The result, or none as [`Joiner::join`] has it; while it is not there, the waker is woken when
    /// it comes. Never waits.
    ///
    /// # Panics
    /// If it has returned the result before.
    pub fn poll(&mut self, waker: &Waker) -> Poll<Option<R>> {
        let joiner = self.joiner.as_ref().expect("polled after it had returned the result");
        if !joiner.is_finished() {
            let alarm = match &self.alarm {
                Some(alarm) => {
                    alarm.set(waker);
                    None
                }
                None => Some(Alarm::new(waker, WaitsFor::Join)),
            };
            let waits = match alarm {
                Some(alarm) => {
                    let waits = joiner.swing(RUNNING, marked(alarm.lend()));
                    if waits {
                        self.alarm = Some(alarm);
                    } else {
                        // SAFETY: lent on the line above, and not named by the word.
                        unsafe { alarm.take_back() };
                    }
                    waits
                }
                // If it has rung before the new waker was there, the result is there too.
                None => !joiner.is_finished(),
            };
            if waits {
                return Poll::Pending;
            }
        }
        self.alarm = None;
        Poll::Ready(self.joiner.take().and_then(Joiner::join))
    }
}

impl<R> Drop for JoinPoll<R> {
    fn drop(&mut self) {
        if let (Some(joiner), Some(alarm)) = (&self.joiner, self.alarm.take())
            && joiner.swing(marked(alarm.named()), RUNNING)
        {
            // SAFETY: lent in `poll`, and not named by the word any more: so nobody rings it.
            unsafe { alarm.take_back() };
        }
    }
}

impl<R> Joiner<R> {
    /// Swings the word; false if the other half is done.
    fn swing(&self, from: *mut Waiter, to: *mut Waiter) -> bool {
        // SAFETY: the packet is there until both halves are done with it.
        let state = &unsafe { self.0.as_ref() }.head.state;
        // Release: publishes an alarm to done(). Acquire: pairs with its Release of `DONE`.
        state.compare_exchange(from, to, Ordering::Release, Ordering::Acquire).is_ok()
    }
}

impl<R> Joiner<R> {
    /// Gives up the right to wait; the result, if it is there already.
    pub fn detach(self) -> Option<R> {
        ManuallyDrop::new(self).give_up()
    }

    /// Step 3. The last use of this half.
    fn give_up(&self) -> Option<R> {
        // SAFETY: the packet is there until both halves are done with it.
        let state = &unsafe { self.0.as_ref() }.head.state;
        // Acquire on failure: pairs with the Release of `DONE`. Release: the other half frees.
        let detached =
            state.compare_exchange(RUNNING, DETACHED, Ordering::Release, Ordering::Acquire);
        match detached {
            Ok(_) => None,
            // SAFETY: `DONE`: the packet is this half's.
            Err(_) => unsafe { free(enter(), self.0) },
        }
    }
}

impl<R> Drop for Joiner<R> {
    fn drop(&mut self) {
        drop(self.give_up());
    }
}

impl<R> fmt::Debug for Completer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completer")
    }
}

impl<R> fmt::Debug for Joiner<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Joiner(finished: {})", self.is_finished())
    }
}
