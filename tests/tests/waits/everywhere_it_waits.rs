//! Panics, aborts and overflows inside of every kind of wait.

use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use gort::sync::{Barrier, Condvar, Mutex, OnceLock, PoisonError, RwLock, Semaphore, WaitGroup};
use tests::{MODES, Mode, ends_of_its_own, everywhere, hide_expected_panics, ms};

/// A kind of wait: a call that comes to an end by itself, having parked at least once if it can.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    wait: fn(),
}

/// Every kind. A new primitive gets its line here.
const KINDS: &[Kind] = &[
    Kind { name: "yield", wait: gort::yield_now },
    Kind { name: "sleep", wait: || gort::sleep(Duration::from_micros(50)) },
    Kind { name: "rendezvous recv", wait: || receive(0) },
    Kind { name: "buffered recv", wait: || receive(1) },
    Kind { name: "unbounded recv", wait: || receive(usize::MAX) },
    Kind { name: "rendezvous send", wait: || send(0) },
    Kind { name: "buffered send", wait: || send(1) },
    Kind { name: "recv with a deadline", wait: receive_late },
    Kind { name: "send with a deadline", wait: send_late },
    Kind { name: "select to receive", wait: select_receive },
    Kind { name: "select to send", wait: select_send },
    Kind { name: "select of many", wait: select_many },
    Kind { name: "select with a deadline", wait: select_late },
    Kind { name: "ready", wait: ready },
    Kind { name: "timer channel", wait: timer_channel },
    Kind { name: "never", wait: never },
    Kind { name: "mutex", wait: mutex },
    Kind { name: "reader", wait: reader },
    Kind { name: "writer", wait: writer },
    Kind { name: "condition variable", wait: || condition(None) },
    Kind { name: "condition variable with a deadline", wait: || condition(Some(ms(60_000))) },
    Kind { name: "barrier", wait: barrier },
    Kind { name: "semaphore", wait: semaphore },
    Kind { name: "once", wait: once },
    Kind { name: "wait group", wait: wait_group },
    Kind { name: "join", wait: || gort::spawn(gort::yield_now).join().unwrap() },
    Kind { name: "join of a panic", wait: join_panic },
    Kind { name: "scope", wait: scope },
    Kind { name: "scoped join", wait: scoped_join },
    Kind { name: "scope that panics", wait: scope_panic },
    Kind { name: "blocking that panics", wait: blocking_panic },
    Kind { name: "blocking that waits", wait: || gort::blocking(receive_late) },
    Kind { name: "blocking", wait: || gort::blocking(std::thread::yield_now) },
    Kind { name: "socket read", wait: || socket(true) },
    Kind { name: "socket write", wait: || socket(false) },
    Kind { name: "socket read with a deadline", wait: socket_late },
    Kind { name: "accept", wait: accept },
];

fn receive(capacity: usize) {
    let (tx, rx) = if capacity == usize::MAX { chan::unbounded() } else { chan::bounded(capacity) };
    gort::go(move || {
        gort::yield_now();
        tx.send(1).unwrap();
    });
    assert_eq!(rx.recv(), Ok(1));
}

fn send(capacity: usize) {
    let (tx, rx) = chan::bounded(capacity);
    let taker = gort::spawn(move || rx.iter().sum::<usize>());
    (0..=capacity + 1).for_each(|n| tx.send(n).unwrap());
    drop(tx);
    taker.join().unwrap();
}

fn receive_late() {
    let (_tx, rx) = chan::bounded::<()>(0);
    assert!(rx.recv_timeout(Duration::from_micros(50)).is_err());
}

fn send_late() {
    let (tx, _rx) = chan::bounded(0);
    assert!(tx.send_timeout((), Duration::from_micros(50)).is_err());
}

fn select_receive() {
    let ((tx, rx), (_other, silent)) = (chan::bounded(0), chan::bounded::<i32>(1));
    gort::go(move || tx.send(1).unwrap());
    gort::select! {
        recv(rx) -> got => assert_eq!(got, Ok(1)),
        recv(silent) -> got => panic!("nobody sent {got:?}"),
    }
}

fn select_send() {
    let ((tx, rx), (full, _unread)) = (chan::bounded(0), chan::bounded(0));
    let taker = gort::spawn(move || rx.recv());
    gort::select! {
        send(tx, 1) -> sent => sent.unwrap(),
        send(full, 2) -> sent => panic!("nobody received it: {sent:?}"),
    }
    assert_eq!(taker.join().unwrap(), Ok(1));
}

/// More operations than have room on the stack, in two goroutines that select from each other.
fn select_many() {
    let all: Vec<_> = (0..12).map(|_| chan::bounded::<usize>(0)).collect();
    let senders: Vec<_> = all.iter().map(|(tx, _)| tx.clone()).collect();
    let sender = gort::spawn(move || {
        let mut select = chan::Select::new();
        senders.iter().for_each(|tx| _ = select.send(tx));
        let chosen = select.select();
        let at = chosen.index();
        chosen.send(&senders[at], at).unwrap();
    });
    let mut select = chan::Select::new();
    all.iter().for_each(|(_, rx)| _ = select.recv(rx));
    let chosen = select.select();
    let at = chosen.index();
    assert_eq!(chosen.recv(&all[at].1), Ok(at));
    sender.join().unwrap();
}

