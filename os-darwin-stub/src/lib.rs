//! gort on Darwin: the backend [`Darwin`] of the platform traits, by POSIX threads and kqueue.
//!
//! It is called a stub because nobody has run it on a Mac yet. What is POSIX in it runs on Linux,
//! where its tests and the suite of the whole runtime run; what only Darwin has stands in one file,
//! which another one stands in for on Linux:
//!
//! | file | what |
//! |---|---|
//! | `darwin`, `stand_in` | the calls that POSIX lacks, known to the crate as `system` |
//! | `memory` | address space and guards |
//! | `local` | the thread's word |
//! | `wait` | sleeping on a word, by conditions, or by the system where it can |
//! | `poll` | kqueue |
//! | `net` | how sockets are made |
//! | `process` | seed, what has run out, who handled faults before us |
//!
//! Threads, the handler of faults, forks and the rest of the sockets are those of every Unix system
//! (`os_unix`). The start is the skip path of `rt0_go`: thread-local storage is the system's.
//!
//! What Darwin has no call for: a fence on everybody's behalf, so [`Os::fence_all`] says no and the
//! core fences for itself; a quota of processors.

#![no_std]

#[cfg(not(any(target_vendor = "apple", target_os = "linux")))]
compile_error!("os-darwin-stub is for Darwin, and for Linux as its test bed");

#[cfg(target_vendor = "apple")]
#[path = "darwin.rs"]
mod system;
#[cfg(not(target_vendor = "apple"))]
#[path = "stand_in.rs"]
mod system;

mod local;
mod memory;
mod net;
mod poll;
mod process;
mod wait;

use core::sync::atomic::AtomicU32;
use os_unix::faults::Faults;
use os_unix::hosted::{self, Libc};
use os_unix::{Unix, output, signal_stack, threads};
use rt_core::{
    Event, Fault, GuardKind, Os, OsError, OsResult, Poll, Poller, Shortage, Socket, ThreadHandle,
};

/// Darwin, as a platform for the core: `rt_core::platform!(os = os_darwin_stub::Darwin, ..)`.
#[derive(Clone, Copy, Debug)]
pub struct Darwin;

impl Unix for Darwin {
    type Host = Libc;

    fn faults() -> &'static Faults<Libc> {
        process::faults()
    }

    fn signal_frame_bytes() -> usize {
        system::SIGNAL_FRAME_BYTES
    }

    fn forked() {
        wait::forget_all();
    }
}

impl Os for Darwin {
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

    unsafe fn discard(at: *mut u8, bytes: usize) {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { memory::discard(at, bytes) }
    }

    unsafe fn release(at: *mut u8, bytes: usize) {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { memory::release(at, bytes) }
    }

    fn guard_kind() -> GuardKind {
        GuardKind::Protection
    }

    fn cpus() -> usize {
        system::cpus().max(1)
    }

    unsafe fn start(entry: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> OsResult<ThreadHandle> {
        local::prepare()?;
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { threads::start::<Darwin>(entry, arg) }
    }

    unsafe fn join(thread: ThreadHandle) {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { threads::join::<Darwin>(thread) }
    }

    fn enter_thread() -> OsResult<usize> {
        local::prepare()?;
        signal_stack::enter::<Darwin>()
    }

    unsafe fn leave_thread(token: usize) {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { signal_stack::leave::<Darwin>(token) }
    }

    fn threads() -> usize {
        system::threads()
    }

    unsafe fn at_thread_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> bool {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { system::at_thread_end(f, arg) };
        true
    }

    fn thread() -> usize {
        system::thread()
    }

    fn is_blocked(thread: usize) -> bool {
        system::is_blocked(thread)
    }

    #[inline]
    fn local() -> *mut () {
        local::local()
    }

    #[inline]
    fn set_local(word: *mut ()) {
        local::set_local(word);
    }

    fn wait(word: &AtomicU32, expected: u32, until: u64) {
        wait::wait(word, expected, until);
    }

    fn wake(word: *const AtomicU32, n: u32) {
        wait::wake(word, n);
    }

    fn now() -> u64 {
        process::now()
    }

    fn fence_all() -> bool {
        false
    }

    fn seed() -> u64 {
        process::seed()
    }

    fn write_error(text: &[u8]) {
        output::write_error(text);
    }

    fn catch_faults(handler: fn(address: usize) -> Fault) -> OsResult<()> {
        os_unix::faults::catch::<Darwin>(handler)
    }

    fn abort() -> ! {
        hosted::abort()
    }

    fn exit(status: i32) -> ! {
        hosted::exit(status)
    }

    fn at_fork(child: fn()) -> OsResult<()> {
        hosted::at_fork::<Darwin>(child)
    }

    fn forks() -> u32 {
        hosted::forks()
    }

    fn shortage(error: OsError) -> Option<Shortage> {
        process::shortage(error)
    }

    fn no_memory() -> OsError {
        OsError(libc::ENOMEM)
    }
}

impl Poller for Darwin {
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

os_unix::impl_net!(Darwin);
