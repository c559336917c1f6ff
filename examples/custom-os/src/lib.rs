//! A platform of one's own: Linux, with every call counted. docs/porting.md makes it step by step.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use os_linux::Linux;
use rt_core::{
    Direction, Event, Fault, GuardKind, Net, Os, OsError, OsResult, Poll, Poller, Shortage,
    Shutdown, Socket, SocketKind, SocketOption, ThreadHandle,
};

/// The platform: a type without a value, for the traits have no `self`.
#[derive(Clone, Copy, Debug)]
pub struct Counted;

// The one platform of every program that links this crate.
rt_core::platform!(os = Counted, arch = arch_amd64::Amd64);

/// Implements a trait by Linux's functions, and counts the calls of each.
macro_rules! counted {
    (
        $trait:ident, $calls:ident, $all:ident:
        $($kind:ident $name:ident($($arg:ident: $ty:ty),*) -> $result:ty;)*
    ) => {
        /// How often each function of the trait was called.
        #[derive(Debug)]
        pub struct $calls {
            $(
                /// Calls of the function of this name.
                pub $name: AtomicU64,
            )*
        }

        /// The counts of this process.
        pub static $all: $calls = $calls { $($name: AtomicU64::new(0)),* };

        impl $trait for Counted {
            $(counted! { @$kind $trait $all $name($($arg: $ty),*) -> $result })*
        }
    };
    (@safe $trait:ident $all:ident $name:ident($($arg:ident: $ty:ty),*) -> $result:ty) => {
        #[inline]
        fn $name($($arg: $ty),*) -> $result {
            $all.$name.fetch_add(1, Ordering::Relaxed);
            <Linux as $trait>::$name($($arg),*)
        }
    };
    (@risky $trait:ident $all:ident $name:ident($($arg:ident: $ty:ty),*) -> $result:ty) => {
        #[inline]
        unsafe fn $name($($arg: $ty),*) -> $result {
            $all.$name.fetch_add(1, Ordering::Relaxed);
            // SAFETY: the caller keeps the trait's contract, which is Linux's.
            unsafe { <Linux as $trait>::$name($($arg),*) }
        }
    };
}

counted! { Os, OsCalls, OS:
    // Memory.
    safe page_size() -> usize;
    safe reserve(bytes: usize) -> OsResult<*mut u8>;
    risky commit(at: *mut u8, bytes: usize) -> OsResult<()>;
    risky guard(first: *mut u8, bytes: usize, stride: usize, count: usize) -> OsResult<()>;
    risky discard(at: *mut u8, bytes: usize) -> ();
    risky release(at: *mut u8, bytes: usize) -> ();
    safe guard_kind() -> GuardKind;
    // Threads.
    safe cpus() -> usize;
    safe most_cpus() -> usize;
    risky start(entry: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> OsResult<ThreadHandle>;
    risky join(thread: ThreadHandle) -> ();
    safe enter_thread() -> OsResult<usize>;
    risky leave_thread(token: usize) -> ();
    safe threads() -> usize;
    risky at_thread_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> bool;
    safe thread() -> usize;
    safe is_blocked(thread: usize) -> bool;
    safe local() -> *mut ();
    safe set_local(word: *mut ()) -> ();
    // Sleep.
    safe wait(word: &AtomicU32, expected: u32, until: u64) -> ();
    safe wake(word: *const AtomicU32, n: u32) -> ();
    safe now() -> u64;
    safe fence_all() -> bool;
    // The rest.
    safe seed() -> u64;
    safe write_error(text: &[u8]) -> ();
    safe catch_faults(handler: fn(usize) -> Fault) -> OsResult<()>;
    safe abort() -> !;
    safe exit(status: i32) -> !;
    safe at_fork(child: fn()) -> OsResult<()>;
    safe forks() -> u32;
    safe shortage(error: OsError) -> Option<Shortage>;
    safe no_memory() -> OsError;
}

counted! { Poller, PollerCalls, POLLER:
    safe open() -> OsResult<Poll>;
    safe close(poll: Poll) -> ();
    safe add(poll: Poll, socket: Socket, token: u64) -> OsResult<()>;
    safe remove(poll: Poll, socket: Socket) -> ();
    safe poll(poll: Poll, events: &mut [Event], until: u64) -> usize;
    safe notify(poll: Poll) -> ();
}

counted! { Net, NetCalls, NET:
    safe open(kind: SocketKind, address: &SocketAddr) -> OsResult<Socket>;
    safe pair() -> OsResult<(Socket, Socket)>;
    safe bind(socket: Socket, address: &SocketAddr) -> OsResult<()>;
    safe listen(socket: Socket, backlog: u32) -> OsResult<()>;
    safe accept(socket: Socket) -> OsResult<(Socket, SocketAddr)>;
    safe connect(socket: Socket, address: &SocketAddr) -> OsResult<bool>;
    safe recv(socket: Socket, buffer: &mut [u8], peek: bool) -> OsResult<usize>;
    safe send(socket: Socket, data: &[u8]) -> OsResult<usize>;
    safe send_vectored(socket: Socket, data: &[&[u8]]) -> OsResult<usize>;
    safe shutdown(socket: Socket, how: Shutdown) -> OsResult<()>;
    safe option(socket: Socket, option: SocketOption) -> OsResult<u32>;
    safe set_option(socket: Socket, option: SocketOption, value: u32) -> OsResult<()>;
    safe local_name(socket: Socket) -> OsResult<SocketAddr>;
    safe peer_name(socket: Socket) -> OsResult<SocketAddr>;
    safe close(socket: Socket) -> ();
    safe duplicate(socket: Socket) -> OsResult<Socket>;
    safe sleep_until_ready(socket: Socket, direction: Direction, until: u64) -> ();
    safe would_block() -> OsError;
}
