//! Programs whose goroutines wait for ever, and are told so; and some that only seem to, and are not.

use std::sync::Arc;
use std::time::Duration;

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use gort::sync::{Barrier, Mutex, WaitGroup};
use os_linux::Linux;
use os_sim::{Config, Outcome, check};

use crate::plain::plain;
use crate::programs::{Program, Setting};

/// What a program that must not come to its end ends with.
const ENDS: &[(&str, &str)] = &[
    (
        "asleep",
        "exited with status 2: fatal: all goroutines are asleep - deadlock!\n  goroutine 1 'main', ",
    ),
    (
        "after_call",
        "exited with status 2: fatal: all goroutines are asleep - deadlock!\n  goroutine 1 'main', ",
    ),
    // Whoever is outside could still connect, so it is the simulation that says it.
    ("unvisited", "deadlock: nobody can run and nobody has a deadline"),
];

/// A check that fails gives no memory back, so there are not many of them.
const SEEDS: u64 = 2000;

const MS: Duration = Duration::from_millis(1);

/// Runs a program under one seed, if it is one that must not come to its end.
pub(crate) fn one(config: &Config, program: &Program, setting: Setting) -> Option<Outcome> {
    let (_, end) = ENDS.iter().find(|(name, _)| *name == program.name)?;
    if config.seed >= SEEDS {
        return Some(check::<Linux>(config, || ()));
    }
    let mut outcome = check::<Linux>(config, || (program.run)(setting));
    outcome.failure = match outcome.failure {
        Some(failure) if failure.contains(end) => None,
        Some(failure) => Some(format!("it ends otherwise: {failure}")),
        None => Some("it has come to its end".to_owned()),
    };
    Some(outcome)
}

/// Nobody can go on, after all that could have been in the way has ended.
pub(crate) fn asleep(setting: Setting) {
    setting.run(|| {
        // A timer that has fired, a call that has returned and whose thread is idle, a connection
        // that nobody waits at, and a plain thread that is about to end.
        gort::sleep(MS);
        gort::blocking(|| gort::sleep(MS));
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
        let address = listener.local_addr().expect("it is bound");
        let client = gort::spawn(move || TcpStream::connect(address).expect("it listens"));
        let connection = (listener.accept().expect("it connects"), client.join());
        drop(plain(|| gort::sleep(2 * MS)));
        std::mem::forget(plain(|| gort::sleep(300 * MS)));

        let (tx, rx) = chan::bounded::<()>(0);
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        let both = Arc::new(Barrier::new(2));
        for turned in [false, true] {
            let (locks, group, tx) = (locks.clone(), group.clone(), tx.clone());
            let both = both.clone();
            gort::go(move || {
                let (one, other) = if turned { (&locks.1, &locks.0) } else { (&locks.0, &locks.1) };
                let first = one.lock();
                both.wait();
                let second = other.lock();
                // Never: each has what the other wants.
                group.done();
                drop((first, second, tx));
            });
        }
        gort::go(move || {
            group.wait();
            drop(tx);
        });
        assert!(rx.recv().is_err());
        drop(connection);
    });
}

/// Nobody can go on, and the thread that made the last call may be the last to be idle.
pub(crate) fn after_call(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = chan::bounded::<()>(0);
        gort::blocking(|| ());
        assert!(rx.recv().is_err());
        drop(tx);
    });
}

/// A goroutine waits for a connection, and nobody is here who would make one.
pub(crate) fn unvisited(setting: Setting) {
    setting.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
        listener.accept().expect("nobody comes");
    });
}

/// What wakes them comes after the looks have begun, from wherever it can come.
pub(crate) fn drowsy(setting: Setting) {
    let (tx, rx) = chan::bounded::<u32>(0);
    setting.run(move || {
        // Each thread sends when the runtime is about to look, and ends at once; the goroutine that
        // it wakes starts the next one.
        for i in 0..12 {
            let tx = tx.clone();
            std::mem::forget(plain(move || {
                gort::sleep(10 * MS);
                tx.send(i).expect("received");
            }));
            assert_eq!(rx.recv(), Ok(i));
        }
        // One that takes its time, for much longer than anybody looks.
        let late = tx.clone();
        let thread = plain(move || {
            gort::sleep(3000 * MS);
            late.send(7).expect("received");
        });
        assert_eq!(rx.recv(), Ok(7));
        drop(thread);
        // A call, and a timer of somebody else.
        gort::blocking(|| gort::sleep(2000 * MS));
        gort::go(move || {
            gort::sleep(2000 * MS);
            tx.send(8).expect("received");
        });
        assert_eq!(rx.recv(), Ok(8));
    });
}
