//! A row of things that stay where they are while more are put behind them: workers, processors.
//!
//! Room for all that there can ever be is set aside at the start. It costs addresses; memory is
//! touched for what is made.

use alloc::boxed::Box;
use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr;
use core::slice;

use crate::seam::{Extent, Ordering};
use crate::{OsResult, os};

/// See the head of this file.
pub(crate) struct Row<T> {
    places: Box<[MaybePlace<T>]>,
    /// How many of the places are made, from the first on. Written by the one who adds; whoever
    /// reads it may use so many.
    len: Extent,
}

/// A place that is written once, before `len` covers it.
type MaybePlace<T> = UnsafeCell<MaybeUninit<T>>;

// SAFETY: what is in it is shared with whoever has the row, and is dropped where that is.
unsafe impl<T: Send + Sync> Sync for Row<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Row<T> {}

impl<T> Row<T> {
    /// Room for so many.
    ///
    /// # Errors
    /// There is no memory for it.
    pub(crate) fn with_room(room: usize) -> OsResult<Row<T>> {
        let layout = Layout::array::<MaybePlace<T>>(room).map_err(|_| os::no_memory())?;
        debug_assert_ne!(layout.size(), 0, "a row without room");
        // SAFETY: not of no size: a runtime has one processor at least, and no row is of units.
        let memory = unsafe { alloc::alloc::alloc(layout) }.cast::<MaybePlace<T>>();
        if memory.is_null() {
            return Err(os::no_memory());
        }
        // SAFETY: allocated on the lines above as such a slice, whose places may be uninitialised.
        let places = unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(memory, room)) };
        Ok(Row { places, len: Extent::new(0) })
    }

    /// How many there can be.
    pub(crate) fn room(&self) -> usize {
        self.places.len()
    }

    /// Puts one behind the others. There is room for it.
    ///
    /// # Safety
    /// - Nobody else adds one meanwhile.
    pub(crate) unsafe fn push(&self, one: T) {
        let len = self.len.load(Ordering::Relaxed);
        let place = self.places[len].get();
        // SAFETY: nobody reads the place before `len` covers it, and the caller is the only one to
        // write.
        unsafe { (*place).write(one) };
        // Release: pairs with the Acquire of who reads it: the place is written.
        self.len.store(len + 1, Ordering::Release);
    }
}

impl<T> Deref for Row<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // Acquire: pairs with the Release in push().
        let len = self.len.load(Ordering::Acquire);
        let first = self.places.as_ptr().cast::<T>();
        // SAFETY: so many places are written, and none is written again while the row is there. A
        // cell that may be uninitialised is laid out as what is in it.
        unsafe { slice::from_raw_parts(first, len) }
    }
}

impl<T> Drop for Row<T> {
    fn drop(&mut self) {
        let len = *self.len.get_mut();
        for place in &mut self.places[..len] {
            // SAFETY: so many places are written, and each is dropped once, here.
            unsafe { place.get_mut().assume_init_drop() };
        }
    }
}

impl<T> fmt::Debug for Row<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({} of {})", self.len(), self.room())
    }
}
