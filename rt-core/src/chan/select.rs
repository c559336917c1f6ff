//! `select`: one of several operations, whichever needn't wait first.
//!
//! The list of operations is here, and what the user gets of a chosen one. `wait` does the choosing,
//! `pick` is what it means for one channel.

use core::fmt;
use core::mem;
use core::time::Duration;

use super::channel::AT_ONCE;
use super::handles::{Handle, Handles};
use super::packet::Token;
use super::wait::{self, Chosen};
use super::{
    ReadyTimeoutError, Receiver, RecvError, SelectTimeoutError, SendError, Sender, TryReadyError,
    TrySelectError,
};
use crate::time::deadline_after;
use crate::{FOREVER, Instant};

const NO_OPERATIONS: &str = "no operations have been added to `Select`";

/// A list of operations, of which one is chosen: the first that needn't wait, or one of those that
/// needn't. An operation that fails because its channel is disconnected needn't wait either.
///
/// Up to 8 operations take no memory of the heap. The macro `gort::select!` is easier to read where
/// the list is known beforehand.
#[derive(Clone)]
pub struct Select<'a> {
    handles: Handles<'a>,
    next_index: usize,
    biased: bool,
}

impl<'a> Select<'a> {
    /// A list without operations. Of several that are ready, each is as likely to be chosen.
    pub fn new() -> Select<'a> {
        Select { handles: Handles::new(), next_index: 0, biased: false }
    }

    /// A list without operations. Of several that are ready, the first in the list is chosen.
    pub fn new_biased() -> Select<'a> {
        Select { biased: true, ..Select::new() }
    }

    /// Adds a send, and returns its number.
    pub fn send<T>(&mut self, s: &'a Sender<T>) -> usize {
        self.add(|index| Handle::send(s, index))
    }

    /// Adds a receive, and returns its number.
    pub fn recv<T>(&mut self, r: &'a Receiver<T>) -> usize {
        self.add(|index| Handle::recv(r, index))
    }

    fn add(&mut self, handle: impl FnOnce(usize) -> Handle<'a>) -> usize {
        let index = self.next_index;
        self.handles.push(handle(index));
        self.next_index += 1;
        index
    }

    /// Takes an operation out. Its number is not given to another.
    ///
    /// # Panics
    /// If there is no operation with this number.
    pub fn remove(&mut self, index: usize) {
        assert!(
            index < self.next_index,
            "index out of bounds; {index} >= {next}",
            next = self.next_index
        );
        assert!(self.handles.remove(index), "no operation with this index");
    }

    /// Chooses an operation that needn't wait. Never parks.
    ///
    /// # Errors
    /// [`TrySelectError`] if all of them would wait.
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.choose(AT_ONCE).ok_or(TrySelectError)
    }

    /// Waits until an operation needn't wait any more, and chooses it.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    ///
    /// # Panics
    /// If there are no operations.
    pub fn select(&mut self) -> SelectedOperation<'a> {
        assert!(!self.handles.is_empty(), "{NO_OPERATIONS}");
        loop {
            if let Some(selected) = self.choose(FOREVER) {
                return selected;
            }
        }
    }

    /// As [`select`](Self::select), but gives up after `timeout`, and may have no operations.
    ///
    /// # Errors
    /// [`SelectTimeoutError`] if the time is over.
    pub fn select_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.choose(deadline_after(timeout)).ok_or(SelectTimeoutError)
    }

    /// As [`select`](Self::select), but gives up when the clock reaches `deadline`, an [`Instant`]
    /// or one of `std`; and may have no operations.
    ///
    /// # Errors
    /// [`SelectTimeoutError`] if the time is over.
    pub fn select_deadline(
        &mut self,
        deadline: impl Into<Instant>,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.choose(deadline.into().as_nanos()).ok_or(SelectTimeoutError)
    }

    /// The number of an operation that needn't wait at this moment; another may be faster to do it.
    /// Never parks.
    ///
    /// # Errors
    /// [`TryReadyError`] if all of them would wait.
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        wait::ready(self.handles.as_mut(), AT_ONCE, self.biased).ok_or(TryReadyError)
    }

    /// Waits until an operation needn't wait any more, and returns its number; another may be faster
    /// to do it.
    ///
    /// Parks a goroutine; makes a plain thread sleep.
    ///
    /// # Panics
    /// If there are no operations.
    pub fn ready(&mut self) -> usize {
        assert!(!self.handles.is_empty(), "{NO_OPERATIONS}");
        loop {
            if let Some(index) = wait::ready(self.handles.as_mut(), FOREVER, self.biased) {
                return index;
            }
        }
    }

    /// As [`ready`](Self::ready), but gives up after `timeout`, and may have no operations.
    ///
    /// # Errors
    /// [`ReadyTimeoutError`] if the time is over.
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.ready_until(deadline_after(timeout))
    }

    /// As [`ready`](Self::ready), but gives up when the clock reaches `deadline`, an [`Instant`] or
    /// one of `std`; and may have no operations.
    ///
    /// # Errors
    /// [`ReadyTimeoutError`] if the time is over.
    pub fn ready_deadline(
        &mut self,
        deadline: impl Into<Instant>,
    ) -> Result<usize, ReadyTimeoutError> {
        self.ready_until(deadline.into().as_nanos())
    }

    fn ready_until(&mut self, deadline: u64) -> Result<usize, ReadyTimeoutError> {
        wait::ready(self.handles.as_mut(), deadline, self.biased).ok_or(ReadyTimeoutError)
    }

    fn choose(&mut self, deadline: u64) -> Option<SelectedOperation<'a>> {
        choose(self.handles.as_mut(), deadline, self.biased)
    }
}

