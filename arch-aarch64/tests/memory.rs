//! What compiled code calls without asking, and who made the processor.
#![cfg(target_arch = "aarch64")]

#[path = "../../arch-amd64/tests/memory/cases.rs"]
mod cases;

use arch_aarch64::Cpu;
use arch_aarch64::rt0::{compare, copy, fill, length, move_};

/// `HWCAP_CPUID`, with floating point and vectors.
const DESCRIBED: usize = 1 << 11 | 0b11;

#[test]
fn the_processor_says_who_made_it() {
    // Nothing is read that the kernel doesn't answer for.
    assert_eq!(Cpu::ask(0).vendor(), "unknown");
    assert!(Cpu::ask(0).has_basics() && !Cpu::ask(1).has_basics());
    // SAFETY: asks for a number of the auxv.
    let features = unsafe { libc::getauxval(libc::AT_HWCAP) } as usize;
    let cpu = Cpu::ask(features);
    assert!(cpu.has_basics() && cpu.features() == features, "{cpu:?}");
    if features & DESCRIBED == DESCRIBED {
        assert_ne!(cpu, Cpu::ask(features & !DESCRIBED | 0b11), "it says nothing");
    }
    let first = cpu.ticks_in_order();
    assert!(cpu.ticks_in_order() >= first);
}
