//! Goroutines and async code: blocking on futures, and futures of goroutines.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use gort::{block_on, chan};
use tests::{MODES, everywhere, hide_expected_panics, ms};

fn on_both(test: impl Fn() + Sync) {
    everywhere(|_| test());
    std::thread::scope(|s| s.spawn(&test).join()).expect("no panic on a plain thread");
}

/// Counts its wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F, wakes: &Arc<Wakes>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(wakes));
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// Is ready after so many polls; wakes itself in between.
async fn after_polls(n: usize) -> usize {
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        if polls > n {
            return Poll::Ready(polls);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[test]
fn a_future_that_wakes_itself_is_polled_again() {
    on_both(|| {
        assert_eq!(block_on(async { 3 }), 3);
        assert_eq!(block_on(after_polls(10)), 11);
    });
}

#[test]
fn a_wake_from_elsewhere_ends_the_wait() {
    on_both(|| {
        for outside in [false, true] {
            let (done, mut sent) = (Arc::new(AtomicUsize::new(0)), false);
            block_on(poll_fn(|context| {
                if done.load(Ordering::Acquire) == 1 {
                    return Poll::Ready(());
                }
                if !std::mem::replace(&mut sent, true) {
                    let (done, waker) = (Arc::clone(&done), context.waker().clone());
                    let wake = move || {
                        std::thread::sleep(ms(1));
                        done.store(1, Ordering::Release);
                        waker.wake();
                    };
                    if outside {
                        std::thread::spawn(wake);
                    } else {
                        gort::go(wake);
                    }
                }
                Poll::Pending
            }));
        }
    });
}

#[test]
fn a_future_may_block_on_another_in_its_poll() {
    on_both(|| {
        let mut woken = false;
        let sum = block_on(poll_fn(|context| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(7);
            }
            // This wake may be taken by the inner one.
            context.waker().wake_by_ref();
            assert_eq!(block_on(after_polls(3)), 4);
            Poll::Pending
        }));
        assert_eq!(sum, 7);
    });
}

#[test]
fn handles_are_futures() {
    hide_expected_panics();
    on_both(|| {
        let sum = block_on(async {
            let mut sum = 0;
            let handles: Vec<_> = (0..20)
                .map(|i| {
                    gort::spawn(move || {
                        gort::yield_now();
                        i
                    })
                })
                .collect();
            for handle in handles {
                sum += handle.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 190);
        let panicked = block_on(gort::spawn(|| panic!("expected")));
        assert!(panicked.is_err());
    });
}

#[test]
fn a_join_wakes_the_last_waker_once() {
    everywhere(|_| {
        let (tx, rx) = chan::bounded::<i32>(0);
        let mut join = gort::spawn(move || rx.recv().unwrap()).into_future();
        let (first, last) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
        assert!(poll_once(&mut join, &first).is_pending());
        assert!(poll_once(&mut join, &last).is_pending());
        tx.send(5).unwrap();
        while last.count() == 0 {
            gort::yield_now();
        }
        assert!(matches!(poll_once(&mut join, &last), Poll::Ready(Ok(5))));
        assert_eq!((first.count(), last.count()), (0, 1));
    });
}

#[test]
fn a_join_that_is_dropped_is_forgotten() {
    everywhere(|_| {
        for polled in [false, true] {
            let (tx, rx) = chan::bounded::<i32>(0);
            let (back, got) = chan::bounded(1);
            let mut join = gort::spawn(move || back.send(rx.recv()).unwrap()).into_future();
            let wakes = Arc::new(Wakes::default());
            if polled {
                assert!(poll_once(&mut join, &wakes).is_pending());
            }
            drop(join);
            tx.send(1).unwrap();
            assert_eq!(got.recv().unwrap(), Ok(1));
            assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (0, 1));
        }
    });
}

#[test]
fn dropping_a_join_races_with_the_end() {
    everywhere(|_| {
        for _ in 0..200 {
            let wakes = Arc::new(Wakes::default());
            let mut join = gort::spawn(|| vec![1]).into_future();
            let _ = poll_once(&mut join, &wakes);
            gort::yield_now();
            drop(join);
        }
    });
}

#[test]
fn a_join_of_one_that_is_abandoned_fails() {
    for mode in MODES {
        let join = mode.run(|| gort::spawn(|| gort::sleep(ms(3_600_000))).into_future());
        assert!(block_on(join).is_err());
    }
}

#[test]
fn polled_after_the_result_it_panics() {
    let mut join = pin!(gort::spawn(|| ()).into_future());
    block_on(join.as_mut()).unwrap();
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let wakes = Arc::new(Wakes::default());
        let _ = poll_once(&mut join, &wakes);
    }));
    assert!(again.is_err());
}

