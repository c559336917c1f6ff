//! The start of a program without libc: from the kernel's first instruction to the first Rust code,
//! and what compiled code takes for granted there.

mod memory;

pub use memory::{compare, copy, fill, length, move_};

/// Defines `_start`, where the kernel starts the program, which calls `$rt0_go` with the kernel's
/// stack pointer: a `unsafe extern "C" fn(*const usize) -> !`.
///
/// ```text
///   sp ->  | argc | argv .. 0 | environment .. 0 | auxv |      (the kernel's, 16-byte aligned)
/// ```
#[macro_export]
macro_rules! rt0 {
    ($rt0_go:path) => {
        /// The program's first instruction.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn _start() {
            ::core::arch::naked_asm!(
                // An unwinder that comes here has seen the whole thread, and so has one that
                // follows frame pointers.
                ".cfi_startproc",
                ".cfi_undefined x30",
                "mov x29, #0",
                "mov x30, #0",
                "mov x0, sp",
                "and sp, x0, #-16",
                "bl {rt0_go}",
                "brk #1",
                ".cfi_endproc",
                rt0_go = sym $rt0_go,
            )
        }
    };
}
