//! Programs on a runtime whose number of processors changes under them, as the seed has it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use gort::runtime;
use os_linux::Linux;
use os_sim::{Config, Faults, Outcome, check};
use rt_core::os;

use crate::held_up::block;
use crate::programs::{Program, Setting};

const US: Duration = Duration::from_micros(1);
const MS: Duration = Duration::from_millis(1);

/// What the monitor lets pass from one look at the number to the next, and a little.
const SECOND: Duration = Duration::from_millis(1100);

/// The programs of this file.
pub(crate) const PROGRAMS: &[Program] = &[
    Program { name: "resized", run: resized },
    Program { name: "moved", run: moved },
    Program { name: "deserted", run: deserted },
    Program { name: "grown", run: grown },
    Program { name: "kept_free", run: kept_free },
    Program { name: "left_there", run: left_there },
];

/// Runs one of them under one seed, with numbers of processors that change.
pub(crate) fn one(config: &Config, program: &Program, setting: Setting) -> Option<Outcome> {
    PROGRAMS.iter().find(|one| one.name == program.name)?;
    let faults = Faults { cpus: 2, ..config.faults };
    let config = Config { faults, procs: setting.procs.max(2), ..config.clone() };
    Some(check::<Linux>(&config, || (program.run)(setting)))
}

/// A builder of a runtime that follows.
fn builder(setting: Setting) -> gort::Builder {
    let builder = gort::Builder::new();
    if !setting.migratory {
        return builder;
    }
    // SAFETY: the programs below keep nothing bound to their thread over a wait in this mode, and
    // their `main`s capture nothing that is not `Send`.
    unsafe { builder.migratory() }
}

/// Lets the monitor look at the number, and everybody take note of what it has found.
fn change() {
    assert!(os_sim::advance(SECOND));
    // The monitor sleeps for 10 ms at most.
    gort::sleep(30 * MS);
}

/// Goroutines that compute, talk, sleep, and ask for more, while processors come and go; and none
/// begins where it must not.
fn resized(setting: Setting) {
    let run = builder(setting).run(|| {
        let (tx, rx) = chan::bounded::<u64>(2);
        let long: Vec<_> = (0..6)
            .map(|i| {
                let (tx, rx) = (tx.clone(), rx.clone());
                gort::spawn(move || {
                    for n in 0..4 {
                        gort::sleep(200 * (i + 1) * MS);
                        if i % 2 == 0 {
                            tx.send(n).expect("received");
                        } else {
                            assert!(rx.recv().is_ok());
                        }
                    }
                })
            })
            .collect();
        for _ in 0..4 {
            change();
            begins_in_use(setting);
        }
        long.into_iter().for_each(|handle| handle.join().expect("no panic"));
    });
    run.expect("the simulation refuses nothing");
}

/// New goroutines begin on as many threads at most as there are processors in use.
fn begins_in_use(setting: Setting) {
    let procs = runtime::procs();
    let handles: Vec<_> = (0..12)
        .map(|_| {
            gort::spawn(|| {
                let thread = os::thread();
                (0..3).for_each(|_| gort::yield_now());
                thread
            })
        })
        .collect();
    let threads = handles.into_iter().map(|handle| handle.join().expect("no panic"));
    let threads: BTreeSet<_> = threads.collect();
    // In migratory mode processors go from thread to thread.
    let strict = setting.punctual && !setting.migratory && procs == runtime::procs();
    assert!(!strict || threads.len() <= procs, "{threads:?} for {procs} processors");
}

/// Connections whose sockets stay with workers that have to go, and others that use them.
fn moved(setting: Setting) {
    let run = builder(setting).run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
        let address = listener.local_addr().expect("it is bound");
        let pairs: Vec<_> = (0..4u8)
            .map(|i| {
                let client = TcpStream::connect(address).expect("it listens");
                let (server, _) = listener.accept().expect("it connects");
                let server = Arc::new(server);
                // Whoever waits first has the socket added to its own poller.
                let first = gort::spawn({
                    let server = server.clone();
                    move || {
                        server.set_read_timeout(Some(10 * US)).expect("a timeout");
                        assert!((&*server).read(&mut [0]).is_err());
                        server.set_read_timeout(None).expect("no timeout");
                    }
                });
                first.join().expect("no panic");
                let reader = gort::spawn({
                    let server = server.clone();
                    move || {
                        let mut byte = [0];
                        let mut sum = 0;
                        while (&*server).read(&mut byte).expect("connected") == 1 {
                            sum += u64::from(byte[0]);
                        }
                        sum
                    }
                });
                (i, client, reader)
            })
            .collect();
        let mut sums = 0;
        let mut clients = Vec::new();
        let mut readers = Vec::new();
        for (i, client, reader) in pairs {
            clients.push((i, client));
            readers.push(reader);
        }
        for _ in 0..3 {
            change();
            for (i, client) in &mut clients {
                client.write_all(&[*i + 1]).expect("connected");
            }
        }
        drop(clients);
        for reader in readers {
            sums += reader.join().expect("no panic");
        }
        assert_eq!(sums, 3 * (1 + 2 + 3 + 4));
    });
    run.expect("the simulation refuses nothing");
}

