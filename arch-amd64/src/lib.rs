//! gort on x86-64: a context is a stack pointer, and this is what lies there.
//!
//! ```text
//!   prepare                          switch
//!   top ->  +------------------+     +------------------+
//!   +40     |  0               |     |                  |
//!   +32     |  exit            |     |  caller's frame  |
//!   +24     |  entry           |     |                  |
//!           +------------------+     +------------------+
//!   +16     |  goexit          |     |  where to resume |
//!   +8      |  rbp = 0         |     |  rbp             |
//!   sp ->   |  rbx = arg       |     |  rbx             |
//!           +------------------+     +------------------+
//! ```
//!
//! `switch` is inline assembly that clobbers every register but the two that the compiler doesn't
//! let it: what is live across it, the compiler has saved by then, and it is usually little. It is
//! no function, so that no `call` puts an entry on the processor's return predictor that no `ret`
//! takes off: with one, each return of the goroutine that comes up is predicted one level off, and
//! a yield costs 17 ns instead of 8 (Zen 5, `bench switch`).
//!
//! MXCSR and the x87 control word are shared by all goroutines of a thread: code that changes the
//! rounding mode has to restore it before it parks (saving both costs 3.7 ns a round trip, and
//! hardly anyone changes them).
#![no_std]

use core::arch::{asm, naked_asm};

extern crate alloc;

mod cpu;
pub mod rt0;
pub mod tls;
#[cfg(feature = "valgrind")]
mod valgrind;

pub use cpu::Cpu;

use rt_core::{Arch, Context, Entry, Exit};

/// The x86-64 backend.
#[derive(Debug)]
pub struct Amd64;

impl Arch for Amd64 {
    unsafe fn prepare(top: *mut u8, entry: Entry, exit: Exit, arg: *mut ()) -> Context {
        // Seven words with the zeros above them. `goexit` pops two, and must then have a stack
        // pointer that is a multiple of 16, so that its `call` enters `entry` as the ABI wants it.
        let frame = top.wrapping_sub((top.addr() & 15) + 7 * size_of::<usize>());
        let start: unsafe extern "C" fn() = goexit;
        let words = [arg.addr(), 0, start as usize, entry as usize, exit as usize, 0, 0];
        // SAFETY: the caller owns the 256 bytes below `top`; rounding and frame take 71 at most.
        unsafe { frame.cast::<[usize; 7]>().write_unaligned(words) };
        Context(frame)
    }

    #[inline(always)]
    unsafe fn switch(save: *mut Context, to: Context, message: usize) -> usize {
        let received;
        // rdi: where to store this context; rsi: the one to go on with; rax: the message, which the
        // other side finds there too.
        //
        // Options: none. It reads and writes memory, uses the stack, and changes flags.
        // SAFETY: pushes and pops as in the picture. The caller vouches for both contexts; all
        // registers are declared as changed, or saved here (rbx, rbp), or the stack pointer, which
        // is back when somebody resumes this context.
        unsafe {
            asm!(
                "lea rcx, [rip + 2f]",
                "push rcx",
                "push rbp",
                "push rbx",
                "mov [rdi], rsp",
                // From here on we are the other one.
                "mov rsp, rsi",
                "pop rbx",
                "pop rbp",
                "pop rcx",
                "jmp rcx",
                "2:",
                inout("rdi") save => _,
                inout("rsi") to.0 => _,
                inout("rax") message => received,
                lateout("r12") _,
                lateout("r13") _,
                lateout("r14") _,
                lateout("r15") _,
                clobber_abi("sysv64"),
            );
        }
        received
    }

    #[inline(always)]
    unsafe fn gogo(to: Context, message: usize) -> ! {
        // As the second half of `switch`; `noreturn` because nothing comes back here.
        // SAFETY: the caller vouches for the context, and that this stack is done with.
        unsafe {
            asm!(
                "mov rsp, rsi",
                "pop rbx",
                "pop rbp",
                "pop rcx",
                "jmp rcx",
                in("rsi") to.0,
                in("rax") message,
                options(noreturn),
            );
        }
    }

    #[cfg(feature = "valgrind")]
    fn stack_begins(low: *mut u8, high: *mut u8) -> usize {
        valgrind::stack_register(low, high)
    }

    #[cfg(feature = "valgrind")]
    fn stack_ends(number: usize) {
        valgrind::stack_deregister(number);
    }

    #[inline(always)]
    fn pause() {
        core::hint::spin_loop();
    }

    #[inline(always)]
    fn ticks() -> u64 {
        // SAFETY: every x86-64 processor has the instruction, and no kernel that gort runs on
        // takes it away from user code.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
}

/// Where a fresh context starts, and so the return address under every goroutine.
///
/// rax: the message; rbx: the argument; on the stack, `entry` and `exit`. To start here with a
/// `call`, instead of planting an address for `entry` to `ret` to, keeps the return predictor right.
#[unsafe(naked)]
unsafe extern "C" fn goexit() {
    naked_asm!(
        // An unwinder that comes here has seen the whole goroutine.
        ".cfi_startproc",
        ".cfi_undefined rip",
        "mov rdi, rax",
        "mov rsi, rbx",
        "pop rax",
        "pop r12",
        "call rax",
        "call r12",
        "ud2",
        ".cfi_endproc",
    )
}
