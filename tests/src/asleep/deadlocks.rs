//! Cases in which nobody can ever wake anybody.

use std::sync::Arc;
use std::time::Duration;

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use gort::sync::{Mutex, WaitGroup};
use tests::{Mode, ms};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("receive", |_, builder| run(builder, receive)),
    ("send", |_, builder| run(builder, send)),
    ("select", |_, builder| run(builder, select)),
    ("never", |_, builder| run(builder, || chan::never::<()>().recv().expect("sent"))),
    ("locks", |_, builder| run(builder, locks)),
    ("guard", |_, builder| run(builder, guard)),
    ("group", |_, builder| run(builder, group)),
    ("join", |_, builder| run(builder, join)),
    ("scope", |_, builder| run(builder, scope)),
    ("many", |_, builder| run(builder, many)),
    ("after_work", |_, builder| run(builder, after_work)),
    ("after_threads", |_, builder| run(builder, after_threads)),
    ("second", second),
    ("inside", inside),
];

fn run(builder: &gort::Builder, main: impl FnOnce() + Send) {
    builder.run(main).expect("the system refuses nothing");
}

fn receive() {
    let (tx, rx) = chan::bounded::<()>(1);
    let (other_tx, other_rx) = chan::bounded::<()>(1);
    gort::go(move || {
        // Each would send what the other waits for.
        if rx.recv().is_ok() {
            other_tx.send(()).expect("received");
        }
    });
    if other_rx.recv().is_ok() {
        tx.send(()).expect("received");
    }
}

fn send() {
    let (tx, rx) = chan::bounded(0);
    tx.send(()).expect("the receiver is there");
    drop(rx);
}

fn select() {
    let (tx, rx) = chan::bounded::<()>(0);
    let (full, unread) = chan::bounded::<()>(0);
    gort::select! {
        recv(rx) -> _ => (),
        send(full, ()) -> _ => (),
    }
    drop((tx, unread));
}

fn locks() {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let (arrive, arrived) = chan::bounded(0);
    let theirs = Arc::clone(&locks);
    let other = gort::spawn(move || {
        let second = theirs.1.lock();
        arrive.send(()).expect("received");
        drop((theirs.0.lock(), second));
    });
    let first = locks.0.lock();
    arrived.recv().expect("sent");
    drop((locks.1.lock(), first));
    drop(other.join());
}

fn guard() {
    let lock = Arc::new(Mutex::new(()));
    let theirs = Arc::clone(&lock);
    gort::spawn(move || std::mem::forget(theirs.lock())).join().expect("no panic");
    drop(lock.lock());
}

fn group() {
    let group = WaitGroup::new();
    group.add(1);
    group.wait();
}

fn join() {
    let (tx, rx) = chan::bounded::<()>(0);
    gort::spawn(move || rx.recv().expect("sent")).join().expect("no panic");
    drop(tx);
}

fn scope() {
    let (tx, rx) = chan::bounded::<()>(0);
    gort::scope(|s| {
        s.spawn(|| rx.recv().expect("sent"));
        s.spawn(|| rx.recv().expect("sent"));
    });
    drop(tx);
}

fn many() {
    let (tx, rx) = chan::bounded::<()>(0);
    for _ in 0..500 {
        let rx = rx.clone();
        gort::go(move || rx.recv().expect("sent"));
    }
    rx.recv().expect("sent");
    drop(tx);
}

/// Everything that keeps it away for a while has been there and is over.
fn after_work() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
    let address = listener.local_addr().expect("it is bound");
    let client = gort::spawn(move || TcpStream::connect(address).expect("it listens"));
    let connection = (listener.accept().expect("it connects"), client.join());
    let (tx, rx) = chan::bounded::<()>(0);
    assert!(rx.recv_timeout(ms(2)).is_err());
    gort::blocking(|| std::thread::sleep(ms(2)));
    let busy: Vec<_> =
        (0..100).map(|_| gort::spawn(|| (0..100).for_each(|_| gort::yield_now()))).collect();
    busy.into_iter().for_each(|handle| handle.join().expect("no panic"));
    assert!(rx.recv().is_ok());
    drop((connection, tx));
}

/// Plain threads that have ended, and that end while it waits.
fn after_threads() {
    let (tx, rx) = chan::bounded::<()>(0);
    std::thread::spawn(|| ()).join().expect("no panic");
    std::thread::spawn(|| std::thread::sleep(ms(50)));
    std::thread::spawn(|| std::thread::sleep(Duration::from_millis(500)));
    assert!(rx.recv().is_ok());
    drop(tx);
}

/// In a second runtime, after the first has ended.
fn second(_: Mode, builder: &gort::Builder) {
    run(builder, || gort::spawn(|| gort::sleep(ms(1))).join().expect("no panic"));
    run(builder, receive);
}

/// In a runtime that a goroutine runs, whose worker is held by that.
fn inside(_: Mode, builder: &gort::Builder) {
    gort::Builder::new().procs(1).run(|| run(builder, receive)).expect("nothing is refused");
}
