//! Contexts, and the switch between them: the pictures are in the head of the crate.

use core::arch::{asm, naked_asm};

use rt_core::{Arch, Context, Entry, Exit};

#[cfg(feature = "valgrind")]
use crate::valgrind;

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
        // Not by `call`: no `ret` would follow, and whoever goes on from `exit` has the return predictor.
        "lea rcx, [rip + 2f]",
        "push rcx",
        "jmp r12",
        "2:",
        "ud2",
        ".cfi_endproc",
    )
}
