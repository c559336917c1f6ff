//! Storage as x86-64 has it: `fs` points at a control block whose first word is its own address, and
//! the program's slots lie below it.
//!
//! ```text
//! low                                                      high
//! | .tdata, .tbss of the program ...... | the thread's word | Block |
//!                                                           ^ fs
//! ```
//!
//! In a program without other slots the linker puts the thread's word at `fs:-8`, which is where Go
//! has its `g`.

use core::mem::offset_of;

use linux_raw_sys::general::{__NR_arch_prctl, ARCH_SET_FS};
use rt_core::OsResult;

use super::super::syscall::call;
use super::{Image, Place};

/// The thread control block. What compilers know of it has its place; the rest is ours.
#[repr(C, align(64))]
pub(super) struct Block {
    /// Its own address: how code finds out where `fs` points.
    itself: *mut Block,
    unused: [usize; 4],
    /// What C code with stack protectors compares with (`fs:0x28`).
    canary: usize,
}

const _: () = assert!(offset_of!(Block, canary) == 0x28);

impl Block {
    /// That of the first thread, which will be at `at`.
    pub(super) fn first(at: *mut Block, random: u64) -> Block {
        // The lowest byte is zero, so that a string that runs over doesn't bring the canary along.
        let canary = (random & !0xff) as usize;
        Block { itself: at, unused: [0; 4], canary }
    }

    /// That of another thread, made by the one whose block is `maker`.
    pub(super) fn another(at: *mut Block, maker: *const Block) -> Block {
        // SAFETY: the block of a running thread, whose storage was set by one of these.
        let canary = unsafe { (*maker).canary };
        Block { itself: at, unused: [0; 4], canary }
    }
}

/// Where the storage of a thread goes whose stack ends at `end`.
pub(super) fn place(image: &Image, end: *mut u8) -> Place {
    let align = image.align.max(align_of::<Block>());
    let block = end.wrapping_sub(size_of::<Block>());
    let block = block.wrapping_sub(block.addr() & (align - 1));
    // The linker counts slots from the block down, and the storage starts where its address has the
    // alignment's remainder that it has in the file.
    let gap = 0_usize.wrapping_sub(image.offset + image.bytes) & (image.align - 1);
    let slots = block.wrapping_sub(image.bytes + gap);
    Place { block: block.cast(), slots, low: slots }
}

/// Lets the calling thread's pointer point there.
///
/// # Safety
/// - The block and its slots were laid out, and stay as long as the thread.
pub(super) unsafe fn set_pointer(block: *mut Block) -> OsResult<()> {
    // SAFETY: the caller's promise is what the call asks for.
    unsafe { call(__NR_arch_prctl, [ARCH_SET_FS as usize, block.addr(), 0, 0, 0]) }.map(drop)
}