/// A goroutine has a thread for itself, and waits there for others, however few processors are left.
fn kept_free(setting: Setting) {
    let run = builder(setting).run(|| {
        let (tx, rx) = chan::bounded::<u64>(0);
        let (ask, asked) = chan::bounded::<u64>(0);
        let answers = gort::spawn(move || {
            for n in asked {
                // A new one, which has to be begun somewhere.
                let tx = tx.clone();
                gort::go(move || tx.send(n).expect("received"));
            }
        });
        let alone = || {
            for n in 0..3 {
                assert!(os_sim::advance(SECOND));
                gort::sleep(30 * MS);
                let asked = os::now();
                ask.send(n).expect("received");
                assert_eq!(rx.recv(), Ok(n));
                // The next look may find more processors again.
                let waited = os::now() - asked;
                assert!(!setting.punctual || waited < 500_000_000, "held up for {waited} ns");
            }
        };
        // With a single processor there is none to be had.
        let refused = gort::lock_os_thread(alone).is_err();
        drop(ask);
        answers.join().expect("no panic");
        refused
    });
    run.expect("the simulation refuses nothing");
}

/// What waits for the only processor is run by another as soon as there is one.
fn grown(setting: Setting) {
    let run = builder(setting).run(|| {
        let mut tries = 0..12;
        while runtime::procs() > 1 && tries.next().is_some() {
            change();
        }
        let ran = Arc::new(AtomicBool::new(false));
        let theirs = ran.clone();
        gort::go(move || theirs.store(true, Ordering::Relaxed));
        while !ran.load(Ordering::Relaxed) {
            assert!(os_sim::advance(10 * MS));
            os::point();
        }
    });
    run.expect("the simulation refuses nothing");
}

/// What was begun by nobody yet, on a worker that is held up and whose processor is not in use any
/// more, is taken by the only worker in use.
fn left_there(setting: Setting) {
    let setting = Setting { migratory: false, ..setting };
    let run = builder(setting).run(|| {
        let here = os::thread();
        let [begun, left] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let holder = gort::spawn({
            let (begun, left) = (begun.clone(), left.clone());
            move || {
                begun.store(true, Ordering::Relaxed);
                let elsewhere = os::thread() != here;
                let mut tries = 0..8;
                while elsewhere && runtime::procs() > 1 && tries.next().is_some() {
                    block(SECOND);
                }
                let ran = Arc::new(AtomicU64::new(0));
                for _ in 0..3 {
                    let ran = ran.clone();
                    gort::go(move || _ = ran.fetch_add(1, Ordering::Relaxed));
                }
                let procs = runtime::procs();
                left.store(true, Ordering::Relaxed);
                let until = os::now() + 200_000_000;
                while elsewhere && ran.load(Ordering::Relaxed) < 3 && os::now() < until {
                    block(5 * MS);
                }
                let strict = elsewhere && setting.punctual && (procs, runtime::procs()) == (1, 1);
                let ran = ran.load(Ordering::Relaxed);
                assert!(!strict || ran == 3, "{ran} of 3 have been begun");
            }
        });
        // Until then this worker has no time for others; the holder may be at home with it, if nobody
        // else takes it.
        let until = os::now() + 20_000_000;
        while !begun.load(Ordering::Relaxed) && os::now() < until {
            block(MS);
        }
        gort::yield_now();
        let until = os::now() + 20_000_000_000;
        while !left.load(Ordering::Relaxed) && os::now() < until {
            block(20 * MS);
        }
        holder.join().expect("no panic");
    });
    run.expect("the simulation refuses nothing");
}

/// Workers whose processors are not in use any more end, those with goroutines last; and they come
/// again. Meanwhile one computes, so that what is new waits for others.
fn deserted(setting: Setting) {
    let setting = Setting { migratory: false, ..setting };
    let threads = || os::threads();
    let before = threads();
    let run = builder(setting).run(|| {
        for _ in 0..3 {
            // As many at once as there can be workers, some of them for long.
            let stop = Arc::new(AtomicBool::new(false));
            let seen = Arc::new(AtomicU64::new(0));
            let handles: Vec<_> = (0..8)
                .map(|i| {
                    let (stop, seen) = (stop.clone(), seen.clone());
                    gort::spawn(move || {
                        let here = os::thread();
                        seen.fetch_add(1, Ordering::Relaxed);
                        for _ in 0..20 {
                            gort::yield_now();
                        }
                        while i % 4 == 0 && !stop.load(Ordering::Relaxed) {
                            gort::sleep(50 * MS);
                        }
                        assert_eq!(os::thread(), here);
                    })
                })
                .collect();
            change();
            change();
            stop.store(true, Ordering::Relaxed);
            handles.into_iter().for_each(|handle| handle.join().expect("no panic"));
            assert_eq!(seen.load(Ordering::Relaxed), 8);
            change();
            let procs = runtime::procs();
            // Those in use, and the monitor: the caller is a worker.
            let most = before + procs;
            gort::sleep(50 * MS);
            let strict = setting.punctual && procs == runtime::procs();
            assert!(!strict || threads() <= most, "{} threads for {procs}", threads());
        }
    });
    run.expect("the simulation refuses nothing");
}
