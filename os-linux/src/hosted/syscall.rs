//! A system call by its number, through libc.

use rt_core::{OsError, OsResult};

/// A system call with up to five arguments, all passed as full registers.
///
/// # Safety
/// - The arguments are what call `number` asks for.
pub(crate) unsafe fn call(number: u32, args: [usize; 5]) -> OsResult<usize> {
    let [a, b, c, d, e] = args;
    let number = i64::from(number);
    // SAFETY: the caller answers for the arguments; the sixth register is zero for every call here.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, 0_usize) };
    if let Ok(result) = usize::try_from(result) {
        return Ok(result);
    }
    // SAFETY: callable at any time; asked anew each time, for the caller may change its thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: libc returns the address of this thread's `errno`, which lives as long as the thread.
    Err(OsError(unsafe { *errno }))
}
