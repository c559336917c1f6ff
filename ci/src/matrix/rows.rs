//! The rows.

use super::By::{Cross, Step};
use super::{LeftOut, Row, Std, Task};

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
            Task::Example("tour", TOUR),
            Task::Example("boot_map", "64-bit Arm"),
            Task::Link(HTTPD, &[("release/examples/httpd", ELF)]),
        ]),
    },
    Row {
        name: "aarch64-unknown-linux-musl",
        target: "aarch64-unknown-linux-musl",
        backend: "os-linux + arch-aarch64",
        features: "default",
        by: Cross(&[Task::Tests(&["-p", "os-linux"], QEMU), Task::Example("tour", TOUR)]),
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

/// An example that is a server, and would run for ever.
const HTTPD: &[&str] = &["--release", "-p", "gort", "--example", "httpd"];

/// The tour as well.
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

const MUSL: &[LeftOut] = &[];
const QEMU: &[LeftOut] = &[without("counts", "", "qemu has no ptrace, by which it counts")];
