//! Threads of the backend.

use std::marker::PhantomData;

use rt_core::{Os, ThreadHandle};

use crate::clause::refused;

/// A thread of the backend that runs a closure, and is joined in the end. (Not to be leaked: the
/// closure would go away under it.) A panic of the closure is the process's end.
pub(crate) struct Thread<'a, O: Os> {
    handle: ThreadHandle,
    _backend: PhantomData<fn() -> O>,
    _body: PhantomData<&'a ()>,
}

impl<'a, O: Os> Thread<'a, O> {
    pub(crate) fn start<F: Fn() + Sync>(body: &'a F) -> Result<Thread<'a, O>, String> {
        let arg = std::ptr::from_ref(body).cast_mut().cast();
        // SAFETY: `call::<F>` expects an `F`; it may be used from any thread and outlives this one,
        // because the drop of the result, which is bounded by the borrow, joins it.
        let handle = unsafe { O::start(call::<F>, arg) }.map_err(refused("a thread"))?;
        Ok(Thread { handle, _backend: PhantomData, _body: PhantomData })
    }
}

impl<O: Os> Drop for Thread<'_, O> {
    fn drop(&mut self) {
        // SAFETY: the handle is from `start`, and joined here and nowhere else. Nobody drops a
        // thread's own handle on it: its closure has no access to it.
        unsafe { O::join(self.handle) };
    }
}

/// Calls a closure.
///
/// # Safety
/// - `body` points to an `F` that outlives the call and may be used on this thread.
unsafe extern "C" fn call<F: Fn()>(body: *mut ()) {
    // SAFETY: the caller's duty.
    let body = unsafe { &*body.cast::<F>() };
    body();
}
