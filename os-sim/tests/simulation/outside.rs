//! Outside of a check, the host answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rt_core::{Event, FOREVER, GuardKind, net, os, poller};

use crate::{MS, exact, pass, sleep, spawn, wait_while, word};

#[test]
fn threads_are_real() {
    let here = std::thread::current().id();
    let other = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&other);
    let thread = spawn(move || {
        theirs.store(std::thread::current().id() != here, Ordering::Relaxed);
    });
    thread.join();
    assert!(other.load(Ordering::Relaxed));
}

#[test]
fn words_wake_real_threads() {
    let flag = word();
    let theirs = Arc::clone(&flag);
    let thread = spawn(move || {
        theirs.store(1, Ordering::Relaxed);
        os::wake(Arc::as_ptr(&theirs), 1);
    });
    wait_while(&flag, 0);
    thread.join();
}

#[test]
fn time_is_real() {
    let start = Instant::now();
    sleep(20 * MS);
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn guards_are_real() {
    assert_ne!(os::guard_kind(), GuardKind::Simulated);
    pass(&exact(0), || assert_eq!(os::guard_kind(), GuardKind::Simulated));
}

#[test]
fn sockets_and_pollers_are_real() {
    let (one, other) = net::pair().expect("no sockets");
    let poll = poller::open().expect("no poller");
    poller::add(poll, other, 7).expect("not added");
    assert_eq!(net::send(one, b"x"), Ok(1));
    let mut events = [Event::default(); 4];
    let mut readable = false;
    while !readable {
        let count = poller::poll(poll, &mut events, FOREVER);
        readable = events[..count].iter().any(|event| event.token == 7 && event.readable);
    }
    poller::remove(poll, other);
    poller::close(poll);
    net::close(one);
    net::close(other);
}

#[test]
fn a_check_leaves_the_word_of_its_real_thread_alone() {
    assert!(os::local().is_null());
    os::set_local(core::ptr::without_provenance_mut(8));
    pass(&exact(0), || {
        assert!(os_sim::active());
        assert!(os::local().is_null());
        os::set_local(core::ptr::without_provenance_mut(16));
    });
    assert!(!os_sim::active());
    assert_eq!(os::local().addr(), 8);
    os::set_local(core::ptr::null_mut());
}
