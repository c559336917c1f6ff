//! Programs of what `gort::thread`, `gort::time` and futures add: parking by name, deadlines for
//! whatever one waits for, and scopes whose runtime ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gort::chan;
use gort::sync::{Condvar, Mutex, RwLock, Semaphore};
use gort::thread;
use gort::time::timeout;

use crate::plain::plain;
use crate::programs::Setting;

const US: Duration = Duration::from_micros(1);

/// How the panic of a scope begins whose runtime ended first.
pub(crate) const LOST: &str = "the runtime ended before";

/// Two unpark each other in turn; and a plain thread unparks one for the last time.
pub(crate) fn unparks(setting: Setting) {
    const ROUNDS: u64 = 12;
    setting.run(|| {
        let (turn, me) = (Arc::new(AtomicU64::new(0)), thread::current());
        let theirs = turn.clone();
        let other = gort::spawn(move || {
            for i in 0..ROUNDS {
                while theirs.load(Ordering::Acquire) != 2 * i + 1 {
                    thread::park();
                }
                theirs.store(2 * i + 2, Ordering::Release);
                me.unpark();
            }
            // Two tokens are one for somebody who has not taken the first.
            while theirs.load(Ordering::Acquire) != 2 * ROUNDS + 1 {
                thread::park();
            }
            let outside = plain(move || me.unpark());
            thread::park_timeout(5 * US);
            gort::blocking(|| drop(outside));
        });
        for i in 0..ROUNDS {
            turn.store(2 * i + 1, Ordering::Release);
            other.thread().unpark();
            while turn.load(Ordering::Acquire) != 2 * i + 2 {
                thread::park();
            }
        }
        turn.store(2 * ROUNDS + 1, Ordering::Release);
        other.thread().unpark();
        thread::park();
        other.join().expect("no panic");
    });
}

/// Deadlines come while messages and a lock are handed over: each message is received once or comes
/// to nobody, and who is cut short has taken nothing.
pub(crate) fn cut_short(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = chan::bounded::<u64>(0);
        let (other, _full) = chan::bounded::<u64>(1);
        other.send(0).expect("room");
        let lock = Mutex::new(0);
        let [sent, received] = [const { AtomicU64::new(0) }; 2];
        gort::scope(|s| {
            for i in 0..3 {
                let (rx, lock, received) = (rx.clone(), &lock, &received);
                s.spawn(move || {
                    for n in 0..4 {
                        let got = timeout((i + n) * 3 * US, || rx.recv());
                        received.fetch_add(u64::from(got.is_ok()), Ordering::Relaxed);
                        let _ = timeout(n * US, || {
                            let mut count = lock.lock().unwrap_or_else(|e| e.into_inner());
                            *count += 1;
                            if n % 2 == 0 {
                                gort::yield_now();
                            }
                        });
                    }
                });
            }
            drop(rx);
            for i in 0..10 {
                let done = timeout(i * 2 * US, || {
                    chan::select! {
                        send(tx, i.into()) -> done => done.is_ok(),
                        send(other, 1) -> _ => false,
                    }
                });
                // One that is cut short has not been sent, and no one else can be full.
                sent.fetch_add(u64::from(done == Ok(true)), Ordering::Relaxed);
            }
        });
        assert_eq!(sent.into_inner(), received.into_inner());
        let done = *lock.lock().unwrap_or_else(|e| e.into_inner());
        assert!(done <= 12, "a lock that was not had was used");
    });
}

