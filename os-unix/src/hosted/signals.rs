//! Actions of signals and alternate stacks, by libc.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use rt_core::{OsError, OsResult};

use crate::Host;
use crate::hosted::{PosixThread, process};
use crate::signal_stack::Stack;

/// Programs of libc's.
#[derive(Clone, Copy, Debug)]
pub struct Libc;

/// What happens on a signal.
#[derive(Clone, Copy)]
pub struct Action(libc::sigaction);

impl crate::Action for Action {
    fn default() -> Action {
        // SAFETY: the type is plain data, and all zero is valid: no flags, an empty mask, `SIG_DFL`.
        let action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        debug_assert_eq!(action.sa_sigaction, libc::SIG_DFL);
        Action(action)
    }

    fn handler(&self) -> usize {
        self.0.sa_sigaction
    }

    fn is_full(&self) -> bool {
        self.0.sa_flags & libc::SA_SIGINFO != 0
    }

    fn with_handler(mut self, handler: usize) -> Action {
        self.0.sa_sigaction = handler;
        self.0.sa_flags =
            libc::SA_SIGINFO | libc::SA_ONSTACK | (self.0.sa_flags & libc::SA_RESTART);
        self
    }
}

/// Codes from here up are of signals that somebody sent, where they are not negative.
const FIRST_SENT: c_int = 0x10001;

impl Host for Libc {
    type Action = Action;
    type Thread = PosixThread;
    const FAULTS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];
    const DISABLED: c_int = libc::SS_DISABLE;
    const ALL_HAVE_STACKS: bool = false;

    fn action(signal: c_int) -> OsResult<Action> {
        let mut action = <Action as crate::Action>::default();
        // SAFETY: asks only, and `action` is writable.
        match unsafe { libc::sigaction(signal, null(), &mut action.0) } {
            0 => Ok(action),
            _ => Err(OsError(libc::EINVAL)),
        }
    }

    fn set_action(signal: c_int, action: &Action) -> OsResult<()> {
        // SAFETY: `action` is one of those that the trait allows.
        match unsafe { libc::sigaction(signal, &action.0, null_mut()) } {
            0 => Ok(()),
            _ => Err(OsError(libc::EINVAL)),
        }
    }

    fn raise(signal: c_int) {
        // SAFETY: callable from a handler, with any signal.
        unsafe { libc::raise(signal) };
    }

    unsafe fn fault_address(report: *const c_void) -> Option<usize> {
        // SAFETY: the kernel's record, which stays unchanged until the handler returns.
        let report = unsafe { &*report.cast::<libc::siginfo_t>() };
        // The kernel's own reports have small positive codes.
        if !(1..FIRST_SENT).contains(&report.si_code) {
            return None;
        }
        // SAFETY: the report of a fault has an address.
        Some(unsafe { report.si_addr() }.addr())
    }

    unsafe fn exchange_stack(new: Option<&Stack>) -> OsResult<Stack> {
        let new = new.map(|new| libc::stack_t {
            ss_sp: new.at.cast(),
            ss_flags: new.flags,
            // Some systems want to hear a size even with the news that there is no stack.
            ss_size: new.bytes.max(libc::MINSIGSTKSZ),
        });
        let new = new.as_ref().map_or(null(), core::ptr::from_ref);
        let mut before = MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: the caller answers for the range; `before` is writable.
        if unsafe { libc::sigaltstack(new, before.as_mut_ptr()) } != 0 {
            return Err(OsError(libc::EPERM));
        }
        // SAFETY: written by the successful call above.
        let before = unsafe { before.assume_init() };
        Ok(Stack { at: before.ss_sp.cast(), flags: before.ss_flags, bytes: before.ss_size })
    }

    fn abort() -> ! {
        process::abort()
    }
}
