//! Thread-local storage as the ABI of x86-64 has it: `fs` points at a control block whose first
//! word is its own address, and the program's slots lie below it.
//!
//! ```text
//! low                                                      high
//! | .tdata, .tbss of the program ...... | the thread's word | Block |
//!                                                           ^ fs
//! ```
//!
//! The thread's word is a slot like any other (`local`). In a program without others the linker puts
//! it at `fs:-8`, which is where Go has its `g`.

use core::ffi::c_void;
use core::mem::offset_of;
use core::ptr::null_mut;

use linux_raw_sys::elf::{Elf_Ehdr, Elf_Phdr, PT_TLS};
use linux_raw_sys::general::{__NR_arch_prctl, ARCH_SET_FS};
use rt_core::{OsError, OsResult};

use super::syscall::call;
use crate::local;

/// Room for the first thread's slots. Other threads have as much as it takes.
const FIRST_BYTES: usize = 4096;

/// The thread control block. What compilers know of it has its place; the rest is ours.
#[repr(C, align(64))]
struct Block {
    /// Its own address: how code finds out where `fs` points.
    itself: *mut Block,
    unused: [usize; 4],
    /// What C code with stack protectors compares with (`fs:0x28`).
    canary: usize,
}

const _: () = assert!(offset_of!(Block, canary) == 0x28);

/// The storage of the first thread: there is no memory to be had yet.
#[repr(C, align(64))]
struct First {
    slots: [u8; FIRST_BYTES],
    block: Block,
}

/// Written by [`set_first`], and then by the first thread alone, through `fs`.
static mut FIRST: First = First {
    slots: [0; FIRST_BYTES],
    block: Block { itself: null_mut(), unused: [0; 4], canary: 0 },
};

/// The program's initial storage, as its file describes it.
#[derive(Clone, Copy)]
struct Image {
    at: *const u8,
    file_bytes: usize,
    /// From the start of the storage to the control block.
    bytes: usize,
    align: usize,
}

impl Image {
    /// Reads the program's headers, which are in memory: the linker says where.
    fn of_this_program() -> Image {
        unsafe extern "C" {
            static __ehdr_start: Elf_Ehdr;
        }
        let start = &raw const __ehdr_start;
        // SAFETY: the linker puts the file's header, which is mapped with the first segment, there.
        let header = unsafe { &*start };
        let table = start.cast::<u8>().wrapping_add(header.e_phoff).cast::<Elf_Phdr>();
        for index in 0..usize::from(header.e_phnum) {
            // SAFETY: the table is mapped with its header, and has this many entries.
            let entry = unsafe { &*table.wrapping_add(index) };
            if entry.p_type == PT_TLS {
                let align = entry.p_align.max(1);
                let used = entry.p_memsz;
                // The linker counts slots from the block down, and the storage starts where its
                // address has the alignment's remainder that it has in the file.
                let gap = 0_usize.wrapping_sub(entry.p_vaddr + used) & (align - 1);
                let at = core::ptr::with_exposed_provenance(entry.p_vaddr);
                return Image { at, file_bytes: entry.p_filesz, bytes: used + gap, align };
            }
        }
        Image { at: core::ptr::dangling(), file_bytes: 0, bytes: 0, align: 1 }
    }
}

/// Where the control block of a thread goes whose stack ends at `end`. Below it, and above what is
/// returned second, are the thread's slots.
fn place(image: &Image, end: *mut u8) -> (*mut Block, *mut u8) {
    let align = image.align.max(align_of::<Block>());
    let block = end.wrapping_sub(size_of::<Block>());
    let block = block.wrapping_sub(block.addr() & (align - 1));
    (block.cast(), block.wrapping_sub(image.bytes))
}

/// Lays out the storage of a thread at the end of its stack. Returns its control block, and where
/// the stack ends now.
///
/// # Safety
/// - Below `end` there are [`bytes`] and a stack besides, writable, zero and nobody else's.
pub(crate) unsafe fn lay_out(end: *mut u8) -> (*mut c_void, *mut u8) {
    let image = Image::of_this_program();
    let (block, slots) = place(&image, end);
    // SAFETY: as the caller says, the range is writable; the image is the program's own.
    unsafe { slots.copy_from_nonoverlapping(image.at, image.file_bytes) };
    let canary = canary();
    // SAFETY: within the caller's range, and aligned by `place`.
    unsafe { block.write(Block { itself: block, unused: [0; 4], canary }) };
    (block.cast(), slots)
}

/// The calling thread's canary.
fn canary() -> usize {
    let block = block();
    // SAFETY: the block of a running thread, whose storage was set by `set_first` or `lay_out`.
    unsafe { (*block).canary }
}

/// The calling thread's control block.
fn block() -> *mut Block {
    local::thread_pointer().cast()
}

/// Go's `settls`: gives the first thread its storage.
///
/// # Errors
/// The program has more slots than there is room for (`ENOMEM`), or the kernel refuses.
///
/// # Safety
/// - Called once, by the first thread, before there is another.
pub(crate) unsafe fn set_first(canary: u64) -> OsResult<()> {
    let image = Image::of_this_program();
    let first = &raw mut FIRST;
    let end = first.wrapping_add(1).cast::<u8>();
    let (block, slots) = place(&image, end);
    if slots.addr() < first.addr() {
        return Err(OsError(rustix::io::Errno::NOMEM.raw_os_error()));
    }
    // SAFETY: inside of `FIRST`, which nobody else uses; the image is the program's own.
    unsafe { slots.copy_from_nonoverlapping(image.at, image.file_bytes) };
    // The lowest byte is zero, so that a string that runs over doesn't bring the canary along.
    let canary = (canary & !0xff) as usize;
    // SAFETY: inside of `FIRST`, and aligned by `place`.
    unsafe { block.write(Block { itself: block, unused: [0; 4], canary }) };
    // SAFETY: from now on `fs` points at a block that was laid out above and stays for ever.
    unsafe { call(__NR_arch_prctl, [ARCH_SET_FS as usize, block.addr(), 0, 0, 0]) }.map(drop)
}

/// The calling thread's word, as memory has it that is the first thread's; none if the thread pointer
/// leads elsewhere.
pub(crate) fn first_word() -> Option<usize> {
    let first = &raw const FIRST;
    let range = first.addr()..first.wrapping_add(1).addr();
    let word = local::address();
    if !range.contains(&word.addr()) {
        return None;
    }
    let at = first.cast::<u8>().wrapping_add(word.addr() - range.start).cast::<usize>();
    // SAFETY: inside of `FIRST` by the comparison above, and aligned as a slot is.
    Some(unsafe { at.read_volatile() })
}
