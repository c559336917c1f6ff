//! What only Darwin has. `stand_in` has the same names for Linux.

use core::ffi::{CStr, c_int, c_void};
use core::mem::{MaybeUninit, transmute};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use rt_core::{OsError, OsResult, Shortage};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::mm::{MprotectFlags, mprotect};
use rustix::net::{SendFlags, sockopt};

pub(crate) use libc::{
    EV_ADD, EV_CLEAR, EV_DELETE, EV_EOF, EV_ERROR, EV_RECEIPT, EVFILT_READ, EVFILT_USER,
    EVFILT_WRITE, NOTE_TRIGGER, kevent, kevent as Kevent,
};

/// The clock that stands still while the machine sleeps, as std's `Instant` has it.
pub(crate) const CLOCK: libc::clockid_t = libc::CLOCK_UPTIME_RAW;
/// The bytes that the kernel needs on an alternate stack: it refuses smaller ones.
pub(crate) const SIGNAL_FRAME_BYTES: usize = libc::MINSIGSTKSZ;
/// What keeps a send from raising a signal: sockets are told once, by [`silence`].
pub(crate) const SEND: SendFlags = SendFlags::empty();
/// What to raise when there are no threads left.
pub(crate) const RAISE_THREADS: &str = "the system's limit of threads (kern.num_taskthreads)";

/// The calling thread's `errno`.
pub(crate) fn errno() -> OsError {
    // SAFETY: callable at any time; asked anew each time, for the caller may change its thread.
    let at = unsafe { libc::__error() };
    // SAFETY: libc returns the address of this thread's `errno`, which lives as long as the thread.
    OsError(unsafe { *at })
}

/// A span in the system's two words.
pub(crate) fn timespec(nanos: u64) -> libc::timespec {
    let time = os_unix::clock::timespec(nanos);
    libc::timespec { tv_sec: time.tv_sec, tv_nsec: time.tv_nsec as libc::c_long }
}

/// A new kqueue, closed on exec. (A child of `fork` has none of its parent's in any case.)
pub(crate) fn kqueue() -> OsResult<c_int> {
    // SAFETY: takes nothing.
    let queue = unsafe { libc::kqueue() };
    if queue < 0 {
        return Err(errno());
    }
    // SAFETY: a descriptor of ours. It can't refuse this.
    unsafe { libc::fcntl(queue, libc::F_SETFD, libc::FD_CLOEXEC) };
    Ok(queue)
}

/// Closes a kqueue.
pub(crate) fn close_kqueue(queue: c_int) {
    // SAFETY: the caller's own descriptor, which is used no more.
    unsafe { libc::close(queue) };
}

/// Waits for a condition for so many nanoseconds at most.
///
/// # Safety
/// - The calling thread holds the mutex; both live through the call.
pub(crate) unsafe fn condition_wait(
    condition: *mut libc::pthread_cond_t,
    mutex: *mut libc::pthread_mutex_t,
    nanos: u64,
) {
    let span = timespec(nanos);
    // SAFETY: the caller's promise; the span lives through the call.
    unsafe { libc::pthread_cond_timedwait_relative_np(condition, mutex, &raw const span) };
}

type Wait = unsafe extern "C" fn(*mut c_void, u64, usize, u32) -> c_int;
type WaitFor = unsafe extern "C" fn(*mut c_void, u64, usize, u32, u32, u64) -> c_int;
type Wake = unsafe extern "C" fn(*mut c_void, usize, u32) -> c_int;

/// `OS_CLOCK_MACH_ABSOLUTE_TIME`: the clock that the span is counted by.
const MACH_TIME: u32 = 32;

/// `os_sync_wait_on_address` and its kin, where the system has them (14.4).
#[derive(Clone, Copy)]
pub(crate) struct WaitOnAddress {
    wait: Wait,
    wait_for: WaitFor,
    wake_any: Wake,
    wake_all: Wake,
}

/// Where the four calls are, in the order of [`NAMES`]: not asked yet, or [`ABSENT`], or an address.
/// Written by the first callers, who find the same. The last is written last, and a read of it that
/// finds an address proves the others.
static CALLS: [AtomicPtr<c_void>; 4] = [const { AtomicPtr::new(null_mut()) }; 4];

const ABSENT: *mut c_void = core::ptr::without_provenance_mut(1);

const NAMES: [&CStr; 4] = [
    c"os_sync_wait_on_address",
    c"os_sync_wait_on_address_with_timeout",
    c"os_sync_wake_by_address_any",
    c"os_sync_wake_by_address_all",
];

/// The calls, if the system has them.
pub(crate) fn wait_on_address() -> Option<WaitOnAddress> {
    // Acquire: pairs with the Release in look_up().
    let mut last = CALLS[3].load(Ordering::Acquire);
    if last.is_null() {
        last = look_up();
    }
    if last == ABSENT {
        return None;
    }
    // Relaxed: written before the last, which the load above has seen.
    let [wait, wait_for, wake_any, wake_all] =
        [0, 1, 2, 3].map(|index: usize| CALLS[index].load(Ordering::Relaxed));
    // SAFETY: the system's function of the first name, which has this type.
    let wait = unsafe { transmute::<*mut c_void, Wait>(wait) };
    // SAFETY: the second.
    let wait_for = unsafe { transmute::<*mut c_void, WaitFor>(wait_for) };
    // SAFETY: the third.
    let wake_any = unsafe { transmute::<*mut c_void, Wake>(wake_any) };
    // SAFETY: the fourth.
    let wake_all = unsafe { transmute::<*mut c_void, Wake>(wake_all) };
    Some(WaitOnAddress { wait, wait_for, wake_any, wake_all })
}

