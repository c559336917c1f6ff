//! A place that a number of tasks leave together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gort::sync::Barrier;

use crate::world::everywhere;

#[test]
fn rounds_are_kept_apart() {
    const TASKS: usize = 5;
    const ROUNDS: usize = if cfg!(debug_assertions) { 100 } else { 2000 };
    everywhere(|world| {
        let barrier = Arc::new(Barrier::new(TASKS));
        let come = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (barrier, come) = (barrier.clone(), come.clone());
                world.spawn(move || {
                    let mut led = 0;
                    for round in 1..=ROUNDS {
                        come.fetch_add(1, Ordering::SeqCst);
                        led += usize::from(barrier.wait().is_leader());
                        let come = come.load(Ordering::SeqCst);
                        assert!(come >= round * TASKS, "left before all had come");
                        assert!(come < (round + 1) * TASKS, "came round without the others");
                    }
                    led
                })
            })
            .collect();
        let led: usize = tasks.into_iter().map(|task| task.join()).sum();
        assert_eq!(led, ROUNDS);
    });
}

#[test]
fn one_does_not_wait() {
    everywhere(|_| {
        for needed in [0, 1] {
            let barrier = Barrier::new(needed);
            assert!(barrier.wait().is_leader() && barrier.wait().is_leader());
        }
    });
}
