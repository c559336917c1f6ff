//! The thread's word: one slot of thread-local storage, read anew on each call.
//!
//! `#[thread_local]` is unstable, and `thread_local!` needs std. Worse, the compiler may keep the
//! *address* of either over a call, and ours is read by code that moves between threads within a
//! call. So the slot is declared in assembly, and each access computes its address in one `asm!`
//! that is not `pure`: the compiler may neither merge two of them nor move one over a call.
//!
//! The slot is reached by the initial-exec model: its distance from the thread pointer stands in a
//! word that the loader fills. That serves executables, where the linker turns the load into a
//! constant, and shared objects, whose eight bytes come from the room that loaders keep for such.

use core::arch::{asm, global_asm};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("os-linux knows how to reach a thread's word on x86-64 and aarch64 only");

// Global, because `local` is inlined into other objects of the program; hidden, because the slot
// is no business of other shared objects, which have their own.
global_asm!(
    ".pushsection .tbss.gort0_local_word, \"awT\", @nobits",
    ".globl gort0_local_word",
    ".hidden gort0_local_word",
    ".type gort0_local_word, @tls_object",
    ".size gort0_local_word, 8",
    ".p2align 3",
    "gort0_local_word:",
    ".zero 8",
    ".popsection",
);

/// This thread's word, null until [`set_local`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn local() -> *mut () {
    let word;
    // SAFETY: reads the slot above of the running thread, by its distance from the thread pointer.
    // Not `pure`, see above; it only reads memory, pushes nothing and touches no flags.
    unsafe {
        asm!(
            "mov {word}, qword ptr [rip + gort0_local_word@GOTTPOFF]",
            "mov {word}, qword ptr fs:[{word}]",
            word = out(reg) word,
            options(readonly, nostack, preserves_flags),
        );
    }
    word
}

/// Sets this thread's word.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn set_local(word: *mut ()) {
    // SAFETY: writes the slot above of the running thread and nothing else; pushes nothing and
    // touches no flags.
    unsafe {
        asm!(
            "mov {at}, qword ptr [rip + gort0_local_word@GOTTPOFF]",
            "mov qword ptr fs:[{at}], {word}",
            at = out(reg) _,
            word = in(reg) word,
            options(nostack, preserves_flags),
        );
    }
}

/// This thread's word, null until [`set_local`].
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(crate) fn local() -> *mut () {
    let word;
    // SAFETY: reads the slot above of the running thread, by its distance from the thread pointer.
    // Not `pure`, see above; it only reads memory, pushes nothing and touches no flags.
    unsafe {
        asm!(
            "mrs {thread}, tpidr_el0",
            "adrp {word}, :gottprel:gort0_local_word",
            "ldr {word}, [{word}, :gottprel_lo12:gort0_local_word]",
            "ldr {word}, [{thread}, {word}]",
            thread = out(reg) _,
            word = out(reg) word,
            options(readonly, nostack, preserves_flags),
        );
    }
    word
}

/// Sets this thread's word.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(crate) fn set_local(word: *mut ()) {
    // SAFETY: writes the slot above of the running thread and nothing else; pushes nothing and
    // touches no flags.
    unsafe {
        asm!(
            "mrs {thread}, tpidr_el0",
            "adrp {at}, :gottprel:gort0_local_word",
            "ldr {at}, [{at}, :gottprel_lo12:gort0_local_word]",
            "str {word}, [{thread}, {at}]",
            thread = out(reg) _,
            at = out(reg) _,
            word = in(reg) word,
            options(nostack, preserves_flags),
        );
    }
}

/// Where the running thread's word is.
#[cfg(all(feature = "bare", target_arch = "x86_64"))]
pub(crate) fn address() -> *mut *mut () {
    let at;
    // SAFETY: adds the slot's distance to the thread pointer, which `fs:0` has.
    unsafe {
        asm!(
            "mov {at}, qword ptr [rip + gort0_local_word@GOTTPOFF]",
            "add {at}, qword ptr fs:[0]",
            at = out(reg) at,
            options(readonly, nostack),
        );
    }
    at
}

/// Where the running thread's word is.
#[cfg(all(feature = "bare", target_arch = "aarch64"))]
pub(crate) fn address() -> *mut *mut () {
    let at;
    // SAFETY: adds the slot's distance to the thread pointer.
    unsafe {
        asm!(
            "mrs {thread}, tpidr_el0",
            "adrp {at}, :gottprel:gort0_local_word",
            "ldr {at}, [{at}, :gottprel_lo12:gort0_local_word]",
            "add {at}, {at}, {thread}",
            thread = out(reg) _,
            at = out(reg) at,
            options(readonly, nostack, preserves_flags),
        );
    }
    at
}

/// The running thread's control block: its first word is its address.
#[cfg(all(feature = "bare", target_arch = "x86_64"))]
pub(crate) fn thread_pointer() -> *mut u8 {
    let at;
    // SAFETY: reads the first word of the block; pushes nothing and touches no flags.
    unsafe {
        asm!(
            "mov {at}, qword ptr fs:[0]",
            at = out(reg) at,
            options(readonly, nostack, preserves_flags),
        );
    }
    at
}

/// Where the running thread's pointer points.
#[cfg(all(feature = "bare", target_arch = "aarch64"))]
pub(crate) fn thread_pointer() -> *mut u8 {
    let at;
    // SAFETY: reads a register that user code may read.
    unsafe {
        asm!(
            "mrs {at}, tpidr_el0",
            at = out(reg) at,
            options(nomem, nostack, preserves_flags),
        );
    }
    at
}

/// Sets the running thread's pointer, which user code may do on this processor.
///
/// # Safety
/// - There is thread-local storage around it, which stays as long as the thread.
#[cfg(all(feature = "bare", target_arch = "aarch64"))]
pub(crate) unsafe fn set_thread_pointer(at: *mut u8) {
    // Memory is not excluded: slots that are used later are found by the new pointer.
    // SAFETY: the caller answers for what it points at; pushes nothing and touches no flags.
    unsafe {
        asm!("msr tpidr_el0, {at}", at = in(reg) at, options(nostack, preserves_flags));
    }
}
