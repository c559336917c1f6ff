//! The process as a whole: its clock, a seed, what has run out, who handled its faults before us.

use crate::system;
use os_unix::faults::Faults;
use os_unix::hosted::Libc;
use rt_core::{OsError, Shortage};
use rustix::process::{Resource, getrlimit};

/// Who handled faults before us: signal handlers belong to the process.
static FAULTS: Faults<Libc> = Faults::new();

/// As `Unix::faults`.
pub(crate) fn faults() -> &'static Faults<Libc> {
    &FAULTS
}

/// Nanoseconds of the clock that stands still while the machine sleeps, as std's does.
pub(crate) fn now() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is writable, and the system has this clock.
    unsafe { libc::clock_gettime(system::CLOCK, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A random number.
pub(crate) fn seed() -> u64 {
    let mut bytes = [0; 8];
    // SAFETY: as many writable bytes as is said.
    if unsafe { libc::getentropy(bytes.as_mut_ptr().cast(), bytes.len()) } == 0 {
        return u64::from_ne_bytes(bytes);
    }
    // Refused (a sandbox): the time and where the stack is, spread over all bits.
    let place = core::ptr::from_ref(&bytes).addr() as u64;
    (now() ^ place.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// As `Os::shortage`.
pub(crate) fn shortage(error: OsError) -> Option<Shortage> {
    match error.0 {
        libc::ENOMEM => Some(system::shortage_of_mappings().unwrap_or_else(memory)),
        libc::EAGAIN => Some(Shortage {
            of: "threads",
            used: Some(system::threads() as u64),
            most: system::most_threads(),
            raise: system::RAISE_THREADS,
        }),
        libc::EMFILE => {
            let most = getrlimit(Resource::Nofile).current;
            let raise = "the limit of open descriptors (ulimit -n)";
            Some(Shortage { of: "descriptors", used: most, most, raise })
        }
        libc::ENFILE => Some(Shortage {
            of: "open files of the system",
            used: None,
            most: None,
            raise: "the system's limit of open files (kern.maxfiles)",
        }),
        _ => None,
    }
}

/// Addresses, if they are limited, or else memory.
fn memory() -> Shortage {
    let used = system::address_kib();
    match getrlimit(Resource::As).current {
        Some(most) => {
            let raise = "the limit of addresses (ulimit -v), or lower Builder::stack_size";
            Shortage { of: "KiB of addresses", used, most: Some(most >> 10), raise }
        }
        None => {
            let raise = "the memory of the machine, or lower Builder::stack_size";
            Shortage { of: "KiB of memory", used: None, most: None, raise }
        }
    }
}
