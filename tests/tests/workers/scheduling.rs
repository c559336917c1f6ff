//! Who runs where and when: work spreads, started goroutines stay, and nobody starves.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use gort::chan;
use gort::sync::Mutex;
use tests::{Footprint, MODES, Mode, alone, everywhere, ms, spin_until, thread_id, yield_until};

/// A flag that several goroutines look at.
fn flag() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}

#[test]
fn all_workers_run_at_once() {
    everywhere(|mode| {
        // Each waits, holding its worker, until there are as many as processors. So they are stolen
        // from the worker that spawned them.
        for _ in 0..20 {
            let arrived = Arc::new(AtomicUsize::new(0));
            let handles: Vec<_> = (0..mode.procs())
                .map(|_| {
                    let arrived = Arc::clone(&arrived);
                    gort::spawn(move || {
                        arrived.fetch_add(1, Ordering::Relaxed);
                        spin_until("the other workers", || {
                            arrived.load(Ordering::Relaxed) == mode.procs()
                        });
                        thread_id()
                    })
                })
                .collect();
            let threads: HashSet<_> = handles.into_iter().map(|h| h.join().unwrap()).collect();
            assert_eq!(threads.len(), mode.procs());
        }
    });
}

#[test]
fn a_started_goroutine_stays_on_its_thread() {
    for mode in MODES.into_iter().filter(|mode| matches!(mode, Mode::Stays(_))) {
        mode.run(|| {
            const RING: usize = 32;
            let mutex = Arc::new(Mutex::new(0));
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..RING).map(|_| chan::bounded::<usize>(1)).unzip();
            let handles: Vec<_> = receivers
                .into_iter()
                .enumerate()
                .map(|(i, from)| {
                    let (to, mutex) = (senders[(i + 1) % RING].clone(), Arc::clone(&mutex));
                    gort::spawn(move || {
                        let home = thread_id();
                        let stays = |after: &str| assert_eq!(thread_id(), home, "after {after}");
                        for _ in 0..20 {
                            from.recv().unwrap();
                            stays("receiving");
                            *mutex.lock().unwrap() += 1;
                            stays("locking");
                            gort::spawn(gort::yield_now).join().unwrap();
                            stays("joining");
                            to.send(i).unwrap();
                            stays("sending");
                            gort::yield_now();
                            stays("yielding");
                        }
                        gort::sleep(ms(1));
                        stays("sleeping");
                        gort::blocking(|| assert_ne!(thread_id(), home));
                        stays("a blocking call");
                        // The last message has gone all the way round, to the first.
                        let limit = ms(if i == 0 { 60_000 } else { 1 });
                        assert_eq!(from.recv_timeout(limit).is_ok(), i == 0);
                        stays("receiving with a limit");
                        drop(to);
                    })
                })
                .collect();
            senders[0].send(0).unwrap();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            assert_eq!(*mutex.lock().unwrap(), 20 * RING);
        });
    }
}

#[test]
fn spawn_local_stays_with_its_spawner() {
    everywhere(|_| {
        let parent = gort::spawn_local(|| {
            use std::cell::Cell;
            use std::rc::Rc;

            let here = thread_id();
            let count = Rc::new(Cell::new(0));
            let children: Vec<_> = (0..50)
                .map(|_| {
                    let count = Rc::clone(&count);
                    gort::spawn_local(move || {
                        for _ in 0..20 {
                            count.set(count.get() + 1);
                            assert_eq!(thread_id(), here);
                            gort::yield_now();
                        }
                        count
                    })
                })
                .collect();
            let counts: Vec<_> = children.into_iter().map(|child| child.join().unwrap()).collect();
            assert!(counts.iter().all(|count| count.get() == 1000));
            assert_eq!(thread_id(), here);
            Rc::try_unwrap(count).is_err()
        });
        assert!(parent.join().unwrap(), "the children's counts are the same as the parent's");
    });
}

#[test]
#[should_panic(expected = "this is no goroutine")]
fn spawn_local_needs_a_goroutine() {
    gort::spawn_local(|| ());
}

