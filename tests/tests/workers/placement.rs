//! Where new goroutines go: they can't be moved once they have started, so they have to be placed
//! with balance.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gort::chan;
use gort::net::TcpListener;
use tests::{Mode, compute_for, spin_until, thread_id, yield_until};

/// How often each thread occurs.
fn counted(threads: impl Iterator<Item = i32>) -> HashMap<i32, usize> {
    threads.fold(HashMap::new(), |mut homes, thread| {
        *homes.entry(thread).or_default() += 1;
        homes
    })
}

/// Spawns `n` goroutines that live until the end, with `pause` after each, and returns how many of
/// them live on each thread but the spawner's own.
fn homes(n: usize, pause: impl Fn(usize), start: fn()) -> HashMap<i32, usize> {
    let (tx, rx) = chan::bounded::<()>(0);
    let started = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..n)
        .map(|i| {
            let (rx, started) = (rx.clone(), Arc::clone(&started));
            let handle = gort::spawn(move || {
                start();
                started.fetch_add(1, Ordering::Relaxed);
                assert!(rx.recv().is_err());
                thread_id()
            });
            pause(i);
            handle
        })
        .collect();
    while started.load(Ordering::Relaxed) < n {
        gort::yield_now();
    }
    drop(tx);
    let mut homes = counted(handles.into_iter().map(|handle| handle.join().unwrap()));
    // It is busy with spawning, and has as many of them as that leaves it time for.
    homes.remove(&thread_id());
    homes
}

/// Asserts that the thousand goroutines of one spawner get homes on all workers, on none less than a
/// third of its share, and on none more than two of them. One time in several is enough: the machine may have no
/// processor for one of the workers, and then the others do the work.
fn assert_fair(pause: impl Fn(usize) + Sync, start: fn()) {
    for procs in [2, 4] {
        let mut seen = Vec::new();
        let is_fair = |homes: &HashMap<i32, usize>| {
            let share = 1000 / procs;
            homes.len() == procs - 1 && homes.values().all(|&n| share / 3 <= n && n <= 2 * share)
        };
        while !seen.last().is_some_and(is_fair) {
            assert!(seen.len() < 10, "never fair in {seen:?}");
            seen.push(Mode::Stays(procs).run(|| homes(1000, &pause, start)));
        }
    }
}

/// Computes for some microseconds.
fn compute() {
    compute_for(20);
}

#[test]
fn a_burst_is_shared() {
    // (Of goroutines that do something. Those that park at once are all begun by whoever is awake,
    // before anybody else is.)
    assert_fair(|_| (), compute);
}

#[test]
fn a_stream_is_shared() {
    // As from a server's accept loop, whose call takes some microseconds. (A thousand that only yield
    // are over in a tenth of a millisecond, when others have hardly been woken.)
    let accept = |_| {
        compute_for(3);
        gort::yield_now();
    };
    assert_fair(accept, || ());
}

#[test]
fn a_slow_stream_is_shared() {
    assert_fair(|_| gort::sleep(Duration::from_micros(20)), || ());
}

#[test]
fn an_uneven_stream_is_shared() {
    let sometimes = |i: usize| {
        if i.is_multiple_of(20) {
            gort::sleep(Duration::from_micros(200));
        }
    };
    assert_fair(sometimes, compute);
}

/// How many of so many connections, which come one after the other and stay, each thread serves.
fn served(connections: usize) -> HashMap<i32, usize> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let clients = std::thread::spawn(move || {
        let connect = |_| {
            // Whoever accepts it has nothing else to do.
            std::thread::sleep(Duration::from_micros(100));
            std::net::TcpStream::connect(address).unwrap()
        };
        let all: Vec<_> = (0..connections).map(connect).collect();
        counted(all.into_iter().map(|mut stream| {
            let mut id = [0; 4];
            stream.write_all(b"?").and_then(|()| stream.read_exact(&mut id)).unwrap();
            i32::from_ne_bytes(id)
        }))
    });
    let serve = |_| {
        let (mut stream, _) = listener.accept().unwrap();
        gort::spawn(move || {
            stream.read_exact(&mut [0]).unwrap();
            stream.write_all(&thread_id().to_ne_bytes()).unwrap();
        })
    };
    let all: Vec<_> = (0..connections).map(serve).collect();
    all.into_iter().for_each(|one| one.join().unwrap());
    gort::blocking(|| clients.join().unwrap())
}

/// Not only hundreds: each worker serves half of its share of forty at least. One time in several is enough, as
/// above.
#[test]
fn few_connections_are_shared() {
    const CONNECTIONS: usize = 40;
    for procs in [2, 4] {
        let least = CONNECTIONS / procs / 2;
        let mut seen = Vec::new();
        let is_fair = |homes: &HashMap<i32, usize>| {
            homes.len() == procs && homes.values().all(|&n| n >= least)
        };
        while !seen.last().is_some_and(is_fair) {
            assert!(seen.len() < 20, "never fair in {seen:?}");
            seen.push(Mode::Stays(procs).run(|| served(CONNECTIONS)));
        }
    }
}

#[test]
fn a_busy_worker_keeps_few() {
    // One worker is held all the time: what was spawned there goes to the others, all of it.
    Mode::Stays(4).run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let others = gort::spawn(move || yield_until(&flag));
        let ended = Arc::new(AtomicUsize::new(0));
        for _ in 0..1000 {
            let ended = Arc::clone(&ended);
            gort::go(move || {
                gort::yield_now();
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        spin_until("the other workers", || ended.load(Ordering::Relaxed) == 1000);
        stop.store(true, Ordering::Release);
        others.join().unwrap();
    });
}