fn select_late() {
    let (_tx, rx) = chan::bounded::<()>(0);
    gort::select! {
        recv(rx) -> got => panic!("nobody sent {got:?}"),
        default(Duration::from_micros(50)) => (),
    }
}

fn ready() {
    let (tx, rx) = chan::bounded(1);
    gort::go(move || tx.send(1).unwrap());
    let mut select = chan::Select::new();
    select.recv(&rx);
    assert_eq!(select.ready(), 0);
    assert_eq!(rx.recv(), Ok(1));
}

fn timer_channel() {
    chan::after(Duration::from_micros(50)).recv().unwrap();
}

fn never() {
    assert!(chan::never::<()>().recv_timeout(Duration::from_micros(50)).is_err());
}

fn mutex() {
    // std counts panics by thread, so whoever unwinds on this one meanwhile poisons it.
    let lock = |mutex: &Mutex<i32>, plus| {
        let mut guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        *guard += plus;
        gort::yield_now();
    };
    let mutex = Arc::new(Mutex::new(0));
    let other = Arc::clone(&mutex);
    let waiter = gort::spawn(move || lock(&other, 1));
    lock(&mutex, 2);
    waiter.join().unwrap();
    assert_eq!(*mutex.lock().unwrap_or_else(PoisonError::into_inner), 3);
}

fn reader() {
    let lock = Arc::new(RwLock::new(0));
    let other = Arc::clone(&lock);
    let guard = lock.write().unwrap_or_else(PoisonError::into_inner);
    let reader = gort::spawn(move || *other.read().unwrap_or_else(PoisonError::into_inner));
    gort::yield_now();
    drop(guard);
    assert_eq!(reader.join().unwrap(), 0);
}

fn writer() {
    let lock = Arc::new(RwLock::new(0));
    let other = Arc::clone(&lock);
    let reader = gort::spawn(move || {
        let guard = other.read().unwrap_or_else(PoisonError::into_inner);
        gort::yield_now();
        drop(guard);
    });
    gort::yield_now();
    *lock.write().unwrap_or_else(PoisonError::into_inner) += 1;
    reader.join().unwrap();
}

