//! Threads, each in one mapping of ours:
//!
//! ```text
//! low                                                                       high
//! | guard page | alternate stack | guard page | stack ............... | Record |
//! ^ base       ^                              ^                       ^
//! ```
//!
//! Whoever makes the thread puts its thread-local storage at the top of the stack. The guard pages
//! are pages that were never committed. The mapping goes in [`join`], when the thread has ended and
//! nothing runs on it, so no thread needs to take its alternate stack off: it serves until the
//! last destructor of a thread-local.
//!
//! Rejected: a stack of libc's, for it keeps the stacks of ended threads, and "nothing of it is
//! left" would not hold.

use crate::host::thread::Thread;
use crate::{clock, memory, signal_stack, slack};
use core::ffi::{CStr, c_void};
use core::fmt::{self, Write};
use core::mem;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU64, Ordering};
use rt_core::{OsError, OsResult, ThreadHandle};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

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

/// At the top of a thread's mapping.
#[repr(align(64))]
struct Record {
    // Written before the thread starts, read by it.
    entry: unsafe extern "C" fn(*mut ()),
    arg: *mut (),
    alternate: *mut u8,
    // Says itself who writes and reads it.
    thread: Thread,
}

/// Where things are in a mapping; the same for all of them.
struct Layout {
    alternate: usize,
    stack: usize,
    record: usize,
    end: usize,
}

impl Layout {
    fn new() -> Layout {
        let page = memory::page_size();
        let alternate = page;
        let stack = alternate + signal_stack::bytes() + page;
        let end = stack + STACK.next_multiple_of(page);
        Layout { alternate, stack, record: end - size_of::<Record>(), end }
    }
}

/// As `Os::start`.
///
/// # Safety
/// - `arg` is what `entry` expects, and valid on another thread.
pub(crate) unsafe fn start(
    entry: unsafe extern "C" fn(*mut ()),
    arg: *mut (),
) -> OsResult<ThreadHandle> {
    let layout = Layout::new();
    let base = memory::reserve(layout.end)?;
    // SAFETY: `base` is the fresh reservation of the line above, and the caller gives `arg`.
    match unsafe { fill(base, &layout, entry, arg) } {
        Ok(()) => Ok(ThreadHandle(base.expose_provenance())),
        Err(refused) => {
            // SAFETY: the reservation of this function; no thread was started on it.
            unsafe { memory::release(base, layout.end) };
            Err(refused)
        }
    }
}

/// Makes a reservation the picture above and starts a thread on it.
///
/// # Safety
/// - `base` is a reservation of `layout.end` bytes, uncommitted.
/// - `arg` is what `entry` expects, and valid on another thread.
unsafe fn fill(
    base: *mut u8,
    layout: &Layout,
    entry: unsafe extern "C" fn(*mut ()),
    arg: *mut (),
) -> OsResult<()> {
    let alternate = base.wrapping_add(layout.alternate);
    let stack = base.wrapping_add(layout.stack);
    let record = base.wrapping_add(layout.record).cast::<Record>();
    // SAFETY: the alternate stack's part of the reservation.
    unsafe { memory::commit(alternate, signal_stack::bytes()) }?;
    // SAFETY: the stack's part of the reservation.
    unsafe { memory::commit(stack, layout.end - layout.stack) }?;
    let thread = Thread::none();
    // SAFETY: committed above; the end is page-aligned and the size a multiple of the alignment.
    unsafe { record.write(Record { entry, arg, alternate, thread }) };
    // SAFETY: the record was written on the line above.
    let thread = unsafe { &raw mut (*record).thread };

    let bytes = layout.record - layout.stack;
    let refused = REFUSED.load(Ordering::Relaxed);
    let short = refused != 0 && clock::now() < refused + SHORT_FOR;
    for pause in 1.. {
        // SAFETY: the stack is this mapping's, which nobody else uses, and ends where the record
        // begins, which is aligned to 64; `begin` expects the record, and both live as long as the
        // mapping.
        match unsafe { Thread::start(thread, stack, bytes, begin, record.cast()) } {
            Ok(()) => break,
            Err(SHORT) if pause <= RETRIES && !short => {
                // A signal may cut this short; the next pause is longer.
                let _ = rustix::thread::nanosleep(&clock::timespec(pause * 1_000_000));
            }
            Err(refused) => {
                REFUSED.store(clock::now(), Ordering::Relaxed);
                return Err(refused);
            }
        }
    }
    Ok(())
}

