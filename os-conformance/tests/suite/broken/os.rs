//! Faults of threads, sleep and memory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use os_linux::Linux;
use rt_core::{FOREVER, Fault, GuardKind, Os, OsError, OsResult, Shortage, ThreadHandle};

use super::Broken;
use crate::faults::*;

/// Longer than the patience of the suites that look for faults.
pub(super) const LONG: u64 = 800_000_000;

/// How often the clock was read that steps back, or asked for a fence that flickers.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// The word of all threads.
static WORD: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

/// What was to be released.
static KEPT: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Releases what was to be.
pub(crate) fn release_kept() {
    let kept = std::mem::take(&mut *KEPT.lock().expect("no test panics with this lock"));
    for (at, bytes) in kept {
        // SAFETY: a reservation of Linux whose user has called `release`, taken out of the list.
        unsafe { Linux::release(std::ptr::with_exposed_provenance_mut(at), bytes) };
    }
}

/// A deadline of a clock that counts pairs of nanoseconds, as Linux counts.
pub(super) fn deadline<const FAULT: usize>(until: u64) -> u64 {
    if FAULT == CLOCK_CREEPS { until.saturating_mul(2) } else { until }
}

/// What a thread is to call.
struct Start {
    entry: unsafe extern "C" fn(*mut ()),
    arg: *mut (),
}

unsafe extern "C" fn with_a_word(start: *mut ()) {
    // SAFETY: `start` below gives a box of it away.
    let start = unsafe { Box::from_raw(start.cast::<Start>()) };
    Linux::set_local(std::ptr::without_provenance_mut(8));
    // SAFETY: the duty of whoever called `start`.
    unsafe { (start.entry)(start.arg) };
}

impl<const FAULT: usize> Os for Broken<FAULT> {
    fn page_size() -> usize {
        Linux::page_size()
    }

    fn reserve(bytes: usize) -> OsResult<*mut u8> {
        let at = Linux::reserve(bytes)?;
        Ok(if FAULT == RESERVES_UNALIGNED { at.wrapping_add(16) } else { at })
    }

    unsafe fn commit(at: *mut u8, bytes: usize) -> OsResult<()> {
        // SAFETY: the caller's contract is the same.
        unsafe { Linux::commit(at, bytes) }?;
        if FAULT == COMMITS_DIRT {
            // SAFETY: committed in the line above.
            unsafe { at.write(1) };
        }
        Ok(())
    }

    unsafe fn guard(first: *mut u8, bytes: usize, stride: usize, count: usize) -> OsResult<()> {
        let (first, count) = match FAULT {
            GUARDS_NOTHING => return Ok(()),
            GUARDS_FIRST => (first, 1),
            GUARDS_NEXT_PAGE => (first.wrapping_add(bytes), count),
            _ => (first, count),
        };
        // SAFETY: the caller's contract is the same; no check guards the last page of a region.
        unsafe { Linux::guard(first, bytes, stride, count) }
    }

    fn populate(pages: &[*mut u8]) {
        Linux::populate(pages);
        if FAULT == POPULATES_ZEROS {
            // SAFETY: checks populate committed pages of their own.
            pages.iter().for_each(|page| unsafe { page.write_bytes(0, Linux::page_size()) });
        }
    }

    unsafe fn discard(at: *mut u8, bytes: usize) {
        let bytes = match FAULT {
            DISCARDS_NOTHING => return,
            DISCARDS_MORE => bytes + Linux::page_size(),
            _ => bytes,
        };
        // SAFETY: the caller's contract is the same; no check discards the last page of a region.
        unsafe { Linux::discard(at, bytes) };
    }

    unsafe fn release(at: *mut u8, bytes: usize) {
        match FAULT {
            RELEASES_NOTHING => {
                let mut kept = KEPT.lock().expect("no test panics with this lock");
                kept.push((at.expose_provenance(), bytes));
            }
            // SAFETY: where `reserve` found it.
            RESERVES_UNALIGNED => unsafe { Linux::release(at.wrapping_sub(16), bytes) },
            // SAFETY: the caller's contract is the same.
            _ => unsafe { Linux::release(at, bytes) },
        }
    }

    fn guard_kind() -> GuardKind {
        Linux::guard_kind()
    }

    fn cpus() -> usize {
        if FAULT == NO_CPUS { 0 } else { Linux::cpus() }
    }

    fn most_cpus() -> usize {
        if FAULT == NO_MOST_CPUS { 0 } else { Linux::most_cpus() }
    }