fn condition(timeout: Option<Duration>) {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let other = Arc::clone(&shared);
    gort::go(move || {
        *other.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        other.1.notify_all();
    });
    let mut ready = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
    while !*ready {
        ready = match timeout {
            None => shared.1.wait(ready).unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                shared.1.wait_timeout(ready, time).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

fn barrier() {
    let barrier = Arc::new(Barrier::new(2));
    let other = Arc::clone(&barrier);
    let task = gort::spawn(move || other.wait().is_leader());
    assert!(barrier.wait().is_leader() != task.join().unwrap());
}

fn semaphore() {
    let semaphore = Arc::new(Semaphore::new(0));
    let other = Arc::clone(&semaphore);
    gort::go(move || other.release());
    semaphore.acquire().forget();
}

fn once() {
    let place = Arc::new(OnceLock::new());
    let other = Arc::clone(&place);
    gort::go(move || assert!(other.set(1).is_ok()));
    assert_eq!(place.wait(), &1);
}

fn wait_group() {
    let group = Arc::new(WaitGroup::new());
    group.add(1);
    let other = Arc::clone(&group);
    gort::go(move || other.done());
    group.wait();
}

fn join_panic() {
    assert!(gort::spawn(|| panic!("expected, joined")).join().is_err());
}

fn scope() {
    let count = AtomicUsize::new(0);
    gort::scope(|s| {
        s.spawn(|| {
            gort::yield_now();
            count.fetch_add(1, Ordering::Relaxed)
        });
    });
    assert_eq!(count.into_inner(), 1);
}

fn scoped_join() {
    let answer = gort::scope(|s| {
        let inner = s.spawn(|| {
            gort::yield_now();
            5
        });
        inner.join().unwrap()
    });
    assert_eq!(answer, 5);
}

fn scope_panic() {
    let scoped = catch_unwind(|| {
        gort::scope(|s| {
            s.spawn(gort::yield_now);
            panic!("expected, of a scope");
        })
    });
    assert!(scoped.is_err());
}

fn blocking_panic() {
    assert!(catch_unwind(|| gort::blocking(|| panic!("expected, aside"))).is_err());
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}

fn socket(reads: bool) {
    let (mut here, mut there) = pair();
    if reads {
        let writer = gort::spawn(move || there.write_all(b"x").unwrap());
        assert_eq!(here.read(&mut [0]).unwrap(), 1);
        writer.join().unwrap();
    } else {
        here.set_write_timeout(Some(ms(1))).unwrap();
        // Nobody reads, so at last it waits.
        let data = vec![0; 1 << 20];
        while here.write(&data).is_ok() {}
    }
}

fn socket_late() {
    let (mut here, _there) = pair();
    here.set_read_timeout(Some(ms(1))).unwrap();
    assert!(here.read(&mut [0]).is_err());
}

fn accept() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = gort::spawn(move || TcpStream::connect(address).is_ok());
    listener.accept().unwrap();
    assert!(client.join().unwrap());
}

/// Waits when it is dropped.
struct Waits(fn());

impl Drop for Waits {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_goroutine_waits_in_every_way_while_it_unwinds() {
    hide_expected_panics();
    everywhere(|mode| {
        for kind in KINDS {
            let panicking: Vec<_> = (0..3)
                .map(|_| {
                    gort::spawn(|| {
                        let _waits = Waits(kind.wait);
                        panic!("expected, of {}", kind.name);
                    })
                })
                .collect();
            // Others wait in the same way meanwhile, one of them in a panic that is caught.
            (kind.wait)();
            let caught = catch_unwind(AssertUnwindSafe(|| {
                let _waits = Waits(kind.wait);
                panic!("expected, caught");
            }));
            assert!(caught.is_err(), "{mode:?}, {}", kind.name);
            for panicking in panicking {
                assert!(panicking.join().is_err(), "{mode:?}, {}", kind.name);
            }
            assert!(!std::thread::panicking());
        }
    });
}

#[test]
fn a_panic_after_every_wait_is_the_joiners() {
    hide_expected_panics();
    everywhere(|mode| {
        for kind in KINDS {
            let handles: Vec<_> = (0..6)
                .map(|n| {
                    gort::spawn(move || {
                        (kind.wait)();
                        assert!(n % 2 == 0, "expected, after {}", kind.name);
                        (kind.wait)();
                    })
                })
                .collect();
            for (n, handle) in handles.into_iter().enumerate() {
                assert_eq!(handle.join().is_ok(), n % 2 == 0, "{mode:?}, {}", kind.name);
            }
        }
    });
}

#[test]
fn a_panic_of_main_leaves_those_who_wait() {
    hide_expected_panics();
    for mode in MODES {
        let ended = catch_unwind(|| {
            mode.run(|| {
                for kind in KINDS {
                    gort::go(|| {
                        loop {
                            (kind.wait)();
                        }
                    });
                }
                gort::sleep(ms(2));
                panic!("expected, of main");
            })
        });
        assert!(ended.is_err(), "{mode:?}");
    }
}

/// Goes down the stack, and waits on each step.
fn descend(wait: fn(), depth: usize) -> usize {
    let mut room = [0_u8; 512];
    black_box(&mut room);
    wait();
    if depth == 0 { 0 } else { descend(wait, depth - 1) + usize::from(room[99]) + 1 }
}

/// How the processes of a test end: one for each kind of wait, each of which starts the test anew
/// with the kind's number.
fn each_ends(test: &str, modes: &[Mode], body: fn(fn()), expected: &str) {
    const KIND: &str = "GORT_TEST_KIND";
    if let Ok(number) = std::env::var(KIND) {
        let number: usize = number.parse().unwrap();
        let (kind, mode) = (KINDS[number % KINDS.len()], modes[number / KINDS.len()]);
        ends_of_its_own(test, || {
            mode.run(|| {
                // Others wait too.
                for _ in 0..4 {
                    gort::go(move || {
                        loop {
                            (kind.wait)();
                        }
                    });
                }
                let ends = gort::thread::Builder::new().stack_size(48 << 10);
                ends.spawn(move || body(kind.wait)).unwrap().join().unwrap();
            });
        });
        return;
    }
    let work = |numbers: &[usize]| {
        for &number in numbers {
            let output = tests::again(test).env(KIND, number.to_string()).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            let what = (modes[number / KINDS.len()], KINDS[number % KINDS.len()].name);
            assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{what:?}: {error}");
            assert!(error.contains(expected), "{what:?}: {error}");
        }
    };
    let all: Vec<usize> = (0..KINDS.len() * modes.len()).collect();
    std::thread::scope(|s| {
        for part in all.chunks(all.len().div_ceil(2)) {
            s.spawn(move || work(part));
        }
    });
}

const FEW: &[Mode] = &[Mode::Stays(1), Mode::Stays(4), Mode::Migrates(1), Mode::Migrates(4)];

#[test]
fn an_overflow_in_every_wait_is_reported() {
    let test = "everywhere_it_waits::an_overflow_in_every_wait_is_reported";
    let body = |wait: fn()| {
        black_box(descend(wait, usize::MAX));
    };
    each_ends(test, FEW, body, "has overflowed its stack");
}

#[test]
fn a_second_panic_in_every_wait_aborts() {
    let body = |wait: fn()| {
        struct Again(fn());
        impl Drop for Again {
            fn drop(&mut self) {
                (self.0)();
                panic!("the second");
            }
        }
        let _again = Again(wait);
        panic!("the first");
    };
    each_ends("everywhere_it_waits::a_second_panic_in_every_wait_aborts", FEW, body, "the second");
}

#[test]
fn an_abort_while_others_wait_ends_the_process() {
    let body = |wait: fn()| {
        wait();
        eprintln!("aborts");
        std::process::abort();
    };
    each_ends(
        "everywhere_it_waits::an_abort_while_others_wait_ends_the_process",
        FEW,
        body,
        "aborts",
    );
}
