//! How a rewritten test is run. `cargo ci mirror` puts this beside the tests that it rewrites.

use std::sync::{PoisonError, RwLock};

/// Tests that measure what the whole process does, and so go alone.
const ALONE: &[&str] = &["select2::main"];

/// Held by each test: shared by all but those.
static TURN: RwLock<()> = RwLock::new(());

/// Runs a test when it is its turn.
fn in_turn(test: impl FnOnce()) {
    // The harness names a thread after its test.
    let alone = std::thread::current().name().is_some_and(|name| ALONE.contains(&name));
    let turn = match alone {
        true => (None, Some(TURN.write().unwrap_or_else(PoisonError::into_inner))),
        false => (Some(TURN.read().unwrap_or_else(PoisonError::into_inner)), None),
    };
    test();
    drop(turn);
}

/// Runs a test as it was meant.
pub fn threads(test: fn()) {
    in_turn(test);
}

/// Runs a test as a goroutine.
pub fn goroutines(test: fn()) {
    in_turn(|| gort::Builder::new().procs(4).run(test).expect("a runtime starts"));
}

/// Runs a test as a goroutine that may move from thread to thread.
pub fn migratory(test: fn()) {
    // SAFETY: the rewritten tests hold nothing of a thread's across a wait: `cargo ci mirror` leaves
    // out those that do.
    let builder = unsafe { gort::Builder::new().procs(4).migratory() };
    in_turn(|| builder.run(test).expect("a runtime starts"));
}
