//! What to say when a goroutine runs out of stack.

use crate::fatal::report;
use crate::goroutine::GoroutineRef;
use crate::os;
use crate::os_trait::Fault;
use crate::stack::base_of;
use crate::worker::{Local, Worker};

/// Says whether a fault at `address` is the guard of the goroutine that the worker is on, and reports
/// it if so. Runs in a signal handler, on the worker's alternate stack: allocates nothing, waits for no
/// lock.
pub(crate) fn classify(address: usize) -> Fault {
    let Local::Worker(worker) = Local::read() else { return Fault::NotOurs };
    // SAFETY: a thread's word names its live worker.
    let worker: &Worker = unsafe { worker.as_ref() };
    let guards = |g: GoroutineRef| address.wrapping_sub(base_of(g).addr()) < os::page_size();
    let g = match worker.current.get() {
        Some(g) if guards(g) => g,
        // A program that is to be small doesn't look further.
        _ if cfg!(feature = "small") => return Fault::NotOurs,
        // One that is leaving is current no more when the switch stores its last words.
        _ => match worker.shared().stacks.guarded_by(address) {
            Some(g) => g,
            None => return Fault::NotOurs,
        },
    };
    let bytes = g.region.class.bytes();
    report(format_args!(
        "fatal: goroutine {} has overflowed its stack of {} KiB",
        g.id.get(),
        bytes >> 10
    ));
    if let Some(at) = g.spawned_at.get() {
        report(format_args!("  it was spawned at {at}"));
    }
    report(format_args!(
        "  to give it more: thread::Builder::new().stack_size({}) for this one, or \
         Builder::stack_size for all",
        bytes * 4
    ));
    Fault::Overflow
}
