//! How a rewritten test is run. `cargo ci mirror` puts this beside the tests that it rewrites.

/// Runs a test as it was meant.
pub fn threads(test: fn()) {
    test();
}

/// Runs a test as a goroutine.
pub fn goroutines(test: fn()) {
    gort::Builder::new().procs(4).run(test).expect("a runtime starts");
}

/// Runs a test as a goroutine that may move from thread to thread.
pub fn migratory(test: fn()) {
    // SAFETY: the rewritten tests hold nothing of a thread's across a wait: `cargo ci mirror` leaves
    // out those that do.
    let builder = unsafe { gort::Builder::new().procs(4).migratory() };
    builder.run(test).expect("a runtime starts");
}
