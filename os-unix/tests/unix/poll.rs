//! The poller: edges, deadlines, and notifications.

use super::MILLI;
use super::System;
use super::net::{listener, pair};
use rt_core::{Event, FOREVER, Net, Os, Poll, Poller, Shutdown, SocketKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A poller that is closed in the end.
struct Owned(Poll);

impl Owned {
    fn new() -> Owned {
        Owned(<System as Poller>::open().expect("a poller"))
    }

    /// The events until the deadline, one for each token: a system may report the two directions
    /// apart. A sleep that ends for no reason is continued.
    fn events(&self, until: u64) -> Vec<Event> {
        loop {
            let mut events = [Event::default(); 16];
            let count = System::poll(self.0, &mut events, until);
            if count > 0 || until == 0 || System::now() >= until {
                return merged(&events[..count]);
            }
        }
    }
}

fn merged(events: &[Event]) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    for event in events {
        match all.iter_mut().find(|other| other.token == event.token) {
            Some(other) => {
                other.readable |= event.readable;
                other.writable |= event.writable;
                other.ended |= event.ended;
            }
            None => all.push(*event),
        }
    }
    all
}

impl Drop for Owned {
    fn drop(&mut self) {
        <System as Poller>::close(self.0);
    }
}

const NONE: [Event; 0] = [];

/// A deadline that no test should reach.
fn soon() -> u64 {
    System::now() + 10_000 * MILLI
}

#[test]
fn each_change_is_reported_once() {
    let (poller, (a, b)) = (Owned::new(), pair());
    System::add(poller.0, a.0, 7).expect("a place");
    let room = Event { token: 7, writable: true, ..Event::default() };
    assert_eq!(poller.events(soon()), [room], "what is ready when it is added");
    assert_eq!(poller.events(0), NONE, "no change, no report");
    for _ in 0..2 {
        System::send(b.0, b"x").expect("room");
        let events = poller.events(soon());
        assert!(matches!(events[..], [Event { token: 7, readable: true, .. }]), "{events:?}");
        assert_eq!(poller.events(0), NONE, "unread data is no change");
    }
    System::remove(poller.0, a.0);
    System::send(b.0, b"x").expect("room");
    assert_eq!(poller.events(0), NONE, "it was taken out");
    System::add(poller.0, a.0, 8).expect("a place");
    let events = poller.events(soon());
    let both = matches!(events[..], [Event { token: 8, readable: true, writable: true, .. }]);
    assert!(both, "{events:?}");
}

#[test]
fn ends_and_errors_wake_readers_and_writers() {
    let (poller, (a, b)) = (Owned::new(), pair());
    System::add(poller.0, a.0, 1).expect("a place");
    poller.events(soon());
    System::shutdown(b.0, Shutdown::Write).expect("an end");
    let events = poller.events(soon());
    assert!(matches!(events[..], [Event { readable: true, ended: true, .. }]), "{events:?}");
    drop(b);
    let all = Event { token: 1, readable: true, writable: true, ended: true };
    assert_eq!(poller.events(soon()), [all]);
}

#[test]
fn a_listener_and_a_connection() {
    let poller = Owned::new();
    let (listener, name) = listener("127.0.0.1:0".parse().expect("an address"));
    System::add(poller.0, listener.0, 1).expect("a place");
    let client = <System as Net>::open(SocketKind::Stream, &name).expect("a socket");
    System::connect(client, &name).expect("a connection under way");
    System::add(poller.0, client, 2).expect("a place");
    let (mut readable, mut writable) = (false, false);
    while !(readable && writable) {
        for event in poller.events(soon()) {
            readable |= event.token == 1 && event.readable;
            writable |= event.token == 2 && event.writable;
        }
    }
    let (server, _) = System::accept(listener.0).expect("a connection");
    <System as Net>::close(server);
    <System as Net>::close(client);
}

#[test]
fn events_that_do_not_fit_come_next_time() {
    let (poller, pairs) = (Owned::new(), [(); 5].map(|()| pair()));
    for (token, (a, _)) in pairs.iter().enumerate() {
        System::add(poller.0, a.0, token as u64).expect("a place");
    }
    let mut seen = [false; 5];
    while seen != [true; 5] {
        let mut one = [Event::default()];
        assert_eq!(System::poll(poller.0, &mut one, soon()), 1);
        assert!(one[0].writable, "{one:?}");
        seen[one[0].token as usize] = true;
    }
}

#[test]
fn a_notification_before_the_sleep_ends_it() {
    let poller = Owned::new();
    for _ in 0..3 {
        System::notify(poller.0);
        System::notify(poller.0);
        let mut events = [Event::default()];
        assert_eq!(System::poll(poller.0, &mut events, FOREVER), 0);
        // They have merged: nothing is left for the next sleep.
        let until = System::now() + 5 * MILLI;
        poller.events(until);
        assert!(System::now() >= until);
    }
}

#[test]
fn a_look_leaves_the_notification_to_the_sleeper() {
    let poller = Owned::new();
    System::notify(poller.0);
    assert_eq!(poller.events(0), NONE);
    assert_eq!(System::poll(poller.0, &mut [Event::default()], FOREVER), 0);
}

#[test]
fn notifications_during_sleeps_lose_nothing() {
    const ROUNDS: usize = 2000;
    let poller = Owned::new();
    let (asked, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                System::poll(poller.0, &mut [Event::default()], FOREVER);
                answered.store(asked.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        });
        for round in 1..=ROUNDS {
            asked.store(round, Ordering::Relaxed);
            System::notify(poller.0);
            if round % 3 != 0 {
                continue;
            }
            // Nobody notifies again until this one was answered.
            let start = Instant::now();
            while answered.load(Ordering::Relaxed) < round {
                assert!(start.elapsed() < Duration::from_secs(20), "round {round} was lost");
                thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
        System::notify(poller.0);
    });
}

#[test]
fn short_sleeps_are_short_and_not_shorter() {
    const ROUNDS: u64 = 200;
    let poller = Owned::new();
    let best = (0..5).map(|_| {
        let (start, mut calls) = (System::now(), 0);
        for _ in 0..ROUNDS {
            let until = System::now() + 50_000;
            while System::now() < until {
                assert_eq!(System::poll(poller.0, &mut [Event::default()], until), 0);
                calls += 1;
            }
        }
        assert!(calls <= 2 * ROUNDS, "{calls} calls are a busy loop");
        (System::now() - start) / ROUNDS
    });
    let best = best.min().expect("some rounds");
    assert!((50_000..300_000).contains(&best), "{best} ns a sleep of 50,000");
}

#[test]
fn a_past_deadline_and_none_do_not_sleep() {
    let poller = Owned::new();
    let start = System::now();
    for until in [0, 1, start] {
        assert_eq!(System::poll(poller.0, &mut [Event::default()], until), 0);
    }
    assert!(System::now() - start < 500 * MILLI);
}
