//! The rows of 64-bit Arm. (Those of all processors run everywhere in `boot_map`.)
#![cfg(target_arch = "aarch64")]

#[path = "../../arch-amd64/tests/models/cases.rs"]
mod cases;

use arch_aarch64::tls::{HOSTED, LINUX};
use cases::find;
use rt_core::boot::tls::{Argc, Slot, StackBy, TlsModel};

rt_core::platform!(os = os_linux::Linux, arch = arch_aarch64::Aarch64);

const MODELS: &[TlsModel] = &arch_aarch64::tls::MODELS;
/// Systems on which we set the storage, in the table's order.
const SETS: &[&str] = &["linux", "freebsd", "netbsd", "windows"];
/// Those on which somebody else has.
const SKIPS: &[&str] = &["android", "darwin", "ios", "openbsd", "hosted"];

#[test]
fn a_program_starts_by_one_of_two_rows() {
    assert_eq!((find("linux"), find("hosted")), (LINUX, HOSTED));
}

#[test]
fn the_rows_agree_with_go() {
    for system in ["linux", "android", "freebsd", "netbsd"] {
        assert_eq!(find(system).g, Slot::Base("tpidr_el0", 16), "{system}");
    }
    for system in ["darwin", "ios"] {
        assert_eq!(find(system).g, Slot::Found("tpidrro_el0"), "{system}");
    }
    assert_eq!(find("windows").g, Slot::Reserved("x18"));
    assert_eq!(find("freebsd").argc, Argc::Register);
    // Go allocates the stacks of threads that it makes by the kernel's own call, and only those.
    for system in ["linux", "freebsd", "netbsd"] {
        assert_eq!(find(system).stack, StackBy::Us, "{system}");
    }
    for system in ["android", "darwin", "ios", "openbsd", "windows"] {
        assert_eq!(find(system).stack, StackBy::System, "{system}");
    }
}
