//! Waiting for one goroutine's result.
//!
//! A packet is shared by two: the goroutine, which completes it once, and the handle, which joins
//! or is dropped. One word says how far they are, and whoever comes last frees the packet:
//!
//! 1. The goroutine writes the result and swaps the word to `DONE`. If it reads `WAITING`, it
//!    wakes the joiner; if `DETACHED`, the packet is its own.
//! 2. The joiner that reads `DONE` takes the result, and the packet is its own. Otherwise it says
//!    that it parks, names its waiter, and swings the word from `RUNNING` to `WAITING`.
//! 3. A handle that is dropped swings the word from `RUNNING` to `DETACHED`, or frees the packet.
//! 4. When the runtime ends without the goroutine, the closer swaps the word to `DONE` in its place:
//!    no result will ever come, and the joiner learns that.

use alloc::alloc::Layout;
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use crate::seam::{AtomicU32, Ordering, mutant};
use crate::switch::{Entered, enter};
use crate::wait::{Waiter, WaitsFor, park_unless};
use crate::{blocks, schedule};

const RUNNING: u32 = 0;
const WAITING: u32 = 1;
const DETACHED: u32 = 2;
const DONE: u32 = 3;

/// What a packet has whatever the result is.
pub(crate) struct Head {
    /// Written by both sides, as the file's head says. A read of `DONE` proves that the result is
    /// written, or that there will be none.
    state: AtomicU32,
    /// Written by the joiner before `WAITING`; read by who reads `WAITING`.
    waiter: Cell<Option<NonNull<Waiter>>>,
}

#[repr(C)]
struct Packet<R> {
    head: Head,
    /// Written by the goroutine before `DONE`.
    result: UnsafeCell<Option<R>>,
}

/// The goroutine's half by name, for [`Spawn`](crate::Spawn): who is to learn it when the runtime
/// ends without the goroutine.
#[derive(Clone, Copy, Debug)]
pub struct Packed(pub(crate) NonNull<Head>);

impl Head {
    /// Says that the goroutine is done with the packet; true if the packet is the caller's now.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn done(&self) -> bool {
        // Release: publishes the result to the joiner's Acquire. Acquire: pairs with the Release
        // with which the joiner named its waiter, or the handle its end.
        let both = mutant!("join-done": Ordering::AcqRel => Ordering::Acquire);
        match self.state.swap(DONE, both) {
            DETACHED => return true,
            WAITING => match self.waiter.get() {
                Some(waiter) => {
                    // SAFETY: `WAITING` says that the joiner waits for this half alone to wake it.
                    mutant!("join-wake": unsafe { Waiter::wake(waiter, schedule::enqueue_joiner) } => ());
                }
                None => crate::fatal!("a joiner waits without a waiter"),
            },
            _ => {}
        }
        false
    }

    /// The waiter of who joins, if somebody does.
    pub(crate) fn joiner(&self) -> Option<NonNull<Waiter>> {
        // Acquire: pairs with the Release with which the joiner named its waiter.
        if self.state.load(Ordering::Acquire) == WAITING { self.waiter.get() } else { None }
    }

    /// Step 4. What the goroutine's half owns stays with its stack.
    pub(crate) fn abandon(&self) {
        self.done();
    }
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

/// The two halves of a new packet, in memory that the current processor has kept if it has any.
#[cfg_attr(not(feature = "small"), inline(always))]
pub fn packet<R>() -> (Completer<R>, Joiner<R>) {
    let entered = enter();
    let cache = entered.as_ref().map(|e| &e.processor().blocks);
    let memory = blocks::take(cache, Layout::new::<Packet<R>>()).cast::<Packet<R>>();
    let head = Head { state: AtomicU32::new(RUNNING), waiter: Cell::new(None) };
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
unsafe fn free<R>(packet: NonNull<Packet<R>>) -> Option<R> {
    // SAFETY: the caller has the packet for itself.
    let content = unsafe { packet.read() };
    let entered = enter();
    let cache = entered.as_ref().map(|e| &e.processor().blocks);
    // SAFETY: from `packet` with the same layout; its content was moved out on the line above.
    unsafe { blocks::give(cache, packet.cast(), Layout::new::<Packet<R>>()) };
    content.result.into_inner()
}

impl<R> Completer<R> {
    /// Hands the result over. When nobody will ever ask for it, it comes back.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn complete(self, result: R) -> Option<R> {
        ManuallyDrop::new(self).finish(Some(result))
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn finish(&self, result: Option<R>) -> Option<R> {
        if let Some((_, g)) = enter().and_then(Entered::on_goroutine)
            && g.packet.get() == Some(self.0.cast())
        {
            // The packet may be gone from here on: step 4 must not find it.
            g.packet.set(None);
        }
        // SAFETY: the packet is there until both halves are done with it (file's head).
        let packet = unsafe { self.0.as_ref() };
        // SAFETY: only this half writes the result, and the other reads it after `DONE`.
        unsafe { *packet.result.get() = result };
        if packet.head.done() {
            // SAFETY: the handle is gone (step 3), so the packet is this half's.
            unsafe { free(self.0) }
        } else {
            None
        }
    }

    /// This half by name.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn packed(&self) -> Packed {
        Packed(self.0.cast())
    }
}

impl<R> Drop for Completer<R> {
    /// A goroutine that was never started completes without a result.
    fn drop(&mut self) {
        drop(self.finish(None));
    }
}

impl<R> Joiner<R> {
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
    /// Parks a goroutine; makes a plain thread sleep.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub fn join(self) -> Option<R> {
        let this = ManuallyDrop::new(self);
        if !this.is_finished() {
            this.wait();
        }
        // SAFETY: `DONE` was read with Acquire, so the other half is done with the packet (step 1);
        // this half is never used or dropped again.
        unsafe { free(this.0) }
    }

    #[cold]
    fn wait(&self) {
        // SAFETY: the packet is there until both halves are done with it.
        let head = &unsafe { self.0.as_ref() }.head;
        let entered = enter().and_then(Entered::on_goroutine);
        let waiter = Waiter::new(entered.as_ref().map(|(_, g)| *g), false, WaitsFor::Join);
        head.waiter.set(Some(NonNull::from(&waiter)));
        park_unless(entered, &waiter, || {
            // Release: publishes the waiter to done(). Acquire: pairs with its Release of `DONE`.
            head.state
                .compare_exchange(RUNNING, WAITING, Ordering::Release, Ordering::Acquire)
                .is_ok()
        });
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
            Err(_) => unsafe { free(self.0) },
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
