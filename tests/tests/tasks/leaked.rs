//! What can be seen of goroutines that have not ended: while the others go on, and at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gort::chan;
use gort::runtime::{HeldBy, Never, Seen, State, Waits, WaitsFor, leaked};
use gort::sync::{Mutex, WaitGroup};
use tests::{MODES, Mode, everywhere, ms, spin_until};

const HOUR: Duration = Duration::from_secs(3600);

/// Looks until there are so many and all of them are parked: one that has been joined may still be on
/// its way out.
fn all_parked(count: usize) -> Vec<Seen> {
    loop {
        let all = leaked();
        if all.len() == count && all.iter().all(|seen| seen.waits.is_some()) {
            return all;
        }
        gort::sleep(ms(1));
    }
}

fn waits(seen: &Seen) -> &Waits {
    seen.waits.as_ref().unwrap()
}

#[test]
fn each_wait_is_told() {
    everywhere(|mode| {
        let (tx, rx) = chan::bounded::<()>(0);
        let (full, unread) = chan::bounded::<()>(0);
        let group = Arc::new(WaitGroup::new());
        group.add(1);
        let held = Arc::new(Mutex::new(()));
        let guard = held.lock().unwrap();
        let mut handles = Vec::new();
        let mut spawn = |wait: Box<dyn FnOnce() + Send>| handles.push(gort::spawn(wait));

        let (theirs, other) = (rx.clone(), rx.clone());
        spawn(Box::new(move || assert!(theirs.recv().is_err())));
        let theirs = full.clone();
        spawn(Box::new(move || assert!(theirs.send(()).is_err())));
        let theirs = (rx.clone(), full.clone());
        spawn(Box::new(move || {
            gort::select! {
                recv(theirs.0) -> got => assert!(got.is_err()),
                send(theirs.1, ()) -> sent => assert!(sent.is_err()),
            }
        }));
        let theirs = Arc::clone(&held);
        spawn(Box::new(move || drop(theirs.lock())));
        let theirs = Arc::clone(&group);
        spawn(Box::new(move || theirs.wait()));
        spawn(Box::new(move || assert!(other.recv_timeout(HOUR).is_err())));
        let (begin, begun) = chan::bounded::<()>(0);
        let inner = gort::spawn(move || assert!(begun.recv().is_ok()));
        spawn(Box::new(move || inner.join().unwrap()));

        let all = all_parked(8);
        let what: Vec<_> = all.iter().map(|seen| waits(seen).what).collect();
        let find = |what| waits(all.iter().find(|seen| waits(seen).what == what).unwrap());
        let expected =
            [WaitsFor::Send, WaitsFor::Select, WaitsFor::Lock, WaitsFor::Group, WaitsFor::Join];
        assert!(expected.iter().all(|one| what.contains(one)), "{mode:?}: {what:?}");
        assert_eq!(what.iter().filter(|&&what| what == WaitsFor::Receive).count(), 3);
        assert_eq!(find(WaitsFor::Send).on[0].handles, Some((3, 1)));
        let select = find(WaitsFor::Select);
        let mut on: Vec<_> = select.on.iter().map(|on| (on.what, on.handles)).collect();
        on.sort_by_key(|(what, _)| *what == WaitsFor::Send);
        assert_eq!(
            on,
            [(WaitsFor::Receive, Some((1, 4))), (WaitsFor::Send, Some((3, 1)))],
            "{mode:?}"
        );
        let own = find(WaitsFor::Lock).on[0].held_by;
        assert!(matches!(own, Some(HeldBy::Goroutine(_))), "{own:?}");
        let timed: Vec<_> = all.iter().filter(|seen| waits(seen).timed).collect();
        assert_eq!(timed.len(), 1, "{timed:?}");
        let joined = find(WaitsFor::Join).joins.unwrap();
        assert!(all.iter().any(|seen| seen.id == joined), "{all:?}");
        assert!(all.iter().all(|seen| waits(seen).never.is_none()), "{all:?}");
        for seen in &all {
            let at = seen.spawned_at.unwrap();
            assert!(at.file().ends_with("leaked.rs"), "{at}");
            assert!(waits(seen).waited < Duration::from_secs(60), "{seen}");
        }
        // They are none of a plain thread's, and no less a call's.
        assert_eq!(std::thread::spawn(|| leaked().len()).join().unwrap(), 0);
        assert_eq!(gort::blocking(|| leaked().len()), 9);

        drop((guard, tx, unread));
        group.done();
        begin.send(()).unwrap();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        assert!(all_parked(0).is_empty());
    });
}

