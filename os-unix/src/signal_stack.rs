//! Alternate signal stacks: where the fault handler runs when a goroutine's stack has ended.
//!
//! A thread that we start gets one inside its own mapping (`threads`). A thread of others gets one
//! from [`enter`], in a mapping of its own:
//!
//! ```text
//! low                                                        high
//! | guard page | alternate stack ...................... | Saved |
//! ^ token
//! ```
//!
//! std gives its threads one as well, but of 8 KiB, or just what the kernel needs to save the
//! registers if that is more. The report of an overflow formats text, so [`enter`] puts ours in
//! its place for as long as the thread runs goroutines.

use core::ffi::c_int;

use rt_core::OsResult;

use crate::{Host, Unix};

/// What handlers may use beyond the registers that the kernel saves: the core's report, and
/// whatever handler was there before ours.
const ROOM: usize = 64 * 1024;
/// A stack of others with less than this beyond the registers is replaced.
const ENOUGH: usize = 32 * 1024;

/// An alternate stack.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    /// Where it begins, at its low end.
    pub at: *mut u8,
    /// What the system says about it.
    pub flags: c_int,
    /// How long it is.
    pub bytes: usize,
}

/// At the top of a mapping that [`enter`] made: what to put back.
struct Saved(Stack);

/// The bytes of an alternate stack, whole pages.
pub fn bytes<U: Unix>() -> usize {
    (U::signal_frame_bytes() + ROOM).next_multiple_of(U::page_size())
}

/// Makes the range the calling thread's alternate stack, and returns what it had before.
///
/// # Errors
/// The thread runs on the one it has.
///
/// # Safety
/// - The range is writable and nobody else's for as long as the thread has it.
pub unsafe fn set<U: Unix>(at: *mut u8, bytes: usize) -> OsResult<Stack> {
    // SAFETY: the caller gives the range.
    unsafe { U::Host::exchange_stack(Some(&Stack { at, flags: 0, bytes })) }
}

/// Prepares a thread that the core did not start. 0: it had a stack that will do.
///
/// # Errors
/// The system gives no memory for it.
pub fn enter<U: Unix>() -> OsResult<usize> {
    if U::Host::ALL_HAVE_STACKS {
        return Ok(0);
    }
    let has = current::<U>()?;
    let needs = U::signal_frame_bytes() + ENOUGH;
    if has.flags & U::Host::DISABLED == 0 && has.bytes >= needs {
        return Ok(0);
    }
    let base = U::reserve(mapping_bytes::<U>())?;
    // SAFETY: `base` is the fresh reservation of the line above.
    match unsafe { install::<U>(base) } {
        Ok(()) => Ok(base.expose_provenance()),
        Err(refused) => {
            // SAFETY: the reservation of this function, which no thread uses as a stack.
            unsafe { U::release(base, mapping_bytes::<U>()) };
            Err(refused)
        }
    }
}

/// Gives the calling thread, the first of its process, an alternate stack for good: `room` if that
/// is large enough, or a mapping.
///
/// # Errors
/// The system gives no memory for it.
///
/// # Safety
/// - The range is writable and nobody else's from now on.
pub unsafe fn set_first<U: Unix>(room: *mut u8, room_bytes: usize) -> OsResult<()> {
    if room_bytes >= bytes::<U>() {
        // SAFETY: the caller gives the range.
        return unsafe { set::<U>(room, room_bytes) }.map(drop);
    }
    let base = U::reserve(mapping_bytes::<U>())?;
    // SAFETY: the fresh reservation of the line above, which is never given back.
    unsafe { install::<U>(base) }
}

/// Undoes [`enter`].
///
/// # Safety
/// - `token` came from [`enter`] on this thread and was not used before.
pub unsafe fn leave<U: Unix>(token: usize) {
    if token == 0 {
        return;
    }
    let base = core::ptr::with_exposed_provenance_mut::<u8>(token);
    // SAFETY: `install` wrote it there, and the mapping lives until the end of this function.
    let saved = unsafe { saved::<U>(base).read() };
    // SAFETY: the stack of before belonged to this thread before `enter`, and its owner is told
    // nothing of us, so it still does.
    if unsafe { U::Host::exchange_stack(Some(&saved.0)) }.is_err() {
        // The thread runs on it at this moment, which must not be taken away.
        return;
    }
    // SAFETY: the whole reservation of `enter`, which is no longer this thread's stack.
    unsafe { U::release(base, mapping_bytes::<U>()) };
}

/// Turns a reservation of [`mapping_bytes`] into the picture above and enters it.
///
/// # Safety
/// - `base` is such a reservation, uncommitted.
unsafe fn install<U: Unix>(base: *mut u8) -> OsResult<()> {
    let stack = base.wrapping_add(U::page_size());
    // SAFETY: all of the caller's reservation but its first page.
    unsafe { U::commit(stack, mapping_bytes::<U>() - U::page_size()) }?;
    let bytes = saved::<U>(base).addr() - stack.addr();
    // SAFETY: committed above, below `Saved`, and the caller's alone.
    let before = unsafe { set::<U>(stack, bytes) }?;
    // SAFETY: committed above, aligned (see below), and beyond the stack.
    unsafe { saved::<U>(base).write(Saved(before)) };
    Ok(())
}

/// The guard page, and the stack with [`Saved`] at its end.
fn mapping_bytes<U: Unix>() -> usize {
    U::page_size() + bytes::<U>()
}

/// Where a mapping keeps what to put back.
fn saved<U: Unix>(base: *mut u8) -> *mut Saved {
    base.wrapping_add(mapping_bytes::<U>() - size_of::<Saved>()).cast()
}

/// The end of the mapping is page-aligned, so is `Saved` below it, and the stack below that.
const _: () = assert!(size_of::<Saved>().is_multiple_of(align_of::<Saved>()));

/// The calling thread's alternate stack.
fn current<U: Unix>() -> OsResult<Stack> {
    // SAFETY: changes nothing.
    unsafe { U::Host::exchange_stack(None) }
}
