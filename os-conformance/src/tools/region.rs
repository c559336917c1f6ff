//! Memory of the backend.

use std::marker::PhantomData;

use rt_core::Os;

use crate::clause::refused;

/// A reservation, released in the end.
pub(crate) struct Region<O: Os> {
    at: *mut u8,
    bytes: usize,
    _backend: PhantomData<fn() -> O>,
}

impl<O: Os> Region<O> {
    /// Address space.
    pub(crate) fn reserved(pages: usize) -> Result<Region<O>, String> {
        let bytes = pages * O::page_size();
        let at = O::reserve(bytes).map_err(refused("a reservation"))?;
        Ok(Region { at, bytes, _backend: PhantomData })
    }

    /// Memory.
    pub(crate) fn committed(pages: usize) -> Result<Region<O>, String> {
        let region = Region::reserved(pages)?;
        region.commit(0, pages)?;
        Ok(region)
    }

    /// Commits some of the pages, which were not committed before.
    pub(crate) fn commit(&self, first: usize, pages: usize) -> Result<(), String> {
        // SAFETY: pages of this reservation, which checks commit once.
        unsafe { O::commit(self.page(first), pages * O::page_size()) }.map_err(refused("a commit"))
    }

    /// The address of a page.
    pub(crate) fn page(&self, index: usize) -> *mut u8 {
        assert!(index * O::page_size() <= self.bytes, "there is no page {index}");
        self.at.wrapping_add(index * O::page_size())
    }

    /// The addresses of the first and the last byte of a page.
    pub(crate) fn ends(&self, index: usize) -> [*mut u8; 2] {
        [self.page(index), self.page(index + 1).wrapping_sub(1)]
    }

    /// Stores to both ends of a committed page that has no guard.
    pub(crate) fn fill(&self, index: usize, value: u8) {
        for at in self.ends(index) {
            // SAFETY: checks fill committed pages without guards only.
            unsafe { at.write_volatile(value) };
        }
    }

    /// What stands at both ends of a committed page that has no guard.
    pub(crate) fn read(&self, index: usize) -> [u8; 2] {
        // SAFETY: checks read committed pages without guards only.
        self.ends(index).map(|at| unsafe { at.read_volatile() })
    }

    /// The bytes of a committed page that are not zero.
    pub(crate) fn dirt(&self, index: usize) -> usize {
        let at = self.page(index);
        // SAFETY: checks read committed pages without guards only.
        let byte = |offset| unsafe { at.wrapping_add(offset).read_volatile() };
        (0..O::page_size()).filter(|&offset| byte(offset) != 0).count()
    }

    /// Guards `count` pages, each `stride` pages after the one before.
    pub(crate) fn guard(&self, first: usize, stride: usize, count: usize) -> Result<(), String> {
        let page = O::page_size();
        // SAFETY: committed pages of this region, which checks don't touch again.
        unsafe { O::guard(self.page(first), page, stride * page, count) }
            .map_err(refused("a guard"))
    }

    /// Discards some of the pages.
    pub(crate) fn discard(&self, first: usize, pages: usize) {
        // SAFETY: committed pages of this region without guards, whose contents are not needed.
        unsafe { O::discard(self.page(first), pages * O::page_size()) };
    }
}

impl<O: Os> Drop for Region<O> {
    fn drop(&mut self) {
        // SAFETY: the reservation of `reserved`, which nobody uses any more.
        unsafe { O::release(self.at, self.bytes) };
    }
}