/// Deadlines come while a reader-writer lock, a condition and permits are handed over: who is cut short
/// has none of them, and they are all free in the end.
pub(crate) fn cut_locks(setting: Setting) {
    setting.run(|| {
        let (lock, permits) = (RwLock::new([0; 2]), Semaphore::new(1));
        let (turn, changed) = (Mutex::new(0), Condvar::new());
        let notified = AtomicU64::new(0);
        gort::scope(|s| {
            for i in 0..4 {
                let (lock, permits, turn, changed) = (&lock, &permits, &turn, &changed);
                let notified = &notified;
                s.spawn(move || {
                    for n in 0..3 {
                        let _ = timeout((i + n) * 2 * US, || {
                            let both = lock.read().unwrap_or_else(|e| e.into_inner());
                            gort::yield_now();
                            assert_eq!(both[0], both[1], "read while another wrote");
                        });
                        let _ = timeout((3 * i + n) * US, || {
                            let mut both = lock.write().unwrap_or_else(|e| e.into_inner());
                            both[0] += 1;
                            rt_core::yield_now();
                            both[1] += 1;
                        });
                        let _ = timeout((2 * i + n) * US, || {
                            let _permit = permits.acquire();
                            assert!(permits.try_acquire().is_none(), "one permit for two");
                            gort::yield_now();
                        });
                        let woken = timeout((i + 2 * n) * US, || {
                            let turn = turn.lock().unwrap_or_else(|e| e.into_inner());
                            drop(changed.wait(turn));
                        });
                        notified.fetch_add(u64::from(woken.is_ok()), Ordering::Relaxed);
                        *turn.lock().unwrap_or_else(|e| e.into_inner()) += 1;
                        changed.notify_one();
                    }
                });
            }
        });
        assert!(lock.try_write().is_ok_and(|both| both[0] == both[1]) || lock.is_poisoned());
        lock.clear_poison();
        assert!(lock.try_write().is_ok(), "a lock that nobody holds");
        assert_eq!(permits.available(), 1);
        let turns = *turn.lock().unwrap_or_else(|e| e.into_inner());
        assert_eq!(turns, 12);
        assert!(notified.into_inner() <= turns);
    });
}

