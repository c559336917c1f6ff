//! Goroutines that hold their worker up: in a call that blocks, or in a loop. What needs no
//! annotation in migratory mode, what does in default mode, and what of the rest goes on.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use gort::sync::{Mutex, WaitGroup};
use tests::{Footprint, Mode, Withheld, alone, ms, spin_until, thread_id};

/// Blocks the thread, in a call that the runtime knows nothing of.
fn block(time: Duration) {
    thread::sleep(time);
}

/// Keeps the thread busy.
fn compute(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// How long sixteen goroutines take that each call `f`, beyond what the machine kept a thread from
/// running meanwhile.
fn sixteen(mode: Mode, f: fn()) -> Duration {
    mode.run(|| {
        // The runtime is awake, and its threads are there.
        gort::spawn(|| gort::sleep(ms(1))).join().unwrap();
        let (before, start) = (Withheld::now(), Instant::now());
        gort::scope(|s| {
            (0..16).for_each(|_| _ = s.spawn(f));
        });
        start.elapsed().saturating_sub(before.since())
    })
}

#[test]
fn sixteen_blocked_goroutines_block_nobody() {
    let most = ms(120);
    let best = (0..5).map(|_| sixteen(Mode::Migrates(2), || block(ms(100)))).min().unwrap();
    assert!(best <= most, "in migratory mode: {best:?}");
    let call = || gort::blocking(|| block(ms(100)));
    let best = (0..5).map(|_| sixteen(Mode::Stays(2), call)).min().unwrap();
    assert!(best <= most, "in default mode: {best:?}");
}

/// The most that a ticker of 10 ms is late while as many hogs as processors compute for `time`, and
/// more than the machine has kept a thread from running meanwhile.
fn lateness(procs: usize, time: Duration) -> Duration {
    Mode::Migrates(procs).run(|| {
        let stop = AtomicBool::new(false);
        gort::scope(|s| {
            let ticker = s.spawn(|| {
                let mut worst = Duration::ZERO;
                while !stop.load(Ordering::Acquire) {
                    let before = Withheld::now();
                    let due = Instant::now() + ms(10);
                    gort::sleep(ms(10));
                    let late = due.elapsed();
                    worst = worst.max(late.saturating_sub(before.since()));
                }
                worst
            });
            let hogs: Vec<_> = (0..procs).map(|_| s.spawn(|| compute(time))).collect();
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
            stop.store(true, Ordering::Release);
            ticker.join().unwrap()
        })
    })
}

#[test]
fn hogs_make_no_ticker_late() {
    // What the machine does to a thread can come twice in one tick: of three runs the best counts.
    let best = (0..3).map(|_| lateness(2, ms(500))).min().unwrap();
    assert!(best <= ms(20), "a ticker was {best:?} late");
}

#[test]
fn a_single_processor_serves_many_that_block() {
    Mode::Migrates(1).run(|| {
        let ended = AtomicUsize::new(0);
        gort::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| {
                    for _ in 0..5 {
                        block(ms(5));
                        gort::yield_now();
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
            // Others go on, and sleep and wake as they should.
            for _ in 0..10 {
                let before = Instant::now();
                gort::sleep(ms(1));
                assert!(before.elapsed() < ms(1000), "held up for {:?}", before.elapsed());
            }
        });
        assert_eq!(ended.into_inner(), 8);
    });
}

/// Goroutines that block, compute, talk, lock and wait for time, all at once; every message counts.
fn mixture(mode: Mode) {
    let sum = mode.run(|| {
        let (tx, rx) = chan::bounded::<usize>(3);
        let locked = Arc::new(Mutex::new(0_usize));
        let group = Arc::new(WaitGroup::new());
        for i in 0..24 {
            let (tx, locked) = (tx.clone(), Arc::clone(&locked));
            group.add(1);
            let group = Arc::clone(&group);
            gort::go(move || {
                for n in 0..20 {
                    match (i + n) % 6 {
                        0 => block(Duration::from_micros(300)),
                        1 => compute(Duration::from_micros(300)),
                        2 => gort::sleep(Duration::from_micros(300)),
                        3 => {
                            let mut guard = locked.lock().unwrap();
                            // A holder that is held up holds up those who wait, and nobody else.
                            block(Duration::from_micros(100));
                            *guard += 1;
                        }
                        4 => drop(gort::blocking(thread_id)),
                        _ => gort::yield_now(),
                    }
                    tx.send(n).unwrap();
                }
                group.done();
            });
        }
        drop(tx);
        let sum: usize = rx.iter().sum();
        group.wait();
        assert_eq!(*locked.lock().unwrap(), 24 * 20 / 6);
        sum
    });
    assert_eq!(sum, 24 * 190, "in {mode:?}");
}

#[test]
fn nothing_is_lost_among_those_that_are_held_up() {
    for procs in [1, 2, 4] {
        mixture(Mode::Migrates(procs));
        mixture(Mode::Stays(procs));
    }
}

#[test]
fn goroutines_that_are_bound_to_a_thread_keep_it() {
    Mode::Migrates(2).run(|| {
        gort::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    // Both live on this thread, which loses its processor again and again.
                    let (tx, rx) = chan::bounded::<i32>(0);
                    let other = gort::spawn_local(move || {
                        let here = thread_id();
                        for _ in 0..20 {
                            tx.send(thread_id()).unwrap();
                            block(Duration::from_micros(500));
                            assert_eq!(thread_id(), here);
                        }
                        here
                    });
                    let seen: HashSet<_> = rx.iter().inspect(|_| block(ms(1))).collect();
                    assert_eq!(seen, HashSet::from([other.join().unwrap()]));
                });
            }
        });
    });
}

