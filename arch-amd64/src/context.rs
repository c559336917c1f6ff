//! Contexts, and the switch between them: the pictures are in the head of the crate.

use core::arch::{asm, naked_asm};

use rt_core::{Arch, Context, Entry};

#[cfg(feature = "valgrind")]
use crate::valgrind;

/// The x86-64 backend.
#[derive(Debug)]
pub struct Amd64;

impl Arch for Amd64 {
    unsafe fn prepare(top: *mut u8, entry: Entry, arg: *mut ()) -> Context {
        // Of the five words `entry` finds the last, as a `call` would have left it: where the stack
        // pointer is 8 off a multiple of 16.
        let frame = top.wrapping_sub((top.addr() & 15) + 5 * size_of::<usize>());
        let (start, end): (unsafe extern "C" fn(), unsafe extern "C" fn()) = (gostart, goexit);
        let words = [arg.addr(), 0, start as usize, entry as usize, end as usize + 1];
        // SAFETY: the caller owns the 256 bytes below `top`; rounding and frame take 55 at most.
        unsafe { frame.cast::<[usize; 5]>().write_unaligned(words) };
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
    fn prefetch(at: *const ()) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 processor has the instruction, which only hints, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }

    #[inline(always)]
    fn ticks() -> u64 {
        // SAFETY: every x86-64 processor has the instruction, and no kernel that gort runs on
        // takes it away from user code.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
}

/// Where a fresh context starts. rax: the message; rbx: the argument; on the stack, `entry`.
///
/// Not by a `call`: `entry` never returns, and with a `call` that no `ret` answers, each `ret` of
/// whoever goes on after `entry` would be predicted one too early.
#[unsafe(naked)]
unsafe extern "C" fn gostart() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip",
        "mov rdi, rax",
        "mov rsi, rbx",
        "pop rax",
        "jmp rax",
        ".cfi_endproc",
    )
}

/// The return address under every goroutine: one byte further, as if it had called, for unwinders
/// look up what lies before a return address.
#[unsafe(naked)]
unsafe extern "C" fn goexit() {
    naked_asm!(
        // An unwinder that comes here has seen the whole goroutine.
        ".cfi_startproc",
        ".cfi_undefined rip",
        "nop",
        "ud2",
        ".cfi_endproc",
    )
}
