//! Instants: their arithmetic, and the way to and from `std`'s.

use std::time::Instant as StdInstant;

use gort::time::{Duration, Instant};

#[test]
fn arithmetic_is_that_of_std() {
    let early = Instant::now();
    let late = early + Duration::from_secs(3);
    assert!(early < late);
    assert_eq!(late - early, Duration::from_secs(3));
    assert_eq!(late - Duration::from_secs(3), early);
    assert_eq!(early - late, Duration::ZERO);
    assert_eq!(early.checked_duration_since(late), None);
    assert_eq!(early.checked_add(Duration::MAX), None);
    assert_eq!(early.checked_sub(Duration::MAX), None);
    let mut moved = early;
    moved += Duration::from_millis(5);
    moved -= Duration::from_millis(2);
    assert_eq!(moved.duration_since(early), Duration::from_millis(3));
    assert!(early.elapsed() < Duration::from_secs(3600));
}

/// Each conversion reads both clocks one after the other, so it is off by what lies in between.
#[test]
fn the_way_to_std_and_back_keeps_the_distance_from_now() {
    let (ours, theirs) = (Instant::now(), StdInstant::now());
    for seconds in [0, 1, 1000] {
        let distance = Duration::from_secs(seconds);
        let from_theirs = Instant::from(theirs + distance);
        assert!(from_theirs + Duration::from_secs(1) > ours + distance);
        assert!(from_theirs < ours + distance + Duration::from_secs(30));
        let from_ours = StdInstant::from(ours + distance);
        assert!(from_ours + Duration::from_secs(30) > theirs + distance);
        assert!(from_ours < theirs + distance + Duration::from_secs(30));
    }
    assert!(Instant::from(theirs - Duration::from_millis(1)) < Instant::now());
}
