//! Valgrind: which memory is whose stack.
//!
//! Without it a switch to a neighbouring stack looks like a huge frame, and all that lies between
//! like memory that was never written.

use alloc::vec::Vec;

use crate::arch;

/// A mapping of stacks, and valgrind's numbers of them.
#[derive(Debug)]
pub(crate) struct Mapping {
    stacks: Vec<usize>,
}

impl Mapping {
    pub(crate) fn new(_base: *mut u8, _bytes: usize) -> Mapping {
        Mapping { stacks: Vec::new() }
    }

    pub(crate) fn add_stack(&mut self, low: *mut u8, bytes: usize) {
        self.stacks.push(arch::stack_begins(low, low.wrapping_add(bytes)));
    }

    pub(crate) fn end(self) {
        self.stacks.into_iter().for_each(arch::stack_ends);
    }
}