/// So many that a worker looks ahead among them. They come in turn, and those that wait in between, for a
/// lock or for each other, lose nothing.
#[test]
fn a_crowd_comes_in_turn() {
    const CROWD: usize = 4000;
    const ROUNDS: usize = 40;
    Mode::Stays(1).run(|| {
        let turns = Arc::new(AtomicUsize::new(0));
        let crowd: Vec<_> = (0..CROWD)
            .map(|i| {
                let turns = turns.clone();
                gort::spawn(move || {
                    (0..ROUNDS).all(|round| {
                        let turn = turns.fetch_add(1, Ordering::Relaxed);
                        gort::yield_now();
                        turn == round * CROWD + i
                    })
                })
            })
            .collect();
        gort::yield_now();
        assert!(crowd.into_iter().all(|one| one.join().unwrap()), "not in turn");

        let sum = Arc::new(Mutex::new(0));
        let (tx, rx) = chan::bounded::<usize>(0);
        let crowd = (0..CROWD).map(|i| {
            let (sum, tx, rx) = (sum.clone(), tx.clone(), rx.clone());
            gort::spawn(move || {
                for round in 0..ROUNDS {
                    match (i + round) % 5 {
                        0 => tx.send(i).unwrap(),
                        1 => *sum.lock().unwrap() += rx.recv().unwrap(),
                        2 => {
                            let held = sum.lock().unwrap();
                            gort::yield_now();
                            drop(held);
                        }
                        _ => gort::yield_now(),
                    }
                }
            })
        });
        crowd.collect::<Vec<_>>().into_iter().for_each(|one| one.join().unwrap());
        // Each sends in a fifth of the rounds, and somebody else receives that.
        assert_eq!(*sum.lock().unwrap(), (0..CROWD).sum::<usize>() * ROUNDS / 5);
    });
}

#[test]
fn yielding_is_first_come_first_served() {
    for mode in [Mode::Stays(1), Mode::Migrates(1)] {
        mode.run(|| {
            let log = Arc::new(StdMutex::new(Vec::new()));
            let handles: Vec<_> = (0..5)
                .map(|i| {
                    let log = Arc::clone(&log);
                    gort::spawn(move || {
                        for _ in 0..200 {
                            log.lock().unwrap().push(i);
                            gort::yield_now();
                        }
                    })
                })
                .collect();
            // They begin in order.
            gort::yield_now();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            let log = log.lock().unwrap();
            for (at, turn) in log.chunks(5).enumerate() {
                assert_eq!(turn, [0, 1, 2, 3, 4], "in round {at}");
            }
        });
    }
}

/// In which order so many goroutines begin, where their spawner leaves like this.
fn order_of_starts(mode: Mode, goroutines: usize, leave: fn()) -> Vec<usize> {
    mode.run(|| {
        let log = Arc::new(StdMutex::new(Vec::new()));
        let handles: Vec<_> = (0..goroutines)
            .map(|i| {
                let log = Arc::clone(&log);
                gort::spawn(move || log.lock().unwrap().push(i))
            })
            .collect();
        leave();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        std::mem::take(&mut *log.lock().unwrap())
    })
}

/// More than a ring takes.
#[test]
fn goroutines_start_in_order_when_their_spawner_yields() {
    for mode in [Mode::Stays(1), Mode::Migrates(1)] {
        let order = order_of_starts(mode, 1000, gort::yield_now);
        assert!(order.is_sorted(), "{mode:?}: {order:?}");
    }
}

#[test]
fn the_newest_starts_first_when_its_spawner_waits() {
    for mode in [Mode::Stays(1), Mode::Migrates(1)] {
        let order = order_of_starts(mode, 50, || ());
        assert!(order.is_sorted_by(|one, next| one > next), "{mode:?}: {order:?}");
    }
}

/// A path: each waits for the one below.
fn deep(depth: usize) -> usize {
    if depth == 0 { 0 } else { gort::spawn(move || deep(depth - 1)).join().unwrap() + 1 }
}

