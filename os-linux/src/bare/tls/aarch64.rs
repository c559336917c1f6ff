//! Storage as 64-bit Arm has it: `tpidr_el0` points at two words, which are the loader's in other
//! programs, and the program's slots lie above them.
//!
//! ```text
//! low                                                        high
//! | Block | gap | .tdata, .tbss of the program, the thread's word |
//! ^ tpidr_el0
//! ```
//!
//! What C code with stack protectors compares with is a variable on this processor, not here.

use rt_core::OsResult;

use super::{Image, Place};
use crate::local;

/// The thread control block.
#[repr(C, align(16))]
pub(super) struct Block([usize; 2]);

impl Block {
    /// That of the first thread.
    pub(super) fn first(_at: *mut Block, _random: u64) -> Block {
        Block([0; 2])
    }

    /// That of another thread.
    pub(super) fn another(_at: *mut Block, _maker: *const Block) -> Block {
        Block([0; 2])
    }
}

/// Where the storage of a thread goes whose stack ends at `end`.
pub(super) fn place(image: &Image, end: *mut u8) -> Place {
    let align = image.align.max(align_of::<Block>());
    // The linker counts slots from the block up, and the storage starts where its address has the
    // alignment's remainder that it has in the file.
    let gap = image.offset.wrapping_sub(size_of::<Block>()) & (image.align - 1);
    let before = size_of::<Block>() + gap;
    let block = end.wrapping_sub(before + image.bytes);
    let block = block.wrapping_sub(block.addr() & (align - 1));
    Place { block: block.cast(), slots: block.wrapping_add(before), low: block }
}

/// Lets the calling thread's pointer point there.
///
/// # Safety
/// - The block and its slots were laid out, and stay as long as the thread.
pub(super) unsafe fn set_pointer(block: *mut Block) -> OsResult<()> {
    // SAFETY: the caller's contract is the same.
    unsafe { local::set_thread_pointer(block.cast()) };
    Ok(())
}
