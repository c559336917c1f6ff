//! Which processor this is, as far as a start has to know.
//!
//! The registers that say so are the kernel's. Linux answers for it when a program reads them, and
//! says by a bit of the features whether it does; features themselves come from the kernel.

use core::arch::asm;

/// The bit of the features that says that floating point is there.
const FLOAT: usize = 1 << 0;
/// That vectors are there.
const VECTORS: usize = 1 << 1;
/// That the kernel answers for registers that describe the processor.
const DESCRIBED: usize = 1 << 11;

/// The processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Who made it and which one it is (`MIDR_EL1`), or 0.
    id: usize,
    features: usize,
}

impl Cpu {
    /// What a processor is that [has what it takes](Cpu::has_basics).
    pub const KIND: &'static str = "AArch64";

    /// Asks the processor. `features` is what the kernel says in `AT_HWCAP`, 0 where it says
    /// nothing.
    pub fn ask(features: usize) -> Cpu {
        let mut id = 0;
        if features & DESCRIBED != 0 {
            // SAFETY: the kernel has said that it answers when user code reads this register, which
            // changes nothing.
            unsafe {
                asm!(
                    "mrs {id}, midr_el1",
                    id = out(reg) id,
                    options(nomem, nostack, preserves_flags),
                );
            }
        }
        Cpu { id, features }
    }

    /// Its maker: `ARM`, `Ampere`, ..
    pub fn vendor(&self) -> &'static str {
        match self.id >> 24 & 0xff {
            0x41 => "ARM",
            0x42 => "Broadcom",
            0x43 => "Cavium",
            0x46 => "Fujitsu",
            0x48 => "HiSilicon",
            0x4e => "NVIDIA",
            0x50 => "Applied Micro",
            0x51 => "Qualcomm",
            0x53 => "Samsung",
            0x56 => "Marvell",
            0x61 => "Apple",
            0x6d => "Microsoft",
            0xc0 => "Ampere",
            _ => "unknown",
        }
    }

    /// A sentence about it, for reports.
    pub fn about(&self) -> &'static str {
        if self.id == 0 {
            "a processor that says nothing"
        } else {
            "a processor that says who made it"
        }
    }

    /// The features that the kernel has told.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Whether it has what compiled code uses unasked: floating point and vectors. A kernel that says
    /// nothing of features is taken to have them, for user code can't find out.
    pub fn has_basics(&self) -> bool {
        self.features == 0 || self.features & (FLOAT | VECTORS) == FLOAT | VECTORS
    }

    /// The time stamp, read after everything before it and before everything behind it.
    pub fn ticks_in_order(&self) -> u64 {
        let ticks;
        // SAFETY: as for `Arch::ticks`, and the barriers change nothing.
        unsafe {
            asm!(
                "isb",
                "mrs {ticks}, cntvct_el0",
                "isb",
                ticks = out(reg) ticks,
                // Memory is not excluded: no access moves over it.
                options(nostack, preserves_flags),
            );
        }
        ticks
    }
}
