//! The seam: linked symbols, with the traits as their contract.
//!
//! The core calls `os::wait(..)`, a function that this file declares as an `extern` symbol; the one
//! [`platform!`](crate::platform) of a binary defines it by calling the trait's function. So no
//! type of the core carries a platform parameter, there is no table of functions and no order of
//! initialisation; a program without a platform fails to link with `undefined symbol: gort0_wait`,
//! and one with two fails with a duplicate symbol. The number in the name is the major version of
//! the seam. A signature that drifts from its trait doesn't compile, because the definition calls
//! the trait's function with the declared arguments.
//!
//! Rejected: `Runtime<P: Platform>` (a parameter on every type, bound and error, and statics can't
//! be generic); `&dyn Os` (null before start-up, and an order of start-up).

/// The list of linked symbols, handed to the macro `$with` (with `$arg` in front).
#[doc(hidden)]
#[macro_export]
macro_rules! os_symbols {
    ($with:ident $($arg:tt)*) => { $crate::$with! { $($arg)*
        gort0_page_size: safe fn page_size() -> usize;
        gort0_reserve: safe fn reserve(bytes: usize) -> $crate::OsResult<*mut u8>;
        gort0_commit: unsafe fn commit(at: *mut u8, bytes: usize) -> $crate::OsResult<()>;
        gort0_guard: unsafe fn guard(first: *mut u8, bytes: usize, stride: usize, count: usize)
            -> $crate::OsResult<()>;
        gort0_populate: safe fn populate(pages: &[*mut u8]) -> ();
        gort0_discard: unsafe fn discard(at: *mut u8, bytes: usize) -> ();
        gort0_release: unsafe fn release(at: *mut u8, bytes: usize) -> ();
        gort0_guard_kind: safe fn guard_kind() -> $crate::GuardKind;
        gort0_cpus: safe fn cpus() -> usize;
        gort0_most_cpus: safe fn most_cpus() -> usize;
        gort0_start: unsafe fn start(entry: unsafe extern "C" fn(*mut ()), arg: *mut ())
            -> $crate::OsResult<$crate::ThreadHandle>;
        gort0_join: unsafe fn join(thread: $crate::ThreadHandle) -> ();
        gort0_enter_thread: safe fn enter_thread() -> $crate::OsResult<usize>;
        gort0_leave_thread: unsafe fn leave_thread(token: usize) -> ();
        gort0_at_thread_end: unsafe fn at_thread_end(f: unsafe extern "C" fn(*mut ()),
            arg: *mut ()) -> bool;
        gort0_thread: safe fn thread() -> usize;
        gort0_is_blocked: safe fn is_blocked(thread: usize) -> bool;
        gort0_threads: safe fn threads() -> usize;
        gort0_local: safe fn local() -> *mut ();
        gort0_set_local: safe fn set_local(word: *mut ()) -> ();
        gort0_wait: safe fn wait(word: &$crate::AtomicU32, expected: u32, until: u64) -> ();
        gort0_wake: safe fn wake(word: *const $crate::AtomicU32, n: u32) -> ();
        gort0_now: safe fn now() -> u64;
        gort0_fence_all: safe fn fence_all() -> bool;
        gort0_point: safe fn point() -> ();
        gort0_seed: safe fn seed() -> u64;
        gort0_write_error: safe fn write_error(text: &[u8]) -> ();
        gort0_catch_faults: safe fn catch_faults(handler: fn(usize) -> $crate::Fault)
            -> $crate::OsResult<()>;
        gort0_at_fork: safe fn at_fork(child: fn()) -> $crate::OsResult<()>;
        gort0_forks: safe fn forks() -> u32;
        gort0_shortage: safe fn shortage(error: $crate::OsError)
            -> ::core::option::Option<$crate::Shortage>;
        gort0_abort: safe fn abort() -> !;
        gort0_exit: safe fn exit(status: i32) -> !;
        gort0_no_memory: safe fn no_memory() -> $crate::OsError;
    } };
}

/// As [`os_symbols!`], for the poller.
#[doc(hidden)]
#[macro_export]
macro_rules! poller_symbols {
    ($with:ident $($arg:tt)*) => { $crate::$with! { $($arg)*
        gort0_poller_open: safe fn open() -> $crate::OsResult<$crate::Poll>;
        gort0_poller_close: safe fn close(poll: $crate::Poll) -> ();
        gort0_poller_add: safe fn add(poll: $crate::Poll, socket: $crate::Socket, token: u64)
            -> $crate::OsResult<()>;
        gort0_poller_remove: safe fn remove(poll: $crate::Poll, socket: $crate::Socket) -> ();
        gort0_poller_poll: safe fn poll(poll: $crate::Poll, events: &mut [$crate::Event],
            until: u64) -> usize;
        gort0_poller_notify: safe fn notify(poll: $crate::Poll) -> ();
    } };
}

