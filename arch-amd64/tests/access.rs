//! Every row's way to the thread's word, on this machine: with the register pointing at memory of the
//! test's.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use arch_amd64::tls::MODELS;
use arch_amd64::{Amd64, Word};
use rt_core::boot::tls::Slot;

rt_core::platform!(os = os_linux::Linux, arch = Amd64);

const SET_GS: usize = 0x1001;
const SET_FS: usize = 0x1002;
const GET_FS: usize = 0x1003;

/// A call that touches nothing of a thread's unless it fails.
///
/// # Safety
/// - As for the system's `arch_prctl`.
unsafe fn arch_prctl(what: usize, address: usize) -> i64 {
    // SAFETY: the caller's contract.
    unsafe { libc::syscall(libc::SYS_arch_prctl, what, address) }
}

/// Storage with something on both sides of where the register points.
#[repr(C, align(64))]
struct Storage([usize; 64]);

const MIDDLE: usize = 32;

impl Storage {
    fn middle(&mut self) -> usize {
        (&raw mut self.0[MIDDLE]).expose_provenance()
    }

    /// The word so many bytes from the middle.
    fn at(&self, offset: isize) -> usize {
        self.0[MIDDLE.wrapping_add_signed(offset / 8)]
    }
}

/// Stores a word, and loads it, with the register at the middle of the storage.
fn through(storage: &mut Storage, word: Word, value: usize) -> usize {
    let middle = storage.middle();
    let value = std::ptr::without_provenance_mut(value);
    match word {
        Word::Fs(_) => {
            let mut before = 0_usize;
            // SAFETY: writes the address to a variable.
            let got = unsafe { arch_prctl(GET_FS, (&raw mut before).expose_provenance()) };
            assert_eq!(got, 0);
            // SAFETY: until it is set back nothing is used that a thread has for itself.
            unsafe { arch_prctl(SET_FS, middle) };
            // SAFETY: the storage is this test's.
            unsafe { word.store(value) };
            // SAFETY: as above.
            let loaded = unsafe { word.load() };
            // SAFETY: as it was.
            unsafe { arch_prctl(SET_FS, before) };
            loaded.addr()
        }
        Word::Gs(_) | Word::At(_) => {
            // SAFETY: nothing on Linux uses `gs`.
            assert_eq!(unsafe { arch_prctl(SET_GS, middle) }, 0);
            // SAFETY: the storage is this test's.
            unsafe { word.store(value) };
            // SAFETY: as above.
            unsafe { word.load() }.addr()
        }
    }
}

#[test]
fn every_row_s_word_is_where_the_row_says() {
    let mut ways = Vec::new();
    for (index, model) in MODELS.iter().enumerate() {
        let mut storage = Storage([0; 64]);
        let address = storage.middle().cast_signed();
        // What the start finds out: a distance, or for plan9 an address.
        let found = if model.g == Slot::Private { address } else { 0x28 };
        let Some(word) = Word::of(model.g, found) else {
            assert_eq!((model.system, model.g), ("hosted", Slot::Variable));
            continue;
        };
        let value = 0x123 + index;
        assert_eq!(through(&mut storage, word, value), value, "{}", model.system);
        let offset = match word {
            Word::Fs(offset) | Word::Gs(offset) => offset,
            Word::At(_) => 0,
        };
        assert_eq!(storage.at(offset), value, "{}", model.system);
        let others = storage.0.iter().filter(|&&other| other == 0).count();
        assert_eq!(others, 63, "{}: nothing else is written", model.system);
        ways.push((model.system, word));
    }
    assert_eq!(ways.len(), MODELS.len() - 1);
    let of = |system| ways.iter().find(|(name, _)| *name == system).map(|(_, word)| *word);
    assert_eq!(of("linux"), Some(Word::Fs(-8)));
    assert_eq!(of("darwin"), Some(Word::Gs(0x30)));
    assert_eq!(of("windows"), Some(Word::Gs(0x28)));
}

#[test]
fn threads_have_words_of_their_own() {
    let threads: Vec<_> = (1..=4)
        .map(|value| {
            std::thread::spawn(move || {
                let mut storage = Storage([0; 64]);
                for _ in 0..1000 {
                    assert_eq!(through(&mut storage, Word::Gs(0x30), value), value);
                    std::thread::yield_now();
                    // SAFETY: `gs` is the thread's own, and still points at the storage.
                    assert_eq!(unsafe { Word::Gs(0x30).load() }.addr(), value);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}
