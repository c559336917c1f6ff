//! The handler of SIGSEGV and SIGBUS, and whoever was there before it.
//!
//! Life of a fault: (1) the kernel calls [`on_fault`] on the thread's alternate stack; (2) the core
//! says whether the address is a guard of ours; (3) if so, it has written its report and the
//! process aborts; (4) if not, [`pass_on`] does what would have happened without us. std's own
//! handler, which reports the overflow of a thread's stack, is such a predecessor.
//!
//! A signal that somebody *sent* (`kill -SEGV`) has no address, and skips (2) and (3).

use crate::host::process;
use crate::host::signals::{self, Action};
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, transmute};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use linux_raw_sys::general::{SIGBUS, SIGSEGV};
use rt_core::{FOREVER, Fault, OsResult};

const SIGNALS: [c_int; 2] = [SIGSEGV as c_int, SIGBUS as c_int];

/// Addresses that are no handlers.
const DEFAULT: usize = 0;
const IGNORE: usize = 1;

const ABSENT: u32 = 0;
const INSTALLING: u32 = 1;
const INSTALLED: u32 = 2;
/// Somebody installs, and others may sleep until that is done.
const AWAITED: u32 = 3;

/// Who installs. Written and read by callers of [`catch`]; the one that swaps in `INSTALLING` does
/// it, the others sleep on the word.
static STAGE: AtomicU32 = AtomicU32::new(ABSENT);

/// The core's `fn(usize) -> Fault`. Written by the installer, after `BEFORE` and before the
/// handlers are in place; read by the handlers.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// The actions of before, in the order of [`SIGNALS`]. Written by the installer only, before
/// `HANDLER`; read by handlers, after it.
static BEFORE: Before = Before(UnsafeCell::new([const { MaybeUninit::uninit() }; 2]));

struct Before(UnsafeCell<[MaybeUninit<Action>; 2]>);

// SAFETY: one thread writes it, in the stage `INSTALLING`; handlers read it later than their load
// of `HANDLER`, which is stored after those writes.
unsafe impl Sync for Before {}

/// The beginning of what the kernel tells a handler (`siginfo_t`).
#[repr(C)]
pub(crate) struct Report {
    signal: c_int,
    errno: c_int,
    code: c_int,
    /// Of a fault: where. Of a signal that was sent: something else.
    address: usize,
}

const _: () = assert!(core::mem::offset_of!(Report, address) == 16);

type SimpleHandler = extern "C" fn(c_int);
type FullHandler = extern "C" fn(c_int, *mut Report, *mut c_void);

/// As `Os::catch_faults`. Calls after the first that succeeded change nothing.
pub(crate) fn catch(handler: fn(usize) -> Fault) -> OsResult<()> {
    loop {
        // Acquire: pairs with the Release below, so that a caller that is told "installed" finds
        // the handlers in place. Release: this stage publishes nothing, but a failed attempt's
        // roll-back must precede the next attempt.
        match STAGE.compare_exchange(ABSENT, INSTALLING, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(INSTALLED) => return Ok(()),
            Err(_) => {
                // Relaxed: who installs wakes whoever sleeps, and publishes with its own store.
                let _ = STAGE.compare_exchange(
                    INSTALLING,
                    AWAITED,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                crate::futex::wait(&STAGE, AWAITED, FOREVER);
            }
        }
    }
    let result = install(handler);
    let stage = if result.is_ok() { INSTALLED } else { ABSENT };
    // Release: pairs with the Acquire above.
    if STAGE.swap(stage, Ordering::Release) == AWAITED {
        crate::futex::wake(&STAGE, u32::MAX);
    }
    result
}

/// Puts [`on_fault`] in place of both signals' actions, or of none.
fn install(handler: fn(usize) -> Fault) -> OsResult<()> {
    let mut before = [const { MaybeUninit::uninit() }; 2];
    for (&signal, before) in SIGNALS.iter().zip(&mut before) {
        *before = MaybeUninit::new(signals::action(signal)?);
    }
    // SAFETY: only the installer writes, and no handler of ours is in place to read.
    unsafe { BEFORE.0.get().write(before) };
    // Release: pairs with the Acquire in on_fault(), which reads `BEFORE` after it.
    HANDLER.store(handler as *mut (), Ordering::Release);
    for (index, &signal) in SIGNALS.iter().enumerate() {
        // The mask, and whether calls are restarted, stay what the predecessor asked for: it may
        // be the one that answers.
        let ours = previous(index).with_handler(on_fault as FullHandler as usize);
        if let Err(refused) = signals::set_action(signal, &ours) {
            if index > 0 {
                // It was accepted a moment ago, as what it replaced had been.
                let _ = signals::set_action(SIGNALS[0], &previous(0));
            }
            return Err(refused);
        }
    }
    Ok(())
}

/// Step 1 to 3. Calls only what a signal handler may: the core's handler has the same duty.
extern "C" fn on_fault(signal: c_int, info: *mut Report, context: *mut c_void) {
    // SAFETY: the kernel passes a record that lives, unchanged, as long as this call.
    let report = unsafe { &*info };
    // The kernel's own reports have positive codes; signals that are sent have not.
    let sent = report.code <= 0;
    // Acquire: pairs with the Release in install().
    let handler = HANDLER.load(Ordering::Acquire);
    if !sent {
        // SAFETY: only such functions are stored, and before this handler was in place.
        let handler = unsafe { transmute::<*mut (), fn(usize) -> Fault>(handler) };
        if handler(report.address) == Fault::Overflow {
            process::abort();
        }
    }
    pass_on(signal, info, context, sent);
}

/// Step 4: what would have happened without us.
fn pass_on(signal: c_int, info: *mut Report, context: *mut c_void, sent: bool) {
    let before = previous(usize::from(signal == SIGNALS[1]));
    match before.handler() {
        IGNORE if sent => {}
        // A fault can't be ignored: the kernel would take the default action then.
        DEFAULT | IGNORE => {
            // On return the access repeats, and the default action ends the process.
            let _ = signals::set_action(signal, &Action::default());
            if sent {
                // Nothing would repeat it. It waits until this handler has returned.
                signals::raise(signal);
            }
        }
        handler if before.is_full() => {
            // SAFETY: an action with this flag has a handler of this type.
            let handler = unsafe { transmute::<usize, FullHandler>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: an action without the flag has a handler of this type.
            let handler = unsafe { transmute::<usize, SimpleHandler>(handler) };
            handler(signal);
        }
    }
}

/// The action of before for `SIGNALS[index]`.
fn previous(index: usize) -> Action {
    // SAFETY: nobody writes any more: `install` calls this after its write, and handlers run later.
    let before = unsafe { &*BEFORE.0.get() };
    // SAFETY: `install` has initialised both before this function is called.
    unsafe { before[index].assume_init() }
}
