//! The goroutines of the models, and what they carry.

extern crate std;

use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use std::boxed::Box;
use std::rc::Rc;
use std::vec::Vec;

use loom::cell::UnsafeCell;

use crate::Context;
use crate::goroutine::{Goroutine, GoroutineRef};
use crate::stack::Region;
use crate::state::Change;
use crate::switch::enter;

/// What one goroutine carries. loom watches every access.
struct Cargo {
    packed: UnsafeCell<bool>,
    /// What running it does.
    job: Box<dyn Fn()>,
}

/// Some goroutines, alive until this is dropped.
#[derive(Clone)]
pub(super) struct Herd(Rc<Vec<(GoroutineRef, Box<Cargo>)>>);

impl Herd {
    pub(super) fn new(n: u64) -> Herd {
        Herd::with_jobs((0..n).map(|_| Box::new(|| ()) as Box<dyn Fn()>))
    }

    /// One goroutine for each job.
    pub(super) fn with_jobs(jobs: impl IntoIterator<Item = Box<dyn Fn()>>) -> Herd {
        let one = |(id, job): (u64, _)| {
            let cargo = Box::new(Cargo { packed: UnsafeCell::new(false), job });
            // SAFETY: a region is two bytes, and zero stands for the smallest class and no colour.
            let region = unsafe { MaybeUninit::<Region>::zeroed().assume_init() };
            let record = Box::into_raw(Box::new(Goroutine::free(region)));
            // SAFETY: made on the line above; freed with the herd.
            let g = unsafe { GoroutineRef::from_raw(record) };
            g.closure.set(ptr::from_ref(&*cargo).cast_mut().cast());
            g.context.set(Context(record.cast()));
            g.id.set(id);
            (g, cargo)
        };
        Herd(Rc::new((0..).zip(jobs).map(one).collect()))
    }

    /// The goroutine of this number, packed by the caller.
    pub(super) fn pack(&self, number: usize) -> GoroutineRef {
        let (g, cargo) = &self.0[number];
        // SAFETY: loom stops the model if anybody else is at it.
        cargo.packed.with_mut(|packed| unsafe { *packed = true });
        *g
    }

    /// As [`Herd::pack`], and runnable.
    pub(super) fn spawn(&self, number: usize) -> GoroutineRef {
        let g = self.pack(number);
        g.state.set(Change::Spawn);
        g
    }
}

impl Drop for Herd {
    fn drop(&mut self) {
        let Some(herd) = Rc::get_mut(&mut self.0) else { return };
        for (g, _) in herd {
            // SAFETY: made by `into_raw` in `with_jobs`, and no thread of the model has it any more.
            drop(unsafe { Box::from_raw(g.as_ptr()) });
        }
    }
}

/// Takes out what a goroutine carries, and returns the goroutine's number.
pub(super) fn open(g: GoroutineRef) -> u64 {
    // SAFETY: the herd outlives the threads of its model.
    let cargo = unsafe { &*g.closure.get().cast::<Cargo>() };
    // SAFETY: loom stops the model if anybody else is at it.
    let packed = cargo.packed.with_mut(|packed| unsafe { packed.replace(false) });
    assert!(packed, "{g:?} was taken twice");
    g.id.get()
}

/// Runs the goroutine with this context to its end, on the caller's stack.
pub(super) fn run(context: Context) {
    // SAFETY: the only contexts in a model are those that `with_jobs` made from records.
    let g = unsafe { GoroutineRef::from_raw(context.0.cast()) };
    open(g);
    // SAFETY: as in `open`.
    let cargo = unsafe { &*g.closure.get().cast::<Cargo>() };
    (cargo.job)();
    if let Some(entered) = enter() {
        entered.worker().current.set(None);
    }
    g.state.set(Change::Exit);
}

/// A cell that loom watches, by address: the slot of a waiter.
pub(super) struct Slot(UnsafeCell<u32>);

impl Slot {
    pub(super) fn new() -> Slot {
        Slot(UnsafeCell::new(0))
    }

    pub(super) fn as_ptr(&self) -> *mut () {
        NonNull::from(self).as_ptr().cast()
    }

    /// # Safety
    /// - The pointer came from `as_ptr`, and the slot is there.
    pub(super) unsafe fn from_ptr<'a>(slot: *mut ()) -> &'a Slot {
        // SAFETY: the caller vouches for it.
        unsafe { &*slot.cast() }
    }

    pub(super) fn write(&self, value: u32) {
        // SAFETY: loom stops the model if anybody else is at it.
        self.0.with_mut(|slot| unsafe { *slot = value });
    }

    pub(super) fn read(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|slot| unsafe { *slot })
    }
}
