//! What the kernel has put on the first thread's stack, and what a program does with it before it
//! can do anything else.
//!
//! ```text
//! the first stack pointer -> | argc | argv .. 0 | environment .. 0 | auxv .. 0 | texts ..... |
//! ```
//!
//! All of it stays where it is until the process ends, and nobody writes to it.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};
use core::mem::size_of;
use core::ops::Range;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use linux_raw_sys::auxvec as tag;
use linux_raw_sys::general as linux;
use rt_core::OsResult;

use super::syscall::call;
use super::{machine, tls};
use os_unix::{output, signal_stack};

/// What of the first stack is taken for granted, as in Go: it is far larger, but nobody asks.
const STACK: usize = 64 * 1024;

/// Where the kernel's words are. Written by [`Start::keep`] on the first thread, before there is
/// another; read by all.
static START: AtomicPtr<usize> = AtomicPtr::new(null_mut());

/// The kernel's words on the first stack.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    argc: *const usize,
}

/// What the kernel says of the machine and the program (its auxiliary vector). Zero, or none: it
/// does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Auxv {
    /// The size of a page.
    pub page_size: usize,
    /// What an alternate stack needs for the registers.
    pub signal_frame_bytes: usize,
    /// The first 8 of 16 random bytes.
    pub random: u64,
    /// The address of the code that the kernel lends for reading clocks.
    pub vdso: usize,
    /// Features of the processor: on x86, EDX of `cpuid` 1.
    pub features: usize,
    /// More of them, chosen by the kernel: on x86 bit 1 says that `wrfsbase` may be used.
    pub more_features: usize,
    /// Whether the program has more rights than who started it, and must distrust its environment.
    pub secure: bool,
    /// Ticks in a second of what `/proc` counts in.
    pub clock_ticks: usize,
    /// The processor's name.
    pub platform: Option<&'static CStr>,
    /// The number of entries.
    pub entries: usize,
}

impl Start {
    /// The words at the first stack pointer.
    ///
    /// # Safety
    /// - `stack` is what the stack pointer was when the kernel started this process.
    pub unsafe fn new(stack: *const usize) -> Start {
        Start { argc: stack }
    }

    /// Lets [`args`] and [`vars`] find it, and tells rustix, which looks for the kernel's clock.
    pub fn keep(self) {
        // Relaxed: there is one thread.
        START.store(self.argc.cast_mut(), Ordering::Relaxed);
        let environment = self.environment().cast_mut().cast();
        // SAFETY: the environment as the kernel has laid it out, with the auxv behind its end.
        unsafe { rustix::param::init(environment) };
    }

    /// The part of the first stack that is surely there: Go's bounds of `g0`.
    pub fn stack(self) -> Range<usize> {
        let high = self.argc.addr();
        high - STACK..high
    }

    /// The number of arguments; 0 for a program that was started with none, not even its name.
    pub fn argc(self) -> usize {
        // SAFETY: the kernel's first word.
        unsafe { *self.argc }
    }

    /// The array of arguments.
    fn arguments(self) -> *const *const c_char {
        self.argc.wrapping_add(1).cast()
    }

    /// The array of the environment, behind the arguments and their null.
    fn environment(self) -> *const *const c_char {
        self.arguments().wrapping_add(self.argc() + 1)
    }

    /// Reads the auxv, behind the environment and its null.
    pub fn auxv(self) -> Auxv {
        let variables = Texts { at: self.environment() }.count();
        let mut entry = self.environment().wrapping_add(variables + 1).cast::<[usize; 2]>();
        let mut found = Auxv::default();
        loop {
            // SAFETY: an entry of the kernel's, for the last one was not the end.
            let [what, value] = unsafe { *entry };
            match what as u32 {
                tag::AT_NULL => return found,
                tag::AT_PAGESZ => found.page_size = value,
                tag::AT_MINSIGSTKSZ => found.signal_frame_bytes = value,
                tag::AT_RANDOM => found.random = word_at(value),
                tag::AT_SYSINFO_EHDR => found.vdso = value,
                tag::AT_HWCAP => found.features = value,
                tag::AT_HWCAP2 => found.more_features = value,
                tag::AT_SECURE => found.secure = value != 0,
                tag::AT_CLKTCK => found.clock_ticks = value,
                tag::AT_PLATFORM => found.platform = text_at(value),
                _ => {}
            }
            found.entries += 1;
            entry = entry.wrapping_add(1);
        }
    }
}

/// The word at an address of the auxv.
fn word_at(address: usize) -> u64 {
    let at = core::ptr::with_exposed_provenance::<u64>(address);
    if at.is_null() {
        return 0;
    }
    // SAFETY: the kernel gave the address of 16 bytes.
    unsafe { at.read_unaligned() }
}

/// The text at an address of the auxv.
fn text_at(address: usize) -> Option<&'static CStr> {
    let at = core::ptr::with_exposed_provenance::<c_char>(address);
    if at.is_null() {
        return None;
    }
    // SAFETY: the kernel gave the address of a text with its end, which stays.
    Some(unsafe { CStr::from_ptr(at) })
}

