//! The handler of SIGSEGV and SIGBUS, and whoever was there before it.
//!
//! Life of a fault: (1) the kernel calls `on_fault` on the thread's alternate stack; (2) the core
//! says whether the address is a guard of ours; (3) if so, it has written its report and the
//! process aborts; (4) if not, `pass_on` does what would have happened without us. std's own
//! handler, which reports the overflow of a thread's stack, is such a predecessor.
//!
//! A signal that somebody *sent* (`kill -SEGV`) has no address, and skips (2) and (3).

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, transmute};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use rt_core::{FOREVER, Fault, OsResult};

use crate::{Action, Host, Unix};

/// Addresses that are no handlers.
const DEFAULT: usize = 0;
const IGNORE: usize = 1;

const ABSENT: u32 = 0;
const INSTALLING: u32 = 1;
const INSTALLED: u32 = 2;
/// Somebody installs, and others may sleep until that is done.
const AWAITED: u32 = 3;

/// What the handlers need to know. A backend has one for the whole process.
pub struct Faults<H: Host> {
    /// Who installs. Written and read by callers of [`catch`]; the one that swaps in `INSTALLING`
    /// does it, the others sleep on the word.
    stage: AtomicU32,
    /// The core's `fn(usize) -> Fault`. Written by the installer, after `before` and before the
    /// handlers are in place; read by the handlers.
    handler: AtomicPtr<()>,
    /// The actions of before, in the order of [`Host::FAULTS`]. Written by the installer only,
    /// before `handler`; read by handlers, after it.
    before: UnsafeCell<[MaybeUninit<H::Action>; 2]>,
}

// SAFETY: one thread writes `before`, in the stage `INSTALLING`; handlers read it later than their
// load of `handler`, which is stored after those writes. The rest is atomic.
unsafe impl<H: Host> Sync for Faults<H> {}

impl<H: Host> Faults<H> {
    /// Nobody has asked yet.
    pub const fn new() -> Faults<H> {
        Faults {
            stage: AtomicU32::new(ABSENT),
            handler: AtomicPtr::new(null_mut()),
            before: UnsafeCell::new([const { MaybeUninit::uninit() }; 2]),
        }
    }

    /// The action of before for `FAULTS[index]`, once `install` has written it.
    fn previous(&self, index: usize) -> H::Action {
        // SAFETY: nobody writes any more: `install` calls this after its write, and handlers run
        // later.
        let before = unsafe { &*self.before.get() };
        // SAFETY: `install` has initialised both before this function is called.
        unsafe { before[index].assume_init() }
    }
}

impl<H: Host> Default for Faults<H> {
    fn default() -> Faults<H> {
        Faults::new()
    }
}

impl<H: Host> core::fmt::Debug for Faults<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Faults").field("stage", &self.stage).finish_non_exhaustive()
    }
}

type SimpleHandler = extern "C" fn(c_int);
type FullHandler = extern "C" fn(c_int, *mut c_void, *mut c_void);

/// As `Os::catch_faults`. Calls after the first that succeeded change nothing.
///
/// # Errors
/// The system refuses the handlers.
pub fn catch<U: Unix>(handler: fn(usize) -> Fault) -> OsResult<()> {
    let stage = &U::faults().stage;
    loop {
        // Acquire: pairs with the Release below, so that a caller that is told "installed" finds
        // the handlers in place. Release: this stage publishes nothing, but a failed attempt's
        // roll-back must precede the next attempt.
        match stage.compare_exchange(ABSENT, INSTALLING, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(INSTALLED) => return Ok(()),
            Err(_) => {
                // Relaxed: who installs wakes whoever sleeps, and publishes with its own store.
                let _ = stage.compare_exchange(
                    INSTALLING,
                    AWAITED,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                U::wait(stage, AWAITED, FOREVER);
            }
        }
    }
    let result = install::<U>(handler);
    let reached = if result.is_ok() { INSTALLED } else { ABSENT };
    // Release: pairs with the Acquire above.
    if stage.swap(reached, Ordering::Release) == AWAITED {
        U::wake(stage, u32::MAX);
    }
    result
}

/// Puts `on_fault` in place of both signals' actions, or of none.
fn install<U: Unix>(handler: fn(usize) -> Fault) -> OsResult<()> {
    let (faults, signals) = (U::faults(), U::Host::FAULTS);
    let mut before = [const { MaybeUninit::uninit() }; 2];
    for (&signal, before) in signals.iter().zip(&mut before) {
        *before = MaybeUninit::new(U::Host::action(signal)?);
    }
    // SAFETY: only the installer writes, and no handler of ours is in place to read.
    unsafe { faults.before.get().write(before) };
    // Release: pairs with the Acquire in on_fault(), which reads `before` after it.
    faults.handler.store(handler as *mut (), Ordering::Release);
    for (index, &signal) in signals.iter().enumerate() {
        // The mask, and whether calls are restarted, stay what the predecessor asked for: it may
        // be the one that answers.
        let ours = faults.previous(index).with_handler(on_fault::<U> as FullHandler as usize);
        if let Err(refused) = U::Host::set_action(signal, &ours) {
            if index > 0 {
                // It was accepted a moment ago, as what it replaced had been.
                let _ = U::Host::set_action(signals[0], &faults.previous(0));
            }
            return Err(refused);
        }
    }
    Ok(())
}

/// Step 1 to 3. Calls only what a signal handler may: the core's handler has the same duty.
extern "C" fn on_fault<U: Unix>(signal: c_int, report: *mut c_void, context: *mut c_void) {
    // Acquire: pairs with the Release in install().
    let handler = U::faults().handler.load(Ordering::Acquire);
    // SAFETY: this is the handler that the kernel has given the report.
    let address = unsafe { U::Host::fault_address(report) };
    if let Some(address) = address {
        // SAFETY: only such functions are stored, and before this handler was in place.
        let handler = unsafe { transmute::<*mut (), fn(usize) -> Fault>(handler) };
        if handler(address) == Fault::Overflow {
            U::Host::abort();
        }
    }
    pass_on::<U>(signal, report, context, address.is_none());
}

/// Step 4: what would have happened without us.
fn pass_on<U: Unix>(signal: c_int, report: *mut c_void, context: *mut c_void, sent: bool) {
    let before = U::faults().previous(usize::from(signal == U::Host::FAULTS[1]));
    match before.handler() {
        IGNORE if sent => {}
        // A fault can't be ignored: the kernel would take the default action then.
        DEFAULT | IGNORE => {
            // On return the access repeats, and the default action ends the process.
            let _ = U::Host::set_action(signal, &Action::default());
            if sent {
                // Nothing would repeat it. It waits until this handler has returned.
                U::Host::raise(signal);
            }
        }
        handler if before.is_full() => {
            // SAFETY: an action with this flag has a handler of this type.
            let handler = unsafe { transmute::<usize, FullHandler>(handler) };
            handler(signal, report, context);
        }
        handler => {
            // SAFETY: an action without the flag has a handler of this type.
            let handler = unsafe { transmute::<usize, SimpleHandler>(handler) };
            handler(signal);
        }
    }
}
