//! Actions of signals and alternate stacks, by libc.

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use rt_core::{OsError, OsResult};

use crate::signal_stack::Stack;

/// What happens on a signal.
#[derive(Clone, Copy)]
pub(crate) struct Action(libc::sigaction);

impl Action {
    /// What a signal does to which nobody has given another action.
    pub(crate) fn default() -> Action {
        // SAFETY: the type is plain data, and all zero is valid: no flags, an empty mask, `SIG_DFL`.
        let action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        debug_assert_eq!(action.sa_sigaction, libc::SIG_DFL);
        Action(action)
    }

    /// The handler's address, or `SIG_DFL` or `SIG_IGN`.
    pub(crate) fn handler(&self) -> usize {
        self.0.sa_sigaction
    }

    /// Whether the handler takes three arguments.
    pub(crate) fn is_full(&self) -> bool {
        self.0.sa_flags & libc::SA_SIGINFO != 0
    }

    /// The same with a handler of ours, of three arguments, on the alternate stack. The mask, and
    /// whether calls are restarted, stay what they are.
    pub(crate) fn with_handler(mut self, handler: usize) -> Action {
        self.0.sa_sigaction = handler;
        self.0.sa_flags =
            libc::SA_SIGINFO | libc::SA_ONSTACK | (self.0.sa_flags & libc::SA_RESTART);
        self
    }
}

/// The action that a signal has at this moment.
pub(crate) fn action(signal: c_int) -> OsResult<Action> {
    let mut action = Action::default();
    // SAFETY: asks only, and `action` is writable.
    match unsafe { libc::sigaction(signal, null(), &mut action.0) } {
        0 => Ok(action),
        _ => Err(OsError(libc::EINVAL)),
    }
}

/// Gives a signal an action: the default, one that was in force before, or one with a handler that
/// may be called at any time.
pub(crate) fn set_action(signal: c_int, action: &Action) -> OsResult<()> {
    // SAFETY: `action` is one of those that the sentence above allows.
    match unsafe { libc::sigaction(signal, &action.0, null_mut()) } {
        0 => Ok(()),
        _ => Err(OsError(libc::EINVAL)),
    }
}

/// Sends the calling thread a signal. Callable from a handler.
pub(crate) fn raise(signal: c_int) {
    // SAFETY: callable from a handler, with any signal.
    unsafe { libc::raise(signal) };
}

/// Whether every thread has an alternate stack from its first moments: not those of others.
pub(crate) const ALL_HAVE_STACKS: bool = false;

/// Sets the calling thread's alternate stack, unless `new` is null, and returns the one of before.
/// Refused while the thread runs on it.
///
/// # Safety
/// - `new` is null or readable, and its range nobody else's as long as the thread has it, if it is
///   not marked as disabled.
pub(crate) unsafe fn exchange_stack(new: *const Stack) -> OsResult<Stack> {
    let mut before = MaybeUninit::<Stack>::uninit();
    // SAFETY: the caller answers for `new`; `before` is writable; `Stack` is laid out as `stack_t`,
    // see below.
    if unsafe { libc::sigaltstack(new.cast(), before.as_mut_ptr().cast()) } != 0 {
        return Err(OsError(libc::EPERM));
    }
    // SAFETY: written by the successful call above.
    Ok(unsafe { before.assume_init() })
}

const _: () = assert!(size_of::<Stack>() == size_of::<libc::stack_t>());
