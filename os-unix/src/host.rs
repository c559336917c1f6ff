//! Who makes threads and keeps signals for a program: libc, or the program itself.

use core::ffi::{c_int, c_void};

use rt_core::OsResult;

use crate::signal_stack::Stack;

/// Who makes threads and keeps signals: libc, or a program that has none.
pub trait Host: Sized + 'static {
    /// What happens on a signal.
    type Action: Action;
    /// A thread that is started once and joined once.
    type Thread: Thread;
    /// The numbers of SIGSEGV and SIGBUS.
    const FAULTS: [c_int; 2];
    /// The flag of a [`Stack`] that is none.
    const DISABLED: c_int;
    /// Whether every thread has an alternate stack from its first moments, those of others too.
    const ALL_HAVE_STACKS: bool;

    /// The action that a signal has at this moment.
    ///
    /// # Errors
    /// There is no such signal.
    fn action(signal: c_int) -> OsResult<Self::Action>;

    /// Gives a signal an action: the default, one that was in force before, or one with a handler
    /// that may be called at any time.
    ///
    /// # Errors
    /// The signal can't have it.
    fn set_action(signal: c_int, action: &Self::Action) -> OsResult<()>;

    /// Sends the calling thread a signal. Callable from a handler.
    fn raise(signal: c_int);

    /// Where the fault was that a handler is told of; none for a signal that was sent.
    ///
    /// # Safety
    /// - `report` is the second argument of a handler of [`Host::FAULTS`], which has not returned.
    unsafe fn fault_address(report: *const c_void) -> Option<usize>;

    /// Sets the calling thread's alternate stack, if there is a new one, and returns the one of
    /// before.
    ///
    /// # Errors
    /// The thread runs on the one it has.
    ///
    /// # Safety
    /// - The range of `new` is nobody else's as long as the thread has it, unless it is marked as
    ///   [`Host::DISABLED`].
    unsafe fn exchange_stack(new: Option<&Stack>) -> OsResult<Stack>;

    /// Ends the process by `SIGABRT`.
    fn abort() -> !;
}

/// What happens on a signal.
pub trait Action: Copy + 'static {
    /// What a signal does to which nobody has given another action.
    fn default() -> Self;

    /// The handler's address, or 0 for the default, or 1 for nothing.
    fn handler(&self) -> usize;

    /// Whether the handler takes three arguments.
    fn is_full(&self) -> bool;

    /// The same with a handler of ours, of three arguments, on the alternate stack. The mask, and
    /// whether calls are restarted, stay what they are.
    #[must_use]
    fn with_handler(self, handler: usize) -> Self;
}

/// A thread that is started once and joined once, on a stack of ours.
pub trait Thread: Sized + 'static {
    /// None yet.
    fn none() -> Self;

    /// Starts a thread that calls `begin(arg)` on this stack and ends when that returns.
    ///
    /// # Errors
    /// The system has no thread for us.
    ///
    /// # Safety
    /// - `this` is writable, and stays where it is until [`Thread::join`].
    /// - The stack is whole pages, writable and zero, and the thread's own until then.
    /// - `arg` is what `begin` expects.
    unsafe fn start(
        this: *mut Self,
        stack: *mut u8,
        bytes: usize,
        begin: extern "C" fn(*mut c_void) -> *mut c_void,
        arg: *mut c_void,
    ) -> OsResult<()>;

    /// Called by the new thread when it has its alternate stack, before anything else of it.
    ///
    /// # Safety
    /// - `this` is the calling thread's.
    unsafe fn begun(this: *const Self);

    /// Waits until the thread has ended and nothing runs on its stack. False: that is not to be.
    ///
    /// # Safety
    /// - [`Thread::start`] has started it, and nobody has joined it yet; it is not the caller.
    unsafe fn join(this: *const Self) -> bool;
}