/// Texts of the kernel's, from an array that ends with a null.
#[derive(Clone, Debug)]
pub struct Texts {
    at: *const *const c_char,
}

impl Iterator for Texts {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        if self.at.is_null() {
            return None;
        }
        // SAFETY: an element of an array of the kernel's, whose end has not been passed.
        let text = unsafe { *self.at };
        if text.is_null() {
            return None;
        }
        self.at = self.at.wrapping_add(1);
        // SAFETY: the kernel's elements are texts with an end, which stay.
        Some(unsafe { CStr::from_ptr(text) })
    }
}

/// The kernel's words, if [`Start::keep`] has told.
fn kept() -> Option<Start> {
    let argc = START.load(Ordering::Relaxed).cast_const();
    (!argc.is_null()).then_some(Start { argc })
}

/// The program's arguments, its name first.
pub fn args() -> Texts {
    Texts { at: kept().map_or(core::ptr::null(), Start::arguments) }
}

/// The program's environment, each as `NAME=value`.
pub fn vars() -> Texts {
    Texts { at: kept().map_or(core::ptr::null(), Start::environment) }
}

/// The value of the first variable of this name.
pub fn var(name: &str) -> Option<&'static [u8]> {
    let after = |text: &'static CStr| text.to_bytes().strip_prefix(name.as_bytes());
    vars().filter_map(after).find_map(|rest| rest.strip_prefix(b"="))
}

/// What the kernel says of the machine and the program.
pub fn auxv() -> Auxv {
    kept().map_or_else(Auxv::default, Start::auxv)
}

/// Gives this thread, the first, its thread-local storage.
///
/// # Errors
/// The kernel refuses, or the program has more thread-local storage than a first thread can have.
///
/// # Safety
/// - Called once, by the first thread, before anything that asks which thread it is.
#[doc(alias = "settls")]
pub unsafe fn set_tls(auxv: &Auxv) -> OsResult<()> {
    // SAFETY: the caller's contract is the same.
    unsafe { tls::set_first(auxv.random.rotate_left(17)) }
}

/// The first thread's word as it is in memory, without the way through the storage; none where that
/// way leads elsewhere. For Go's check after `settls`.
pub fn first_word() -> Option<usize> {
    tls::first_word()
}

/// Keeps what the backend needs of the auxv.
pub fn keep_auxv(auxv: &Auxv) {
    machine::keep(auxv.page_size, auxv.signal_frame_bytes, auxv.random);
}

/// Room for the first thread's alternate stack, which costs nothing until it is used: more than any
/// processor's registers take.
const ALTERNATE: usize = 96 * 1024;

#[repr(C, align(64))]
struct Alternate(UnsafeCell<[u8; ALTERNATE]>);

// SAFETY: nobody but the kernel touches it, for the first thread.
unsafe impl Sync for Alternate {}

static FIRST_ALTERNATE: Alternate = Alternate(UnsafeCell::new([0; ALTERNATE]));

/// Gives this thread, the first, the stack that its fault handlers run on. Needs what [`keep_auxv`]
/// keeps.
///
/// # Errors
/// The system refuses.
pub fn set_signal_stack() -> OsResult<()> {
    let room = FIRST_ALTERNATE.0.get().cast::<u8>();
    // SAFETY: the static is for this; a second call would give the same thread the same stack.
    unsafe { signal_stack::set_first::<crate::Linux>(room, ALTERNATE) }
}

/// Opens the standard streams that are closed on `/dev/null`, so that no file or socket gets their
/// numbers, and what is meant for the terminal.
///
/// # Errors
/// There is no `/dev/null`.
pub fn open_standard_streams() -> OsResult<()> {
    /// The kernel's `pollfd`.
    #[repr(C)]
    struct Asked {
        descriptor: c_int,
        events: i16,
        found: i16,
    }
    let mut asked = [0, 1, 2].map(|descriptor| Asked { descriptor, events: 0, found: 0 });
    let at_once: [u64; 2] = [0; 2];
    let args = [asked.as_mut_ptr().addr(), asked.len(), (&raw const at_once).addr(), 0, 0];
    // One call asks for all three, and doesn't wait. A sandbox that refuses it has left the streams
    // alone.
    // SAFETY: the array lives through the call, and is as long as it says, and so does the time.
    let _ = unsafe { call(linux::__NR_ppoll, args) };
    for asked in &asked {
        if asked.found as u32 & linux::POLLNVAL != 0 {
            let path = c"/dev/null".as_ptr().addr();
            // The lowest free number, which is this one. The path is a whole one, so that the
            // first argument counts for nothing.
            // SAFETY: a text with its end, which lives through the call.
            unsafe { call(linux::__NR_openat, [0, path, linux::O_RDWR as usize, 0, 0]) }?;
        }
    }
    Ok(())
}

/// Writes all of `text` to descriptor 1, or as much as it takes.
pub fn print(text: &[u8]) {
    // SAFETY: the descriptor is used for this call only; a closed one is an error that is ignored.
    output::write(unsafe { rustix::stdio::stdout() }, text);
}

const _: () = assert!(size_of::<usize>() == 8);
