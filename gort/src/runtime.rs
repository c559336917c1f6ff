//! What the runtime runs on, and what its goroutines do.

use alloc::vec::Vec;

pub use rt_core::inspect::{HeldBy, Never, On, Seen, Waits, list};
pub use rt_core::{Deadlock, GuardKind, Platform, State, WaitsFor};

/// What the platform found: processors, page size, how stacks are guarded.
///
/// ```
/// let platform = gort::runtime::platform();
/// assert!(platform.cpus >= 1 && platform.page_size.is_power_of_two());
/// ```
pub fn platform() -> Platform {
    rt_core::platform()
}

/// How many processors the runtime of the caller has in use at this moment: how many of its
/// goroutines run at the same time. It changes when what the system allows does, unless
/// [`Builder::procs`](crate::Builder::procs) or `GORT_MAXPROCS` has set it. On a plain thread it is
/// that of the process-wide runtime; before there is one, what the system allows.
///
/// ```
/// gort::Builder::new().procs(3).run(|| assert_eq!(gort::runtime::procs(), 3))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "GOMAXPROCS")]
pub fn procs() -> usize {
    let runtime = rt_core::Runtime::current().or_else(crate::default::started);
    runtime.map_or_else(rt_core::os::cpus, |runtime| runtime.procs())
}

/// The backends that this program links.
///
/// ```
/// println!("gort on {}", gort::runtime::backend());
/// # assert!(gort::runtime::backend().contains(" + arch-"));
/// ```
pub fn backend() -> &'static str {
    crate::platform::BACKEND
}

/// The goroutines that have not ended, but the caller: each with its state, and if it is parked with
/// what it waits for, for how long, how many handles a channel has, and who holds a lock. Some are
/// certain never to go on: [`Waits::never`] says so.
///
/// They are those of the runtime that the caller belongs to; on a plain thread, of the process-wide
/// one. The others go on meanwhile, so what is said of one may be over by the time it is read, and two
/// may be seen at different moments; one that has just been joined may still be on its way out. What
/// is certain is so for good.
///
/// ```
/// use gort::runtime::{self, HeldBy, Never};
/// use gort::sync::Mutex;
/// use std::sync::Arc;
///
/// gort::Builder::new().procs(1).run(|| {
///     let lock = Arc::new(Mutex::new(0));
///     let theirs = Arc::clone(&lock);
///     gort::spawn(move || std::mem::forget(theirs.lock())).join().unwrap();
///     gort::go(move || *lock.lock().unwrap() += 1);
///     gort::yield_now();
///
///     let leaked = runtime::leaked();
///     let waits = leaked[0].waits.as_ref().unwrap();
///     assert_eq!(waits.on[0].held_by, Some(HeldBy::Ended));
///     assert_eq!(waits.never, Some(Never::HolderEnded));
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// It takes time in proportion to all of them, and a system call for each 32.
pub fn leaked() -> Vec<Seen> {
    let runtime = rt_core::Runtime::current();
    runtime.or_else(crate::default::started).map_or_else(Vec::new, |runtime| runtime.leaked())
}
