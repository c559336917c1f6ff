//! The shortest programs: they start, run something and end.

use std::time::{Duration, Instant};

#[test]
fn returns_a_value() {
    assert_eq!(gort::run(|| 42), 42);
}

#[test]
fn spawns_and_joins() {
    let sum: u64 = gort::run(|| {
        let handles: Vec<_> = (0..1000u64).map(|i| gort::spawn(move || i)).collect();
        handles.into_iter().map(|h| h.join().unwrap()).sum()
    });
    assert_eq!(sum, 499_500);
}

#[test]
fn yields_between_goroutines() {
    let n = gort::Builder::new()
        .procs(1)
        .run(|| {
            let other = gort::spawn(|| {
                for _ in 0..1000 {
                    gort::yield_now();
                }
                1000
            });
            for _ in 0..1000 {
                gort::yield_now();
            }
            other.join().unwrap()
        })
        .unwrap();
    assert_eq!(n, 1000);
}

#[test]
fn sleeps() {
    let start = Instant::now();
    gort::run(|| gort::sleep(Duration::from_millis(20)));
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn blocks_aside() {
    let n = gort::run(|| {
        gort::blocking(|| {
            std::thread::sleep(Duration::from_millis(5));
            7
        })
    });
    assert_eq!(n, 7);
}

#[test]
fn scopes_borrow() {
    let mut numbers = vec![1, 2, 3];
    gort::run(|| {
        gort::scope(|s| {
            for n in &mut numbers {
                s.spawn(|| *n *= 10);
            }
        });
    });
    assert_eq!(numbers, [10, 20, 30]);
}

#[test]
fn panics_are_delivered_at_join() {
    let panic = gort::run(|| gort::spawn(|| panic!("boom")).join().unwrap_err());
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "boom");
}

#[test]
fn spawns_from_a_plain_thread() {
    assert_eq!(gort::spawn(|| 5).join().unwrap(), 5);
}

#[test]
fn runs_a_thousand_times() {
    for i in 0..1000 {
        assert_eq!(gort::run(|| gort::spawn(move || i).join().unwrap()), i);
    }
}
