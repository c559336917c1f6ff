//! Into the kernel on x86-64.

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
    let rax;
    // rax: the number, and then the result; rdi, rsi, rdx, r10, r8, r9: the arguments, of which the
    // sixth is zero for every call here; the instruction spoils rcx and r11.
    //
    // Options: nostack, for the kernel has its own. It reads and writes memory.
    // SAFETY: the caller answers for the arguments.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as usize => rax,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") 0_usize,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result(rax)
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
        // The kernel has the fourth argument in r10, and the rest where the ABI has it.
        "mov r10, rcx",
        "mov eax, {clone}",
        "syscall",
        "test rax, rax",
        "jz {begin}",
        "ret",
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
        ".cfi_undefined rip",
        "xor ebp, ebp",
        "pop rax",
        "pop rdi",
        // Two words off an aligned stack: the call enters the function as the ABI wants it.
        "call rax",
        // From here on the stack may go: whoever joins waits for the word that the kernel zeroes.
        "xor edi, edi",
        "mov eax, {exit}",
        "syscall",
        "ud2",
        ".cfi_endproc",
        exit = const linux::__NR_exit,
    )
}

/// What a signal handler returns to: the stack pointer is at what the kernel has saved. Debuggers
/// know it by its bytes.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn return_from_signal() {
    naked_asm!("mov rax, {sigreturn}", "syscall", sigreturn = const linux::__NR_rt_sigreturn)
}
