//! What compiled code calls without asking, and who made the processor.
#![cfg(target_arch = "x86_64")]

// In a folder, for another processor's tests include it too.
#[path = "memory/cases.rs"]
mod cases;

use arch_amd64::rt0::{compare, copy, fill, length, move_};

#[test]
fn the_processor_says_who_made_it() {
    let cpu = arch_amd64::Cpu::ask(0);
    assert!(cpu.vendor().is_ascii() && cpu.vendor().len() == 12, "{cpu:?}");
    assert!(cpu.has_basics(), "{cpu:?}");
    assert!(!arch_amd64::Cpu::ask(1 << 26).has_basics());
    // The kernel's word is taken.
    assert_eq!(arch_amd64::Cpu::ask(5).features(), 5);
    let first = cpu.ticks_in_order();
    assert!(cpu.ticks_in_order() >= first);
}
