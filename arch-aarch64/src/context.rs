//! Contexts, and the switch between them: the pictures are in the head of the crate.

use core::arch::{asm, naked_asm};

use rt_core::{Arch, Context, Entry};

/// The backend for 64-bit Arm.
#[derive(Debug)]
pub struct Aarch64;

impl Arch for Aarch64 {
    unsafe fn prepare(top: *mut u8, entry: Entry, arg: *mut ()) -> Context {
        // Six words, so that the stack pointer is a multiple of 16 below and above each part.
        let frame = top.wrapping_sub((top.addr() & 15) + 6 * size_of::<usize>());
        let (start, end): (unsafe extern "C" fn(), unsafe extern "C" fn()) = (gostart, goexit);
        let words = [arg.addr(), 0, start as usize, 0, entry as usize, end as usize + 4];
        // SAFETY: the caller owns the 256 bytes below `top`; rounding and frame take 63 at most.
        unsafe { frame.cast::<[usize; 6]>().write_unaligned(words) };
        Context(frame)
    }

    #[inline(always)]
    unsafe fn switch(save: *mut Context, to: Context, message: usize) -> usize {
        let received;
        // x0: where to store this context; x1: the one to go on with; x2: the message, which the
        // other side finds there too.
        //
        // Options: none. It reads and writes memory, uses the stack, and changes flags.
        // SAFETY: stores and loads as in the picture. The caller vouches for both contexts; all
        // registers are declared as changed, or saved here (x19, x29), or the stack pointer, which
        // is back when somebody resumes this context.
        unsafe {
            asm!(
                "adr x3, 2f",
                "stp x19, x29, [sp, #-32]!",
                "str x3, [sp, #16]",
                "mov x3, sp",
                "str x3, [x0]",
                // From here on we are the other one.
                "mov sp, x1",
                "ldr x3, [sp, #16]",
                "ldp x19, x29, [sp], #32",
                "br x3",
                "2:",
                inout("x0") save => _,
                inout("x1") to.0 => _,
                inout("x2") message => received,
                lateout("x20") _,
                lateout("x21") _,
                lateout("x22") _,
                lateout("x23") _,
                lateout("x24") _,
                lateout("x25") _,
                lateout("x26") _,
                lateout("x27") _,
                lateout("x28") _,
                clobber_abi("C"),
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
                "mov sp, x1",
                "ldr x3, [sp, #16]",
                "ldp x19, x29, [sp], #32",
                "br x3",
                in("x1") to.0,
                in("x2") message,
                options(noreturn),
            );
        }
    }

    #[inline(always)]
    fn pause() {
        core::hint::spin_loop();
    }

    #[inline(always)]
    fn prefetch(at: *const ()) {
        // SAFETY: only hints, whatever the address.
        unsafe {
            asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(nostack, preserves_flags));
        }
    }

    #[inline(always)]
    fn ticks() -> u64 {
        let ticks;
        // SAFETY: every such processor has the virtual counter, and no kernel that gort runs on
        // takes it away from user code. It changes nothing; not `pure`, for each read differs.
        unsafe {
            asm!(
                "mrs {ticks}, cntvct_el0",
                ticks = out(reg) ticks,
                options(nomem, nostack, preserves_flags),
            );
        }
        ticks
    }
}

/// Where a fresh context starts. x2: the message; x19: the argument; on the stack, `entry` and its return
/// address.
///
/// Not by a call: `entry` never returns, and with a call that no return answers, each return of
/// whoever goes on after `entry` would be predicted one too early.
#[unsafe(naked)]
unsafe extern "C" fn gostart() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined x30",
        "mov x0, x2",
        "mov x1, x19",
        "ldp x9, x30, [sp], #16",
        "br x9",
        ".cfi_endproc",
    )
}

/// The return address under every goroutine: one instruction further, as if it had called, for
/// unwinders look up what lies before a return address.
#[unsafe(naked)]
unsafe extern "C" fn goexit() {
    naked_asm!(
        // An unwinder that comes here has seen the whole goroutine, and so has one that follows
        // frame pointers: x29 is zero.
        ".cfi_startproc",
        ".cfi_undefined x30",
        "nop",
        "brk #1",
        ".cfi_endproc",
    )
}
