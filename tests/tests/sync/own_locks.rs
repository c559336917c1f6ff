//! A channel that one worker has used so often that its lock is the worker's own, and others that come
//! to use it; and what becomes of that, and of a mutex that nobody has waited for, without the fence
//! that both rest on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gort::chan;
use gort::sync::Mutex;
use tests::{Mode, alone, refuse, spin_until};

/// More uses than it takes until the lock is somebody's own for the last time.
const MANY: u64 = 800_000;

/// Sends and receives so many messages on a channel of its own making.
fn use_alone(tx: &chan::Sender<u64>, rx: &chan::Receiver<u64>, n: u64) {
    for i in 0..n {
        tx.send(i).unwrap();
        assert_eq!(rx.recv(), Ok(i));
    }
}

/// Goroutines and plain threads use one channel at moments that nobody has chosen, while one goroutine
/// uses it all the time: each message is received once.
#[test]
fn others_come_at_any_moment() {
    for mode in [Mode::Stays(2), Mode::Migrates(2)] {
        mode.run(|| {
            let (tx, rx) = chan::bounded::<u64>(8);
            let [sent, received] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
            let end = Arc::new(AtomicBool::new(false));
            let visit = {
                let (tx, rx, end) = (tx.clone(), rx.clone(), end.clone());
                let (sent, received) = (sent.clone(), received.clone());
                move |pause: &dyn Fn(u64)| {
                    let mut n = 0;
                    // Acquire: pairs with the Release below.
                    while !end.load(Ordering::Acquire) {
                        pause(n);
                        n += 1;
                        if n % 2 == 0 && tx.try_send(n).is_ok() {
                            sent.fetch_add(n, Ordering::Relaxed);
                        } else if let Ok(n) = rx.try_recv() {
                            received.fetch_add(n, Ordering::Relaxed);
                        }
                    }
                }
            };
            let theirs = visit.clone();
            let outside = thread::spawn(move || {
                theirs(&|n| thread::sleep(Duration::from_micros(50 * (n % 40))));
            });
            let beside =
                gort::spawn(move || visit(&|n| gort::sleep(Duration::from_micros(70 * (n % 30)))));
            let mut held = 0;
            for i in 0..MANY {
                if tx.try_send(i).is_ok() {
                    held += i;
                }
                if let Ok(i) = rx.try_recv() {
                    received.fetch_add(i, Ordering::Relaxed);
                }
                if i % 1000 == 0 {
                    gort::yield_now();
                }
            }
            // Release: pairs with the Acquire above.
            end.store(true, Ordering::Release);
            outside.join().unwrap();
            beside.join().unwrap();
            let left: u64 = rx.try_iter().sum();
            let all = sent.load(Ordering::Relaxed) + held;
            assert_eq!(received.load(Ordering::Relaxed) + left, all, "{mode:?}");
        });
    }
}

/// Whether the kernel makes every thread of a process pass a fence.
fn has_fence() -> bool {
    const QUERY: i32 = 0;
    const PRIVATE_EXPEDITED: i64 = 1 << 3;
    // SAFETY: takes numbers.
    let can = unsafe { libc::syscall(libc::SYS_membarrier, QUERY, 0, 0) };
    cfg!(not(feature = "os-darwin-stub")) && can > 0 && can & PRIVATE_EXPEDITED != 0
}

/// For how long another thread, which may not have that fence any more, waits for a message that is there,
/// in a channel whose lock is a worker's own.
fn takes_away(mode: Mode) -> Duration {
    let (tx, rx) = chan::bounded::<u64>(2);
    let [ready, taken] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let theirs = (rx.clone(), ready.clone(), taken.clone());
    let outside = thread::spawn(move || {
        let (rx, ready, taken) = theirs;
        refuse(libc::SYS_membarrier, libc::EPERM);
        // Acquire: pairs with the Release below.
        spin_until("the lock is owned", || ready.load(Ordering::Acquire));
        let start = Instant::now();
        let received = rx.recv();
        let took = start.elapsed();
        taken.store(true, Ordering::Release);
        (received, took)
    });
    mode.run(|| {
        use_alone(&tx, &rx, 5000);
        tx.send(7).unwrap();
        // Release: pairs with the Acquire above.
        ready.store(true, Ordering::Release);
        // The worker does nothing with the lock meanwhile.
        spin_until("the message is received", || taken.load(Ordering::Acquire));
        use_alone(&tx, &rx, 5000);
    });
    let (received, took) = outside.join().unwrap();
    assert_eq!(received, Ok(7), "{mode:?}");
    took
}

/// It takes the lock away without the fence, and later: 20 ms in place of it.
#[test]
fn a_sandbox_that_closes_takes_no_lock_away() {
    alone("own_locks::a_sandbox_that_closes_takes_no_lock_away", || {
        // In migratory mode a goroutine that the machine holds up may go on on another worker, which
        // doesn't own the lock yet.
        for (mode, attempts) in [(Mode::Stays(1), 1), (Mode::Migrates(2), 10)] {
            let mut took = vec![takes_away(mode)];
            while has_fence() && !took.iter().any(|&took| took >= Duration::from_millis(20)) {
                assert!(took.len() < attempts, "{mode:?}: received after {took:?}");
                took.push(takes_away(mode));
            }
        }
    });
}

/// Nor does one who waits then for a mutex that is given back by a plain store miss that.
#[test]
fn a_sandbox_that_closes_forgets_no_waiter() {
    alone("own_locks::a_sandbox_that_closes_forgets_no_waiter", || {
        for mode in [Mode::Stays(1), Mode::Migrates(2)] {
            let mutex = Arc::new(Mutex::new(0));
            let ready = Arc::new(AtomicBool::new(false));
            let theirs = (mutex.clone(), ready.clone());
            let outside = thread::spawn(move || {
                let (mutex, ready) = theirs;
                refuse(libc::SYS_membarrier, libc::EPERM);
                // Acquire: pairs with the Release below.
                spin_until("the mutex is quiet", || ready.load(Ordering::Acquire));
                *mutex.lock().unwrap() += 1;
            });
            mode.run(|| {
                (0..5000).for_each(|_| *mutex.lock().unwrap() += 1);
                let held = mutex.lock().unwrap();
                // Release: pairs with the Acquire above.
                ready.store(true, Ordering::Release);
                // The other is waiting in earnest.
                thread::sleep(Duration::from_millis(40));
                drop(held);
            });
            outside.join().unwrap();
            assert_eq!(*mutex.lock().unwrap(), 5001, "{mode:?}");
        }
    });
}
