//! The poller's notifications when others look into it, and its two filters.

use os_darwin_stub::Darwin;
use rt_core::{Event, FOREVER, Net, Poller};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One sleeps, several look, one notifies: each notification ends a sleep.
#[test]
fn those_who_look_pass_notifications_on() {
    const ROUNDS: usize = 1000;
    let poller = <Darwin as Poller>::open().expect("a poller");
    let (asked, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                Darwin::poll(poller, &mut [Event::default()], FOREVER);
                answered.store(asked.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(Darwin::poll(poller, &mut [Event::default()], 0), 0);
                }
            });
        }
        for round in 1..=ROUNDS {
            asked.store(round, Ordering::Relaxed);
            Darwin::notify(poller);
            let start = Instant::now();
            while answered.load(Ordering::Relaxed) < round {
                assert!(start.elapsed() < Duration::from_secs(20), "round {round} was lost");
                thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
        Darwin::notify(poller);
    });
    <Darwin as Poller>::close(poller);
}

/// A socket has two filters, and each of them stays until its socket is taken out.
#[test]
fn a_socket_is_added_again_under_another_token() {
    let poller = <Darwin as Poller>::open().expect("a poller");
    let (a, b) = Darwin::pair().expect("a pair");
    for token in 1..100 {
        assert_eq!(Darwin::add(poller, a, token), Ok(()));
        assert_eq!(Darwin::send(b, b"x"), Ok(1));
        let (mut readable, mut writable) = (false, false);
        while !(readable && writable) {
            let mut events = [Event::default(); 4];
            let count = Darwin::poll(poller, &mut events, FOREVER);
            for event in &events[..count] {
                assert_eq!(event.token, token);
                readable |= event.readable;
                writable |= event.writable;
            }
        }
        Darwin::remove(poller, a);
        assert_eq!(Darwin::poll(poller, &mut [Event::default()], 0), 0);
        assert_eq!(Darwin::recv(a, &mut [0; 4], false), Ok(1));
    }
    <Darwin as Poller>::close(poller);
    <Darwin as Net>::close(a);
    <Darwin as Net>::close(b);
}
