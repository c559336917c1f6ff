//! The rows of x86-64. (Those of all processors run everywhere in `boot_map`.)
#![cfg(target_arch = "x86_64")]

// In a folder, for another processor's tests include it too.
#[path = "models/cases.rs"]
mod cases;

use arch_amd64::tls::{HOSTED, LINUX};
use cases::find;
use rt_core::boot::tls::{Argc, Slot, StackBy, TlsModel};

rt_core::platform!(os = os_linux::Linux, arch = arch_amd64::Amd64);

const MODELS: &[TlsModel] = &arch_amd64::tls::MODELS;
/// Systems on which Go's `rt0_go` sets the storage, in the table's order.
const SETS: &[&str] = &["linux", "android", "freebsd", "netbsd", "dragonfly", "windows"];
/// Those on which it jumps over that.
const SKIPS: &[&str] = &["plan9", "solaris", "illumos", "darwin", "ios", "openbsd", "hosted"];

#[test]
fn a_program_starts_by_one_of_two_rows() {
    assert_eq!((find("linux"), find("hosted")), (LINUX, HOSTED));
}

#[test]
fn the_rows_agree_with_go() {
    let by_register: Vec<_> = MODELS.iter().filter(|m| m.argc == Argc::Register).collect();
    assert_eq!(by_register.len(), 2, "freebsd and dragonfly: {by_register:?}");
    for system in ["linux", "freebsd", "netbsd", "openbsd", "dragonfly", "solaris", "illumos"] {
        assert_eq!(find(system).g, Slot::Base("fs", -8), "{system}");
    }
    for system in ["darwin", "ios"] {
        assert_eq!(find(system).g, Slot::Base("gs", 0x30), "{system}");
    }
    // Go allocates the stacks of threads that it makes by the kernel's own call, and only those.
    for system in ["linux", "freebsd", "netbsd", "dragonfly"] {
        assert_eq!(find(system).stack, StackBy::Us, "{system}");
    }
    for system in ["darwin", "ios", "openbsd", "solaris", "illumos", "plan9", "windows"] {
        assert_eq!(find(system).stack, StackBy::System, "{system}");
    }
}
