//! The owner of a small core's locks: none.

/// Nobody.
#[derive(Clone, Copy)]
pub(super) struct Owner;

impl Owner {
    pub(super) fn is(self, _: usize) -> bool {
        false
    }

    pub(super) fn is_somebody(self) -> bool {
        false
    }
}

/// Nobody's.
pub(super) struct Own;

impl Own {
    pub(super) const fn new() -> Own {
        Own
    }

    pub(super) const fn never() -> Own {
        Own
    }

    pub(super) fn read(&self) -> Owner {
        Owner
    }

    pub(super) fn take(&self, _: Owner) -> bool {
        false
    }

    pub(super) fn give_back(&self) -> bool {
        false
    }

    pub(super) fn count(&self, _: usize) {}

    pub(super) fn revoke(&self, _: Owner, _: impl FnMut()) -> bool {
        false
    }
}
