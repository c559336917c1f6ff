//! What the whole-runtime tests share: the modes that they run in, processes of their own, and a
//! look at what a process holds.

mod alone;
mod cpus;
mod footprint;
mod heap;
mod mode;
mod refuse;
pub mod stopped;
mod trace;
mod withheld;

pub use alone::{again, alone, disturbed, ends_of_its_own};
pub use cpus::{cpus, keep_on};
pub use footprint::Footprint;
pub use heap::Heap;
pub use mode::{MODES, Mode, everywhere};
pub use refuse::{filter, refuse};
pub use trace::{Section, mark, trace};
pub use withheld::Withheld;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The number of the calling thread. A system call each time: nothing is cached in thread-locals,
/// so it is right on goroutines that move.
pub fn thread_id() -> i32 {
    // SAFETY: takes nothing and can't fail.
    unsafe { libc::gettid() }
}

/// Yields until the flag is set.
pub fn yield_until(flag: &AtomicBool) {
    // Acquire: pairs with the Release, or stronger, of whoever sets the flag.
    while !flag.load(Ordering::Acquire) {
        gort::yield_now();
    }
}

/// Holds the thread, goroutine or not, until the condition is true.
///
/// # Panics
/// When that takes a minute.
pub fn spin_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited a minute for this: {what}");
        std::thread::yield_now();
    }
}

/// Holds the thread, goroutine or not, for so many microseconds, as a computation does.
pub fn compute_for(us: u64) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(us) {}
}

/// A duration of so many milliseconds.
pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Keeps the panics whose message starts with "expected", and what follows from them, from the
/// error stream.
pub fn hide_expected_panics() {
    static HIDDEN: std::sync::Once = std::sync::Once::new();
    HIDDEN.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let text = panic.payload_as_str().unwrap_or_default();
            let follows = text == "a scoped goroutine panicked"
                || text.starts_with("the runtime ended before ");
            if !text.starts_with("expected") && !follows {
                before(panic);
            }
        }));
    });
}
