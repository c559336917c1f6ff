//! gort on Linux: the backend [`Linux`] of the platform traits, for programs whose libc owns the
//! thread-local storage (feature `hosted`), and for programs that have no libc (feature `bare`).
//!
//! One file per protocol, all of them functions of this crate that the three `impl`s below call:
//!
//! | file | what |
//! |---|---|
//! | `memory` | address space and guards |
//! | `threads`, `signal_stack` | threads, and the stacks their fault handlers run on |
//! | `local` | the thread's word |
//! | `futex`, `clock`, `fence` | sleep, time, and the fence on everybody's behalf |
//! | `faults` | the handler of SIGSEGV and SIGBUS |
//! | `cpus`, `cgroup` | how many processors we may use |
//! | `process` | seed, number of threads, error stream |
//! | `shortage` | what an error says that there is too little of |
//! | `poll`, `net` | epoll and sockets |
//! | `raw` | the few system calls that rustix lacks |
//! | `hosted` | threads, signals, the end and forks, by libc |
//! | `bare` | the same by the kernel alone; how such a program starts, and its heap |
//!
//! The last two have modules of the same names, and the crate knows the chosen one as `host`.

#![no_std]

extern crate alloc;

#[cfg(all(feature = "hosted", feature = "bare"))]
compile_error!("os-linux: choose one of the features `hosted` and `bare`");
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
mod faults;
mod fence;
mod futex;
mod local;
mod memory;
mod net;
mod poll;
mod process;
mod raw;
mod shortage;
mod signal_stack;
mod slack;
mod threads;

#[cfg(feature = "bare")]
pub use host::heap::Heap;
#[cfg(feature = "bare")]
pub use host::start;

use core::net::SocketAddr;
use core::sync::atomic::AtomicU32;
use rt_core::{
    Direction, Event, Fault, GuardKind, Net, Os, OsError, OsResult, Poll, Poller, Shortage,
    Shutdown, Socket, SocketKind, SocketOption, ThreadHandle,
};

/// Linux, as a platform for the core: `rt_core::platform!(os = os_linux::Linux, ..)`.
#[derive(Clone, Copy, Debug)]
pub struct Linux;

/// rustix's error as the core's.
fn error(errno: rustix::io::Errno) -> OsError {
    OsError(errno.raw_os_error())
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

    unsafe fn start(entry: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> OsResult<ThreadHandle> {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { threads::start(entry, arg) }
    }

    unsafe fn join(thread: ThreadHandle) {
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { threads::join(thread) }
    }

    fn enter_thread() -> OsResult<usize> {
        // The stack's token is the address of a page: the low bit is free for the slack.
        let stack = signal_stack::enter()?;
        Ok(stack | usize::from(slack::remove()))
    }

    unsafe fn leave_thread(token: usize) {
        if token & 1 == 1 {
            slack::restore();
        }
        // SAFETY: the caller keeps the trait's contract, which is the function's.
        unsafe { signal_stack::leave(token & !1) }
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
        process::write_error(text);
    }

    fn catch_faults(handler: fn(address: usize) -> Fault) -> OsResult<()> {
        faults::catch(handler)
    }

    fn abort() -> ! {
        host::process::abort()
    }

    fn exit(status: i32) -> ! {
        host::process::exit(status)
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

impl Net for Linux {
    fn open(kind: SocketKind, address: &SocketAddr) -> OsResult<Socket> {
        net::open(kind, address)
    }

    fn pair() -> OsResult<(Socket, Socket)> {
        net::pair()
    }

    fn bind(socket: Socket, address: &SocketAddr) -> OsResult<()> {
        net::bind(socket, address)
    }

    fn listen(socket: Socket, backlog: u32) -> OsResult<()> {
        net::listen(socket, backlog)
    }

    fn accept(socket: Socket) -> OsResult<(Socket, SocketAddr)> {
        net::accept(socket)
    }

    fn connect(socket: Socket, address: &SocketAddr) -> OsResult<bool> {
        net::connect(socket, address)
    }

    fn recv(socket: Socket, buffer: &mut [u8], peek: bool) -> OsResult<usize> {
        net::recv(socket, buffer, peek)
    }

    fn send(socket: Socket, data: &[u8]) -> OsResult<usize> {
        net::send(socket, data)
    }

    fn send_vectored(socket: Socket, data: &[&[u8]]) -> OsResult<usize> {
        net::send_vectored(socket, data)
    }

    fn shutdown(socket: Socket, how: Shutdown) -> OsResult<()> {
        net::shutdown(socket, how)
    }

    fn option(socket: Socket, option: SocketOption) -> OsResult<u32> {
        net::option(socket, option)
    }

    fn set_option(socket: Socket, option: SocketOption, value: u32) -> OsResult<()> {
        net::set_option(socket, option, value)
    }

    fn local_name(socket: Socket) -> OsResult<SocketAddr> {
        net::local_name(socket)
    }

    fn peer_name(socket: Socket) -> OsResult<SocketAddr> {
        net::peer_name(socket)
    }

    fn close(socket: Socket) {
        net::close(socket);
    }

    fn duplicate(socket: Socket) -> OsResult<Socket> {
        net::duplicate(socket)
    }

    fn sleep_until_ready(socket: Socket, direction: Direction, until: u64) {
        net::sleep_until_ready(socket, direction, until);
    }

    fn would_block() -> OsError {
        error(rustix::io::Errno::WOULDBLOCK)
    }
}
