//! Threads, each in one mapping of ours:
//!
//! ```text
//! low                                                                       high
//! | guard page | alternate stack | Record | guard page | stack ...................... |
//! ^ base       ^                 ^                     ^                              ^
//! ```
//!
//! The stack is whole pages, as some systems want it. Whoever makes the thread may put its
//! thread-local storage at the top. The guard pages
//! are pages that were never committed. The mapping goes in [`join`], when the thread has ended and
//! nothing runs on it, so no thread needs to take its alternate stack off: it serves until the
//! last destructor of a thread-local.
//!
//! Rejected: a stack of libc's, for it keeps the stacks of ended threads, and "nothing of it is
//! left" would not hold.

use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU64, Ordering};

use rt_core::{OsError, OsResult, ThreadHandle};
use rustix::io::Errno;

use crate::{Host, Thread, Unix, clock, signal_stack};

/// The address space of a stack. A worker needs little of it, but threads for blocking calls run
/// any code, and that was tried with std's size.
const STACK: usize = 2 * 1024 * 1024;
/// How often a refusal for want of threads is taken back, after 1, 2, 3, .. milliseconds.
const RETRIES: u64 = 20;
/// How long after a refusal the next one counts at once, in nanoseconds: a program that is short of
/// threads asks again and again, and each time somebody would be held up.
const SHORT_FOR: u64 = 1_000_000_000;
/// The refusal for want of threads.
const SHORT: OsError = OsError(Errno::AGAIN.raw_os_error());

/// When a thread was refused last; 0 for never. Written by whoever was, read by those who start
/// one, and a stale read does no harm, hence `Relaxed`.
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// At the end of an alternate stack's pages.
#[repr(align(64))]
struct Record<T> {
    // Written before the thread starts, read by it.
    entry: unsafe extern "C" fn(*mut ()),
    arg: *mut (),
    alternate: *mut u8,
    // Says itself who writes and reads it.
    thread: T,
}

/// Where things are in a mapping; the same for all of them.
struct Layout {
    alternate: usize,
    record: usize,
    stack: usize,
    end: usize,
}

impl Layout {
    fn new<U: Unix>() -> Layout {
        let page = U::page_size();
        let alternate = page;
        let record_bytes = size_of::<RecordOf<U>>();
        let pages = (signal_stack::bytes::<U>() + record_bytes).next_multiple_of(page);
        let stack = alternate + pages + page;
        let record = alternate + pages - record_bytes;
        Layout { alternate, record, stack, end: stack + STACK.next_multiple_of(page) }
    }
}

type RecordOf<U> = Record<<<U as Unix>::Host as Host>::Thread>;

/// As `Os::start`.
///
/// # Errors
/// The system has no memory or no thread for us.
///
/// # Safety
/// - `arg` is what `entry` expects, and valid on another thread.
pub unsafe fn start<U: Unix>(
    entry: unsafe extern "C" fn(*mut ()),
    arg: *mut (),
) -> OsResult<ThreadHandle> {
    let layout = Layout::new::<U>();
    let base = U::reserve(layout.end)?;
    // SAFETY: `base` is the fresh reservation of the line above, and the caller gives `arg`.
    match unsafe { fill::<U>(base, &layout, entry, arg) } {
        Ok(()) => Ok(ThreadHandle(base.expose_provenance())),
        Err(refused) => {
            // SAFETY: the reservation of this function; no thread was started on it.
            unsafe { U::release(base, layout.end) };
            Err(refused)
        }
    }
}

/// Makes a reservation the picture above and starts a thread on it.
///
/// # Safety
/// - `base` is a reservation of `layout.end` bytes, uncommitted.
/// - `arg` is what `entry` expects, and valid on another thread.
unsafe fn fill<U: Unix>(
    base: *mut u8,
    layout: &Layout,
    entry: unsafe extern "C" fn(*mut ()),
    arg: *mut (),
) -> OsResult<()> {
    let alternate = base.wrapping_add(layout.alternate);
    let stack = base.wrapping_add(layout.stack);
    let record = base.wrapping_add(layout.record).cast::<RecordOf<U>>();
    // SAFETY: this part of the reservation is the alternate stack and the record.
    unsafe { U::commit(alternate, layout.record + size_of::<RecordOf<U>>() - layout.alternate) }?;
    // SAFETY: the stack's part of the reservation.
    unsafe { U::commit(stack, layout.end - layout.stack) }?;
    let thread = <<U as Unix>::Host as Host>::Thread::none();
    // SAFETY: committed above; its end is page-aligned and the size a multiple of the alignment.
    unsafe { record.write(Record { entry, arg, alternate, thread }) };
    // SAFETY: the record was written on the line above.
    let thread = unsafe { &raw mut (*record).thread };

    let bytes = layout.end - layout.stack;
    let refused = REFUSED.load(Ordering::Relaxed);
    let short = refused != 0 && U::now() < refused + SHORT_FOR;
    for pause in 1.. {
        // SAFETY: the stack is this mapping's, whole pages that nobody else uses; `begin` expects
        // the record, and both live as long as the mapping.
        match unsafe { Thread::start(thread, stack, bytes, begin::<U>, record.cast()) } {
            Ok(()) => break,
            Err(SHORT) if pause <= RETRIES && !short => {
                // A signal may cut this short; the next pause is longer.
                let _ = rustix::thread::nanosleep(&clock::timespec(pause * 1_000_000));
            }
            Err(refused) => {
                REFUSED.store(U::now(), Ordering::Relaxed);
                return Err(refused);
            }
        }
    }
    Ok(())
}

/// The first function on the new thread.
extern "C" fn begin<U: Unix>(record: *mut c_void) -> *mut c_void {
    let record = record.cast::<RecordOf<U>>();
    // SAFETY: `fill` wrote these fields before the thread started, and nobody writes them again.
    let entry = unsafe { (*record).entry };
    // SAFETY: as above.
    let arg = unsafe { (*record).arg };
    // SAFETY: as above.
    let alternate = unsafe { (*record).alternate };
    // SAFETY: this part of the mapping is for this, and the mapping outlives the thread.
    let set = unsafe { signal_stack::set::<U>(alternate, signal_stack::bytes::<U>()) };
    debug_assert!(set.is_ok(), "a fresh thread runs on no alternate stack");
    // SAFETY: names the field only.
    let thread = unsafe { &raw const (*record).thread };
    // SAFETY: this is the thread that `fill` has started with this record.
    unsafe { Thread::begun(thread) };
    U::thread_begins();
    // SAFETY: `start`'s caller promised that `arg` is what `entry` expects.
    unsafe { entry(arg) };
    null_mut()
}

/// As `Os::join`.
///
/// # Safety
/// - `thread` came from [`start`] and was not joined before; it is not the caller.
pub unsafe fn join<U: Unix>(thread: ThreadHandle) {
    let layout = Layout::new::<U>();
    let base = core::ptr::with_exposed_provenance_mut::<u8>(thread.0);
    let record = base.wrapping_add(layout.record).cast::<RecordOf<U>>();
    // SAFETY: names a field of the mapping, which lives until the end of this function.
    let thread = unsafe { &raw const (*record).thread };
    // SAFETY: `fill` started it before `start` returned the handle; the rest is the caller's
    // promise.
    let joined = unsafe { Thread::join(thread) };
    if joined {
        // SAFETY: the reservation of `start`; the thread that ran on it has ended.
        unsafe { U::release(base, layout.end) };
    }
    debug_assert!(joined, "a thread was joined by itself or twice");
}
