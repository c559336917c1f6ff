//! Stacks: regions of a few sizes, cut from large mappings, kept in pools.
//!
//! Go's `stackalloc` in shape. A processor keeps two lists of free regions a size ([`StackCache`]);
//! behind it stands a pool of such lists ([`StackPool`]), so that one exchange under a lock moves a
//! whole list in constant time; behind the pool stand arenas ([`Arena`]) and the operating system.

mod arena;
mod cache;
mod pool;

pub(crate) use arena::{Region, base_of};
pub(crate) use cache::StackCache;
pub(crate) use pool::{Cursor, StackPool};

/// The smallest region, in bytes: 32 KiB holds the guard, the record, and the frames of a wait in a
/// build without optimization (16 KiB do not).
const SMALLEST_SHIFT: u32 = 15;
/// The largest region: 1 GiB, Go's limit of a stack.
const LARGEST_SHIFT: u32 = 30;
/// The number of sizes.
const CLASSES: usize = (LARGEST_SHIFT - SMALLEST_SHIFT + 1) as usize;

/// What a goroutine gets unless told otherwise: 256 KiB of addresses, of which it uses what it
/// touches. Deep enough for code written for threads, and a million of them are 256 GiB of the
/// 128 TiB that a process has.
pub const DEFAULT_STACK_BYTES: usize = 256 << 10;

/// The room that a region of given size loses to guard, record, colour and closure.
const OVERHEAD: usize = 8 << 10;

/// A size of region: a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(u8);

impl Class {
    /// The smallest class that leaves a goroutine `bytes` of stack; none if that is over 1 GiB.
    pub(crate) fn for_bytes(bytes: usize) -> Option<Class> {
        Class::at_least(bytes.checked_add(OVERHEAD)?)
    }

    /// The smallest class whose regions have `bytes` in all.
    pub(crate) fn at_least(bytes: usize) -> Option<Class> {
        let shift = bytes.checked_next_power_of_two()?.trailing_zeros().max(SMALLEST_SHIFT);
        (shift <= LARGEST_SHIFT).then(|| Class((shift - SMALLEST_SHIFT) as u8))
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn bytes(self) -> usize {
        1 << (self.0 as u32 + SMALLEST_SHIFT)
    }

    fn all() -> impl Iterator<Item = Class> {
        (0..CLASSES as u8).map(Class)
    }
}
