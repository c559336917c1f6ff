//! What a wait group starts itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gort::sync::WaitGroup;
use tests::hide_expected_panics;

use crate::world::everywhere;

#[test]
fn tasks_are_counted_out_however_they_end() {
    hide_expected_panics();
    everywhere(|_| {
        let (group, done) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
        for i in 0..40 {
            let done = done.clone();
            group.go(move || {
                gort::yield_now();
                done.fetch_add(1, Ordering::Relaxed);
                assert!(i % 4 != 0, "expected");
            });
        }
        group.wait();
        assert_eq!(done.load(Ordering::Relaxed), 40);
        assert_eq!(format!("{group:?}"), "WaitGroup { count: 0 }");
    });
}
