//! How a program comes by its thread-local storage on x86-64: the rows.
//!
//! The facts are those of Go 1.27's `rt0_go` on each system.
#![forbid(unsafe_code)]

use rt_core::boot::tls::{Argc, Sleep, Slot, StackBy, Tls, TlsModel};

/// Where most systems have the word.
const BELOW_FS: Slot = Slot::Base("fs", -8);

/// Linux, as the kernel starts a program.
pub const LINUX: TlsModel = TlsModel {
    system: "linux",
    argc: Argc::Stack,
    host: None,
    tls: Tls::Set("arch_prctl(ARCH_SET_FS)"),
    g: BELOW_FS,
    thread: "clone",
    stack: StackBy::Us,
    thread_tls: "CLONE_SETTLS",
    sleep: Sleep::Word("futex"),
    poller: ("epoll", "eventfd"),
};

/// Any system whose libc starts the program: there our threads are libc's, on stacks of ours.
pub const HOSTED: TlsModel = TlsModel {
    system: "hosted",
    argc: Argc::Main,
    host: Some("libc"),
    tls: Tls::Skip("libc has set it"),
    g: Slot::Variable,
    thread: "pthread_create",
    stack: StackBy::Us,
    thread_tls: "libc's",
    sleep: Sleep::Word("futex"),
    poller: ("epoll", "eventfd"),
};

const DARWIN: TlsModel = TlsModel {
    system: "darwin",
    argc: Argc::Main,
    host: Some("libSystem"),
    tls: Tls::Skip("libSystem has set it"),
    // A slot that Apple keeps free for this.
    g: Slot::Base("gs", 0x30),
    thread: "pthread_create",
    stack: StackBy::System,
    thread_tls: "libSystem's",
    sleep: Sleep::Own("a pthread mutex and condition"),
    poller: ("kqueue", "EVFILT_USER"),
};

const FREEBSD: TlsModel = TlsModel {
    system: "freebsd",
    argc: Argc::Register,
    tls: Tls::Set("sysarch(AMD64_SET_FSBASE)"),
    thread: "thr_new",
    thread_tls: "tls_base of thr_new",
    sleep: Sleep::Word("_umtx_op"),
    poller: ("kqueue", "EVFILT_USER"),
    ..LINUX
};

const SOLARIS: TlsModel = TlsModel {
    system: "solaris",
    argc: Argc::Stack,
    host: Some("libc"),
    tls: Tls::Skip("libc and the loader have set it"),
    g: BELOW_FS,
    thread: "pthread_create",
    stack: StackBy::System,
    thread_tls: "libc's",
    sleep: Sleep::Own("a semaphore"),
    poller: ("event ports", "port_alert"),
};

/// All of them, those that set the storage first.
pub const MODELS: [TlsModel; 13] = [
    LINUX,
    TlsModel {
        system: "android",
        // The slot is one of pthread's keys, and the base is chosen so that it falls into ours.
        g: Slot::Found("fs"),
        thread: "pthread_create",
        stack: StackBy::System,
        thread_tls: "libc's, and the word stored into it",
        ..LINUX
    },
    FREEBSD,
    TlsModel {
        system: "netbsd",
        argc: Argc::Stack,
        tls: Tls::Set("_lwp_setprivate"),
        thread: "_lwp_create",
        thread_tls: "the context of _lwp_create",
        sleep: Sleep::Own("_lwp_park"),
        poller: ("kqueue", "a pipe"),
        ..FREEBSD
    },
    TlsModel {
        system: "dragonfly",
        tls: Tls::Set("set_tls_area"),
        thread: "lwp_create",
        thread_tls: "set_tls_area, by the thread",
        sleep: Sleep::Word("umtx_sleep"),
        ..FREEBSD
    },
    TlsModel {
        system: "windows",
        argc: Argc::Asked,
        host: None,
        tls: Tls::Set("the slot of TlsAlloc"),
        g: Slot::Reserved("gs"),
        thread: "CreateThread",
        stack: StackBy::System,
        thread_tls: "the slot, by the thread",
        sleep: Sleep::Own("an event"),
        poller: ("IOCP", "PostQueuedCompletionStatus"),
    },
    TlsModel {
        system: "plan9",
        argc: Argc::Stack,
        host: None,
        tls: Tls::Skip("the kernel gives private words"),
        g: Slot::Private,
        thread: "rfork",
        stack: StackBy::System,
        thread_tls: "the kernel's",
        sleep: Sleep::Own("semacquire"),
        poller: ("none", "a note"),
    },
    SOLARIS,
    TlsModel { system: "illumos", ..SOLARIS },
    DARWIN,
    TlsModel { system: "ios", ..DARWIN },
    TlsModel {
        system: "openbsd",
        argc: Argc::Stack,
        g: BELOW_FS,
        tls: Tls::Skip("libc has set it"),
        host: Some("libc"),
        thread_tls: "libc's",
        sleep: Sleep::Own("__thrsleep"),
        poller: ("kqueue", "a pipe"),
        ..DARWIN
    },
    HOSTED,
];