#[test]
fn receivers_are_futures() {
    on_both(|| {
        for capacity in [Some(0), Some(1), None] {
            let (tx, rx) = match capacity {
                Some(capacity) => chan::bounded(capacity),
                None => chan::unbounded(),
            };
            let sender = gort::spawn(move || (0..50).for_each(|i| tx.send(i).unwrap()));
            let sum = block_on(async {
                let mut sum = 0;
                while let Ok(got) = (&rx).await {
                    sum += got;
                }
                sum
            });
            assert_eq!(sum, 1225);
            sender.join().unwrap();
        }
    });
}

#[test]
fn many_futures_and_others_receive_each_message_once() {
    everywhere(|_| {
        const MESSAGES: usize = 300;
        for capacity in [0, 2] {
            let (tx, rx) = chan::bounded::<usize>(capacity);
            let received = AtomicUsize::new(0);
            let count = |got: usize| received.fetch_add(got, Ordering::Relaxed);
            gort::scope(|s| {
                for i in 0..4 {
                    let rx = rx.clone();
                    s.spawn(move || match i {
                        0 => rx.iter().for_each(|got| _ = count(got)),
                        _ => block_on(async {
                            while let Ok(got) = (&rx).await {
                                count(got);
                            }
                        }),
                    });
                }
                let selects = tx.clone();
                s.spawn(move || {
                    for _ in 0..MESSAGES {
                        chan::select! { send(selects, 1) -> sent => sent.unwrap() }
                    }
                });
                s.spawn(move || (0..MESSAGES).for_each(|_| tx.send(1).unwrap()));
            });
            assert_eq!(received.load(Ordering::Relaxed), 2 * MESSAGES);
        }
    });
}

#[test]
fn a_receiving_future_that_is_dropped_after_a_wake_passes_it_on() {
    on_both(|| {
        let (tx, rx) = chan::unbounded();
        let (first, second) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
        let (mut early, mut late) = ((&rx).into_future(), (&rx).into_future());
        assert!(poll_once(&mut early, &first).is_pending());
        assert!(poll_once(&mut late, &second).is_pending());
        tx.send(7).unwrap();
        assert_eq!((first.count(), second.count()), (1, 0));
        drop(early);
        assert_eq!(second.count(), 1);
        // It owns no message: another may come first.
        assert_eq!(rx.try_recv(), Ok(7));
        assert!(poll_once(&mut late, &second).is_pending());
        tx.send(8).unwrap();
        assert!(matches!(poll_once(&mut late, &second), Poll::Ready(Ok(8))));
        let mut last = (&rx).into_future();
        assert!(poll_once(&mut last, &first).is_pending());
        drop(tx);
        assert_eq!(first.count(), 2);
        assert!(matches!(poll_once(&mut last, &first), Poll::Ready(Err(_))));
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
    });
}

#[test]
fn a_receiving_future_that_is_dropped_before_a_wake_is_forgotten() {
    on_both(|| {
        let (tx, rx) = chan::bounded(0);
        let wakes = Arc::new(Wakes::default());
        let mut future = (&rx).into_future();
        assert!(poll_once(&mut future, &wakes).is_pending());
        drop(future);
        assert!(tx.try_send(1).is_err());
        assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (0, 1));
        // A clock, and what never comes.
        let tick = chan::after(ms(2));
        assert!(block_on(&tick).is_ok());
        let never = chan::never::<i32>();
        assert!(poll_once(&mut (&never).into_future(), &wakes).is_pending());
    });
}
