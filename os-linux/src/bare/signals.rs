//! Actions and masks of signals, and alternate stacks, by the kernel.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use linux_raw_sys::general as linux;
use rt_core::OsResult;

use super::syscall::{call, return_from_signal};
use crate::signal_stack::Stack;

/// A set of signals, as the kernel has it.
pub(crate) type Mask = u64;

/// The bytes of a [`Mask`], which the kernel wants to be told.
const MASK_BYTES: usize = size_of::<Mask>();

/// What happens on a signal: the kernel's `sigaction`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Action {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: Mask,
}

impl Action {
    /// What a signal does to which nobody has given another action.
    pub(crate) fn default() -> Action {
        Action { handler: 0, flags: 0, restorer: 0, mask: 0 }
    }

    /// The handler's address, or `SIG_DFL` or `SIG_IGN`.
    pub(crate) fn handler(&self) -> usize {
        self.handler
    }

    /// Whether the handler takes three arguments.
    pub(crate) fn is_full(&self) -> bool {
        self.flags & linux::SA_SIGINFO as usize != 0
    }

    /// The same with a handler of ours, of three arguments, on the alternate stack. The mask, and
    /// whether calls are restarted, stay what they are.
    pub(crate) fn with_handler(self, handler: usize) -> Action {
        let ours = linux::SA_SIGINFO | linux::SA_ONSTACK | linux::SA_RESTORER;
        let flags = ours as usize | (self.flags & linux::SA_RESTART as usize);
        let restorer: unsafe extern "C" fn() = return_from_signal;
        Action { handler, flags, restorer: restorer as usize, mask: self.mask }
    }
}

/// The action that a signal had before ours: there are no handlers in a program that has just
/// started, so nobody is asked. That the signal was to be ignored when somebody sends it is lost.
pub(crate) fn action(_signal: c_int) -> OsResult<Action> {
    Ok(Action::default())
}

/// Gives a signal an action: the default, one that was in force before, or one with a handler that
/// may be called at any time.
pub(crate) fn set_action(signal: c_int, action: &Action) -> OsResult<()> {
    let new = core::ptr::from_ref(action).addr();
    // SAFETY: `action` is one of those that the sentence above allows, laid out as the kernel has
    // it; nobody asks for the one of before.
    unsafe { call(linux::__NR_rt_sigaction, [signal as usize, new, 0, MASK_BYTES, 0]) }.map(drop)
}

/// Sends the calling thread a signal. Callable from a handler.
pub(crate) fn raise(signal: c_int) {
    // SAFETY: takes nothing.
    let Ok(process) = (unsafe { call(linux::__NR_getpid, [0; 5]) }) else { return };
    // SAFETY: takes nothing.
    let Ok(thread) = (unsafe { call(linux::__NR_gettid, [0; 5]) }) else { return };
    // SAFETY: takes three numbers; what the signal does, its action has said.
    let _ = unsafe { call(linux::__NR_tgkill, [process, thread, signal as usize, 0, 0]) };
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

/// Whether every thread has an alternate stack from its first moments: those that we start, and the
/// first, which `start` gives one.
pub(crate) const ALL_HAVE_STACKS: bool = true;

/// Sets the calling thread's alternate stack, unless `new` is null, and returns the one of before.
/// Refused while the thread runs on it.
///
/// # Safety
/// - `new` is null or readable, and its range nobody else's as long as the thread has it, if it is
///   not marked as disabled.
pub(crate) unsafe fn exchange_stack(new: *const Stack) -> OsResult<Stack> {
    let mut before = MaybeUninit::<Stack>::uninit();
    let args = [new.addr(), before.as_mut_ptr().addr(), 0, 0, 0];
    // SAFETY: the caller answers for `new`; `before` is writable, and both are laid out as the
    // kernel has it.
    unsafe { call(linux::__NR_sigaltstack, args) }?;
    // SAFETY: written by the successful call above.
    Ok(unsafe { before.assume_init() })
}
