//! Thread-local storage as the processor's ABI has it: the thread pointer points at a control block,
//! and the program's slots lie below or above it. The picture is in the processor's file.
//!
//! The thread's word is a slot like any other (`local`).

#[cfg_attr(target_arch = "x86_64", path = "tls/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "tls/aarch64.rs")]
mod processor;

use core::ffi::c_void;

use linux_raw_sys::elf::{Elf_Ehdr, Elf_Phdr, PT_TLS};
use rt_core::{OsError, OsResult};

use crate::local;
use processor::{Block, place, set_pointer};

/// Room for the first thread's storage. Other threads have as much as it takes.
const FIRST_BYTES: usize = 4096;

/// The storage of the first thread: there is no memory to be had yet.
#[repr(C, align(64))]
struct First([u8; FIRST_BYTES]);

/// Written by [`set_first`], and then by the first thread alone, through the thread pointer.
static mut FIRST: First = First([0; FIRST_BYTES]);

/// The program's initial storage, as its file describes it.
#[derive(Clone, Copy)]
struct Image {
    at: *const u8,
    file_bytes: usize,
    /// With what is not in the file, and zero.
    bytes: usize,
    /// Of `at`, modulo the alignment, so that slots have the alignment that they have in the file.
    offset: usize,
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
                let at = core::ptr::with_exposed_provenance(entry.p_vaddr);
                let align = entry.p_align.max(1);
                return Image {
                    at,
                    file_bytes: entry.p_filesz,
                    bytes: entry.p_memsz,
                    offset: entry.p_vaddr & (align - 1),
                    align,
                };
            }
        }
        Image { at: core::ptr::dangling(), file_bytes: 0, bytes: 0, offset: 0, align: 1 }
    }
}

/// Where the storage of a thread is.
struct Place {
    /// The control block, which the thread pointer points at.
    block: *mut Block,
    slots: *mut u8,
    /// The lowest byte of both.
    low: *mut u8,
}

impl Place {
    /// Puts the initial contents there.
    ///
    /// # Safety
    /// - From `low` up to the end that [`place`] was given the memory is writable, zero and nobody
    ///   else's.
    unsafe fn fill(&self, image: &Image, block: Block) {
        // SAFETY: as the caller says, the range is writable; the image is the program's own.
        unsafe { self.slots.copy_from_nonoverlapping(image.at, image.file_bytes) };
        // SAFETY: within the caller's range, and aligned by `place`.
        unsafe { self.block.write(block) };
    }
}

/// Lays out the storage of a thread at the end of its stack. Returns its control block, and where
/// the stack ends now.
///
/// # Safety
/// - Below `end` there is room for it and a stack besides, writable, zero and nobody else's.
pub(crate) unsafe fn lay_out(end: *mut u8) -> (*mut c_void, *mut u8) {
    let image = Image::of_this_program();
    let place = place(&image, end);
    let block = Block::another(place.block, local::thread_pointer().cast());
    // SAFETY: the caller's range.
    unsafe { place.fill(&image, block) };
    (place.block.cast(), place.low)
}

/// Go's `settls`: gives the first thread its storage.
///
/// # Errors
/// The program has more slots than there is room for (`ENOMEM`), or the kernel refuses.
///
/// # Safety
/// - Called once, by the first thread, before there is another.
pub(crate) unsafe fn set_first(random: u64) -> OsResult<()> {
    let image = Image::of_this_program();
    let first = &raw mut FIRST;
    let place = place(&image, first.wrapping_add(1).cast::<u8>());
    if place.low.addr() < first.addr() {
        return Err(OsError(rustix::io::Errno::NOMEM.raw_os_error()));
    }
    // SAFETY: inside of `FIRST` by the comparison above, which nobody else uses.
    unsafe { place.fill(&image, Block::first(place.block, random)) };
    // SAFETY: the block was laid out on the line above, and stays for ever.
    unsafe { set_pointer(place.block) }
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
