//! Checks that pass and checks that must not.

#[cfg(feature = "sim")]
use std::collections::HashMap;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Config, Faults, advance, check, now};
use crate::{chan, net, sync::Mutex};

fn few(seeds: u64) -> Config {
    Config { seeds, ..Config::default() }
}

/// What a check that fails says.
fn fail(config: &Config, program: impl Fn() + Sync) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| check(config, program)));
    let panic = panic.expect_err("the check passes");
    panic.downcast_ref::<String>().expect("a text").clone()
}

/// Two goroutines increase a number, each by a look at it and a store.
fn lost_update() {
    let number = std::sync::Arc::new(Mutex::new(0));
    let adders = [1, 2].map(|_| {
        let number = number.clone();
        crate::spawn(move || {
            let seen = *number.lock().expect("not poisoned");
            crate::yield_now();
            *number.lock().expect("not poisoned") = seen + 1;
        })
    });
    adders.into_iter().for_each(|adder| adder.join().expect("no panic"));
    assert_eq!(*number.lock().expect("not poisoned"), 2, "an update was lost");
}

#[test]
fn a_lost_update_is_found_and_replayed() {
    let text = fail(&few(1000), lost_update);
    assert!(text.contains("an update was lost"), "{text}");
    assert!(text.contains("\nreplay: GORT_SIM_SEED="), "{text}");
    assert!(text.contains("\nlast events:\n"), "{text}");
    assert_eq!(text, fail(&few(1000), lost_update));
}

#[test]
fn a_right_program_passes() {
    check(&few(200), || {
        let (tx, rx) = chan::bounded(1);
        for i in 0..3 {
            let tx = tx.clone();
            crate::go(move || tx.send(i).expect("received"));
        }
        drop(tx);
        assert_eq!(rx.iter().sum::<i32>(), 3);
    });
}

#[test]
fn an_hour_takes_no_time() {
    let real = Instant::now();
    check(&few(100), || {
        let start = now();
        crate::sleep(Duration::from_secs(3600));
        assert!(now() - start >= Duration::from_secs(3600));
        advance(Duration::from_secs(86_400));
        assert!(now() - start >= Duration::from_secs(90_000));
    });
    assert!(real.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_deadlock_says_who_waits() {
    let text = fail(&few(10), || {
        let (tx, rx) = chan::bounded::<()>(0);
        let (also_tx, also_rx) = chan::bounded::<()>(0);
        let other = crate::spawn(move || {
            crate::sleep(Duration::from_secs(1));
            assert!(also_tx.send(()).is_err());
        });
        assert!(rx.recv().is_ok());
        drop((tx, also_rx, other));
    });
    assert!(text.contains("deadlock: nobody can run"), "{text}");
    assert!(text.contains("\n  thread 0 waits"), "{text}");
    for goroutine in ["1 'main'", "2"] {
        let mut lines = text.lines().filter(|line| line.contains(" channel "));
        let mine = format!("  goroutine {goroutine}, spawned at ");
        assert!(lines.any(|line| line.starts_with(&mine)), "{text}");
    }
    let receives = " waits to receive from channel 0 (1 sender, 1 receiver) for ";
    assert!(text.contains(receives), "{text}");
    let sends = " waits to send to channel 1 (1 sender, 1 receiver) for ";
    assert!(text.contains(sends), "{text}");
}

#[test]
fn goroutines_left_behind_are_a_failure() {
    let line = line!() + 3;
    let text = fail(&few(10), || {
        let (tx, rx) = chan::bounded::<()>(0);
        crate::go(move || assert!(rx.recv().is_err()));
        std::mem::forget(tx);
    });
    assert!(text.contains("these goroutines had not ended:\n  goroutine 2, spawned at"), "{text}");
    assert!(text.contains(&format!("{}:{}:9, waits to receive from", file!(), line)), "{text}");
}

#[test]
fn a_program_that_is_not_deterministic_is_told_so() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let text = fail(&few(10), || {
        for _ in 0..RUNS.fetch_add(1, Ordering::Relaxed) {
            crate::sleep(Duration::from_millis(1));
        }
        panic!("always");
    });
    assert!(text.contains("not deterministic"), "{text}");
}

#[test]
fn a_check_inside_of_a_check_is_a_failure() {
    let text = fail(&few(1), || check(&few(1), || ()));
    assert!(text.contains("inside of a check"), "{text}");
}

#[test]
fn sockets_are_simulated() {
    check(&few(200), || {
        let listener = net::TcpListener::bind("10.0.0.1:80").expect("not bound");
        let server = crate::spawn(move || {
            let (mut stream, _) = listener.accept().expect("no connection");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("broken");
            stream.write_all(text.to_uppercase().as_bytes()).expect("broken");
        });
        let mut stream = net::TcpStream::connect("10.0.0.1:80").expect("refused");
        stream.write_all(b"hello").expect("broken");
        stream.shutdown(net::Shutdown::Write).expect("broken");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("broken");
        assert_eq!(text, "HELLO");
        server.join().expect("no panic");
    });
}

#[test]
fn refusals_reach_the_program_or_stop_the_runtime() {
    let faults = Faults { no_memory: 20, no_thread: 20, ..Faults::default() };
    check(&Config { faults, ..few(300) }, || {
        // A runtime that has begun goes on with the threads and stacks that it gets.
        let (tx, rx) = chan::bounded(0);
        let sent = crate::thread::Builder::new().spawn(move || tx.send(1));
        if let Ok(handle) = sent {
            assert_eq!(rx.recv(), Ok(1));
            assert!(handle.join().expect("no panic").is_ok());
        }
    });
}

/// The order of a map's keys, for one seed.
#[cfg(feature = "sim")]
fn order(seed: u64) -> Vec<u32> {
    let order = std::sync::Mutex::new(Vec::new());
    check(&Config { first: seed, ..few(1) }, || {
        let map: HashMap<u32, ()> = (0..20).map(|key| (key, ())).collect();
        *order.lock().expect("not poisoned") = map.into_keys().collect();
    });
    order.into_inner().expect("not poisoned")
}

#[cfg(feature = "sim")]
#[test]
fn maps_have_the_seeds_order() {
    assert_eq!(order(3), order(3));
    assert_ne!(order(3), order(4));
}

#[test]
fn outside_of_a_check_time_is_real() {
    assert!(!super::active());
    let start = now();
    std::thread::sleep(Duration::from_millis(2));
    assert!(now() - start >= Duration::from_millis(2));
    assert!(catch_unwind(|| advance(Duration::ZERO)).is_err());
}
