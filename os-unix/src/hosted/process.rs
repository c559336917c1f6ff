//! The process's end, by libc.

/// Ends the process by `SIGABRT`.
pub fn abort() -> ! {
    // SAFETY: libc's `abort` may be called at any time, from a signal handler as well.
    unsafe { libc::abort() }
}

/// Ends the process, after what `atexit` has collected: libc's buffers are written.
pub fn exit(status: i32) -> ! {
    // SAFETY: the core calls this once, from one thread; two callers are libc's to serialise.
    unsafe { libc::exit(status) }
}
