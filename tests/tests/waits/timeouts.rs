//! `gort::time`: what a timeout cancels, what it does not, and intervals.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gort::chan;
use gort::sync::{Condvar, Mutex, Once, RwLock, Semaphore, TryLockError, WaitGroup};
use gort::thread;
use gort::time::{Instant, interval, interval_at, timeout};
use tests::{everywhere, hide_expected_panics, ms};

const HOUR: Duration = Duration::from_secs(3600);

fn on_both(test: impl Fn() + Sync) {
    everywhere(|_| test());
    std::thread::scope(|s| s.spawn(&test).join()).expect("no panic on a plain thread");
}

fn is_poisoned<T>(error: &TryLockError<T>) -> bool {
    matches!(error, TryLockError::Poisoned(_))
}

#[test]
fn every_wait_that_can_be_is_cancelled() {
    on_both(|| {
        let (tx, rx) = chan::bounded::<i32>(0);
        let (full, _kept) = chan::bounded(1);
        full.send(1).unwrap();
        let lock = Mutex::new(());
        let group = WaitGroup::new();
        group.add(1);
        let listener = gort::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let held = lock.lock().unwrap();
        let (read, written) = (RwLock::new(()), RwLock::new(()));
        let (reads, writes) = (read.read().unwrap(), written.write().unwrap());
        let (condition, changing, none) = (Condvar::new(), Mutex::new(()), Semaphore::new(0));
        let once = Once::new();
        let waits: &[(&str, &dyn Fn())] = &[
            ("recv", &|| _ = rx.recv()),
            ("recv_timeout", &|| _ = rx.recv_timeout(HOUR)),
            ("send", &|| _ = tx.send(1)),
            ("send to a full one", &|| _ = full.send(2)),
            ("select", &|| {
                chan::select! { recv(rx) -> _ => (), send(full, 3) -> _ => () }
            }),
            ("select with a timeout", &|| {
                chan::select! { recv(rx) -> _ => (), default(HOUR) => () }
            }),
            ("never", &|| _ = chan::never::<i32>().recv_timeout(HOUR)),
            ("after", &|| _ = chan::after(HOUR).recv()),
            ("lock", &|| drop(lock.lock())),
            ("group", &|| group.wait()),
            ("write while others read", &|| drop(read.write())),
            ("write while another writes", &|| drop(written.write())),
            ("read while another writes", &|| drop(written.read())),
            ("condition", &|| {
                let held = changing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                drop(condition.wait(held));
            }),
            ("permit", &|| none.acquire().forget()),
            ("permit, for a time", &|| assert!(none.acquire_timeout(HOUR).is_none())),
            ("once", &|| once.wait()),
            ("accept", &|| drop(listener.accept())),
            ("sleep", &|| gort::sleep(HOUR)),
            ("park", &thread::park),
            ("future", &|| gort::block_on(std::future::pending::<()>())),
        ];
        for (name, wait) in waits {
            let start = Instant::now();
            assert!(timeout(ms(2), wait).is_err(), "{name}");
            assert!(start.elapsed() >= ms(2), "{name}");
            // A deadline in the past as well.
            assert!(timeout(Duration::ZERO, wait).is_err(), "{name}");
        }
        drop(held);
        // All goes on as if they had not been.
        let again = read.try_read();
        assert!(again.is_ok() && read.try_write().is_err());
        drop((reads, again));
        assert!(read.try_write().is_ok());
        drop(writes);
        assert!(written.try_read().is_ok() && written.try_write().is_ok());
        assert!(changing.is_poisoned() && changing.try_lock().is_err_and(|e| is_poisoned(&e)));
        none.release();
        assert!(none.try_acquire().is_some());
        once.call_once(|| ());
        assert!(lock.lock().is_ok());
        assert_eq!(tx.try_send(5), Err(chan::TrySendError::Full(5)));
        group.done();
        group.wait();
    });
}

#[test]
fn what_needs_not_wait_is_done_however_late_it_is() {
    on_both(|| {
        let (tx, rx) = chan::bounded(1);
        let lock = Mutex::new(1);
        let done = timeout(Duration::ZERO, || {
            tx.send(3).unwrap();
            *lock.lock().unwrap() + rx.recv().unwrap()
        });
        assert_eq!(done, Ok(4));
        assert_eq!(timeout(Duration::MAX, || gort::sleep(ms(1))), Ok(()));
    });
}

#[test]
fn nothing_is_lost_with_what_is_cancelled() {
    everywhere(|_| {
        const MESSAGES: usize = 200;
        let (tx, rx) = chan::bounded::<usize>(0);
        let given_up = Arc::new(AtomicUsize::new(0));
        let sum = AtomicUsize::new(0);
        gort::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    while let Ok(got) = timeout(Duration::from_micros(300), || rx.recv())
                        .unwrap_or_else(|_| {
                            given_up.fetch_add(1, Ordering::Relaxed);
                            Ok(0)
                        })
                    {
                        sum.fetch_add(got, Ordering::Relaxed);
                    }
                });
            }
            for i in 0..MESSAGES {
                if i % 20 == 0 {
                    gort::sleep(ms(1));
                }
                tx.send(1).unwrap();
            }
            drop(tx);
        });
        assert_eq!(sum.load(Ordering::Relaxed), MESSAGES);
    });
}

