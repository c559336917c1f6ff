//! Stacks of virtual threads, kept from check to check.

use core::cell::RefCell;

use rt_core::{Os, OsResult};

/// What a thread that the program starts gets, beside the guard. Its goroutines have their own.
pub(crate) const THREAD_BYTES: usize = 256 << 10;

/// What the program itself gets: a test's assertions and their messages run there.
pub(crate) const PROGRAM_BYTES: usize = 1 << 20;

/// How many stacks a real thread keeps.
const KEPT: usize = 64;

/// A stack with a guard page below it. Dropping it gives its memory back.
#[derive(Debug)]
pub(crate) struct Stack {
    base: *mut u8,
    /// With the guard.
    total_bytes: usize,
    /// As asked for.
    bytes: usize,
    /// The release of the host that it came from.
    release: unsafe fn(*mut u8, usize),
}

std::thread_local! {
    /// Stacks of threads that ended: nothing on them is alive.
    static POOL: RefCell<Vec<Stack>> = const { RefCell::new(Vec::new()) };
}

impl Stack {
    /// A stack of `bytes`, from this real thread's pool or else from the host.
    pub(crate) fn take<H: Os>(bytes: usize) -> OsResult<Stack> {
        let kept = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            let at = pool.iter().rposition(|stack| stack.bytes == bytes)?;
            Some(pool.swap_remove(at))
        });
        match kept {
            Ok(Some(stack)) => Ok(stack),
            _ => Stack::new::<H>(bytes),
        }
    }

    /// Gives a stack, on which nothing is alive, to the pool.
    pub(crate) fn put(self) {
        // A real thread that is about to end has no pool: the stack is dropped then.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < KEPT {
                pool.push(self);
            }
        });
    }

    fn new<H: Os>(bytes: usize) -> OsResult<Stack> {
        let page = H::page_size();
        let total_bytes = bytes.next_multiple_of(page) + page;
        let base = H::reserve(total_bytes)?;
        // From here on, dropping it releases the reservation.
        let stack = Stack { base, total_bytes, bytes, release: H::release };
        // SAFETY: all of the reservation made above, which was not committed before.
        unsafe { H::commit(base, total_bytes) }?;
        // SAFETY: the lowest page of what was committed above, never used.
        unsafe { H::guard(base, page, page, 1) }?;
        Ok(stack)
    }

    /// The end of the stack, where it starts to grow down from.
    pub(crate) fn top(&self) -> *mut u8 {
        self.base.wrapping_add(self.total_bytes)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the reservation of `new`, released once. A thread that ended left nothing on it;
        // one that a failed check abandoned never runs again, and `check` documents that nothing
        // outside may refer to what it left there. That is the program's word, not a proof.
        unsafe { (self.release)(self.base, self.total_bytes) };
    }
}
