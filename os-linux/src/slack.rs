//! Timer slack: by how much the kernel may put a sleep off, to serve several at once.
//!
//! By default that is 50 µs, which makes a sleep of 50 µs one of 120 µs. A worker sleeps until its
//! next timer, so it asks for 1 ns. A thread whose slack somebody has chosen keeps it.

use rustix::thread::{current_timer_slack, set_current_timer_slack};

/// The kernel's default, in nanoseconds.
const DEFAULT: u64 = 50_000;

/// Takes the default slack off the calling thread; true if it had it.
pub(crate) fn remove() -> bool {
    current_timer_slack() == Ok(DEFAULT)
        && set_current_timer_slack(core::num::NonZeroU64::new(1)).is_ok()
}

/// Gives the calling thread its default back.
pub(crate) fn restore() {
    // `None` is the thread's default. A kernel that took 1 ns takes this.
    let _ = set_current_timer_slack(None);
}
