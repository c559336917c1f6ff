//! How a runtime begins and ends, when every goroutine ends with it.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use tests::{Footprint, Heap, MODES, Mode, alone, everywhere, hide_expected_panics, ms, thread_id};

#[global_allocator]
static HEAP: Heap = Heap::new();

#[test]
fn run_returns_what_its_function_returns() {
    for mode in MODES {
        assert_eq!(mode.run(|| String::from("so")), "so");
    }
}

#[test]
fn run_stays_on_the_callers_thread_and_takes_what_is_bound_to_it() {
    let here = thread_id();
    let count = Rc::new(Cell::new(0));
    let mut list = vec![1];
    let kept = gort::Builder::new().procs(4).run(|| {
        for _ in 0..100 {
            gort::yield_now();
            gort::spawn(gort::yield_now).join().unwrap();
            count.set(count.get() + 1);
            assert_eq!(thread_id(), here);
        }
        list.push(2);
        Rc::clone(&count)
    });
    assert_eq!(kept.unwrap().get(), 100);
    assert_eq!(list, [1, 2]);
}

#[test]
fn a_migratory_run_is_on_another_thread() {
    let here = thread_id();
    assert_ne!(Mode::Migrates(1).run(thread_id), here);
}

#[test]
fn settings_without_sense_are_refused() {
    let refused = |builder: gort::Builder| builder.run(|| ()).unwrap_err().kind();
    assert_eq!(refused(gort::Builder::new().procs(0)), ErrorKind::InvalidInput);
    assert_eq!(refused(gort::Builder::new().procs(1 << 20)), ErrorKind::InvalidInput);
    assert_eq!(refused(gort::Builder::new().stack_size(2 << 30)), ErrorKind::InvalidInput);
    let small = gort::Builder::new().stack_size(0).run(|| 5);
    assert_eq!(small.unwrap(), 5);
}

/// Does a little of everything that takes something of the system.
fn busy(mode: Mode, round: usize) {
    let sum: usize = mode.run(|| {
        let (tx, rx) = chan::bounded(0);
        for i in 0..8 {
            let tx = tx.clone();
            gort::go(move || tx.send(i).unwrap());
        }
        drop(tx);
        if round.is_multiple_of(4) {
            gort::blocking(|| ());
            gort::sleep(Duration::from_micros(50));
        }
        if round.is_multiple_of(8) {
            connect();
        }
        rx.iter().sum()
    });
    assert_eq!(sum, 28);
}

/// A connection, with waits on both sides.
fn connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = gort::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        stream.write_all(&byte).unwrap();
    });
    let mut stream = TcpStream::connect(address).unwrap();
    let client = gort::spawn(move || {
        stream.write_all(&[9]).unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        byte[0]
    });
    assert_eq!(client.join().unwrap(), 9);
    server.join().unwrap();
}

/// What a heap may keep of addresses and memory though every block is back, for the threads that come
/// and go leave it in another shape: musl's took 2.6 MiB more in 6,400 runs.
const SHAPE: Footprint =
    Footprint { threads: 0, descriptors: 0, mappings: 16, address_kib: 4096, resident_kib: 4096 };

/// What runs have to give back: blocks of the heap, and what the process holds of the system.
fn held() -> (usize, Footprint) {
    (HEAP.blocks(), Footprint::now())
}

/// Waits until all that runs held is given back.
///
/// A goroutine whose thread the machine holds up at its very end outlives its run, and a later run
/// joins its thread: hence the runs in between.
fn comes_back((blocks, before): (usize, Footprint), slack: Footprint) {
    let is_back = || HEAP.blocks() <= blocks && before.covers(&Footprint::now(), &slack);
    let start = Instant::now();
    while !is_back() && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(ms(20));
        gort::run(|| ());
    }
    let now = HEAP.blocks();
    assert!(now <= blocks, "{now} blocks of the heap are in use, {blocks} were before");
    before.comes_back(slack);
}

#[test]
fn a_thousand_runs_leave_nothing() {
    alone("a_thousand_runs_leave_nothing", || {
        // Half of the runs in the default mode with several processors, where most can go wrong.
        let modes = [Mode::Stays(4), Mode::Stays(1), Mode::Stays(2), Mode::Migrates(2)];
        let round = |i: usize| busy(modes[i % 4], i / 4);
        (0..64).for_each(round);
        let before = held();
        (0..1000).for_each(round);
        comes_back(before, SHAPE);
    });
}

#[test]
fn eight_runs_at_once_leave_nothing() {
    alone("eight_runs_at_once_leave_nothing", || {
        let all = |runs: usize| {
            std::thread::scope(|s| {
                for thread in 0..8 {
                    s.spawn(move || {
                        (0..runs).for_each(|i| busy(MODES[(thread + i) % MODES.len()], thread + i));
                    });
                }
            });
        };
        all(10);
        let before = held();
        all(50);
        comes_back(before, SHAPE);
    });
}

#[test]
fn large_stacks_are_given_back() {
    alone("large_stacks_are_given_back", || {
        let round = || {
            Mode::Stays(2).run(|| {
                let builder = || gort::thread::Builder::new().stack_size(64 << 20);
                let deep: Vec<_> = (0..4).map(|i| builder().spawn(move || i).unwrap()).collect();
                deep.into_iter().map(|handle| handle.join().unwrap()).sum::<i32>()
            })
        };
        assert_eq!(round(), 6);
        let before = held();
        (0..50).for_each(|_| assert_eq!(round(), 6));
        comes_back(before, Footprint::NOISE);
    });
}

