//! Making a goroutine: Go's newproc.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::marker::PhantomData;
use core::panic::Location;

use crate::fork;
use crate::goroutine::{Body, GoroutineRef};
use crate::identity::Identity;
use crate::join::{Completer, Joiner, Packed, packet};
use crate::processor::{Processor, bump};
use crate::runtime::{Runtime, Shared};
use crate::scope::Members;
use crate::seam::{Ordering, mutant};
use crate::stack::{Class, base_of};
use crate::state::Change;
use crate::switch::{self, Entered, enter};
use crate::worker::{Local, current_shared};
use crate::{OsResult, arch, os};

/// The largest closure that is put on the goroutine's own stack, in bytes. A larger one goes to the
/// heap, so that it doesn't eat the stack, and the first page holds closure, record and frames.
const ON_STACK: usize = 1024;

/// Where and how to spawn.
#[derive(Clone, Copy, Debug)]
pub struct Spawn {
    /// The stack in bytes that the goroutine can use; none: the runtime's default region.
    pub stack_bytes: Option<usize>,
    /// At home on the spawner's worker from birth.
    pub local: bool,
    /// The packet that the goroutine completes, if it has one.
    pub packet: Option<Packed>,
    /// The caller's place in the source, for reports.
    pub at: &'static Location<'static>,
}

/// The number of a goroutine, no other of its runtime has it.
pub type Id = u64;

/// The goroutine that runs a closure, which is told so: it need not ask who it is.
#[derive(Debug)]
pub struct Running(GoroutineRef, PhantomData<*mut ()>);

impl Running {
    #[inline(always)]
    pub(crate) fn goroutine(&self) -> GoroutineRef {
        self.0
    }
}

/// Spawns on the current runtime. `Ok(Err(f))`: the thread belongs to none, and `f` comes back.
///
/// # Errors
/// The system gives no memory for the stack, or no thread to the first worker.
///
/// # Safety
/// - `f` doesn't unwind, and what it borrows lives until it has returned, or for ever.
/// - `f` may be called on another thread, unless `spawn.local`.
#[inline]
pub unsafe fn spawn<F: FnOnce(&Running)>(spawn: &Spawn, f: F) -> OsResult<Result<Id, F>> {
    // SAFETY: the caller's contract is the same.
    unsafe { spawn_from(enter(), spawn, f) }
}

/// Spawns what `body` makes of the one half of a new packet, and returns the other. The packet may be of a
/// scope, which has counted it in and waits for it; and somebody may be known to be the goroutine already.
///
/// # Errors
/// As for [`spawn`].
///
/// # Safety
/// - As for [`spawn`], of what `body` returns; and `body` itself does nothing else.
#[inline(always)]
pub unsafe fn spawn_joinable<R, F: FnOnce(&Running)>(
    spawn: &Spawn,
    members: Option<&Members>,
    identity: Option<Arc<Identity>>,
    body: impl FnOnce(Completer<R>) -> F,
) -> OsResult<(Joiner<R>, Result<Id, F>)> {
    let entered = enter();
    let (completer, joiner) = packet(entered.as_ref(), members, identity);
    let spawn = Spawn { packet: Some(joiner.packed()), ..*spawn };
    // SAFETY: the caller's contract is the same.
    let spawned = unsafe { spawn_from(entered, &spawn, body(completer)) }?;
    Ok((joiner, spawned))
}

/// # Safety
/// - As for [`spawn`].
#[cfg_attr(not(feature = "small"), inline(always))]
unsafe fn spawn_from<F: FnOnce(&Running)>(
    entered: Option<Entered<'_>>,
    spawn: &Spawn,
    f: F,
) -> OsResult<Result<Id, F>> {
    if let Some(entered) = entered {
        // SAFETY: the caller's contract is the same.
        return unsafe { entered.spawn(spawn, f) }.map(Ok);
    }
    // SAFETY: as above.
    unsafe { spawn_from_elsewhere(*spawn, f) }
}

/// On a thread that is no worker.
///
/// # Safety
/// - As for [`spawn`].
#[cold]
#[inline(never)]
unsafe fn spawn_from_elsewhere<F: FnOnce(&Running)>(spawn: Spawn, f: F) -> OsResult<Result<Id, F>> {
    match current_shared() {
        None => {
            fork::check_thread();
            Ok(Err(f))
        }
        // SAFETY: the caller's contract is the same.
        Some(shared) => unsafe { Runtime { shared }.spawn(&spawn, f) }.map(Ok),
    }
}

