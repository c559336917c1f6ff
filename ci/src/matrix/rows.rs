//! The rows.

use super::By::{Cross, Step};
use super::{CLAUSE, LeftOut, Row, Std, Task};

/// Every row: this machine's first, then what it emulates, what it links, what it checks.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "x86_64-unknown-linux-gnu",
        target: "x86_64-unknown-linux-gnu",
        backend: "os-linux + arch-amd64",
        features: "default",
        by: Step("test"),
    },
    Row {
        name: "x86_64-unknown-linux-gnu-bare",
        target: "x86_64-unknown-linux-gnu",
        backend: "os-linux + arch-amd64",
        features: "os-linux-bare, no std",
        by: Step("freestanding"),
    },
    Row {
        name: "x86_64-unknown-linux-gnu-darwin-stub",
        target: "x86_64-unknown-linux-gnu",
        backend: "os-darwin-stub + arch-amd64",
        features: "std, os-darwin-stub",
        by: Step("darwin"),
    },
    Row {
        name: "x86_64-unknown-linux-gnu-sim",
        target: "x86_64-unknown-linux-gnu",
        backend: "os-sim + arch-amd64",
        features: "os-sim",
        by: Step("sim"),
    },
    Row {
        name: "x86_64-unknown-linux-musl",
        target: "x86_64-unknown-linux-musl",
        backend: "os-linux + arch-amd64",
        features: "default",
        by: Cross(&[
            Task::Tests(&["-p", "os-linux", "-p", "tests"], MUSL),
            Task::Example("tour", TOUR),
        ]),
    },
    Row {
        name: "aarch64-unknown-linux-gnu",
        target: "aarch64-unknown-linux-gnu",
        backend: "os-linux + arch-aarch64",
        features: "default",
        by: Cross(&[
            Task::Tests(&["-p", "arch-aarch64", "-p", "os-linux", "-p", "tests"], QEMU),
            Task::Example("boot_map", "64-bit Arm"),
            Task::Link(
                TOUR_AND_HTTPD,
                &[("release/examples/httpd", ELF), ("release/examples/tour", ELF)],
            ),
        ]),
    },
    Row {
        name: "aarch64-unknown-linux-musl",
        target: "aarch64-unknown-linux-musl",
        backend: "os-linux + arch-aarch64",
        features: "default",
        by: Cross(&[
            Task::Tests(&["-p", "os-linux"], QEMU),
            Task::Example("boot_map", "64-bit Arm"),
        ]),
    },
    Row {
        name: "aarch64-unknown-linux-musl-bare",
        target: "aarch64-unknown-linux-musl",
        backend: "os-linux + arch-aarch64",
        features: "os-linux-bare, no std",
        by: Cross(&[Task::Freestanding]),
    },
    darwin("x86_64-apple-darwin", "os-darwin-stub + arch-amd64"),
    darwin("aarch64-apple-darwin", "os-darwin-stub + arch-aarch64"),
    core("x86_64-unknown-freebsd"),
    core("aarch64-unknown-freebsd"),
    core("x86_64-unknown-netbsd"),
    core("aarch64-unknown-netbsd"),
    core("x86_64-unknown-openbsd"),
    core("aarch64-unknown-openbsd"),
    core("x86_64-unknown-illumos"),
    core("x86_64-pc-windows-gnu"),
    core("aarch64-pc-windows-msvc"),
];

/// A system whose backend runs here only over stand-ins: all of it has to compile for the real one, its
/// tests and the examples too, and programs have to link.
const fn darwin(target: &'static str, backend: &'static str) -> Row {
    Row {
        name: target,
        target,
        backend,
        features: "default",
        by: Cross(&[
            Task::Check(Std::With, &["-p", "gort", "-p", "os-darwin-stub", "--all-targets"]),
            Task::Link(TOUR_AND_HTTPD, MACH_O_FILES),
        ]),
    }
}

/// A system without a backend so far: what a backend stands on has to compile for it.
const fn core(target: &'static str) -> Row {
    Row {
        name: target,
        target,
        backend: "none: rt-core, arch-*",
        features: "no std",
        by: Cross(&[Task::Check(
            Std::Without,
            &["-p", "rt-core", "-p", "arch-amd64", "-p", "arch-aarch64"],
        )]),
    }
}

/// An example that would run for ever, and one that is left out below.
const TOUR_AND_HTTPD: &[&str] =
    &["--release", "-p", "gort", "--example", "tour", "--example", "httpd"];
/// What becomes of them.
const MACH_O_FILES: &[(&str, &[u8])] =
    &[("release/examples/tour", MACH_O), ("release/examples/httpd", MACH_O)];

/// The first bytes of executables.
const MACH_O: &[u8] = b"\xcf\xfa\xed\xfe";
const ELF: &[u8] = b"\x7fELF";

/// The tour's last line begins so.
const TOUR: &str = "echo server";

const fn without(target: &'static str, part: &'static str, why: &'static str) -> LeftOut {
    LeftOut { target, part, why }
}

const NO_LIST: &str =
    "musl keeps no list of what a thread's end calls, so that run waits for those who go on";

const MUSL: &[LeftOut] = &[
    without("tasks", "leaked::run_tells_of_those_who_go_on", NO_LIST),
    without("tasks", "abandoned::run_waits_for_none_that_goes_on_and_on", NO_LIST),
    without("tasks", "abandoned::nothing_is_handed_over_while_another_goes_on_either", NO_LIST),
    without(
        "workers",
        "aside::a_call_that_waits_for_a_thread_when_its_runtime_ends_is_not_made",
        NO_LIST,
    ),
];

const MEMORY: &str = "it counts memory or addresses, and the emulator's are counted with them";
const TIME: &str = "it measures times that an emulator doesn't keep";

/// What qemu's user mode can't do. The first is the name of a clause, not of a test.
const QEMU: &[LeftOut] = &[
    without(
        CLAUSE,
        "Os::release/gives-back",
        "it reserves all addresses, and the emulator keeps a record of every page",
    ),
    without(
        "tour",
        "",
        "the emulator has no guard markers, so that each stack takes two of its 65,530 mappings, and \
         the tour starts a million",
    ),
    without("counts", "", "it counts system calls by ptrace, which the emulator has not"),
    without(
        "workers",
        "deadlock::",
        "the emulator has a thread of its own, as any program may have",
    ),
    without("limits", "", "a limit of addresses is the emulator's as well"),
    without("workers", "running_out::", "limits and filters of system calls are the emulator's"),
    without(
        "sync",
        "own_locks::a_sandbox_that_closes",
        "a filter of system calls is the emulator's",
    ),
    without("workers", "aside::many_short_calls_leave_nothing", MEMORY),
    without("waits", "timers::timers_that_are_not_needed_leave_nothing", MEMORY),
    without("lifecycle", "leave_nothing", MEMORY),
    without("lifecycle", "large_stacks_are_given_back", MEMORY),
    without("workers", "scheduling::the_same_work_again_takes_no_more_memory", MEMORY),
    without("workers", "scheduling::a_hundred_thousand_parked", MEMORY),
    without("workers", "held_up::hogs_make_no_ticker_late", TIME),
    without("workers", "held_up::sixteen_blocked_goroutines_block_nobody", TIME),
    without(
        "waits",
        "everywhere_it_waits::an_overflow_in_every_wait_is_reported",
        "in two of its 32 cases the stack ends in the 32 bytes that a switch stores, when the next \
         goroutine is the current one already: the process ends, without the report",
    ),
];