struct Notes<'a>(&'a AtomicUsize);

impl Drop for Notes<'_> {
    fn drop(&mut self) {
        // A destructor may wait for longer than there is time.
        gort::sleep(ms(3));
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn destructors_run_and_wait_and_a_lock_is_poisoned() {
    on_both(|| {
        let (dropped, lock) = (AtomicUsize::new(0), Mutex::new(0));
        let over = timeout(ms(1), || {
            let _notes = Notes(&dropped);
            let _guard = lock.lock();
            gort::sleep(HOUR);
        });
        assert!(over.is_err());
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        assert!(lock.is_poisoned());
        assert!(!thread::panicking());
    });
}

#[test]
fn each_of_several_keeps_its_own_time() {
    on_both(|| {
        let inner = timeout(HOUR, || timeout(ms(1), || gort::sleep(HOUR)));
        assert!(matches!(inner, Ok(Err(_))));
        let outer = timeout(ms(1), || timeout(HOUR, || gort::sleep(HOUR)));
        assert!(outer.is_err());
        // Between and after them there is none, or the outer one's.
        let both = timeout(ms(5), || {
            assert!(timeout(ms(1), || gort::sleep(HOUR)).is_err());
            gort::sleep(ms(1));
            gort::sleep(HOUR);
        });
        assert!(both.is_err());
        gort::sleep(ms(6));
    });
}

#[test]
fn who_catches_it_is_cancelled_again() {
    on_both(|| {
        let waits = AtomicUsize::new(0);
        let over = timeout(ms(1), || {
            for _ in 0..2 {
                let cut = catch_unwind(AssertUnwindSafe(|| gort::sleep(HOUR)));
                assert!(cut.is_err());
                waits.fetch_add(1, Ordering::Relaxed);
            }
            7
        });
        // It came to its end nevertheless.
        assert_eq!((over, waits.load(Ordering::Relaxed)), (Ok(7), 2));
    });
}

#[test]
fn panics_go_on() {
    hide_expected_panics();
    on_both(|| {
        let panicked = catch_unwind(|| timeout(HOUR, || panic!("expected")));
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"expected"));
    });
}

#[test]
fn what_can_t_be_cancelled_is_waited_for() {
    on_both(|| {
        let ended = AtomicUsize::new(0);
        let over = timeout(ms(1), || {
            gort::scope(|s| {
                s.spawn(|| {
                    gort::sleep(ms(4));
                    ended.fetch_add(1, Ordering::Relaxed);
                });
                gort::sleep(HOUR);
            })
        });
        assert!(over.is_err());
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        let joined = timeout(ms(1), || {
            gort::spawn(|| gort::sleep(ms(4))).join().unwrap();
            gort::blocking(|| std::thread::sleep(ms(2)));
            1
        });
        assert_eq!(joined, Ok(1));
    });
}

#[test]
fn a_call_that_blocks_may_have_a_timeout_of_its_own() {
    everywhere(|_| {
        let (_tx, rx) = chan::bounded::<i32>(0);
        let over = gort::blocking(|| {
            let over = timeout(ms(1), || rx.recv());
            // It is still a thread of this runtime.
            gort::spawn(|| ()).join().unwrap();
            over
        });
        assert!(over.is_err());
    });
}

#[test]
fn many_at_once() {
    everywhere(|_| {
        let (tx, rx) = chan::bounded::<i32>(0);
        let cut: Vec<_> = (0..100)
            .map(|i| {
                let rx = rx.clone();
                gort::spawn(move || timeout(Duration::from_micros(i * 20), || rx.recv()).is_err())
            })
            .collect();
        assert!(cut.into_iter().all(|cut| cut.join().unwrap()));
        assert_eq!(tx.try_send(1), Err(chan::TrySendError::Full(1)));
    });
}

#[test]
fn an_interval_keeps_its_beat() {
    on_both(|| {
        let start = Instant::now() + ms(1);
        let mut beat = interval_at(start, ms(2));
        for i in 0..5 {
            let tick = beat.tick();
            assert!(Instant::now() >= tick);
            let since = tick - start;
            assert!(
                since >= i * ms(2) && since.as_nanos().is_multiple_of(ms(2).as_nanos()),
                "{since:?}"
            );
        }
        // Late: the missed ones come as one, and the next is where it would have been.
        gort::sleep(ms(7));
        let missed = beat.tick();
        assert!(Instant::now() - missed < HOUR);

        assert_eq!((missed - start).as_nanos() % ms(2).as_nanos(), 0);
        assert!(beat.tick() > missed);
        assert_eq!(beat.period(), ms(2));
        beat.reset();
        let before = Instant::now();
        assert!(beat.tick() >= before);
    });
    assert!(catch_unwind(|| interval(Duration::ZERO)).is_err());
}
