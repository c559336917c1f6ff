//! The operations of a `select`, as a list that needs no memory of the heap while it is short.

use alloc::vec::Vec;
use core::ptr;

use super::wait::{Case, FEW};
use super::{Receiver, Sender, never};

/// One operation of a `select`.
#[derive(Clone, Copy)]
pub struct Handle<'a> {
    pub(super) case: &'a dyn Case,
    /// Its number in the `select`.
    pub(super) index: usize,
}

impl<'a> Handle<'a> {
    pub(super) fn send<T>(s: &'a Sender<T>, index: usize) -> Handle<'a> {
        Handle { case: s, index }
    }

    pub(super) fn recv<T>(r: &'a Receiver<T>, index: usize) -> Handle<'a> {
        Handle { case: r, index }
    }

    /// Whether it was made from this sender or receiver.
    pub(super) fn is<E>(&self, end: &E) -> bool {
        ptr::addr_eq(self.case, end)
    }
}

// SAFETY: through a handle alone messages are moved under the channel's lock, byte by byte, and none
// is made, looked at or dropped (`Case`): that takes the sender or the receiver itself, as of its
// own type. So it is no matter on which thread this happens. The address is only compared.
unsafe impl Send for Handle<'_> {}
// SAFETY: as above.
unsafe impl Sync for Handle<'_> {}

impl core::fmt::Debug for Handle<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Handle({})", self.index)
    }
}

/// What fills the places of handles that are not there.
const NOWHERE: Handle<'static> = Handle { case: NOBODY, index: 0 };
const NOBODY: &Receiver<()> = &never();

/// A list of handles.
#[derive(Clone)]
pub(super) enum Handles<'a> {
    /// So many of them, from the first on.
    Few([Handle<'a>; FEW], usize),
    Many(Vec<Handle<'a>>),
}

impl<'a> Handles<'a> {
    pub(super) fn new() -> Handles<'a> {
        Handles::Few([NOWHERE; FEW], 0)
    }

    pub(super) fn as_mut(&mut self) -> &mut [Handle<'a>] {
        match self {
            Handles::Few(handles, len) => &mut handles[..*len],
            Handles::Many(handles) => handles,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Handles::Few(_, len) => *len == 0,
            Handles::Many(handles) => handles.is_empty(),
        }
    }

    pub(super) fn push(&mut self, handle: Handle<'a>) {
        match self {
            Handles::Few(handles, len) if *len < FEW => {
                handles[*len] = handle;
                *len += 1;
            }
            Handles::Few(handles, _) => {
                let mut many = Vec::with_capacity(2 * FEW);
                many.extend_from_slice(handles);
                many.push(handle);
                *self = Handles::Many(many);
            }
            Handles::Many(handles) => handles.push(handle),
        }
    }

    /// Takes the handle of this number out; false if there is none.
    pub(super) fn remove(&mut self, index: usize) -> bool {
        let handles = self.as_mut();
        let Some(at) = handles.iter().position(|handle| handle.index == index) else {
            return false;
        };
        // A biased choice goes by the order, so the others keep theirs.
        handles[at..].rotate_left(1);
        match self {
            Handles::Few(_, len) => *len -= 1,
            Handles::Many(handles) => drop(handles.pop()),
        }
        true
    }
}
