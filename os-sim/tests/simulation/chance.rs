//! Chance and time that a program gets from `std`, with the feature `interpose`.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime};

use rt_core::os;

use crate::{MS, exact, pass, sleep};

/// The hash of a number by a map's hasher. On a real thread of its own, because `std` draws keys
/// once for each thread.
fn hash(seed: u64) -> u64 {
    let hash = move || {
        let mut hash = 0;
        pass(&exact(seed), || hash = RandomState::new().hash_one(7));
        hash
    };
    std::thread::spawn(hash).join().expect("it panicked")
}

#[test]
fn maps_are_keyed_by_the_seed() {
    assert_eq!(hash(1), hash(1));
    let hashes: HashSet<u64> = (0..50).map(hash).collect();
    assert_eq!(hashes.len(), 50);
}

#[test]
fn outside_maps_are_keyed_by_the_system() {
    let hash = || std::thread::spawn(|| RandomState::new().hash_one(7)).join().expect("panicked");
    assert_ne!(hash(), hash());
}

#[test]
fn instants_are_virtual() {
    let real = Instant::now();
    pass(&exact(0), || {
        let (start, now) = (Instant::now(), os::now());
        let calendar = SystemTime::now();
        sleep(3_600_000 * MS);
        let hour = Duration::from_secs(3600);
        assert!(start.elapsed() >= hour && start.elapsed() < hour + Duration::from_millis(1));
        assert!(calendar.elapsed().expect("not back") >= hour);
        let both = (start.elapsed(), Duration::from_nanos(os::now() - now));
        assert!(both.0.abs_diff(both.1) < Duration::from_millis(1), "{both:?}");
    });
    assert!(real.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_loop_that_looks_at_the_clock_ends() {
    pass(&exact(0), || {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(5) {}
    });
}

#[test]
fn the_calendar_is_the_same_each_time() {
    let now = || {
        let mut now = SystemTime::UNIX_EPOCH;
        pass(&exact(5), || now = SystemTime::now());
        now
    };
    assert_eq!(now(), now());
    assert!(SystemTime::now() > now());
}