/// What has begun, and is queued, has its turn before what comes later.
#[test]
fn the_newest_does_not_start_before_one_that_gave_way() {
    const DEPTH: usize = 200;
    for mode in [Mode::Stays(1), Mode::Migrates(1)] {
        let turns = mode.run(|| {
            let (stop, turns) = (flag(), Arc::new(AtomicUsize::new(0)));
            let (stops, counted) = (stop.clone(), turns.clone());
            let other = gort::spawn(move || {
                while !stops.load(Ordering::Relaxed) {
                    counted.fetch_add(1, Ordering::Relaxed);
                    gort::yield_now();
                }
            });
            gort::yield_now();
            assert_eq!(deep(DEPTH), DEPTH);
            let turns = turns.load(Ordering::Relaxed);
            stop.store(true, Ordering::Relaxed);
            other.join().unwrap();
            turns
        });
        assert!(turns > DEPTH / 2, "{mode:?}: {turns} turns beside a path of {DEPTH}");
    }
}

/// Passes a message to and fro until told to stop, and returns how often.
fn ping_pong(stop: &Arc<AtomicBool>, capacity: usize) -> gort::JoinHandle<usize> {
    let (to, from) = chan::bounded(capacity);
    let (back, reply) = chan::bounded(capacity);
    gort::go(move || from.iter().for_each(|n: usize| back.send(n).unwrap()));
    let stop = Arc::clone(stop);
    gort::spawn(move || {
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                return n;
            }
            to.send(n).unwrap();
            assert_eq!(reply.recv(), Ok(n));
        }
        0
    })
}

#[test]
fn a_pair_that_wakes_each_other_does_not_starve_the_rest() {
    for capacity in [0, 1] {
        everywhere(|mode| {
            let stop = flag();
            let pairs: Vec<_> = (0..mode.procs()).map(|_| ping_pong(&stop, capacity)).collect();
            let others: Vec<_> = (0..mode.procs())
                .map(|_| gort::spawn(|| (0..200).for_each(|_| gort::yield_now())))
                .collect();
            others.into_iter().for_each(|handle| handle.join().unwrap());
            stop.store(true, Ordering::Relaxed);
            assert!(pairs.into_iter().all(|pair| pair.join().is_ok()));
        });
    }
}

