//! How a program comes by its thread-local storage on 64-bit Arm: the rows.
//!
//! Go keeps its `g` in a register here (R28), so that its `rt0_go` sets no storage and looks for no
//! number in memory; save for Windows' slot, what it has in storage is for calls of C. Our word is in
//! storage on every processor, and so a program that the kernel starts sets it, which takes no system
//! call: `tpidr_el0` is the program's to write. Slots begin behind two words that compilers keep
//! for the loader. What else differs between systems is as in Go 1.27.
#![forbid(unsafe_code)]

use rt_core::boot::tls::{Argc, Sleep, Slot, StackBy, Tls, TlsModel};

/// Where most systems have the word.
const BEHIND_TWO: Slot = Slot::Base("tpidr_el0", 16);

/// Linux, as the kernel starts a program.
pub const LINUX: TlsModel = TlsModel {
    system: "linux",
    argc: Argc::Stack,
    host: None,
    tls: Tls::Set("msr tpidr_el0"),
    g: BEHIND_TWO,
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

const FREEBSD: TlsModel = TlsModel {
    system: "freebsd",
    argc: Argc::Register,
    thread: "thr_new",
    thread_tls: "tls_base of thr_new",
    sleep: Sleep::Word("_umtx_op"),
    poller: ("kqueue", "EVFILT_USER"),
    ..LINUX
};

const DARWIN: TlsModel = TlsModel {
    system: "darwin",
    argc: Argc::Main,
    host: Some("libSystem"),
    tls: Tls::Skip("libSystem has set it"),
    // The register can be read only; which of its keys is ours, the start finds out.
    g: Slot::Found("tpidrro_el0"),
    thread: "pthread_create",
    stack: StackBy::System,
    thread_tls: "libSystem's",
    sleep: Sleep::Own("a pthread mutex and condition"),
    poller: ("kqueue", "EVFILT_USER"),
};

/// All of them, those that set the storage first.
pub const MODELS: [TlsModel; 9] = [
    LINUX,
    FREEBSD,
    TlsModel {
        system: "netbsd",
        argc: Argc::Stack,
        thread: "_lwp_create",
        thread_tls: "the context of _lwp_create",
        sleep: Sleep::Own("_lwp_park"),
        poller: ("kqueue", "a pipe"),
        ..FREEBSD
    },
    TlsModel {
        system: "windows",
        argc: Argc::Asked,
        host: None,
        tls: Tls::Set("the slot of TlsAlloc"),
        g: Slot::Reserved("x18"),
        thread: "CreateThread",
        stack: StackBy::System,
        thread_tls: "the slot, by the thread",
        sleep: Sleep::Own("an event"),
        poller: ("IOCP", "PostQueuedCompletionStatus"),
    },
    TlsModel {
        system: "android",
        host: Some("libc"),
        tls: Tls::Skip("libc has set it, with a slot for the program"),
        thread: "pthread_create",
        stack: StackBy::System,
        thread_tls: "libc's, and the word stored into it",
        ..LINUX
    },
    DARWIN,
    TlsModel { system: "ios", ..DARWIN },
    TlsModel {
        system: "openbsd",
        argc: Argc::Stack,
        g: Slot::Variable,
        tls: Tls::Skip("libc has set it"),
        host: Some("libc"),
        thread_tls: "libc's",
        sleep: Sleep::Own("__thrsleep"),
        poller: ("kqueue", "a pipe"),
        ..DARWIN
    },
    HOSTED,
];