impl Default for Select<'_> {
    fn default() -> Self {
        Select::new()
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Select { .. }")
    }
}

fn choose<'a>(
    handles: &mut [Handle<'a>],
    deadline: u64,
    biased: bool,
) -> Option<SelectedOperation<'a>> {
    wait::choose(handles, deadline, biased).map(|chosen| SelectedOperation { chosen })
}

/// A chosen operation, which has to be completed: by [`send`](Self::send) if it is a send, by
/// [`recv`](Self::recv) if it is a receive, with the same sender or receiver.
///
/// # Panics
/// When it is dropped without that.
#[must_use]
pub struct SelectedOperation<'a> {
    chosen: Chosen<'a>,
}

impl<'a> SelectedOperation<'a> {
    /// The number of the operation.
    pub fn index(&self) -> usize {
        self.chosen.handle.index
    }

    /// Completes a send. It doesn't wait.
    ///
    /// # Errors
    /// The message comes back if all receivers are gone.
    ///
    /// # Panics
    /// If `s` is not the sender of the operation, by address.
    pub fn send<T>(self, s: &Sender<T>, msg: T) -> Result<(), SendError<T>> {
        let same = self.chosen.handle.is(s);
        let token = self.take(same, "passed a sender that wasn't selected");
        // SAFETY: the handle was made from this sender, and its token is taken from it.
        unsafe { s.finish(token, msg) }
    }

    /// Completes a receive. It waits only for the message of a sender that has chosen this receive
    /// in a `select` of its own, and is yet to complete that.
    ///
    /// # Errors
    /// [`RecvError`] if the channel is empty and all senders are gone.
    ///
    /// # Panics
    /// If `r` is not the receiver of the operation, by address.
    pub fn recv<T>(self, r: &Receiver<T>) -> Result<T, RecvError> {
        let same = self.chosen.handle.is(r);
        let token = self.take(same, "passed a receiver that wasn't selected");
        // SAFETY: the handle was made from this receiver, and its token is taken from it.
        unsafe { r.finish(token) }
    }

    /// The token, to be used up by the end that was chosen. By another one it is a panic, and a
    /// second one by `drop` would abort.
    fn take(self, same: bool, otherwise: &str) -> Token {
        let this = mem::ManuallyDrop::new(self);
        let Chosen { handle, token } = &this.chosen;
        if !same {
            handle.case.abandon(*token);
            panic!("{otherwise}");
        }
        *token
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SelectedOperation { .. }")
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        self.chosen.handle.case.abandon(self.chosen.token);
        panic!("dropped `SelectedOperation` without completing the operation");
    }
}

/// What the macros stand on. Not for programs.
#[doc(hidden)]
pub mod internal {
    use core::mem;
    use core::time::Duration;

    use super::super::wait::Chosen;
    use super::super::{Receiver, RecvError, SendError, Sender};
    use super::wait;
    use super::{AT_ONCE, FOREVER, deadline_after};

    pub use super::super::handles::Handle;

    /// A chosen operation of a macro. Dropped without being completed, as by a panic of the
    /// expression for the message, it is given up.
    pub struct Operation<'a>(Chosen<'a>);

    impl Operation<'_> {
        pub fn index(&self) -> usize {
            self.0.handle.index
        }

        pub fn send<T>(self, s: &Sender<T>, msg: T) -> Result<(), SendError<T>> {
            assert!(self.0.handle.is(s), "not the sender that was chosen");
            let token = self.0.token;
            mem::forget(self);
            // SAFETY: the handle was made from this sender, and its token is taken from it.
            unsafe { s.finish(token, msg) }
        }

        pub fn recv<T>(self, r: &Receiver<T>) -> Result<T, RecvError> {
            assert!(self.0.handle.is(r), "not the receiver that was chosen");
            let token = self.0.token;
            mem::forget(self);
            // SAFETY: the handle was made from this receiver, and its token is taken from it.
            unsafe { r.finish(token) }
        }
    }

    impl Drop for Operation<'_> {
        fn drop(&mut self) {
            self.0.handle.case.abandon(self.0.token);
        }
    }

    pub fn send<T>(s: &Sender<T>, index: usize) -> Handle<'_> {
        Handle::send(s, index)
    }

    pub fn recv<T>(r: &Receiver<T>, index: usize) -> Handle<'_> {
        Handle::recv(r, index)
    }

    pub fn select<'a>(handles: &mut [Handle<'a>], biased: bool) -> Operation<'a> {
        loop {
            if let Some(chosen) = wait::choose(handles, FOREVER, biased) {
                return Operation(chosen);
            }
        }
    }

    pub fn try_select<'a>(handles: &mut [Handle<'a>], biased: bool) -> Option<Operation<'a>> {
        wait::choose(handles, AT_ONCE, biased).map(Operation)
    }

    pub fn select_timeout<'a>(
        handles: &mut [Handle<'a>],
        timeout: Duration,
        biased: bool,
    ) -> Option<Operation<'a>> {
        wait::choose(handles, deadline_after(timeout), biased).map(Operation)
    }
}
