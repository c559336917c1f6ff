//! Stacks to try contexts on.
//!
//! A stack is aligned to its size, and begins with a [`Place`]. So code on it finds the way home
//! from the address of any local: a thread-local is of no use to code that goes on with another
//! thread.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::hint::black_box;
use std::marker::PhantomData;
use std::ptr::NonNull;

use rt_core::{Arch, Context, Entry};

/// The size of a stack, and its alignment.
const BYTES: usize = 128 << 10;

/// What an entry goes home with when it is done.
pub(crate) const EXITED: usize = 0xe817;

/// At the low end of a stack: who is where.
pub(crate) struct Place {
    /// Who last went to this stack.
    home: Cell<Context>,
    /// This stack, when nobody runs on it.
    own: Cell<Context>,
}

/// A stack, freed in the end. Whatever lives on it then is forgotten.
pub(crate) struct Stack<A> {
    base: NonNull<u8>,
    _processor: PhantomData<fn() -> A>,
}

impl<A: Arch> Stack<A> {
    /// A stack that has nothing on it.
    pub(crate) fn empty() -> Result<Stack<A>, String> {
        // SAFETY: the size is not zero.
        let base = unsafe { alloc_zeroed(layout()) };
        let base = NonNull::new(base).ok_or("no memory for a stack")?;
        // Code on the stack makes a pointer to the place from an address.
        base.as_ptr().expose_provenance();
        let place = Place { home: Cell::new(Context::NONE), own: Cell::new(Context::NONE) };
        // SAFETY: the low end of the memory of the line above, which is aligned for anything.
        unsafe { base.cast().write(place) };
        Ok(Stack { base, _processor: PhantomData })
    }

    /// A stack on which `entry(_, arg)` is to run.
    pub(crate) fn new(entry: Entry, arg: *mut ()) -> Result<Stack<A>, String> {
        let stack = Stack::empty()?;
        stack.prepare(0, entry, arg);
        Ok(stack)
    }

    /// Lays out a context some bytes below the end of a stack that has nothing on it.
    pub(crate) fn prepare(&self, below: usize, entry: Entry, arg: *mut ()) {
        let top = self.top().wrapping_sub(below);
        // SAFETY: far more than 256 bytes are below `top`, and nothing is on the stack.
        let context = unsafe { A::prepare(top, entry, arg) };
        self.place().own.set(context);
    }

    /// The end of the stack.
    pub(crate) fn top(&self) -> *mut u8 {
        self.base.as_ptr().wrapping_add(BYTES)
    }

    pub(crate) fn place(&self) -> &Place {
        // SAFETY: written in `empty`; only its cells are changed later, by the one flow of control
        // that runs at a time.
        unsafe { self.base.cast().as_ref() }
    }

    /// Goes on with what is on this stack, until it goes home. Answers its message.
    pub(crate) fn go(&self, message: usize) -> usize {
        let place = self.place();
        // SAFETY: `home` is in this stack's memory. `own` comes from `prepare`, or from the
        // `switch` of `home` that left the stack, and nobody else has a stack that a check goes to.
        unsafe { A::switch(place.home.as_ptr(), place.own.get(), message) }
    }
}

impl<A> Drop for Stack<A> {
    fn drop(&mut self) {
        // SAFETY: allocated in `empty` with this layout, and nobody goes to it any more.
        unsafe { dealloc(self.base.as_ptr(), layout()) };
    }
}

const fn layout() -> Layout {
    match Layout::from_size_align(BYTES, BYTES) {
        Ok(layout) => layout,
        Err(_) => panic!("the size of a stack is a power of two"),
    }
}

/// The place of the stack that the caller runs on, which is a [`Stack`].
fn here<'a>() -> &'a Place {
    let local = 0_u8;
    let at = black_box(&raw const local).addr() & !(BYTES - 1);
    // SAFETY: the caller runs on a `Stack`, whose memory is aligned to its size, begins with a
    // place, was exposed in `empty`, and is there while somebody runs on it.
    unsafe { &*std::ptr::with_exposed_provenance::<Place>(at) }
}

/// Goes home from a [`Stack`], until somebody comes back. Answers their message.
pub(crate) fn home<A: Arch>(message: usize) -> usize {
    let place = here();
    // SAFETY: `own` is in this stack's memory. `home` was saved by the `switch` of `go` that came
    // here, and each `go` is answered by one going home.
    unsafe { A::switch(place.own.as_ptr(), place.home.get(), message) }
}

/// Goes home from a [`Stack`] for good.
pub(crate) fn home_for_good<A: Arch>(message: usize) -> ! {
    let place = here();
    // SAFETY: for `home` as in `home()`. Callers have nothing to drop.
    unsafe { A::gogo(place.home.get(), message) }
}

/// Leaves this stack for good for another one, whose going home is then this one's.
pub(crate) fn onwards<A: Arch>(to: &Stack<A>, message: usize) -> ! {
    to.place().home.set(here().home.get());
    // SAFETY: `own` comes from `prepare`, and nobody has gone there yet. Callers have nothing to
    // drop.
    unsafe { A::gogo(to.place().own.get(), message) }
}