#[cold]
fn look_up() -> *mut c_void {
    // SAFETY: a name that ends with zero.
    let found = NAMES.map(|name| unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) });
    let all = found.iter().all(|call| !call.is_null());
    for (to, call) in CALLS.iter().zip(found) {
        // Release: pairs with the Acquire in wait_on_address(), for the last.
        to.store(if all { call } else { ABSENT }, Ordering::Release);
    }
    if all { found[3] } else { ABSENT }
}

impl WaitOnAddress {
    /// Sleeps on the word, for so many nanoseconds at most if there is a limit.
    pub(crate) fn wait(&self, word: &AtomicU32, expected: u32, limit: Option<u64>) {
        let (at, value) = (word.as_ptr().cast(), u64::from(expected));
        match limit {
            // SAFETY: a live word of four bytes.
            None => unsafe { (self.wait)(at, value, 4, 0) },
            // SAFETY: as above.
            Some(nanos) => unsafe { (self.wait_for)(at, value, 4, 0, MACH_TIME, nanos) },
        };
    }

    /// Wakes `n` who wait at this address. Nothing is read there.
    pub(crate) fn wake(&self, word: *const AtomicU32, n: u32) {
        let at = word.cast_mut().cast();
        if n == u32::MAX {
            // SAFETY: the address is a name.
            unsafe { (self.wake_all)(at, 4, 0) };
            return;
        }
        for _ in 0..n {
            // SAFETY: as above. Negative: nobody is left.
            if unsafe { (self.wake_any)(at, 4, 0) } < 0 {
                return;
            }
        }
    }
}

/// As `Os::thread`: the port by which the kernel knows it.
pub(crate) fn thread() -> usize {
    // SAFETY: takes nothing.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: a thread that lives.
    unsafe { libc::pthread_mach_thread_np(this) as usize }
}

/// As `Os::is_blocked`.
pub(crate) fn is_blocked(thread: usize) -> bool {
    let mut info = MaybeUninit::<libc::thread_basic_info>::zeroed();
    let mut words = libc::THREAD_BASIC_INFO_COUNT;
    // SAFETY: room for as many words as is said; a name of no thread is refused.
    let told = unsafe {
        libc::thread_info(
            thread as libc::mach_port_t,
            libc::THREAD_BASIC_INFO as libc::thread_flavor_t,
            info.as_mut_ptr().cast(),
            &raw mut words,
        )
    };
    // SAFETY: plain numbers, zeroed above.
    let info = unsafe { info.assume_init() };
    told == libc::KERN_SUCCESS
        && matches!(info.run_state, libc::TH_STATE_WAITING | libc::TH_STATE_UNINTERRUPTIBLE)
}

/// What the kernel says of this process.
fn task() -> Option<libc::proc_taskinfo> {
    let mut info = MaybeUninit::<libc::proc_taskinfo>::zeroed();
    let bytes = size_of::<libc::proc_taskinfo>() as c_int;
    // SAFETY: takes nothing.
    let process = unsafe { libc::getpid() };
    // SAFETY: room for as many bytes as is said.
    let told = unsafe {
        libc::proc_pidinfo(process, libc::PROC_PIDTASKINFO, 0, info.as_mut_ptr().cast(), bytes)
    };
    // SAFETY: plain numbers, zeroed above.
    let info = unsafe { info.assume_init() };
    (told == bytes).then_some(info)
}

/// As `Os::threads`.
pub(crate) fn threads() -> usize {
    task().map_or(0, |task| task.pti_threadnum as usize)
}

/// How many KiB of addresses the process has.
pub(crate) fn address_kib() -> Option<u64> {
    task().map(|task| task.pti_virtual_size >> 10)
}

/// Whether mappings are what ran out: there is no limit.
pub(crate) fn shortage_of_mappings() -> Option<Shortage> {
    None
}

unsafe extern "C" {
    // What clang calls for C++'s thread-locals, and std for its own.
    fn _tlv_atexit(f: unsafe extern "C" fn(*mut c_void), arg: *mut c_void);
}

/// As `Os::at_thread_end`, which always works here.
///
/// # Safety
/// - `arg` is what `f` expects, until then.
pub(crate) unsafe fn at_thread_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) {
    // SAFETY: a function of one pointer is one of another.
    let f =
        unsafe { transmute::<unsafe extern "C" fn(*mut ()), unsafe extern "C" fn(*mut c_void)>(f) };
    // SAFETY: the caller's promise.
    unsafe { _tlv_atexit(f, arg.cast()) };
}

/// How many processors there are for us.
pub(crate) fn cpus() -> usize {
    // SAFETY: takes a number.
    let online = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    usize::try_from(online).unwrap_or(1)
}

/// How many threads there may be: the system tells a number that is the machine's.
pub(crate) fn most_threads() -> Option<u64> {
    None
}

/// Keeps a socket from raising signals.
pub(crate) fn silence(socket: &OwnedFd) -> Result<(), Errno> {
    sockopt::set_socket_nosigpipe(socket, true)
}

/// Keeps huge pages from a mapping: there are none unless one asks.
///
/// # Safety
/// - The range was mapped by the caller.
pub(crate) unsafe fn forbid_huge_pages(_at: *mut u8, _bytes: usize) {}

/// Takes all rights from a range.
///
/// # Safety
/// - The range is committed, on page borders, and holds nothing that is used again.
pub(crate) unsafe fn forbid(at: *mut u8, bytes: usize) -> OsResult<()> {
    // SAFETY: the caller gave us this range to spoil.
    unsafe { mprotect(at.cast(), bytes, MprotectFlags::empty()) }.map_err(os_unix::error)
}
