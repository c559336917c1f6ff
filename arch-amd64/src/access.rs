//! The thread's word, where a row of [`tls`](crate::tls) says that it is: what each of Go's systems on
//! x86-64 loads and stores.

use core::arch::asm;

use rt_core::boot::tls::Slot;

/// A place for a word that each thread has for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// So many bytes from where `fs` points.
    Fs(isize),
    /// So many bytes from where `gs` points.
    Gs(isize),
    /// At this address, which the kernel maps to memory of each process's own.
    At(*mut *mut ()),
}

impl Word {
    /// The place of this slot. Where only the start of a program finds out how far from the register
    /// it is, or which address the kernel gives, `found` is that. None for a variable of the program's:
    /// the compiler knows the way to it.
    #[must_use]
    pub fn of(slot: Slot, found: isize) -> Option<Word> {
        match slot {
            Slot::Base("fs", offset) => Some(Word::Fs(offset)),
            Slot::Base("gs", offset) => Some(Word::Gs(offset)),
            Slot::Found("fs") | Slot::Reserved("fs") => Some(Word::Fs(found)),
            Slot::Found("gs") | Slot::Reserved("gs") => Some(Word::Gs(found)),
            Slot::Private => Some(Word::At(core::ptr::with_exposed_provenance_mut(found as usize))),
            _ => None,
        }
    }

    /// Reads it.
    ///
    /// # Safety
    /// - The register points at storage of the calling thread that reaches as far, or the address is
    ///   that of the process's own words.
    #[inline(always)]
    #[must_use]
    pub unsafe fn load(self) -> *mut () {
        let word: *mut ();
        match self {
            // SAFETY: reads the word, as the caller says that it is there.
            Word::Fs(offset) => unsafe {
                asm!("mov {}, fs:[{}]", out(reg) word, in(reg) offset,
                    options(nostack, preserves_flags, readonly));
            },
            // SAFETY: as above.
            Word::Gs(offset) => unsafe {
                asm!("mov {}, gs:[{}]", out(reg) word, in(reg) offset,
                    options(nostack, preserves_flags, readonly));
            },
            // SAFETY: as above. Volatile: another process may be at this address by the next time.
            Word::At(place) => word = unsafe { place.read_volatile() },
        }
        word
    }

    /// Writes it.
    ///
    /// # Safety
    /// - As for [`load`](Word::load); and nothing else is kept there.
    #[inline(always)]
    pub unsafe fn store(self, word: *mut ()) {
        match self {
            // SAFETY: writes the word, which is for this, as the caller says.
            Word::Fs(offset) => unsafe {
                asm!("mov fs:[{}], {}", in(reg) offset, in(reg) word,
                    options(nostack, preserves_flags));
            },
            // SAFETY: as above.
            Word::Gs(offset) => unsafe {
                asm!("mov gs:[{}], {}", in(reg) offset, in(reg) word,
                    options(nostack, preserves_flags));
            },
            // SAFETY: as above; volatile as in `load`.
            Word::At(place) => unsafe { place.write_volatile(word) },
        }
    }
}
