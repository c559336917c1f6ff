//! Sources of chance that a program does not get from the platform: `getrandom`, from which `std`
//! keys its hash maps, and `clock_gettime`, behind its `Instant` and `SystemTime`.
//!
//! These two definitions stand before libc's, in every program that links this crate with its
//! feature `interpose`. Inside of a check they answer from the seed and the virtual clock; for
//! everybody else they make the system call.
//!
//! They may be called at any moment, with any lock of any library held, in signal handlers too. So
//! they are no switch points, allocate nothing, lock nothing, and use a thread-local that needs no
//! set-up. Because a loop that waits for a time by looking at the clock must end without switch
//! points, each look takes some time.

use core::ffi::{c_int, c_uint, c_void};

use crate::gate::{Gate, inside};

/// What the calendar shows when the virtual clock is at 0: a moment in September 2020.
const CALENDAR: u64 = 1_600_000_000;

/// A look at the clock takes so long, in nanoseconds.
const LOOK: u64 = 100;

/// Makes sure that the definitions are linked.
pub(crate) fn link() {
    core::hint::black_box((getrandom as *const (), clock_gettime as *const ()));
}

/// Fills `buffer`, as `getrandom(2)` does.
///
/// # Safety
/// - `length` bytes from `buffer` are writable.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    let filled = inside(|gate| {
        let mut at = 0;
        while at < length {
            let word = gate.entropy().to_le_bytes();
            let count = word.len().min(length - at);
            // SAFETY: `at + count` is at most `length`, and that many bytes are writable: the
            // caller's duty.
            let to = unsafe { buffer.cast::<u8>().add(at) };
            // SAFETY: as above; `word` is on this stack, so the two don't overlap.
            unsafe { to.copy_from_nonoverlapping(word.as_ptr(), count) };
            at += count;
        }
        length as isize
    });
    // SAFETY: the system call has the contract of this function.
    filled.unwrap_or_else(|| unsafe {
        libc::syscall(libc::SYS_getrandom, buffer, length, flags) as isize
    })
}

/// Tells a time, as `clock_gettime(2)` does.
///
/// # Safety
/// - `time` is writable.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    let told = inside(|gate| {
        let virtual_time = virtual_time(gate, clock);
        // SAFETY: the caller's duty.
        unsafe { time.write(virtual_time) };
        0
    });
    // SAFETY: the system call has the contract of this function.
    told.unwrap_or_else(|| unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int })
}

/// What a clock shows inside of a check. Those of processor time show the time as well.
fn virtual_time(gate: &Gate, clock: libc::clockid_t) -> libc::timespec {
    gate.pass(LOOK);
    let nanoseconds = gate.clock.get();
    let mut seconds = nanoseconds / 1_000_000_000;
    if matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI) {
        seconds += CALENDAR;
    }
    libc::timespec {
        // A virtual clock of 64 bits of nanoseconds ends long before these do.
        tv_sec: seconds as libc::time_t,
        tv_nsec: (nanoseconds % 1_000_000_000) as libc::c_long,
    }
}
