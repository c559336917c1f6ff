//! What the kernel says of a stopped thread that this one traces, in the form that is the same on
//! every processor. Not every libc has a name for it.

use std::mem::MaybeUninit;

/// Where the thread is: `ptrace_syscall_info`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Stopped {
    what: u8,
    unused: [u8; 3],
    processor: u32,
    /// The next instruction.
    pub instruction: u64,
    /// The stack pointer.
    pub stack: u64,
    number: u64,
    args: [u64; 6],
    more: [u64; 1],
}

/// The thread enters a call.
const ENTERS: u8 = 1;

/// Asks the kernel.
///
/// # Panics
/// When the thread is not stopped, or not traced by the calling thread.
pub fn stopped(thread: i32) -> Stopped {
    let mut info = MaybeUninit::<Stopped>::zeroed();
    let bytes = size_of_val(&info);
    // `PTRACE_GET_SYSCALL_INFO`.
    // SAFETY: `info` is writable for `bytes`.
    let filled = unsafe { libc::ptrace(0x420e, thread, bytes, info.as_mut_ptr()) };
    assert!(filled > 0, "PTRACE_GET_SYSCALL_INFO: {}", std::io::Error::last_os_error());
    // SAFETY: plain numbers, zeroed above and filled by the kernel.
    unsafe { info.assume_init() }
}

impl Stopped {
    /// The number and the arguments of the call that it enters, if it does.
    pub fn entered_call(&self) -> Option<(u64, [u64; 6])> {
        (self.what == ENTERS).then_some((self.number, self.args))
    }
}