#[test]
fn an_inner_runtime_holds_nobody_up() {
    Mode::Migrates(1).run(|| {
        let (tx, rx) = chan::bounded::<usize>(0);
        let inner = gort::spawn(move || {
            // What it waits for is made by a goroutine of the outer runtime, on its only processor.
            Mode::Stays(1).run(|| rx.iter().sum::<usize>())
        });
        (0..100).for_each(|n| tx.send(n).unwrap());
        drop(tx);
        assert_eq!(inner.join().unwrap(), 4950);
    });
}

#[test]
fn sockets_of_a_held_worker_serve_others() {
    // In default mode a socket stays with the poller of the worker that waited for it first.
    Mode::Stays(2).run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let held = AtomicBool::new(false);
        let received = AtomicBool::new(false);
        gort::scope(|s| {
            let client = s.spawn(|| TcpStream::connect(address).unwrap());
            let (server, _) = listener.accept().unwrap();
            let mut client = client.join().unwrap();
            let server = Arc::new(server);
            // This worker waits for the socket first, in vain.
            server.set_read_timeout(Some(ms(1))).unwrap();
            assert!((&*server).read(&mut [0]).is_err());
            server.set_read_timeout(None).unwrap();
            let here = thread_id();
            // One that starts elsewhere waits for it next.
            let reader = s.spawn({
                let server = Arc::clone(&server);
                let (held, received) = (&held, &received);
                move || {
                    assert_ne!(thread_id(), here);
                    held.store(true, Ordering::Release);
                    let mut byte = [0];
                    assert_eq!((&*server).read(&mut byte).unwrap(), 1);
                    received.store(true, Ordering::Release);
                }
            });
            // Meanwhile this one is held up, and writes from another thread.
            spin_until("the reader", || held.load(Ordering::Acquire));
            thread::scope(|t| {
                t.spawn(|| {
                    thread::sleep(ms(20));
                    client.write_all(&[1]).unwrap();
                });
                spin_until("the byte", || received.load(Ordering::Acquire));
            });
            reader.join().unwrap();
        });
    });
}

#[test]
fn deadlines_of_a_held_worker_come() {
    // A receiver whose worker is held up is not handed a message after its deadline: somebody else
    // can still have it.
    Mode::Stays(2).run(|| {
        // There is another worker.
        let (here, elsewhere) = (thread_id(), AtomicBool::new(false));
        gort::scope(|s| {
            s.spawn(|| elsewhere.store(thread_id() != here, Ordering::Release));
            spin_until("another worker", || elsewhere.load(Ordering::Acquire));
        });
        let (tx, rx) = chan::bounded::<u32>(0);
        let waits = gort::spawn_local({
            let rx = rx.clone();
            move || rx.recv_timeout(ms(5))
        });
        gort::yield_now();
        let start = Instant::now();
        while start.elapsed() < ms(60) {
            std::hint::spin_loop();
        }
        // Its deadline has come long ago, and it has had no chance to notice.
        assert_eq!(tx.try_send(1), Err(chan::TrySendError::Full(1)));
        assert!(waits.join().unwrap().is_err());
    });
}

#[test]
fn surplus_workers_end() {
    alone("held_up::surplus_workers_end", || {
        let before = Footprint::now();
        Mode::Migrates(2).run(|| {
            sixteen_at_once();
            let most = Footprint::now().threads;
            assert!(most >= before.threads + 16, "{most} threads for sixteen that block");
            gort::sleep(Duration::from_millis(11_500));
            // Two workers, the monitor, and the caller of `run`.
            let left = Footprint::now().threads;
            assert!(left <= before.threads + 3, "{left} threads are left of {most}");
            // And they come again.
            sixteen_at_once();
        });
    });
}

fn sixteen_at_once() {
    gort::scope(|s| (0..16).for_each(|_| _ = s.spawn(|| block(ms(100)))));
}
