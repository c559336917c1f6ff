//! What the tests of std take from elsewhere, in terms of gort.

use std::hash::{BuildHasher, RandomState};

use rand::SeedableRng;
use rand::rngs::StdRng;

/// The locks that can be poisoned, under the name that tests of both kinds use.
pub use gort::sync as locks;

/// For tests of both kinds: what can be poisoned returns a `Result`.
#[track_caller]
pub fn maybe_unwrap<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.expect("not poisoned")
}

/// `crate::common::test_rng`, and nothing of a thread's.
pub fn test_rng() -> StdRng {
    StdRng::seed_from_u64(RandomState::new().hash_one(0))
}
