//! Actions and masks of signals, and alternate stacks, by the kernel.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use linux_raw_sys::general as linux;
use os_unix::signal_stack::Stack;
use rt_core::OsResult;

use super::syscall::{call, return_from_signal};
use super::thread::Thread;

/// A set of signals, as the kernel has it.
pub(crate) type Mask = u64;

/// The bytes of a [`Mask`], which the kernel wants to be told.
const MASK_BYTES: usize = size_of::<Mask>();

/// Programs without libc.
#[derive(Clone, Copy, Debug)]
pub struct Bare;

/// What happens on a signal: the kernel's `sigaction`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Action {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: Mask,
}

impl os_unix::Action for Action {
    fn default() -> Action {
        Action { handler: 0, flags: 0, restorer: 0, mask: 0 }
    }

    fn handler(&self) -> usize {
        self.handler
    }

    fn is_full(&self) -> bool {
        self.flags & linux::SA_SIGINFO as usize != 0
    }

    fn with_handler(self, handler: usize) -> Action {
        let ours = linux::SA_SIGINFO | linux::SA_ONSTACK | linux::SA_RESTORER;
        let flags = ours as usize | (self.flags & linux::SA_RESTART as usize);
        let restorer: unsafe extern "C" fn() = return_from_signal;
        Action { handler, flags, restorer: restorer as usize, mask: self.mask }
    }
}

/// The beginning of what the kernel tells a handler (`siginfo_t`).
#[repr(C)]
struct Report {
    signal: c_int,
    errno: c_int,
    code: c_int,
    /// Of a fault: where. Of a signal that was sent: something else.
    address: usize,
}

const _: () = assert!(core::mem::offset_of!(Report, address) == 16);

/// The kernel's `stack_t`.
#[repr(C)]
struct KernelStack {
    at: *mut u8,
    flags: c_int,
    bytes: usize,
}

impl os_unix::Host for Bare {
    type Action = Action;
    type Thread = Thread;
    const FAULTS: [c_int; 2] = [linux::SIGSEGV as c_int, linux::SIGBUS as c_int];
    const DISABLED: c_int = linux::SS_DISABLE as c_int;
    /// Those that we start have one, and the first, which `start` gives one.
    const ALL_HAVE_STACKS: bool = true;

    /// There are no handlers in a program that has just started, so nobody is asked. That the
    /// signal was to be ignored when somebody sends it is lost.
    fn action(_signal: c_int) -> OsResult<Action> {
        Ok(<Action as os_unix::Action>::default())
    }

    fn set_action(signal: c_int, action: &Action) -> OsResult<()> {
        let new = core::ptr::from_ref(action).addr();
        let args = [signal as usize, new, 0, MASK_BYTES, 0];
        // SAFETY: `action` is one of those that the trait allows, laid out as the kernel has it;
        // nobody asks for the one of before.
        unsafe { call(linux::__NR_rt_sigaction, args) }.map(drop)
    }

    fn raise(signal: c_int) {
        // SAFETY: takes nothing.
        let Ok(process) = (unsafe { call(linux::__NR_getpid, [0; 5]) }) else { return };
        // SAFETY: takes nothing.
        let Ok(thread) = (unsafe { call(linux::__NR_gettid, [0; 5]) }) else { return };
        // SAFETY: takes three numbers; what the signal does, its action has said.
        let _ = unsafe { call(linux::__NR_tgkill, [process, thread, signal as usize, 0, 0]) };
    }

    unsafe fn fault_address(report: *const c_void) -> Option<usize> {
        // SAFETY: the kernel's record, which stays unchanged until the handler returns.
        let report = unsafe { &*report.cast::<Report>() };
        // The kernel's own reports have positive codes; signals that are sent have not.
        (report.code > 0).then_some(report.address)
    }

    unsafe fn exchange_stack(new: Option<&Stack>) -> OsResult<Stack> {
        let new = new.map(|new| KernelStack { at: new.at, flags: new.flags, bytes: new.bytes });
        let new = new.as_ref().map_or(0, |new| core::ptr::from_ref(new).addr());
        let mut before = MaybeUninit::<KernelStack>::uninit();
        let args = [new, before.as_mut_ptr().addr(), 0, 0, 0];
        // SAFETY: the caller answers for the range; `before` is writable, and both are laid out as
        // the kernel has it.
        unsafe { call(linux::__NR_sigaltstack, args) }?;
        // SAFETY: written by the successful call above.
        let before = unsafe { before.assume_init() };
        Ok(Stack { at: before.at, flags: before.flags, bytes: before.bytes })
    }

    fn abort() -> ! {
        super::process::abort()
    }
}

/// Changes the calling thread's mask, and returns the one of before. Callable from a handler.
fn change_mask(how: u32, mask: Mask) -> Mask {
    let mut before: Mask = 0;
    let args = [how as usize, (&raw const mask).addr(), (&raw mut before).addr(), MASK_BYTES, 0];
    // SAFETY: both words live through the call, and have the size that it is told.
    let changed = unsafe { call(linux::__NR_rt_sigprocmask, args) };
    debug_assert!(changed.is_ok(), "a mask was refused");
    before
}

/// Holds every signal back from the calling thread, and returns the mask to undo it with.
pub(crate) fn block_all() -> Mask {
    change_mask(linux::SIG_SETMASK, !0)
}

/// Gives the calling thread this mask.
pub(crate) fn set_mask(mask: Mask) {
    change_mask(linux::SIG_SETMASK, mask);
}

/// Holds this signal back no longer.
pub(crate) fn allow(signal: c_int) {
    change_mask(linux::SIG_UNBLOCK, 1 << (signal - 1));
}
