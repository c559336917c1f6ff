//! The process as a whole: a seed, its threads, who handled its faults before us.

use crate::host::Host;
use crate::{clock, shortage};
use os_unix::faults::Faults;
use rustix::rand::{GetRandomFlags, getrandom};

/// A random number. A machine that has just booted may have little to offer: what it has will do,
/// for nothing secret hangs on it, and waiting for more could take minutes.
pub(crate) fn seed() -> u64 {
    if let Some(random) = crate::host::machine::spare_random() {
        return random;
    }
    let mut bytes = [0; 8];
    for flags in [GetRandomFlags::INSECURE, GetRandomFlags::NONBLOCK] {
        if getrandom(&mut bytes, flags) == Ok(bytes.len()) {
            return u64::from_ne_bytes(bytes);
        }
    }
    // No such call (a sandbox): the time and where the stack is, spread over all bits.
    let place = core::ptr::from_ref(&bytes).addr() as u64;
    (clock::now() ^ place.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// How many threads there are, by the kernel's own count: it has a new one before `clone` returns,
/// and one that ends until it has left user space for good.
pub(crate) fn threads() -> usize {
    shortage::threads().map_or(0, |threads| threads as usize)
}

/// Who handled faults before us: signal handlers belong to the process.
static FAULTS: Faults<Host> = Faults::new();

/// As `Unix::faults`.
pub(crate) fn faults() -> &'static Faults<Host> {
    &FAULTS
}