/// Goroutines lock their threads, unless others need those, and wait for others who can't run there.
pub(crate) fn locked(setting: Setting) {
    setting.run(|| {
        // Alone on its thread, it may wait for one that never ran, unless there is no other thread.
        let alone = gort::lock_os_thread(|| gort::spawn(|| ()).join().expect("no panic"));
        assert_eq!(alone.is_err(), setting.procs == 1 && !setting.migratory);
        let [sum, held] = [const { AtomicU64::new(0) }; 2].map(Arc::new);
        let handles: Vec<_> = (0..3)
            .map(|i| {
                let (sum, held) = (sum.clone(), held.clone());
                let body = move || {
                    let work = || {
                        let (tx, rx) = chan::bounded::<u64>(0);
                        let other = gort::spawn(move || tx.send(i).is_ok());
                        sum.fetch_add(rx.recv().expect("sent"), Ordering::Relaxed);
                        other.join().expect("no panic")
                    };
                    match gort::lock_os_thread(work) {
                        Ok(sent) => {
                            assert!(sent);
                            held.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(_) => _ = sum.fetch_add(i, Ordering::Relaxed),
                    }
                };
                if i == 2 {
                    thread::Builder::new().lock_os_thread().spawn(body).expect("memory")
                } else {
                    gort::spawn(body)
                }
            })
            .collect();
        // One that can run here alone, so that this thread can't be locked.
        let (tx, rx) = chan::bounded::<u64>(0);
        let here = gort::spawn_local(move || tx.send(3).is_ok());
        let got = gort::lock_os_thread(|| rx.recv()).unwrap_or_else(|_| rx.recv());
        assert_eq!(got, Ok(3));
        assert!(here.join().expect("no panic"));
        handles.into_iter().for_each(|handle| handle.join().expect("no panic"));
        assert_eq!(sum.load(Ordering::Relaxed), 3);
        assert!(held.load(Ordering::Relaxed) >= 1, "one has a thread from its start");
    });
}

/// Calls that block make scopes while their runtime ends. They learn that the goroutines of the scope
/// never end, and nothing of the scope is touched when it is gone.
pub(crate) fn left_scopes(setting: Setting) {
    let [begun, ended] = [const { AtomicU64::new(0) }; 2].map(Arc::new);
    let (begins, ends) = (begun.clone(), ended.clone());
    setting.run(move || {
        for _ in 0..3 {
            let (begins, ends) = (begins.clone(), ends.clone());
            gort::go(move || {
                gort::blocking(|| {
                    // One that begins too late is made by the goroutine itself, and left with it.
                    let aside = u64::from(!rt_core::yield_now());
                    begins.fetch_add(aside, Ordering::Relaxed);
                    for _ in 0..2 {
                        let (tx, rx) = chan::bounded::<Vec<u64>>(0);
                        let lock = Mutex::new(vec![1]);
                        // It panics if goroutines are lost, which is no matter here.
                        let scoped = || {
                            gort::scope(|s| {
                                s.spawn(|| rx.recv());
                                s.spawn(|| lock.lock().map(|mut list| list.push(2)).is_ok());
                                s.spawn(|| gort::sleep(US));
                                let unread = tx.send_timeout(vec![3], 3 * US);
                                drop(unread);
                                drop(tx);
                            });
                        };
                        let scoped = std::panic::AssertUnwindSafe(scoped);
                        let _ = std::panic::catch_unwind(scoped);
                    }
                    ends.fetch_add(aside, Ordering::Relaxed);
                });
            });
        }
        for _ in 0..3 {
            gort::yield_now();
        }
    });
    // In a simulation `run` waits for the threads.
    assert_eq!(begun.load(Ordering::Relaxed), ended.load(Ordering::Relaxed));
}

/// Futures of goroutines are waited for, given up, and dropped while they end.
pub(crate) fn futures(setting: Setting) {
    use std::future::{Future, IntoFuture};
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    setting.run(|| {
        for i in 0..6 {
            let (tx, rx) = chan::bounded(0);
            let sender = gort::spawn(move || tx.send(i).is_ok());
            let mut join = gort::spawn(move || rx.recv()).into_future();
            let mut context = Context::from_waker(Waker::noop());
            if i % 2 == 0 {
                let polled = Pin::new(&mut join).poll(&mut context);
                assert!(!matches!(polled, Poll::Ready(Err(_))));
                if polled.is_ready() {
                    continue;
                }
            }
            if i % 3 == 0 {
                gort::yield_now();
                drop(join);
                assert!(gort::block_on(sender).expect("no panic"));
            } else {
                assert_eq!(gort::block_on(join).expect("no panic"), Ok(i));
            }
        }
    });
}

/// Futures receive beside others, from senders of every kind; some are dropped when they have been
/// woken. No message is lost, and nobody waits while there is one.
pub(crate) fn async_receivers(setting: Setting) {
    use std::future::{Future, IntoFuture, poll_fn};
    use std::pin::Pin;
    use std::task::Poll;

    const MESSAGES: u64 = 9;
    for capacity in [0, 1] {
        setting.run(|| {
            let (tx, rx) = chan::bounded::<u64>(capacity);
            let received = AtomicU64::new(0);
            let count = |got: u64| received.fetch_add(got, Ordering::Relaxed);
            gort::scope(|s| {
                for i in 0..3 {
                    let (rx, count) = (rx.clone(), &count);
                    s.spawn(move || {
                        // Each gives up one future that was woken, or asked to be.
                        let mut polls = 0;
                        let mut given_up = (&rx).into_future();
                        gort::block_on(poll_fn(|context| {
                            polls += 1;
                            if polls > 1 {
                                return Poll::Ready(());
                            }
                            match Pin::new(&mut given_up).poll(context) {
                                Poll::Ready(got) => {
                                    got.into_iter().for_each(|got| _ = count(got));
                                    Poll::Ready(())
                                }
                                Poll::Pending => Poll::Pending,
                            }
                        }));
                        drop(given_up);
                        while let Ok(got) = match i {
                            0 => rx.recv(),
                            _ => gort::block_on(&rx),
                        } {
                            count(got);
                        }
                    });
                }
                drop(rx);
                let (selects, late) = (tx.clone(), tx.clone());
                s.spawn(move || {
                    for _ in 0..MESSAGES {
                        chan::select! { send(selects, 1) -> sent => sent.expect("received") }
                    }
                });
                s.spawn(move || {
                    for _ in 0..MESSAGES {
                        gort::sleep(2 * US);
                        late.send(1).expect("received");
                    }
                });
                s.spawn(move || (0..MESSAGES).for_each(|_| tx.send(1).expect("received")));
            });
            assert_eq!(received.into_inner(), 3 * MESSAGES);
        });
    }
}

/// A future that begins to wait just when a `select` that sends does: one of them sees the other.
pub(crate) fn announced(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = chan::bounded::<u64>(0);
        let (tx, rx) = (&tx, &rx);
        for round in 0..12 {
            gort::scope(|s| {
                s.spawn(move || assert_eq!(gort::block_on(rx), Ok(round)));
                s.spawn(move || {
                    chan::select! { send(tx, round) -> sent => sent.expect("received") }
                });
            });
        }
    });
}
