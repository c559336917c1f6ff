//! Which processor this is, as far as a start has to know.
//!
//! Go's `rt0_go` asks for the maker, because reading the time stamp in order takes another fence on
//! Intel's processors than on others. Each question leaves a virtual machine, for 4 µs, so one is
//! asked; features come from the kernel.

use core::arch::x86_64::{__cpuid, _mm_lfence, _mm_mfence, _rdtsc};

/// The processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    vendor: [u8; 12],
    leaves: u32,
    features: u32,
}

impl Cpu {
    /// What a processor is that [has what it takes](Cpu::has_basics).
    pub const KIND: &'static str = "x86-64";

    /// Asks the processor. `features` is what the kernel says in `AT_HWCAP`, which is `cpuid` 1, EDX;
    /// where it says nothing, the processor is asked for that as well.
    pub fn ask(features: usize) -> Cpu {
        let features = features as u32;
        let first = __cpuid(0);
        let mut vendor = [0; 12];
        for (to, part) in vendor.chunks_exact_mut(4).zip([first.ebx, first.edx, first.ecx]) {
            to.copy_from_slice(&part.to_le_bytes());
        }
        let leaves = first.eax;
        let features = if features == 0 && leaves > 0 { __cpuid(1).edx } else { features };
        Cpu { vendor, leaves, features }
    }

    /// Its maker: `GenuineIntel`, `AuthenticAMD`, ..
    pub fn vendor(&self) -> &str {
        core::str::from_utf8(&self.vendor).unwrap_or("unknown")
    }

    /// A sentence about it, for reports.
    pub fn about(&self) -> &'static str {
        if self.is_intel() { "a processor of Intel's" } else { "a processor of another maker" }
    }

    /// The features of `cpuid` 1, EDX.
    pub fn features(&self) -> u32 {
        self.features
    }

    /// Whether it has what every x86-64 has, and compiled code uses unasked: a time stamp counter,
    /// compare-and-swap of 8 bytes, conditional moves, SSE and SSE2.
    pub fn has_basics(&self) -> bool {
        const NEEDED: u32 = 1 << 4 | 1 << 8 | 1 << 15 | 1 << 25 | 1 << 26;
        self.features & NEEDED == NEEDED
    }

    /// Whether Intel makes it.
    #[doc(alias = "isIntel")]
    pub fn is_intel(&self) -> bool {
        &self.vendor == b"GenuineIntel"
    }

    /// The time stamp, read after everything before it and before everything behind it.
    pub fn ticks_in_order(&self) -> u64 {
        if self.is_intel() {
            // SAFETY: every x86-64 processor has the instruction.
            unsafe { _mm_lfence() };
        } else {
            // SAFETY: as above.
            unsafe { _mm_mfence() };
        }
        // SAFETY: as above, and no kernel that gort runs on takes it away from user code.
        unsafe { _rdtsc() }
    }
}
