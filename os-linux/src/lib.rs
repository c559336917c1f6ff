//! gort on Linux: the backend [`Linux`] of the platform traits, for programs whose libc owns the
//! thread-local storage (feature `hosted`), and for programs that have no libc (feature `bare`).
//!
//! One file per protocol, all of them functions that the `impl`s below call. What other Unix systems
//! do as well (threads on mappings of ours, the handler of faults, sockets) is in `os_unix`.
//!
//! | file | what |
//! |---|---|
//! | `memory` | address space and guards |
//! | `threads`, `slack` | what a thread is called, whether it waits, and how exactly it sleeps |
//! | `local` | the thread's word |
//! | `futex`, `clock`, `fence` | sleep, time, and the fence on everybody's behalf |
//! | `cpus`, `cgroup` | how many processors we may use |
//! | `process` | seed, number of threads, who handled faults before us |
//! | `shortage` | what an error says that there is too little of |
//! | `poll`, `net` | epoll, and how sockets are made |
//! | `raw` | the few system calls that rustix lacks |
//! | `hosted` | threads, signals, the end and forks, by libc |
//! | `bare` | the same by the kernel alone; how such a program starts, and its heap |
//!
//! The last two have modules of the same names, and the crate knows the chosen one as `host`.

#![no_std]

extern crate alloc;

#[cfg(all(feature = "hosted", feature = "bare"))]
compile_error!(
    "os-linux: choose one of the features `hosted` and `bare`; of gort, `os-linux-bare` goes with \
     `default-features = false` and neither `platform-auto` nor `os-linux`"
);
#[cfg(not(any(feature = "hosted", feature = "bare")))]
compile_error!("os-linux: choose the feature `hosted` (libc is there) or `bare` (it is not)");

#[cfg(feature = "bare")]
#[path = "bare/mod.rs"]
mod host;
#[cfg(not(feature = "bare"))]
#[path = "hosted/mod.rs"]
mod host;

mod cgroup;
mod clock;
mod cpus;
mod fence;
mod futex;
mod local;
mod memory;
mod net;
mod poll;
mod process;
mod raw;
mod shortage;
mod slack;
mod threads;

#[cfg(feature = "bare")]
pub use host::heap::Heap;
#[cfg(feature = "bare")]
pub use host::start;

use core::sync::atomic::AtomicU32;
use os_unix::{error, output, signal_stack};
use rt_core::{
    Event, Fault, GuardKind, Os, OsError, OsResult, Poll, Poller, Shortage, Socket, ThreadHandle,
};

/// Linux, as a platform for the core: `rt_core::platform!(os = os_linux::Linux, ..)`.
#[derive(Clone, Copy, Debug)]
pub struct Linux;

impl os_unix::Unix for Linux {
    type Host = host::Host;

    fn faults() -> &'static os_unix::faults::Faults<host::Host> {
        process::faults()
    }

    fn signal_frame_bytes() -> usize {
        host::machine::signal_frame_bytes()
    }

    fn thread_begins() {
        slack::remove();
    }
}

impl Os for Linux {
    fn page_size() -> usize {
        memory::page_size()
    }

    fn reserve(bytes: usize) -> OsResult<*mut u8> {
        memory::reserve(bytes)
    }

    unsafe fn commit(at: *mut u8, bytes: usize) -> OsResult<()> {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { memory::commit(at, bytes) }
    }

    unsafe fn guard(first: *mut u8, bytes: usize, stride: usize, count: usize) -> OsResult<()> {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { memory::guard(first, bytes, stride, count) }
    }

    fn populate(pages: &[*mut u8]) {
        memory::populate(pages);
    }

    unsafe fn discard(at: *mut u8, bytes: usize) {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { memory::discard(at, bytes) }
    }

    unsafe fn release(at: *mut u8, bytes: usize) {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { memory::release(at, bytes) }
    }

    fn guard_kind() -> GuardKind {
        memory::guard_kind()
    }

    fn cpus() -> usize {
        cpus::cpus()
    }

    fn most_cpus() -> usize {
        cpus::most_cpus()
    }

    unsafe fn start(entry: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> OsResult<ThreadHandle> {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { os_unix::threads::start::<Linux>(entry, arg) }
    }

    unsafe fn join(thread: ThreadHandle) {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { os_unix::threads::join::<Linux>(thread) }
    }

    fn enter_thread() -> OsResult<usize> {
        // The stack's token is the address of a page: the low bit is free for the slack.
        let stack = signal_stack::enter::<Linux>()?;
        Ok(stack | usize::from(slack::remove()))
    }

    unsafe fn leave_thread(token: usize) {
        if token & 1 == 1 {
            slack::restore();
        }
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { signal_stack::leave::<Linux>(token & !1) }
    }

    fn threads() -> usize {
        process::threads()
    }

    #[inline]
    unsafe fn at_thread_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> bool {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { host::thread::at_end(f, arg) }
    }

    fn thread() -> usize {
        threads::name()
    }

    fn is_blocked(thread: usize) -> bool {
        threads::is_blocked(thread)
    }

    fn local() -> *mut () {
        local::local()
    }

    #[inline]
    fn set_local(word: *mut ()) {
        local::set_local(word);
    }

    fn wait(word: &AtomicU32, expected: u32, until: u64) {
        futex::wait(word, expected, until);
    }

    fn wake(word: *const AtomicU32, n: u32) {
        futex::wake(word, n);
    }

    fn now() -> u64 {
        clock::now()
    }

    fn fence_all() -> bool {
        fence::fence_all()
    }

    fn seed() -> u64 {
        process::seed()
    }

    fn write_error(text: &[u8]) {
        output::write_error(text);
    }

    fn catch_faults(handler: fn(address: usize) -> Fault) -> OsResult<()> {
        os_unix::faults::catch::<Linux>(handler)
    }

    fn abort() -> ! {
        host::abort()
    }

    fn exit(status: i32) -> ! {
        host::exit(status)
    }

    fn at_fork(child: fn()) -> OsResult<()> {
        host::at_fork(child)
    }

    fn forks() -> u32 {
        host::forks()
    }

    fn shortage(error: OsError) -> Option<Shortage> {
        shortage::shortage(error)
    }

    fn no_memory() -> OsError {
        error(rustix::io::Errno::NOMEM)
    }
}

impl Poller for Linux {
    fn open() -> OsResult<Poll> {
        poll::open()
    }

    fn close(poll: Poll) {
        poll::close(poll);
    }

    fn add(poll: Poll, socket: Socket, token: u64) -> OsResult<()> {
        poll::add(poll, socket, token)
    }

    fn remove(poll: Poll, socket: Socket) {
        poll::remove(poll, socket);
    }

    fn poll(poll: Poll, events: &mut [Event], until: u64) -> usize {
        poll::poll(poll, events, until)
    }

    fn notify(poll: Poll) {
        poll::notify(poll);
    }
}

os_unix::impl_net!(Linux);