#[test]
fn who_does_not_wait_is_there_too() {
    for mode in [Mode::Stays(2), Mode::Migrates(2)] {
        mode.run(|| {
            let (start, stop) =
                (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
            let (started, stopped) = (Arc::clone(&start), Arc::clone(&stop));
            let runs = gort::spawn(move || {
                started.store(true, Ordering::Release);
                spin_until("the end", || stopped.load(Ordering::Acquire));
            });
            // Not a yield, for this worker might then be the one that it holds.
            spin_until("its start", || start.load(Ordering::Acquire));
            let all = leaked();
            assert_eq!(all.len(), 1);
            assert_eq!(all[0].state, State::Running);
            assert!(all[0].to_string().ends_with("runs, or holds its thread up"), "{}", all[0]);
            stop.store(true, Ordering::Release);
            runs.join().unwrap();
        });
    }
    Mode::Stays(1).run(|| {
        let can_run = gort::spawn(|| ());
        assert_eq!(leaked()[0].state, State::Runnable);
        can_run.join().unwrap();
    });
}

#[test]
fn a_wait_has_its_time() {
    everywhere(|mode| {
        let (tx, rx) = chan::bounded::<()>(0);
        let waiting = gort::spawn(move || assert!(rx.recv().is_err()));
        all_parked(1);
        gort::sleep(ms(200));
        let waited = waits(&all_parked(1)[0]).waited;
        assert!((ms(190)..Duration::from_secs(20)).contains(&waited), "{mode:?}: {waited:?}");
        drop(tx);
        waiting.join().unwrap();
    });
}

#[test]
fn what_is_certain_is_marked() {
    for mode in MODES {
        // They never end.
        let mains = mode.run(|| {
            gort::go(|| assert!(chan::never::<()>().recv().is_ok()));
            gort::go(|| {
                let (one, other) = (chan::never::<()>(), chan::never::<()>());
                gort::select! {
                    recv(one) -> _ => (),
                    recv(other) -> _ => (),
                }
            });
            // A guard that is leaked, and another goroutine where its holder was.
            let lock = Arc::new(Mutex::new(()));
            let theirs = Arc::clone(&lock);
            gort::spawn(move || std::mem::forget(theirs.lock())).join().unwrap();
            gort::go(move || drop(lock.lock()));
            // Whoever locks what it has locked waits for itself.
            let lock = Mutex::new(());
            gort::go(move || {
                let _guard = lock.lock();
                drop(lock.lock());
            });
            // Three in a circle, and one that waits for them.
            let ring: Arc<[Mutex<()>; 3]> = Arc::default();
            let group = Arc::new(WaitGroup::new());
            group.add(3);
            let handles: Vec<_> = (0..3)
                .map(|n| {
                    let (ring, group) = (Arc::clone(&ring), Arc::clone(&group));
                    gort::spawn(move || {
                        let own = ring[n].lock();
                        group.done();
                        group.wait();
                        drop((ring[(n + 1) % 3].lock(), own));
                    })
                })
                .collect();
            group.wait();
            gort::go(move || drop(ring[0].lock()));
            // Two that join each other, by a lock.
            let lock = Arc::new(Mutex::new(()));
            let (theirs, held) = (Arc::clone(&lock), chan::bounded::<()>(0));
            let inner = gort::spawn(move || {
                held.1.recv().unwrap();
                drop(theirs.lock());
            });
            gort::go(move || {
                let _guard = lock.lock();
                held.0.send(()).unwrap();
                inner.join().unwrap();
            });
            let _forgotten = handles;

            let all = all_parked(10);
            let count = |never| all.iter().filter(|seen| waits(seen).never == never).count();
            let text = gort::runtime::list(&all);
            assert_eq!(count(Some(Never::Channel)), 1, "{mode:?}: {text}");
            assert_eq!(count(Some(Never::Cases)), 1, "{mode:?}: {text}");
            assert_eq!(count(Some(Never::HolderEnded)), 1, "{mode:?}: {text}");
            assert_eq!(count(Some(Never::Cycle)), 1 + 3 + 2, "{mode:?}: {text}");
            assert_eq!(count(None), 1, "{mode:?}: {text}");
            all.len()
        });
        assert_eq!(mains, 10);
    }
}

#[test]
fn holders_from_outside_are_no_goroutines() {
    everywhere(|mode| {
        let lock = Arc::new(Mutex::new(()));
        let (held, over) = (chan::bounded::<()>(0), chan::bounded::<()>(0));
        let theirs = Arc::clone(&lock);
        let plain = std::thread::spawn(move || {
            let _guard = theirs.lock();
            held.0.send(()).unwrap();
            over.1.recv().unwrap();
        });
        held.1.recv().unwrap();
        let theirs = Arc::clone(&lock);
        let waiting = gort::spawn(move || drop(theirs.lock()));
        let all = all_parked(1);
        assert_eq!(waits(&all[0]).on[0].held_by, Some(HeldBy::Other), "{mode:?}");
        assert_eq!(waits(&all[0]).never, None);
        over.0.send(()).unwrap();
        waiting.join().unwrap();
        plain.join().unwrap();

        // A goroutine of another runtime, whose number may be that of one of ours.
        let (held, over) = (chan::bounded::<()>(0), chan::bounded::<()>(0));
        let theirs = Arc::clone(&lock);
        let other = std::thread::spawn(move || {
            mode.run(move || {
                let _guard = theirs.lock();
                held.0.send(()).unwrap();
                over.1.recv().unwrap();
            });
        });
        held.1.recv().unwrap();
        let waiting = gort::spawn(move || drop(lock.lock()));
        let all = all_parked(1);
        assert_eq!(waits(&all[0]).on[0].held_by, Some(HeldBy::Other), "{mode:?}");
        over.0.send(()).unwrap();
        waiting.join().unwrap();
        other.join().unwrap();
    });
}

/// Everything goes on while somebody looks all the time: nothing is lost, and nobody is said to wait
/// for ever who does not.
#[test]
fn looks_disturb_nobody() {
    everywhere(|mode| {
        let stop = Arc::new(AtomicBool::new(false));
        let lookers: Vec<_> = (0..2)
            .map(|_| {
                let stop = Arc::clone(&stop);
                gort::spawn(move || {
                    gort::blocking(|| {
                        let mut looks = 0;
                        while !stop.load(Ordering::Acquire) {
                            for seen in leaked() {
                                let never = seen.waits.as_ref().and_then(|waits| waits.never);
                                assert_eq!(never, None, "{seen}");
                            }
                            looks += 1;
                        }
                        looks
                    })
                })
            })
            .collect();
        let locks: Arc<[Mutex<usize>; 3]> = Arc::default();
        let received = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = chan::bounded::<usize>(0);
        let (other, second) = chan::bounded::<usize>(1);
        let workers: Vec<_> = (0..48)
            .map(|n| {
                let (tx, rx, locks) = (tx.clone(), rx.clone(), Arc::clone(&locks));
                let (other, second, received) =
                    (other.clone(), second.clone(), Arc::clone(&received));
                gort::spawn(move || {
                    for round in 0..60 {
                        match (n + round) % 5 {
                            // Whoever sends never receives, so that all of them find somebody.
                            0 if n % 2 == 0 => tx.send(1).unwrap(),
                            0 => drop(received.fetch_add(rx.recv().unwrap(), Ordering::Relaxed)),
                            1 => {
                                // One lock at a time, so that no circle is ever there.
                                *locks[(n + round) % 3].lock().unwrap() += 1;
                                let mut guard = locks[n % 3].lock().unwrap();
                                gort::yield_now();
                                *guard += 1;
                            }
                            2 => gort::spawn(gort::yield_now).join().unwrap(),
                            3 => gort::select! {
                                send(other, 1) -> sent => sent.unwrap(),
                                recv(second) -> got => assert_eq!(got, Ok(1)),
                            },
                            _ => assert!(chan::never::<()>().recv_timeout(ms(1)).is_err()),
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        stop.store(true, Ordering::Release);
        let looks: usize = lookers.into_iter().map(|looker| looker.join().unwrap()).sum();
        assert!(looks > 0, "{mode:?}");
        assert_eq!(received.load(Ordering::Relaxed), 24 * 12, "{mode:?}");
        let counted: usize = locks.iter().map(|lock| *lock.lock().unwrap()).sum();
        assert_eq!(counted, 48 * 12 * 2, "{mode:?}");
    });
}

#[test]
fn run_tells_who_is_left() {
    for mode in MODES {
        let (tx, rx) = chan::bounded::<()>(0);
        let (value, left) = mode
            .builder()
            .run_reporting(|| {
                for _ in 0..50 {
                    let rx = rx.clone();
                    gort::go(move || assert!(rx.recv().is_ok()));
                }
                gort::go(|| gort::sleep(HOUR));
                gort::spawn(gort::yield_now).join().unwrap();
                all_parked(51);
                5
            })
            .unwrap();
        assert_eq!((value, left.len()), (5, 51), "{mode:?}");
        let on = left.iter().filter_map(|seen| waits(seen).on.first());
        assert!(on.clone().count() == 50 && on.clone().all(|on| on.handles == Some((1, 51))));
        assert!(left.is_sorted_by_key(|seen| seen.id), "{left:?}");
        drop(tx);

        let (_, left) = mode.builder().run_reporting(|| gort::spawn(|| ()).join()).unwrap();
        assert!(left.is_empty(), "{mode:?}: {left:?}");
    }
}

#[test]
fn run_tells_of_those_who_go_on() {
    for mode in [Mode::Stays(2), Mode::Migrates(2)] {
        let stop = Arc::new(AtomicBool::new(false));
        let start = Arc::new(AtomicBool::new(false));
        let (started, stopped) = (Arc::clone(&start), Arc::clone(&stop));
        let (_, left) = mode
            .builder()
            .run_reporting(|| {
                gort::go(|| gort::sleep(HOUR));
                all_parked(1);
                gort::go(move || {
                    started.store(true, Ordering::Release);
                    spin_until("the end of run", || stopped.load(Ordering::Acquire));
                });
                // Not a yield, for this worker might then be the one that it holds.
                spin_until("its start", || start.load(Ordering::Acquire));
            })
            .unwrap();
        assert_eq!(left.len(), 2, "{mode:?}: {left:?}");
        assert_eq!(left[0].waits.as_ref().unwrap().what, WaitsFor::Sleep);
        assert_eq!(left[1].state, State::Running);
        stop.store(true, Ordering::Release);
    }
}