#[test]
fn a_run_inside_of_a_goroutine_has_threads_of_its_own() {
    everywhere(|_| {
        for inner in [Mode::Stays(1), Mode::Stays(2), Mode::Migrates(2)] {
            let handle = gort::spawn(move || {
                let here = thread_id();
                let sum = inner.run(|| {
                    let handles: Vec<_> = (0..20).map(|i| gort::spawn(move || i)).collect();
                    handles.into_iter().map(|handle| handle.join().unwrap()).sum::<i32>()
                });
                assert_eq!(thread_id(), here, "the outer goroutine goes on where it was");
                gort::yield_now();
                sum
            });
            assert_eq!(handle.join().unwrap(), 190);
        }
    });
}

#[test]
fn a_run_inside_of_a_blocking_call() {
    everywhere(|_| {
        let sum = gort::blocking(|| {
            let before = gort::spawn(|| 1);
            let sum = gort::Builder::new().procs(2).run(|| gort::spawn(|| 2).join().unwrap());
            // The thread belongs to the outer runtime again.
            sum.unwrap() + before.join().unwrap() + gort::spawn(|| 3).join().unwrap()
        });
        assert_eq!(sum, 6);
    });
}

#[test]
fn runtimes_talk_to_each_other() {
    let (to_inner, from_outer) = chan::bounded(0);
    let (to_outer, from_inner) = chan::bounded(0);
    std::thread::scope(|s| {
        s.spawn(move || {
            Mode::Stays(2).run(|| {
                let echo = gort::spawn(move || {
                    from_outer.iter().for_each(|n: i32| to_outer.send(n + 1).unwrap());
                });
                echo.join().unwrap();
            });
        });
        let sum = Mode::Migrates(2).run(|| {
            let mut sum = 0;
            for i in 0..500 {
                to_inner.send(i).unwrap();
                sum += from_inner.recv().unwrap();
            }
            drop(to_inner);
            sum
        });
        assert_eq!(sum, 125_250);
    });
}

#[test]
fn the_panic_of_run_goes_on_in_its_caller() {
    hide_expected_panics();
    for mode in MODES {
        let ended = Arc::new(AtomicUsize::new(0));
        let panic = catch_unwind(AssertUnwindSafe(|| {
            mode.run(|| {
                for _ in 0..10 {
                    let ended = Arc::clone(&ended);
                    gort::go(move || {
                        gort::sleep(ms(3_600_000));
                        ended.fetch_add(1, Ordering::Relaxed);
                    });
                }
                gort::yield_now();
                panic!("expected, of run");
            })
        }));
        assert_eq!(*panic.unwrap_err().downcast_ref::<&str>().unwrap(), "expected, of run");
        assert_eq!(ended.load(Ordering::Relaxed), 0);
        assert!(!std::thread::panicking());
    }
}

#[test]
fn plain_threads_spawn_on_a_runtime_of_the_process() {
    let handles: Vec<_> = (0..8)
        .map(|i| std::thread::spawn(move || gort::spawn(move || (i, thread_id())).join().unwrap()))
        .collect();
    for (i, handle) in handles.into_iter().enumerate() {
        let (value, thread) = handle.join().unwrap();
        assert_eq!(value, i);
        assert_ne!(thread, thread_id());
    }
    // What is spawned there spawns there.
    let nested = gort::spawn(|| gort::spawn(|| 4).join().unwrap() + 1);
    assert_eq!(nested.join().unwrap(), 5);
}

#[test]
fn blocking_threads_spawn_on_the_runtime_that_they_work_for() {
    let here = thread_id();
    let there = gort::Builder::new().procs(1).run(|| {
        let handle = gort::blocking(|| {
            assert_ne!(thread_id(), here);
            gort::spawn(thread_id)
        });
        handle.join().unwrap()
    });
    assert_eq!(there.unwrap(), here, "the only worker is the caller of run");
}

#[test]
fn handles_outlive_their_runtime() {
    for mode in MODES {
        let (handle, finished, rx) = mode.run(|| {
            let (tx, rx) = chan::unbounded();
            let handle = gort::spawn(move || tx.send(1).unwrap());
            let finished = gort::spawn(|| 6);
            while !finished.is_finished() || !handle.is_finished() {
                gort::yield_now();
            }
            (handle, finished, rx)
        });
        handle.join().unwrap();
        assert_eq!(finished.join().unwrap(), 6);
        assert_eq!(rx.iter().collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn sockets_outlive_their_runtime() {
    for mode in MODES {
        let (listener, mut client, mut server) = mode.run(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            // Nothing comes, so all three are known to a poller of this runtime.
            client.set_read_timeout(Some(ms(1))).unwrap();
            assert!((&client).read(&mut [0]).is_err());
            server.set_read_timeout(Some(ms(1))).unwrap();
            assert!((&server).read(&mut [0]).is_err());
            client.set_read_timeout(None).unwrap();
            server.set_read_timeout(None).unwrap();
            (listener, client, server)
        });
        // On a plain thread, and on another runtime, whose poller they move to.
        client.write_all(&[1]).unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).unwrap();
        let echoed = Mode::Stays(2).run(|| {
            let echo = gort::spawn(move || {
                let mut byte = [0];
                server.read_exact(&mut byte).unwrap();
                server.write_all(&byte).unwrap();
            });
            gort::sleep(ms(2));
            client.write_all(&[2]).unwrap();
            client.read_exact(&mut byte).unwrap();
            echo.join().unwrap();
            byte[0]
        });
        assert_eq!(echoed, 2);
        drop(listener);
    }
}