impl Runtime {
    /// Spawns on this runtime, from any thread.
    ///
    /// # Errors
    /// The system gives no memory for the stack, or no thread to the first worker.
    ///
    /// # Safety
    /// - As for [`spawn`]; `spawn.local` is false.
    pub unsafe fn spawn<F: FnOnce(&Running)>(&self, spawn: &Spawn, f: F) -> OsResult<Id> {
        debug_assert!(!spawn.local, "a plain thread has no worker to be at home on");
        let shared = &*self.shared;
        mutant!("first-worker": shared.ensure_worker()? => shared.note_worker());
        let g = shared.stacks.take_one(spawn.class(shared)?)?;
        let id = shared.reserve_ids(1);
        // SAFETY: a region of its own was taken above; the caller vouches for `f`.
        unsafe { place(g, shared, id, spawn, f) };
        // Relaxed: summed up when every thread has left.
        shared.spawned_outside.fetch_add(1, Ordering::Relaxed);
        if let Local::Aside(_) = Local::read() {
            shared.ending.strand_late(g);
        }
        shared.inject.push(g);
        shared.wake_one();
        Ok(id)
    }
}

impl Entered<'_> {
    /// # Safety
    /// - As for [`spawn`].
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(crate) unsafe fn spawn<F: FnOnce(&Running)>(&self, spawn: &Spawn, f: F) -> OsResult<Id> {
        let (processor, shared) = (self.processor(), self.shared());
        let g = processor.stacks.take(spawn.class(shared)?, &shared.stacks)?;
        let id = processor.next_id(|n| shared.reserve_ids(n));
        // SAFETY: a region of its own was taken above; the caller vouches for `f`.
        unsafe { place(g, shared, id, spawn, f) };
        bump(&processor.spawned, 1);
        if spawn.local {
            g.home.set(Some(self.worker().settle()));
            if processor.migratory() {
                self.worker().pinned.set(self.worker().pinned.get() + 1);
            } else {
                bump(&processor.settled, 1);
            }
            processor.push_own(g);
        } else {
            self.settle_or_push(g);
        }
        Ok(id)
    }

    /// Queues a new goroutine here, unless another worker is home to far fewer: once started it can't
    /// move.
    #[cfg_attr(not(feature = "small"), inline(always))]
    fn settle_or_push(&self, g: GoroutineRef) {
        let processor = self.processor();
        let settled = processor.settled.load(Ordering::Relaxed);
        let keeps = settled < processor.compares.get() || processor.migratory();
        if keeps || !self.shared().settle_elsewhere(processor, g, settled) {
            self.push_shared(g);
        }
    }
}

/// The next goroutine that is spawned here is to serve a connection that has just been accepted: one that will
/// stay and wait again and again, so that a worker with few of them compares itself with the others already.
/// (Fifty that come one after the other were all begun by who accepted them, and one worker served them all.)
pub fn expect_connection() {
    if let Some(entered) = enter() {
        mutant!("accepted": entered.processor().compares.set(FEW + 1) => ());
    }
}

/// From so many goroutines at home on, a worker compares itself with the others before it keeps one
/// more.
pub(crate) const UNBALANCED: u64 = 64;

/// So many more than elsewhere are no reason to wake anybody for a connection: who runs the program, and who
/// accepts.
const FEW: u64 = 2;

/// From so many on, it also gives them to those that have work. Not from fewer: the goroutines of a tree
/// come and go, and are best kept together.
const CROWDED: u64 = 512;

/// Unless so many lie there already: the others don't come to take them.
const UNTAKEN: usize = 64;

/// Less than this is far fewer.
fn far_fewer(settled: u64) -> u64 {
    settled - settled / 4
}

impl Shared {
    /// Gives a new goroutine to another worker, if that is home to far fewer than the one that asks, which has
    /// this processor. A sleeping worker is offered it. One that is awake might be held up, so it is not left to
    /// that one alone: it goes where all look, and the asking worker least of all.
    #[cold]
    fn settle_elsewhere(&self, processor: &Processor, g: GoroutineRef, settled: u64) -> bool {
        let serves = processor.compares.replace(UNBALANCED) < UNBALANCED;
        // Whoever wakes up for those that are queued here already takes more by that.
        let wakes = serves || !processor.has_shared();
        let gives = serves || settled >= CROWDED;
        if !gives && !wakes {
            return false;
        }
        let limit = if serves { settled - FEW } else { far_fewer(settled) };
        match self.least_settled(limit) {
            Some(processor) if wakes && processor.is_away() => processor.holder().offer(g),
            Some(_) if gives && self.inject.len() < UNTAKEN => {
                self.inject.push(g);
                self.wake_one();
            }
            _ => return false,
        }
        true
    }