#[test]
fn those_who_spawn_their_successor_do_not_starve_the_rest() {
    fn again(stop: Arc<AtomicBool>) {
        if !stop.load(Ordering::Relaxed) {
            gort::go(move || again(stop));
        }
    }
    everywhere(|mode| {
        let stop = flag();
        for _ in 0..2 * mode.procs() {
            let stop = Arc::clone(&stop);
            gort::go(move || again(stop));
        }
        let other = gort::spawn(|| (0..200).for_each(|_| gort::yield_now()));
        other.join().unwrap();
        gort::sleep(ms(1));
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn those_who_only_yield_do_not_starve_what_comes_from_outside() {
    everywhere(|mode| {
        let stop = flag();
        let yielders: Vec<_> = (0..2 * mode.procs())
            .map(|_| {
                let stop = Arc::clone(&stop);
                gort::spawn(move || yield_until(&stop))
            })
            .collect();
        for i in 0..20 {
            // Spawned by a thread that is no worker: comes through the shared queue.
            let outside = gort::blocking(|| gort::spawn(move || i));
            assert_eq!(outside.join().unwrap(), i);
            // Woken by a plain thread: comes through the inbox of its worker.
            let (tx, rx) = chan::bounded(0);
            let thread = thread::spawn(move || tx.send(i).unwrap());
            assert_eq!(rx.recv(), Ok(i));
            thread.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        yielders.into_iter().for_each(|handle| handle.join().unwrap());
    });
}

#[test]
fn those_who_only_yield_give_way_to_sockets() {
    use std::io::{Read, Write};
    everywhere(|mode| {
        let stop = flag();
        let yielders: Vec<_> = (0..2 * mode.procs())
            .map(|_| {
                let stop = Arc::clone(&stop);
                gort::spawn(move || yield_until(&stop))
            })
            .collect();
        let listener = gort::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = thread::spawn(move || {
            let mut client = std::net::TcpStream::connect(address).unwrap();
            for _ in 0..20 {
                client.write_all(&[1]).unwrap();
                client.read_exact(&mut [0]).unwrap();
            }
        });
        let (mut server, _) = listener.accept().unwrap();
        for _ in 0..20 {
            server.read_exact(&mut [0]).unwrap();
            server.write_all(&[1]).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        yielders.into_iter().for_each(|handle| handle.join().unwrap());
        client.join().unwrap();
    });
}

#[test]
fn the_same_work_again_takes_no_more_memory() {
    alone("scheduling::the_same_work_again_takes_no_more_memory", || {
        for mode in MODES {
            mode.run(|| {
                let batch = || {
                    let yields = || (0..3).for_each(|_| gort::yield_now());
                    let handles: Vec<_> = (0..1000).map(|_| gort::spawn(yields)).collect();
                    handles.into_iter().for_each(|handle| handle.join().unwrap());
                };
                let one_by_one = || {
                    for _ in 0..1000 {
                        gort::spawn(|| ()).join().unwrap();
                    }
                };
                (0..5).for_each(|_| (batch(), one_by_one()).0);
                let before = Footprint::now();
                for _ in 0..if cfg!(debug_assertions) { 20 } else { 100 } {
                    batch();
                    one_by_one();
                }
                // A batch may lie on other stacks than the batches before it: at most once more.
                let (one_batch_kib, one_batch_mappings) = (1000 * 12, 1000 * 2);
                let resident_kib = Footprint::NOISE.resident_kib + one_batch_kib;
                // Another arena may be begun, as large as all before it.
                let address_kib = Footprint::WORKERS.address_kib + before.address_kib;
                let mut slack = Footprint { resident_kib, address_kib, ..Footprint::WORKERS };
                // A guard that is no marker divides the mapping of its arena.
                if gort::runtime::platform().guard != gort::runtime::GuardKind::Marker {
                    slack.mappings += one_batch_mappings;
                }
                before.comes_back(slack);
            });
        }
    });
}

#[test]
fn a_hundred_thousand_parked() {
    alone("scheduling::a_hundred_thousand_parked", || {
        // Guards without markers cost two mappings each, of which there are 65,530 here.
        let markers = gort::runtime::platform().guard == gort::runtime::GuardKind::Marker;
        // Unoptimised frames take several times the memory.
        let n = if cfg!(debug_assertions) || !markers { 20_000 } else { 100_000 };
        for mode in [Mode::Stays(1), Mode::Stays(4), Mode::Migrates(4)] {
            mode.run(|| {
                let (tx, rx) = chan::bounded::<()>(0);
                let before = Footprint::now();
                let parked = Arc::new(AtomicUsize::new(0));
                let handles: Vec<_> = (0..n)
                    .map(|i| {
                        let (rx, parked) = (rx.clone(), Arc::clone(&parked));
                        gort::spawn(move || {
                            parked.fetch_add(1, Ordering::Relaxed);
                            assert!(rx.recv().is_err());
                            i
                        })
                    })
                    .collect();
                while parked.load(Ordering::Relaxed) < n {
                    gort::yield_now();
                }
                let now = Footprint::now();
                let each = (now.resident_kib - before.resident_kib) * 1024 / n;
                assert!(each < if cfg!(debug_assertions) { 24 << 10 } else { 9 << 10 }, "{each}");
                let more = now.mappings - before.mappings;
                assert!(!markers || more < 1000, "each stack has a mapping: {more}");
                drop(tx);
                let sum: usize = handles.into_iter().map(|handle| handle.join().unwrap()).sum();
                assert_eq!(sum, n * (n - 1) / 2);
            });
        }
    });
}

#[test]
fn trees_of_goroutines() {
    fn leaves(depth: usize) -> usize {
        if depth == 0 {
            return 1;
        }
        let children: Vec<_> = (0..10).map(|_| gort::spawn(move || leaves(depth - 1))).collect();
        children.into_iter().map(|child| child.join().unwrap()).sum()
    }
    everywhere(|_| {
        assert_eq!(leaves(4), 10_000);
        assert_eq!(deep(2000), 2000);
    });
}

#[test]
fn a_million_in_batches() {
    let batches = if cfg!(debug_assertions) { 50 } else { 1000 };
    for mode in [Mode::Stays(1), Mode::Stays(4), Mode::Migrates(4)] {
        let count = Arc::new(AtomicUsize::new(0));
        mode.run(|| {
            for _ in 0..batches {
                let handles: Vec<_> = (0..1000)
                    .map(|_| {
                        let count = Arc::clone(&count);
                        gort::spawn(move || count.fetch_add(1, Ordering::Relaxed))
                    })
                    .collect();
                assert!(handles.into_iter().all(|handle| handle.join().is_ok()));
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), batches * 1000);
    }
}
