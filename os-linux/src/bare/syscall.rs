//! Into the kernel: a call by its number, and the three ways in that no compiled function may
//! surround, because their stack is not there any more, or not yet.

use core::arch::{asm, naked_asm};
use core::ffi::c_void;

use linux_raw_sys::general as linux;
use rt_core::{OsError, OsResult};

#[cfg(not(target_arch = "x86_64"))]
compile_error!("os-linux: the feature `bare` is for x86-64 so far");

/// Results from here up are errors, negated.
const FIRST_ERROR: usize = -4095_isize as usize;

/// What a call of the kernel means by the register that it returns.
fn result(rax: usize) -> OsResult<usize> {
    if rax >= FIRST_ERROR { Err(OsError(-(rax as isize) as i32)) } else { Ok(rax) }
}

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

/// Makes a thread that takes the two words at `stack` off it, calls the first with the second, and
/// ends when that returns. Returns its number, or an error, here only.
///
/// # Safety
/// - `stack` is a multiple of 16 and the end of a stack that is the thread's until it has ended;
///   the two words at it are a function and its argument.
/// - `number` is written with the thread's number before it starts, and zeroed, with a wake, when it
///   has ended.
/// - `block` is a thread control block of the thread's own.
/// - Every signal is blocked.
pub(crate) unsafe fn clone(
    stack: *mut [usize; 2],
    number: *const u32,
    block: *mut c_void,
) -> OsResult<usize> {
    let flags = linux::CLONE_VM
        | linux::CLONE_FS
        | linux::CLONE_FILES
        | linux::CLONE_SIGHAND
        | linux::CLONE_SYSVSEM
        | linux::CLONE_THREAD
        | linux::CLONE_SETTLS
        | linux::CLONE_PARENT_SETTID
        | linux::CLONE_CHILD_CLEARTID;
    // SAFETY: the caller's contract is the function's.
    result(unsafe { clone_onto(flags as usize, stack, number, number, block) })
}

/// The call itself. The child comes out of it on `stack`, where there is no frame to return to.
#[unsafe(naked)]
unsafe extern "C" fn clone_onto(
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
