//! Into the kernel: a call by its number, and the three ways in that no compiled function may
//! surround, because their stack is not there any more, or not yet. The instructions are those of the
//! processor's file.

#[cfg_attr(target_arch = "x86_64", path = "syscall/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "syscall/aarch64.rs")]
mod processor;

use core::ffi::c_void;

use linux_raw_sys::general as linux;
use rt_core::{OsError, OsResult};

use processor::clone_onto;
pub(crate) use processor::{call, return_from_signal};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("os-linux: the feature `bare` is for x86-64 and aarch64 so far");

/// Results from here up are errors, negated.
const FIRST_ERROR: usize = -4095_isize as usize;

/// What a call of the kernel means by the register that it returns.
fn result(register: usize) -> OsResult<usize> {
    if register >= FIRST_ERROR { Err(OsError(-(register as isize) as i32)) } else { Ok(register) }
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