    /// Whether a worker that is home to so many has far more than another.
    pub(crate) fn has_far_fewer_elsewhere(&self, settled: u64) -> bool {
        settled >= UNBALANCED && self.least_settled(far_fewer(settled)).is_some()
    }

    /// The processor whose worker is home to the fewest goroutines, if these are fewer than so many. Of several
    /// such, one that sleeps.
    #[cold]
    fn least_settled(&self, limit: u64) -> Option<&Processor> {
        let load = |p: &Processor| p.settled.load(Ordering::Relaxed);
        let least = self.in_use().min_by_key(|p| (load(p), !p.is_away()))?;
        (load(least) < limit).then_some(least)
    }
}

impl Spawn {
    /// For a goroutine like any other, by the caller at this place.
    #[inline(always)]
    pub const fn new(at: &'static Location<'static>) -> Spawn {
        Spawn { stack_bytes: None, local: false, packet: None, at }
    }

    #[cfg_attr(not(feature = "small"), inline(always))]
    fn class(&self, shared: &Shared) -> OsResult<Class> {
        match self.stack_bytes {
            None => Ok(shared.stack_class),
            Some(bytes) => Class::for_bytes(bytes).ok_or_else(os::no_memory),
        }
    }
}

/// Makes a goroutine that runs `f` in a free region.
///
/// # Safety
/// - The region is the caller's; `f` is as [`spawn`] says.
#[cfg_attr(not(feature = "small"), inline(always))]
unsafe fn place<F: FnOnce(&Running)>(
    g: GoroutineRef,
    shared: &Shared,
    id: Id,
    spawn: &Spawn,
    f: F,
) {
    if size_of::<F>() > ON_STACK || align_of::<F>() > align_of::<crate::goroutine::Goroutine>() {
        let boxed = Box::new(f);
        // SAFETY: the caller's contract is the same for the closure in its box.
        unsafe { place_small(g, shared, id, spawn, boxed) };
    } else {
        // SAFETY: the caller's contract is the same.
        unsafe { place_small(g, shared, id, spawn, f) };
    }
}

/// As [`place`], for a closure that fits below the record.
///
/// # Safety
/// - As for [`place`]; `f` is at most [`ON_STACK`] large.
#[cfg_attr(not(feature = "small"), inline(always))]
unsafe fn place_small<F: FnOnce(&Running)>(
    g: GoroutineRef,
    shared: &Shared,
    id: Id,
    spawn: &Spawn,
    f: F,
) {
    /// # Safety
    /// - `closure` points to an `F` that nobody else uses.
    unsafe fn call<F: FnOnce(&Running)>(closure: *mut (), g: GoroutineRef) {
        // SAFETY: the caller's contract; moved out once, for a goroutine starts once.
        let f = unsafe { closure.cast::<F>().read() };
        f(&Running(g, PhantomData));
    }

    let closure = g.as_ptr().cast::<u8>().wrapping_sub(size_of::<F>());
    let closure = closure.wrapping_sub(closure.addr() % align_of::<F>()).cast::<F>();
    // SAFETY: below the record lies the free stack, far larger than `ON_STACK`; aligned above.
    unsafe { closure.write(f) };
    // SAFETY: what lies below the closure is free stack too.
    let context = unsafe { arch::prepare(closure.cast(), switch::start, g.as_ptr().cast()) };
    g.context.set(context);
    let body: Body = call::<F>;
    g.body.set(Some(body));
    g.closure.set(closure.cast());
    g.runtime.set(Some(shared.itself()));
    if shared.each_fences() {
        g.fence_by_itself();
    }
    g.id.set(id);
    g.pinned.set(spawn.local);
    g.spawned_at.set(spawn.at);
    g.packet.set(spawn.packet);
    g.fiber.begin(base_of(g), g.region.class.bytes());
    g.state.set(Change::Spawn);
}