/// The first function on the new thread.
extern "C" fn begin(record: *mut c_void) -> *mut c_void {
    let record = record.cast::<Record>();
    // SAFETY: `fill` wrote these fields before the thread started, and nobody writes them again.
    let entry = unsafe { (*record).entry };
    // SAFETY: as above.
    let arg = unsafe { (*record).arg };
    // SAFETY: as above.
    let alternate = unsafe { (*record).alternate };
    // SAFETY: this part of the mapping is for this, and the mapping outlives the thread.
    let set = unsafe { signal_stack::set(alternate, signal_stack::bytes()) };
    debug_assert!(set.is_ok(), "a fresh thread runs on no alternate stack");
    // SAFETY: names the field only.
    let thread = unsafe { &raw const (*record).thread };
    // SAFETY: this is the thread that `fill` has started with this record.
    unsafe { Thread::begun(thread) };
    slack::remove();
    // SAFETY: `start`'s caller promised that `arg` is what `entry` expects.
    unsafe { entry(arg) };
    null_mut()
}

/// As `Os::join`.
///
/// # Safety
/// - `thread` came from [`start`] and was not joined before; it is not the caller.
pub(crate) unsafe fn join(thread: ThreadHandle) {
    let layout = Layout::new();
    let base = core::ptr::with_exposed_provenance_mut::<u8>(thread.0);
    let record = base.wrapping_add(layout.record).cast::<Record>();
    // SAFETY: names a field of the mapping, which lives until the end of this function.
    let thread = unsafe { &raw const (*record).thread };
    // SAFETY: `fill` started it before `start` returned the handle; the rest is the caller's
    // promise.
    let joined = unsafe { Thread::join(thread) };
    if joined {
        // SAFETY: the reservation of `start`; the thread that ran on it has ended.
        unsafe { memory::release(base, layout.end) };
    }
    debug_assert!(joined, "a thread was joined by itself or twice");
}

/// As `Os::thread`: the system's number of the thread.
pub(crate) fn name() -> usize {
    rustix::thread::gettid().as_raw_nonzero().get() as usize
}

/// As `Os::is_blocked`: the state in `/proc/self/task/N/stat`, which stands behind the thread's name
/// in parentheses. (Its CPU clock would be cheaper to read, but stands still as well for one that
/// waits for its turn on a busy machine.)
pub(crate) fn is_blocked(thread: usize) -> bool {
    let mut path = [0; 48];
    let mut stat = [0; 256];
    let mut unwritten = &mut path[..];
    if write!(Text(&mut unwritten), "/proc/self/task/{thread}/stat\0").is_err() {
        return false;
    }
    let Ok(path) = CStr::from_bytes_until_nul(&path) else { return false };
    let Ok(file) = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else {
        return false;
    };
    let Ok(read) = rustix::io::read(&file, &mut stat) else { return false };
    // A name may hold any character, and parentheses.
    let behind = stat[..read].iter().rposition(|&byte| byte == b')');
    matches!(behind.and_then(|at| stat.get(at + 2)), Some(b'S' | b'D'))
}

/// Text that goes into bytes, as much as there is room for.
struct Text<'a, 'b>(&'a mut &'b mut [u8]);

impl Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some((here, rest)) = mem::take(self.0).split_at_mut_checked(text.len()) else {
            return Err(fmt::Error);
        };
        here.copy_from_slice(text.as_bytes());
        *self.0 = rest;
        Ok(())
    }
}
