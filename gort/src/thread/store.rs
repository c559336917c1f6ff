//! What a goroutine or a plain thread keeps for its keys: a list of values by number.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ptr;

use rt_core::Running;

use super::{AccessError, identity};
use crate::base::panic::{self, AssertUnwindSafe};
use crate::panics;

/// What is kept once the values have been dropped for good.
const GONE: *mut () = ptr::without_provenance_mut(1);

/// The values of one goroutine or thread.
#[repr(C)]
pub(super) struct Store {
    /// [`end_of`], by which it is ended: so a program that keeps nothing carries nothing of this along.
    end: fn(&Cell<*mut ()>),
    /// By a key's number.
    slots: RefCell<Vec<Slot>>,
    /// The numbers of those to be dropped, oldest first.
    pub(super) order: RefCell<Vec<usize>>,
}

/// A value, or none.
#[derive(Clone, Copy, Default)]
pub(super) enum Slot {
    #[default]
    Empty,
    /// From `Box::into_raw`, and the function that drops that.
    Full(*mut (), unsafe fn(*mut ())),
    /// Its destructor runs or has run.
    Destroyed,
}

impl Store {
    fn new() -> Store {
        Store { end: end_of, slots: RefCell::default(), order: RefCell::default() }
    }

    pub(super) fn slot(&self, index: usize) -> Slot {
        self.slots.borrow().get(index).copied().unwrap_or_default()
    }

    pub(super) fn set(&self, index: usize, slot: Slot) {
        let mut slots = self.slots.borrow_mut();
        if slots.len() <= index {
            slots.resize(index + 1, Slot::Empty);
        }
        slots[index] = slot;
    }

    /// Drops the values that need it, the youngest first, and those that are made meanwhile.
    fn drop_values(&self) {
        loop {
            let Some(index) = self.order.borrow_mut().pop() else { return };
            let slot = self.slot(index);
            self.set(index, Slot::Destroyed);
            if let Slot::Full(value, drop) = slot {
                // SAFETY: from the box that was put there together with this function, and the slot
                // says no more that it is there.
                let dropped = panic::catch_unwind(AssertUnwindSafe(|| unsafe { drop(value) }));
                if let Err(panic) = dropped {
                    panics::report_local(panic);
                }
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        for slot in self.slots.get_mut() {
            if let Slot::Full(value, drop) = *slot {
                // SAFETY: as above; what is left needs no drop of its own, only its box.
                unsafe { drop(value) };
            }
        }
    }
}

/// # Safety
/// - From `Box::into_raw` of a `Box<T>`, and used by nobody else.
pub(super) unsafe fn drop_box<T>(value: *mut ()) {
    // SAFETY: the caller's contract.
    drop(unsafe { Box::from_raw(value.cast::<T>()) });
}

/// Drops what the calling goroutine keeps, which is about to end.
#[inline]
pub(crate) fn end(running: &Running) {
    if !running.kept().is_null() {
        end_kept();
    }
}

#[cold]
fn end_kept() {
    let Some(identity) = rt_core::known_identity() else { return };
    let store = identity.kept().get();
    if store != GONE {
        // SAFETY: neither null, as `end` has seen, nor gone: so a store, whose first field it is.
        let end = unsafe { *store.cast::<fn(&Cell<*mut ()>)>() };
        end(identity.kept());
    }
}

fn end_of(kept: &Cell<*mut ()>) {
    let store = kept.get();
    if store.is_null() || store == GONE {
        return;
    }
    // SAFETY: neither null nor gone, so a store of this goroutine's or thread's own.
    unsafe { &*store.cast::<Store>() }.drop_values();
    kept.set(GONE);
    // SAFETY: made by `Box::into_raw` in `store`, and nobody finds it any more.
    drop(unsafe { Box::from_raw(store.cast::<Store>()) });
}

/// The caller's store, made if there is none.
pub(super) fn store() -> Result<*const Store, AccessError> {
    let kept = match rt_core::kept() {
        Some(kept) => kept,
        None => plain::kept(),
    };
    if kept == GONE {
        return Err(AccessError::new());
    }
    if !kept.is_null() {
        return Ok(kept.cast());
    }
    let on_goroutine = rt_core::kept().is_some();
    if !on_goroutine && !plain::will_end() {
        return Err(AccessError::new());
    }
    let made = Box::into_raw(Box::new(Store::new()));
    if on_goroutine {
        identity().kept().set(made.cast());
    } else {
        plain::keep(made.cast());
    }
    Ok(made)
}

/// What a plain thread keeps: null, a [`Store`], or [`GONE`].
#[cfg(feature = "std")]
mod plain {
    use core::cell::Cell;
    use core::ptr;

    thread_local! {
        /// It has no destructor of its own, so that those of the values can ask for others.
        static KEPT: Cell<*mut ()> = const { Cell::new(ptr::null_mut()) };
        /// Used once by a thread that keeps something.
        static AT_END: AtEnd = const { AtEnd };
    }

    struct AtEnd;

    impl Drop for AtEnd {
        fn drop(&mut self) {
            KEPT.with(super::end_of);
        }
    }

    pub(super) fn kept() -> *mut () {
        KEPT.get()
    }

    /// Whether what is kept from now on will be dropped.
    pub(super) fn will_end() -> bool {
        AT_END.try_with(|_| ()).is_ok()
    }

    pub(super) fn keep(store: *mut ()) {
        KEPT.set(store);
    }
}

/// Without std a plain thread keeps nothing.
#[cfg(not(feature = "std"))]
mod plain {
    pub(super) fn kept() -> *mut () {
        super::GONE
    }

    pub(super) fn will_end() -> bool {
        false
    }

    pub(super) fn keep(_store: *mut ()) {}
}