    unsafe fn start(entry: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> OsResult<ThreadHandle> {
        let (entry, arg) = match FAULT {
            INHERITS_A_WORD => {
                let start = Box::into_raw(Box::new(Start { entry, arg }));
                (with_a_word as unsafe extern "C" fn(*mut ()), start.cast())
            }
            _ => (entry, arg),
        };
        // SAFETY: the caller's contract is the same, or the box is what `with_a_word` expects.
        let thread = unsafe { Linux::start(entry, arg) }?;
        if FAULT == STARTS_INLINE {
            // SAFETY: started in the line above; `join` below leaves it alone.
            unsafe { Linux::join(thread) };
        }
        Ok(thread)
    }

    unsafe fn join(thread: ThreadHandle) {
        match FAULT {
            STARTS_INLINE => {}
            JOINS_AT_ONCE => drop(std::thread::spawn(move || {
                // SAFETY: the caller's contract is the same.
                unsafe { Linux::join(thread) }
            })),
            // SAFETY: the caller's contract is the same.
            _ => unsafe { Linux::join(thread) },
        }
    }

    fn enter_thread() -> OsResult<usize> {
        Linux::enter_thread()
    }

    unsafe fn leave_thread(token: usize) {
        // SAFETY: the caller's contract is the same.
        unsafe { Linux::leave_thread(token) }
    }

    unsafe fn at_thread_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> bool {
        if FAULT == ENDS_EARLY {
            // SAFETY: `arg` is what `f` expects.
            unsafe { f(arg) };
            return true;
        }
        // SAFETY: the caller's contract is the same.
        unsafe { Linux::at_thread_end(f, arg) }
    }

    fn local() -> *mut () {
        if FAULT == ONE_WORD { WORD.load(Ordering::Relaxed) } else { Linux::local() }
    }

    fn set_local(word: *mut ()) {
        if FAULT == ONE_WORD {
            WORD.store(word, Ordering::Relaxed);
        } else {
            Linux::set_local(word);
        }
    }

    fn wait(word: &AtomicU32, expected: u32, until: u64) {
        let until = deadline::<FAULT>(until);
        let now = || word.load(Ordering::Relaxed);
        match FAULT {
            SLEEPLESS => {}
            FOREVER_IS_OVER if until >= FOREVER - 1 => {}
            EXPECTS_NOTHING => Linux::wait(word, now(), until),
            GAP if now() == expected => {
                std::thread::sleep(Duration::from_micros(200));
                Linux::wait(word, now(), until);
            }
            OVERSLEEPS => Linux::wait(word, expected, until.saturating_add(LONG)),
            _ => Linux::wait(word, expected, until),
        }
    }

    fn wake(word: *const AtomicU32, n: u32) {
        match FAULT {
            WAKES_NOBODY => {}
            WAKES_ONE => Linux::wake(word, n.min(1)),
            WAKES_ALL => Linux::wake(word, u32::MAX),
            _ => Linux::wake(word, n),
        }
    }

    fn now() -> u64 {
        let now = Linux::now();
        match FAULT {
            CLOCK_CREEPS => now / 2,
            CLOCK_STEPS_BACK if CALLS.fetch_add(1, Ordering::Relaxed) % 1000 == 999 => {
                now - 1_000_000
            }
            _ => now,
        }
    }

    fn fence_all() -> bool {
        let fenced = Linux::fence_all();
        fenced != (FAULT == FENCE_FLICKERS && CALLS.fetch_add(1, Ordering::Relaxed) % 2 == 1)
    }

    fn seed() -> u64 {
        if FAULT == SEED_IS_CONSTANT { 4 } else { Linux::seed() }
    }

    fn write_error(text: &[u8]) {
        if FAULT != MUTE {
            Linux::write_error(text);
        }
    }

    fn catch_faults(handler: fn(address: usize) -> Fault) -> OsResult<()> {
        if FAULT == CATCHES_NOTHING { Ok(()) } else { Linux::catch_faults(handler) }
    }

    fn threads() -> usize {
        if FAULT == COUNTS_NO_THREAD { 1 } else { Linux::threads() }
    }

    fn at_fork(child: fn()) -> OsResult<()> {
        fn nothing() {}
        Linux::at_fork(if FAULT == TELLS_NO_CHILD { nothing } else { child })
    }

    fn thread() -> usize {
        if FAULT == ONE_NAME { 1 } else { Linux::thread() }
    }

    fn is_blocked(thread: usize) -> bool {
        match FAULT {
            ALL_BLOCKED => true,
            NONE_BLOCKED => false,
            _ => Linux::is_blocked(thread),
        }
    }

    fn forks() -> u32 {
        if FAULT == COUNTS_NO_FORK { 0 } else { Linux::forks() }
    }

    fn shortage(error: OsError) -> Option<Shortage> {
        if FAULT == SHORT_OF_NOTHING { None } else { Linux::shortage(error) }
    }

    fn abort() -> ! {
        if FAULT == ABORT_EXITS { Linux::exit(1) } else { Linux::abort() }
    }

    fn exit(status: i32) -> ! {
        Linux::exit(if FAULT == EXIT_FORGETS { 1 } else { status })
    }

    fn no_memory() -> OsError {
        if FAULT == OTHER_NO_MEMORY { OsError(-1) } else { Linux::no_memory() }
    }
}
