//! Simulated pollers, without sockets.

use rt_core::{Event, FOREVER, os, poller};

use crate::{MS, exact, fail, pass, sleep, spawn};

/// Polls for nothing but a notify or the time.
fn poll(poll: rt_core::Poll, until: u64) {
    let mut events = [Event::default(); 4];
    assert_eq!(poller::poll(poll, &mut events, until), 0);
}

#[test]
fn a_notify_ends_the_poll_or_the_next_one() {
    for seed in 0..50 {
        let outcome = pass(&exact(seed), || {
            let id = poller::open().expect("no poller");
            let thread = spawn(move || poll(id, FOREVER));
            poller::notify(id);
            thread.join();
            poller::close(id);
        });
        assert!(outcome.virtual_time < MS);
    }
}

#[test]
fn a_poll_ends_at_its_deadline() {
    pass(&exact(0), || {
        let id = poller::open().expect("no poller");
        let until = os::now() + MS;
        poll(id, until);
        assert!(os::now() >= until);
        let now = os::now();
        poll(id, 0);
        assert!(os::now() < now + MS);
        poller::close(id);
    });
}

#[test]
fn notifies_merge() {
    let failure = fail(&exact(0), || {
        let id = poller::open().expect("no poller");
        poller::notify(id);
        poller::notify(id);
        poll(id, FOREVER);
        poll(id, FOREVER);
    });
    assert!(failure.ends_with("\n  thread 0 polls poller 0"), "{failure}");
}

#[test]
fn pollers_are_apart() {
    pass(&exact(0), || {
        let one = poller::open().expect("no poller");
        let other = poller::open().expect("no poller");
        assert_ne!(one, other);
        poller::notify(other);
        let until = os::now() + MS;
        poll(one, until);
        assert!(os::now() >= until);
        poll(other, FOREVER);
    });
}

#[test]
fn misuse_is_a_failure() {
    let failure = fail(&exact(0), || {
        let id = poller::open().expect("no poller");
        poller::close(id);
        poller::notify(id);
    });
    assert_eq!(failure, "thread 0 uses poller 0, which is not open");

    let failure = fail(&exact(0), || {
        let id = poller::open().expect("no poller");
        spawn(move || poll(id, FOREVER));
        sleep(MS);
        poll(id, FOREVER);
    });
    assert_eq!(failure, "thread 0 polls poller 0 while thread 1 does");
}
