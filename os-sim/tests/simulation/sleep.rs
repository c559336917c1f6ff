//! Waits, wakes and the virtual clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rt_core::{FOREVER, os};

use crate::{Config, Faults, MS, Thread, exact, fail, pass, sleep, spawn, word};

#[test]
fn an_hour_takes_no_time() {
    const HOUR: u64 = 3600 * 1000 * MS;
    let start = Instant::now();
    let outcome = pass(&Config::default(), || {
        let threads = [1, 2, 3].map(|hours| spawn(move || sleep(hours * HOUR)));
        threads.into_iter().for_each(Thread::join);
    });
    assert!(outcome.virtual_time >= 3 * HOUR);
    assert!(outcome.virtual_time < 3 * HOUR + MS);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn the_clock_goes_on_and_not_back() {
    pass(&exact(3), || {
        let mut last = os::now();
        for _ in 0..100 {
            let now = os::now();
            assert!(now > last && now - last < 10_000);
            last = now;
        }
    });
}

#[test]
fn a_program_may_ask_for_the_time_and_advance_it() {
    const DAY: Duration = Duration::from_secs(86_400);
    assert_eq!(os_sim::now(), None);
    assert!(!os_sim::advance(DAY));
    let outcome = pass(&exact(0), || {
        let thread = spawn(|| sleep(1000 * MS));
        assert!(os_sim::now() < Some(Duration::from_millis(1)));
        assert!(os_sim::advance(DAY));
        assert!(os_sim::now() >= Some(DAY));
        thread.join();
        assert!(os_sim::now() < Some(DAY + Duration::from_secs(1)));
        assert!(os_sim::advance(Duration::MAX));
    });
    assert!(outcome.virtual_time > DAY.as_nanos() as u64);
}

#[test]
fn a_wait_for_another_value_does_not_sleep() {
    pass(&exact(0), || os::wait(&AtomicU32::new(1), 0, FOREVER));
}

#[test]
fn a_deadline_in_the_past_does_not_sleep() {
    let outcome = pass(&exact(0), || os::wait(&AtomicU32::new(0), 0, 0));
    assert!(outcome.virtual_time < MS);
}

#[test]
fn a_wake_wakes_as_many_as_it_says() {
    for seed in 0..20 {
        pass(&exact(seed), || {
            let door = word();
            let through = word();
            let threads: Vec<_> = (0..5)
                .map(|_| {
                    let (door, through) = (Arc::clone(&door), Arc::clone(&through));
                    spawn(move || {
                        os::wait(&door, 0, FOREVER);
                        through.fetch_add(1, Ordering::Relaxed);
                    })
                })
                .collect();
            // Time passes only when everybody sleeps, or by far less than this.
            sleep(MS);
            assert_eq!(through.load(Ordering::Relaxed), 0);
            os::wake(Arc::as_ptr(&door), 2);
            sleep(MS);
            assert_eq!(through.load(Ordering::Relaxed), 2);
            os::wake(Arc::as_ptr(&through), 2);
            sleep(MS);
            assert_eq!(through.load(Ordering::Relaxed), 2, "a wake of another word");
            os::wake(Arc::as_ptr(&door), u32::MAX);
            for thread in threads {
                thread.join();
            }
            assert_eq!(through.load(Ordering::Relaxed), 5);
        });
    }
}

#[test]
fn whom_a_wake_wakes_is_the_seeds_choice() {
    let mut first = [0; 3];
    for seed in 0..60 {
        pass(&exact(seed), || {
            let door = word();
            let order = Arc::new(std::sync::Mutex::new(Vec::new()));
            let threads = [0, 1, 2].map(|me| {
                let (door, order) = (Arc::clone(&door), Arc::clone(&order));
                spawn(move || {
                    os::wait(&door, 0, FOREVER);
                    order.lock().expect("poisoned").push(me);
                })
            });
            sleep(MS);
            for _ in 0..3 {
                os::wake(Arc::as_ptr(&door), 1);
            }
            threads.into_iter().for_each(Thread::join);
            let woken: usize = order.lock().expect("poisoned")[0];
            first[woken] += 1;
        });
    }
    assert!(first.iter().all(|&times| times > 0), "{first:?}");
}

#[test]
fn a_sleep_may_end_for_no_reason() {
    let forever = || os::wait(&AtomicU32::new(0), 0, FOREVER);
    pass(&Config { faults: Faults { spurious: 1, ..Faults::NONE }, ..exact(0) }, forever);
    assert!(fail(&exact(0), forever).starts_with("deadlock"));
}
