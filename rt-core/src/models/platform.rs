//! The platform of a model: threads of loom, a futex, a clock, and a switch that runs to the end.
//!
//! What no model reaches stops it.

extern crate std;

use core::cell::{Cell, RefCell};
use core::net::SocketAddr;
use core::ptr;
use std::vec::Vec;

use loom::thread::{self, JoinHandle, Thread};

use super::cargo;
use crate::seam::AtomicU32;
use crate::{
    Arch, Context, Direction, Entry, Event, FOREVER, Fault, GuardKind, Net, Os, OsError, OsResult,
    Poll, Poller, Shortage, Shutdown, Socket, SocketKind, SocketOption, ThreadHandle,
};

std::thread_local! {
    // All threads of an execution are coroutines on one thread of the system, and pass it on only
    // where they touch an atomic, yield or park: what follows one such place is one step.
    static SLEEPERS: RefCell<Vec<(*const AtomicU32, Thread)>> = const { RefCell::new(Vec::new()) };
    static THREADS: RefCell<Vec<Option<JoinHandle<()>>>> = const { RefCell::new(Vec::new()) };
    static NOW: Cell<u64> = const { Cell::new(0) };
}

loom::thread_local! {
    static LOCAL: Cell<*mut ()> = Cell::new(ptr::null_mut());
}

/// Forgets the execution before.
pub(super) fn begin() {
    SLEEPERS.with_borrow_mut(Vec::clear);
    THREADS.with_borrow_mut(Vec::clear);
    NOW.set(0);
}

pub(super) struct Model;

mod symbols {
    #![allow(unused_attributes, reason = "`#[inline]` is for the optimization of real platforms")]
    use super::Model;

    crate::platform!(os = Model, arch = Model);
}

fn absent() -> ! {
    panic!("no model is made for this")
}

/// Functions that no model reaches.
macro_rules! absent {
    (unsafe: $($name:ident($($arg:ty),*) -> $ret:ty;)*) => {
        $( unsafe fn $name($(_: $arg),*) -> $ret { absent() } )*
    };
    (safe: $($name:ident($($arg:ty),*) -> $ret:ty;)*) => {
        $( fn $name($(_: $arg),*) -> $ret { absent() } )*
    };
}

impl Os for Model {
    absent! { safe:
        page_size() -> usize;
        reserve(usize) -> OsResult<*mut u8>;
        guard_kind() -> GuardKind;
        cpus() -> usize;
        threads() -> usize;
        enter_thread() -> OsResult<usize>;
        exit(i32) -> !;
        shortage(OsError) -> Option<Shortage>;
        no_memory() -> OsError;
    }
    absent! { unsafe:
        commit(*mut u8, usize) -> OsResult<()>;
        guard(*mut u8, usize, usize, usize) -> OsResult<()>;
        discard(*mut u8, usize) -> ();
        release(*mut u8, usize) -> ();
        leave_thread(usize) -> ();
        at_thread_end(unsafe extern "C" fn(*mut ()), *mut ()) -> bool;
    }

    unsafe fn start(entry: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> OsResult<ThreadHandle> {
        // SAFETY: the caller vouches that `entry` may be called so on another thread.
        let thread = thread::spawn(move || unsafe { entry(arg) });
        Ok(THREADS.with_borrow_mut(|threads| {
            threads.push(Some(thread));
            ThreadHandle(threads.len() - 1)
        }))
    }

    unsafe fn join(thread: ThreadHandle) {
        let thread = THREADS.with_borrow_mut(|threads| threads[thread.0].take());
        assert!(thread.is_some_and(|thread| thread.join().is_ok()), "joined twice");
    }

    fn local() -> *mut () {
        LOCAL.with(Cell::get)
    }

    fn set_local(word: *mut ()) {
        LOCAL.with(|local| local.set(word));
    }

    /// A futex. A sleep with a deadline ends at once, and then it is that late: so no model can rely
    /// on being woken by the clock, save where the core itself polls.
    fn wait(word: &AtomicU32, expected: u32, until: u64) {
        if until != FOREVER {
            thread::yield_now();
            NOW.set(NOW.get().max(until));
            return;
        }
        // From here to the first park is one step: see `newest`.
        if word.newest() != expected {
            return;
        }
        let sleeps =
            || SLEEPERS.with_borrow(|sleepers| sleepers.iter().any(|(at, _)| ptr::eq(*at, word)));
        SLEEPERS.with_borrow_mut(|sleepers| sleepers.push((word, thread::current())));
        while sleeps() {
            thread::park();
        }
    }

    fn wake(word: *const AtomicU32, n: u32) {
        for _ in 0..n {
            let woken = SLEEPERS.with_borrow_mut(|sleepers| {
                let at = sleepers.iter().position(|(at, _)| ptr::eq(*at, word))?;
                Some(sleepers.remove(at).1)
            });
            let Some(thread) = woken else { break };
            thread.unpark();
        }
    }

    fn now() -> u64 {
        NOW.get()
    }

    /// loom has no such thing: the models are of the symmetric fence.
    fn fence_all() -> bool {
        false
    }

    fn thread() -> usize {
        0
    }

    fn is_blocked(_: usize) -> bool {
        false
    }

    fn at_fork(_: fn()) -> OsResult<()> {
        Ok(())
    }

    fn forks() -> u32 {
        0
    }

    fn seed() -> u64 {
        1
    }

    fn write_error(text: &[u8]) {
        std::eprint!("{}", std::string::String::from_utf8_lossy(text));
    }

    fn catch_faults(_: fn(usize) -> Fault) -> OsResult<()> {
        Ok(())
    }

    fn abort() -> ! {
        panic!("the core has stopped the program")
    }
}

impl Poller for Model {
    absent! { safe:
        open() -> OsResult<Poll>;
        close(Poll) -> ();
        add(Poll, Socket, u64) -> OsResult<()>;
        remove(Poll, Socket) -> ();
        poll(Poll, &mut [Event], u64) -> usize;
        notify(Poll) -> ();
    }
}

impl Net for Model {
    absent! { safe:
        open(SocketKind, &SocketAddr) -> OsResult<Socket>;
        pair() -> OsResult<(Socket, Socket)>;
        bind(Socket, &SocketAddr) -> OsResult<()>;
        listen(Socket, u32) -> OsResult<()>;
        accept(Socket) -> OsResult<(Socket, SocketAddr)>;
        connect(Socket, &SocketAddr) -> OsResult<bool>;
        recv(Socket, &mut [u8], bool) -> OsResult<usize>;
        send(Socket, &[u8]) -> OsResult<usize>;
        send_vectored(Socket, &[&[u8]]) -> OsResult<usize>;
        shutdown(Socket, Shutdown) -> OsResult<()>;
        option(Socket, SocketOption) -> OsResult<u32>;
        set_option(Socket, SocketOption, u32) -> OsResult<()>;
        local_name(Socket) -> OsResult<SocketAddr>;
        peer_name(Socket) -> OsResult<SocketAddr>;
        close(Socket) -> ();
        duplicate(Socket) -> OsResult<Socket>;
        sleep_until_ready(Socket, Direction, u64) -> ();
        would_block() -> OsError;
    }
}

impl Arch for Model {
    absent! { safe:
        ticks() -> u64;
    }
    absent! { unsafe:
        prepare(*mut u8, Entry, *mut ()) -> Context;
        gogo(Context, usize) -> !;
    }

    /// Does at once what a goroutine of a model does, and comes back from it.
    unsafe fn switch(_: *mut Context, to: Context, _: usize) -> usize {
        cargo::run(to);
        0
    }

    fn pause() {
        thread::yield_now();
    }
}
