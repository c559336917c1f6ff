//! Into the kernel on 64-bit Arm.

use core::arch::{asm, naked_asm};
use core::ffi::c_void;

use linux_raw_sys::general as linux;
use rt_core::OsResult;

use super::result;

/// A system call with up to five arguments, all passed as full registers.
///
/// # Safety
/// - The arguments are what call `number` asks for.
#[inline]
pub(crate) unsafe fn call(number: u32, args: [usize; 5]) -> OsResult<usize> {
    let x0;
    // x8: the number; x0 to x5: the arguments, of which the sixth is zero for every call here; x0
    // then has the result, and all other registers are as before.
    //
    // Options: nostack, for the kernel has its own. It reads and writes memory.
    // SAFETY: the caller answers for the arguments.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number as usize,
            inlateout("x0") args[0] => x0,
            in("x1") args[1],
            in("x2") args[2],
            in("x3") args[3],
            in("x4") args[4],
            in("x5") 0_usize,
            options(nostack),
        );
    }
    result(x0)
}

/// The call itself. The child comes out of it on `stack`, where there is no frame to return to.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn clone_onto(
    flags: usize,
    stack: *mut [usize; 2],
    parent_number: *const u32,
    child_number: *const u32,
    block: *mut c_void,
) -> usize {
    naked_asm!(
        // The kernel has the last two the other way round on this processor.
        "mov x5, x3",
        "mov x3, x4",
        "mov x4, x5",
        "mov x8, #{clone}",
        "svc #0",
        "cbz x0, 2f",
        "ret",
        "2:",
        "b {begin}",
        clone = const linux::__NR_clone,
        begin = sym thread_begins,
    )
}

/// Where a thread comes out of `clone`: its stack has the function and the argument.
#[unsafe(naked)]
unsafe extern "C" fn thread_begins() {
    naked_asm!(
        // An unwinder that comes here has seen the whole thread.
        ".cfi_startproc",
        ".cfi_undefined x30",
        "mov x29, #0",
        "ldp x9, x0, [sp], #16",
        "blr x9",
        // From here on the stack may go: whoever joins waits for the word that the kernel zeroes.
        "mov x0, #0",
        "mov x8, #{exit}",
        "svc #0",
        "brk #1",
        ".cfi_endproc",
        exit = const linux::__NR_exit,
    )
}

/// What a signal handler returns to: the stack pointer is at what the kernel has saved. Debuggers
/// know it by its bytes.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn return_from_signal() {
    naked_asm!("mov x8, #{sigreturn}", "svc #0", sigreturn = const linux::__NR_rt_sigreturn)
}