/// As [`os_symbols!`], for sockets.
#[doc(hidden)]
#[macro_export]
macro_rules! net_symbols {
    ($with:ident $($arg:tt)*) => { $crate::$with! { $($arg)*
        gort0_net_open: safe fn open(kind: $crate::SocketKind, address: &core::net::SocketAddr)
            -> $crate::OsResult<$crate::Socket>;
        gort0_net_pair: safe fn pair() -> $crate::OsResult<($crate::Socket, $crate::Socket)>;
        gort0_net_bind: safe fn bind(socket: $crate::Socket, address: &core::net::SocketAddr)
            -> $crate::OsResult<()>;
        gort0_net_listen: safe fn listen(socket: $crate::Socket, backlog: u32)
            -> $crate::OsResult<()>;
        gort0_net_accept: safe fn accept(socket: $crate::Socket)
            -> $crate::OsResult<($crate::Socket, core::net::SocketAddr)>;
        gort0_net_connect: safe fn connect(socket: $crate::Socket,
            address: &core::net::SocketAddr) -> $crate::OsResult<bool>;
        gort0_net_recv: safe fn recv(socket: $crate::Socket, buffer: &mut [u8], peek: bool)
            -> $crate::OsResult<usize>;
        gort0_net_send: safe fn send(socket: $crate::Socket, data: &[u8])
            -> $crate::OsResult<usize>;
        gort0_net_send_vectored: safe fn send_vectored(socket: $crate::Socket, data: &[&[u8]])
            -> $crate::OsResult<usize>;
        gort0_net_shutdown: safe fn shutdown(socket: $crate::Socket, how: $crate::Shutdown)
            -> $crate::OsResult<()>;
        gort0_net_option: safe fn option(socket: $crate::Socket, option: $crate::SocketOption)
            -> $crate::OsResult<u32>;
        gort0_net_set_option: safe fn set_option(socket: $crate::Socket,
            option: $crate::SocketOption, value: u32) -> $crate::OsResult<()>;
        gort0_net_local_name: safe fn local_name(socket: $crate::Socket)
            -> $crate::OsResult<core::net::SocketAddr>;
        gort0_net_peer_name: safe fn peer_name(socket: $crate::Socket)
            -> $crate::OsResult<core::net::SocketAddr>;
        gort0_net_close: safe fn close(socket: $crate::Socket) -> ();
        gort0_net_duplicate: safe fn duplicate(socket: $crate::Socket)
            -> $crate::OsResult<$crate::Socket>;
        gort0_net_sleep_until_ready: safe fn sleep_until_ready(socket: $crate::Socket,
            direction: $crate::Direction, until: u64) -> ();
        gort0_net_would_block: safe fn would_block() -> $crate::OsError;
    } };
}

/// As [`os_symbols!`], for the processor.
#[doc(hidden)]
#[macro_export]
macro_rules! arch_symbols {
    ($with:ident $($arg:tt)*) => { $crate::$with! { $($arg)*
        gort0_prepare: unsafe fn prepare(top: *mut u8, entry: $crate::Entry, arg: *mut ())
            -> $crate::Context;
        gort0_switch: unsafe fn switch(save: *mut $crate::Context, to: $crate::Context,
            message: usize) -> usize;
        gort0_gogo: unsafe fn gogo(to: $crate::Context, message: usize) -> !;
        gort0_stack_begins: safe fn stack_begins(low: *mut u8, high: *mut u8) -> usize;
        gort0_stack_ends: safe fn stack_ends(number: usize) -> ();
        gort0_pause: safe fn pause() -> ();
        gort0_prefetch: safe fn prefetch(at: *const ()) -> ();
        gort0_ticks: safe fn ticks() -> u64;
    } };
}

/// Declares the symbols and gives each its short name.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_symbols {
    ($($symbol:ident: $safety:ident fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {
        unsafe extern "Rust" {
            $(
                #[doc(hidden)]
                pub $safety fn $symbol($($arg: $ty),*) -> $ret;
            )*
        }
        $( pub use $symbol as $name; )*
    };
}

/// Defines the symbols by calling the trait's functions on one type.
#[doc(hidden)]
#[macro_export]
macro_rules! define_symbols {
    ($on:ty as $tr:path; $($symbol:ident: $safety:ident fn $name:ident($($arg:ident: $ty:ty),*)
        -> $ret:ty;)*) => {
        $( $crate::define_symbol! { $safety $symbol $name ($on) ($tr) ($($arg: $ty),*) ($ret) } )*
    };
}

/// One definition of [`define_symbols!`].
#[doc(hidden)]
#[macro_export]
macro_rules! define_symbol {
    (safe $symbol:ident $name:ident ($on:ty) ($tr:path) ($($arg:ident: $ty:ty),*) ($ret:ty)) => {
        #[unsafe(no_mangle)]
        #[inline]
        fn $symbol($($arg: $ty),*) -> $ret {
            <$on as $tr>::$name($($arg),*)
        }
    };
    (unsafe $symbol:ident $name:ident ($on:ty) ($tr:path) ($($arg:ident: $ty:ty),*) ($ret:ty)) => {
        #[unsafe(no_mangle)]
        #[inline]
        unsafe fn $symbol($($arg: $ty),*) -> $ret {
            // SAFETY: the caller keeps the trait function's contract, which is the symbol's.
            unsafe { <$on as $tr>::$name($($arg),*) }
        }
    };
}

/// Links the platform: defines every symbol that the core calls. Exactly once per binary.
///
/// ```ignore
/// rt_core::platform!(os = os_linux::Linux, arch = arch_amd64::Amd64);
/// ```
#[macro_export]
macro_rules! platform {
    (os = $os:ty, arch = $arch:ty $(,)?) => {
        const _: () = {
    $crate::os_symbols!(define_symbols $os as $crate::Os;);
    $crate::poller_symbols!(define_symbols $os as $crate::Poller;);
    $crate::net_symbols!(define_symbols $os as $crate::Net;);
    $crate::arch_symbols!(define_symbols $arch as $crate::Arch;);
        };
    };
}

/// The operating system that this binary links.
pub mod os {
    crate::os_symbols!(declare_symbols);
}

/// The poller that this binary links.
pub mod poller {
    crate::poller_symbols!(declare_symbols);
}

/// The sockets that this binary links.
pub mod net {
    crate::net_symbols!(declare_symbols);
}

/// The processor that this binary links.
pub mod arch {
    crate::arch_symbols!(declare_symbols);
}
