//! The programs that the simulation runs: each uses one part of the core, or how two of them meet,
//! and checks its result. They take nothing from outside but their setting.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gort::chan::{self, RecvTimeoutError};
use gort::sync::{Mutex, WaitGroup};

use crate::asleep;
use crate::combined;
use crate::duties;
use crate::fair;
use crate::held_up;
use crate::locks;
use crate::looked;
use crate::plain::plain;
use crate::refused;
use crate::resized;
use crate::select;
use crate::threads;

/// What the seed or the command line decides for a program.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) procs: usize,
    pub(crate) migratory: bool,
    /// Whether what is due comes in time, and so in order.
    pub(crate) punctual: bool,
}

impl Setting {
    /// Runs `main` on a runtime of this setting.
    pub(crate) fn run<T>(self, main: impl FnOnce() -> T) -> T {
        self.builder().run(main).expect("the simulation refuses nothing")
    }

    /// A builder of such a runtime.
    pub(crate) fn builder(self) -> gort::Builder {
        let mut builder = gort::Builder::new().procs(self.procs);
        if self.migratory {
            // SAFETY: the programs keep nothing bound to their thread over a wait (`local` runs in
            // default mode only), and their `main`s capture nothing that is not `Send`.
            builder = unsafe { builder.migratory() };
        }
        builder
    }
}

/// A program by name.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Setting),
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Program> {
    [PROGRAMS, resized::PROGRAMS, fair::PROGRAMS].into_iter().flatten()
}

const PROGRAMS: &[Program] = &[
    Program { name: "park", run: park },
    Program { name: "steal", run: steal },
    Program { name: "next", run: next },
    Program { name: "in_depth", run: in_depth },
    Program { name: "inbox", run: inbox },
    Program { name: "timers", run: timers },
    Program { name: "timeouts", run: timeouts },
    Program { name: "rendezvous", run: rendezvous },
    Program { name: "buffered", run: buffered },
    Program { name: "unbounded", run: unbounded },
    Program { name: "disconnect", run: disconnect },
    Program { name: "selects", run: select::selects },
    Program { name: "moments", run: select::at_every_moment },
    Program { name: "both_ways", run: select::both_ways },
    Program { name: "late_select", run: select::late },
    Program { name: "select_ends", run: select::ends },
    Program { name: "ready", run: select::ready },
    Program { name: "clocks", run: select::clocks },
    Program { name: "join", run: join },
    Program { name: "local", run: local },
    Program { name: "mutex", run: mutex },
    Program { name: "waitgroup", run: waitgroup },
    Program { name: "rwlock", run: locks::rwlock },
    Program { name: "patience", run: locks::patience },
    Program { name: "left_writers", run: locks::left_writers },
    Program { name: "condvar", run: locks::condvar },
    Program { name: "barrier", run: locks::barrier },
    Program { name: "semaphore", run: locks::semaphore },
    Program { name: "once", run: locks::once },
    Program { name: "scope", run: scope },
    Program { name: "panics", run: panics },
    Program { name: "blocking", run: blocking },
    Program { name: "outside", run: outside },
    Program { name: "abandon", run: abandon },
    Program { name: "orphans", run: orphans },
    Program { name: "shutdown", run: shutdown },
    Program { name: "hog", run: duties::hog },
    Program { name: "outsider", run: duties::outsider },
    Program { name: "deadlines", run: duties::deadlines },
    Program { name: "far_deadlines", run: duties::far_deadlines },
    Program { name: "echo", run: duties::echo },
    Program { name: "called", run: duties::called },
    Program { name: "crowd", run: duties::crowd },
    Program { name: "calls", run: duties::calls },
    Program { name: "paired_calls", run: duties::paired_calls },
    Program { name: "closing", run: duties::closing },
    Program { name: "calls_at_the_end", run: duties::calls_at_the_end },
    Program { name: refused::NAME, run: refused::program },
    Program { name: refused::CROWDED, run: refused::crowded },
    Program { name: refused::RELIEVED, run: refused::relieved },
    Program { name: "asleep", run: asleep::asleep },
    Program { name: "after_call", run: asleep::after_call },
    Program { name: "unvisited", run: asleep::unvisited },
    Program { name: "drowsy", run: asleep::drowsy },
    Program { name: "looked", run: looked::looked },
    Program { name: "wide", run: combined::wide },
    Program { name: "pipeline", run: combined::pipeline },
    Program { name: "served", run: combined::served },
    Program { name: "left_calls", run: combined::left_calls },
    Program { name: "stuck", run: held_up::stuck },
    Program { name: "alone", run: held_up::alone },
    Program { name: "waited_for", run: held_up::waited_for },
    Program { name: "loops", run: held_up::loops },
    Program { name: "bound", run: held_up::bound },
    Program { name: "late", run: held_up::late },
    Program { name: "stands_in", run: held_up::stands_in },
    Program { name: "left_scopes", run: threads::left_scopes },
    Program { name: "unparks", run: threads::unparks },
    Program { name: "cut_short", run: threads::cut_short },
    Program { name: "cut_locks", run: threads::cut_locks },
    Program { name: "locked", run: threads::locked },
    Program { name: "futures", run: threads::futures },
    Program { name: "async_recv", run: threads::async_receivers },
    Program { name: "announced", run: threads::announced },
];

const MS: Duration = Duration::from_millis(1);

/// One goroutine parks until the other readies it, over and over, on whichever workers they are.
fn park(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = chan::bounded(1);
        let (back, done) = chan::bounded(1);
        let other =
            gort::spawn(move || rx.iter().map(|i: u64| back.send(i + 1)).all(|r| r.is_ok()));
        for i in 0..20 {
            tx.send(i).expect("received");
            assert_eq!(done.recv(), Ok(i + 1));
        }
        drop(tx);
        assert!(other.join().expect("no panic"));
    });
}

/// More goroutines than a ring holds, spawned at once: they are stolen, spilled, and all run once.
fn steal(setting: Setting) {
    let sum = setting.run(|| {
        let sum = Arc::new(AtomicU64::new(0));
        let handles: Vec<_> = (0..300)
            .map(|i| {
                let sum = sum.clone();
                gort::spawn(move || {
                    if i % 7 == 0 {
                        gort::yield_now();
                    }
                    sum.fetch_add(i, Ordering::Relaxed)
                })
            })
            .collect();
        for handle in handles {
            handle.join().expect("no panic");
        }
        sum.load(Ordering::Relaxed)
    });
    assert_eq!(sum, 300 * 299 / 2);
}

/// A tree is walked in depth, so that few of its goroutines are there at a time: of those that have not
/// begun, the newest goes first where its spawner waits.
fn in_depth(setting: Setting) {
    /// How many have begun and not ended, and the most that there ever were.
    #[derive(Default)]
    struct Alive(AtomicU64, AtomicU64);

    fn walk(alive: Arc<Alive>, depth: u32) {
        let now = alive.0.fetch_add(1, Ordering::Relaxed) + 1;
        alive.1.fetch_max(now, Ordering::Relaxed);
        if depth > 0 {
            let branches = [(); 3].map(|()| {
                let alive = alive.clone();
                gort::spawn(move || walk(alive, depth - 1))
            });
            for branch in branches {
                branch.join().expect("no panic");
            }
        }
        alive.0.fetch_sub(1, Ordering::Relaxed);
    }

    let setting = Setting { migratory: false, ..setting };
    let most = setting.run(|| {
        let alive = Arc::new(Alive::default());
        walk(alive.clone(), 4);
        alive.1.load(Ordering::Relaxed)
    });
    // Of 121; in breadth it would be 94 or more. A thief goes its own way down. And where the clock
    // steps, the oldest may have their turn.
    let few = most <= 10 * setting.procs as u64;
    assert!(few || !setting.punctual, "{most} at a time");
}

/// A pair that ready each other in the `next` slot, and a third that must get its turn. On one
/// processor, for on several the third may be with a thread that the schedule lets wait.
fn next(setting: Setting) {
    let setting = Setting { procs: 1, ..setting };
    setting.run(|| {
        let turns = Arc::new(AtomicU64::new(0));
        let (a, b) = (chan::bounded::<u64>(0), chan::bounded::<u64>(0));
        let seen = turns.clone();
        let pong = gort::spawn(move || a.1.iter().for_each(|v| b.0.send(v).unwrap_or(())));
        let third = gort::spawn(move || seen.store(1, Ordering::Relaxed));
        let mut rounds = 0;
        while turns.load(Ordering::Relaxed) == 0 {
            a.0.send(rounds).expect("received");
            assert_eq!(b.1.recv(), Ok(rounds));
            rounds += 1;
            assert!(rounds < 500, "a pair starves a third");
        }
        drop(a.0);
        pong.join().expect("no panic");
        third.join().expect("no panic");
    });
}

/// Goroutines at home on many workers, readied from plain threads.
fn inbox(setting: Setting) {
    let (tx, rx) = chan::bounded::<u64>(2);
    let (done, results) = chan::unbounded();
    let senders: Vec<_> = (0..2)
        .map(|t| {
            let tx = tx.clone();
            plain(move || (0..8).for_each(|i| tx.send(t * 8 + i).expect("received")))
        })
        .collect();
    drop(tx);
    setting.run(move || {
        for _ in 0..4 {
            let (rx, done) = (rx.clone(), done.clone());
            gort::go(move || rx.iter().for_each(|v| done.send(v).expect("open")));
        }
        drop((rx, done));
        let mut all: Vec<u64> = results.iter().collect();
        all.sort_unstable();
        assert_eq!(all, (0..16).collect::<Vec<_>>());
    });
    drop(senders);
}

/// Sleepers wake in order, and not early.
fn timers(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = chan::unbounded();
        for i in [5u32, 1, 4, 2, 3] {
            let tx = tx.clone();
            gort::go(move || {
                let start = rt_core::os::now();
                gort::sleep(MS * i);
                assert!(rt_core::os::now() - start >= 1_000_000 * u64::from(i), "woke early");
                tx.send(i).expect("open");
            });
        }
        drop(tx);
        let mut woken: Vec<_> = rx.iter().collect();
        if !setting.punctual {
            woken.sort_unstable();
        }
        assert_eq!(woken, [1, 2, 3, 4, 5]);
        gort::sleep(Duration::from_secs(3600));
    });
}

/// Deadlines race with messages; none is lost, and none is delivered to one that timed out.
fn timeouts(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = chan::bounded::<u64>(0);
        let sender = gort::spawn(move || {
            let mut sent = 0;
            for i in 0..12u64 {
                let patience = Duration::from_micros(300 + 50 * (i % 5));
                if tx.send_timeout(i, patience).is_ok() {
                    sent += 1;
                }
                if i % 3 == 0 {
                    gort::sleep(Duration::from_micros(400));
                }
            }
            sent
        });
        let mut received = 0;
        loop {
            match rx.recv_timeout(Duration::from_micros(350)) {
                Ok(_) => received += 1,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        assert_eq!(sender.join().expect("no panic"), received);
    });
}

/// Many senders and receivers: every message arrives once, and each sender's in order.
fn meet(setting: Setting, tx: chan::Sender<(u64, u64)>, rx: chan::Receiver<(u64, u64)>) {
    setting.run(move || {
        let senders: Vec<_> = (0..3)
            .map(|s| {
                let tx = tx.clone();
                gort::spawn(move || (0..10).for_each(|i| tx.send((s, i)).expect("received")))
            })
            .collect();
        drop(tx);
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let rx = rx.clone();
                gort::spawn(move || rx.iter().collect::<Vec<_>>())
            })
            .collect();
        senders.into_iter().for_each(|s| s.join().expect("no panic"));
        let mut all = Vec::new();
        for receiver in receivers {
            let got = receiver.join().expect("no panic");
            for s in 0..3 {
                assert!(got.iter().filter(|m| m.0 == s).is_sorted(), "out of order: {got:?}");
            }
            all.extend(got);
        }
        all.sort_unstable();
        assert_eq!(all, (0..3).flat_map(|s| (0..10).map(move |i| (s, i))).collect::<Vec<_>>());
    });
}

fn rendezvous(setting: Setting) {
    let (tx, rx) = chan::bounded(0);
    meet(setting, tx, rx);
}

fn buffered(setting: Setting) {
    let (tx, rx) = chan::bounded(3);
    meet(setting, tx, rx);
}

fn unbounded(setting: Setting) {
    let (tx, rx) = chan::unbounded();
    meet(setting, tx, rx);
}

/// Everybody who waits learns that the other side is gone.
fn disconnect(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = chan::bounded::<u64>(0);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let rx = rx.clone();
                gort::spawn(move || rx.recv().is_err())
            })
            .collect();
        gort::yield_now();
        drop(tx);
        assert!(receivers.into_iter().all(|r| r.join().expect("no panic")));

        let (tx, rx) = chan::bounded::<u64>(0);
        let senders: Vec<_> = (0..3)
            .map(|i| {
                let tx = tx.clone();
                gort::spawn(move || tx.send(i).map_err(|e| e.into_inner()) == Err(i))
            })
            .collect();
        gort::yield_now();
        drop(rx);
        assert!(senders.into_iter().all(|s| s.join().expect("no panic")));
    });
}

/// Joins before, while and after the other ends, and handles that are dropped.
fn join(setting: Setting) {
    setting.run(|| {
        let nested = gort::spawn(|| {
            let inner: Vec<_> = (0..5u64).map(|i| gort::spawn(move || i * i)).collect();
            inner.into_iter().map(|h| h.join().expect("no panic")).sum::<u64>()
        });
        let early = gort::spawn(|| 7);
        while !early.is_finished() {
            gort::yield_now();
        }
        assert_eq!(early.join().expect("no panic"), 7);
        (0..5).for_each(|_| drop(gort::spawn(gort::yield_now)));
        assert_eq!(nested.join().expect("no panic"), 30);
    });
}

/// Local goroutines share an `Rc`.
fn local(setting: Setting) {
    let setting = Setting { migratory: false, ..setting };
    setting.run(|| {
        let shared = Rc::new(std::cell::Cell::new(0));
        let handles: Vec<_> = (0..6)
            .map(|_| {
                let shared = shared.clone();
                gort::spawn_local(move || {
                    let seen = shared.get();
                    shared.set(seen + 1);
                    gort::yield_now();
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().expect("no panic"));
        assert_eq!((shared.get(), Rc::strong_count(&shared)), (6, 1));
    });
}

/// A counter under a lock, with waits inside and plain threads beside.
fn mutex(setting: Setting) {
    let counter = Arc::new(Mutex::new(0u64));
    let theirs = counter.clone();
    let beside = plain(move || (0..5).for_each(|_| *theirs.lock().expect("not poisoned") += 1));
    let ours = counter.clone();
    setting.run(move || {
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let counter = ours.clone();
                gort::spawn(move || {
                    for i in 0..5 {
                        let mut held = counter.lock().expect("not poisoned");
                        let seen = *held;
                        if i % 2 == 0 {
                            gort::yield_now();
                        }
                        *held = seen + 1;
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().expect("no panic"));
    });
    drop(beside);
    assert_eq!(*counter.lock().expect("not poisoned"), 25);
}

/// A wait group that is waited for from a goroutine and a plain thread.
fn waitgroup(setting: Setting) {
    let group = Arc::new(WaitGroup::new());
    let done = Arc::new(AtomicU64::new(0));
    group.add(10);
    let (theirs, seen) = (group.clone(), done.clone());
    let beside = plain(move || {
        theirs.wait();
        assert_eq!(seen.load(Ordering::SeqCst), 10);
    });
    setting.run(move || {
        for _ in 0..10 {
            let (group, done) = (group.clone(), done.clone());
            gort::go(move || {
                done.fetch_add(1, Ordering::SeqCst);
                group.done();
            });
        }
        group.wait();
        assert_eq!(done.load(Ordering::SeqCst), 10);
    });
    drop(beside);
}

/// Borrowing goroutines end before the scope does.
fn scope(setting: Setting) {
    let mut numbers = vec![0u64; 12];
    setting.run(|| {
        gort::scope(|s| {
            for (i, n) in numbers.iter_mut().enumerate() {
                s.spawn(move || {
                    gort::yield_now();
                    *n = i as u64;
                });
            }
        });
    });
    assert_eq!(numbers, (0..12).collect::<Vec<_>>());
}

/// A panic is delivered at join, and nothing else is hurt.
fn panics(setting: Setting) {
    struct Quiet(u64);
    setting.run(|| {
        let handles: Vec<_> = (0..4u64)
            .map(|i| {
                gort::spawn(move || {
                    gort::yield_now();
                    // Without the hook's message: this is no news.
                    if i % 2 == 0 { std::panic::resume_unwind(Box::new(Quiet(i))) } else { i }
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            let number = match handle.join() {
                Ok(number) => number,
                Err(panic) => panic.downcast_ref::<Quiet>().expect("its own payload").0,
            };
            assert_eq!(number, i as u64);
        }
    });
}

/// Calls that block, made aside while others run.
fn blocking(setting: Setting) {
    setting.run(|| {
        let start = rt_core::os::now();
        let handles: Vec<_> = (0..5u64)
            .map(|i| {
                let call = move || {
                    gort::sleep(MS);
                    gort::spawn(move || i).join().expect("no panic")
                };
                gort::spawn(move || (0..3).map(|_| gort::blocking(call)).sum::<u64>())
            })
            .collect();
        let sum: u64 = handles.into_iter().map(|h| h.join().expect("no panic")).sum();
        assert_eq!(sum, 30);
        // A thread aside that missed a call would look again when it has idled for ten seconds.
        assert!(rt_core::os::now() - start < 5_000_000_000, "a call was put off");
    });
}

/// Plain threads that talk to goroutines and to each other.
fn outside(setting: Setting) {
    let (tx, rx) = chan::bounded::<u64>(1);
    let (reply, replies) = chan::bounded::<u64>(0);
    let beside = plain(move || rx.iter().for_each(|v| reply.send(v * 2).expect("received")));
    setting.run(move || {
        let sender = gort::spawn(move || (0..10).for_each(|i| tx.send(i).expect("received")));
        assert_eq!(replies.iter().sum::<u64>(), 90);
        sender.join().expect("no panic");
    });
    drop(beside);
}

/// Goroutines that are left behind are handed nothing: what is sent later reaches who still lives.
fn abandon(setting: Setting) {
    let (tx, rx) = chan::bounded::<u64>(0);
    let theirs = rx.clone();
    setting.run(move || {
        for _ in 0..4 {
            let rx = theirs.clone();
            gort::go(move || assert!(rx.recv().is_err()));
        }
        let (never, forever) = chan::bounded::<u64>(0);
        gort::go(move || assert!(forever.recv().is_err()));
        gort::go(|| gort::sleep(Duration::from_secs(1 << 30)));
        for _ in 0..6 {
            gort::yield_now();
        }
        std::mem::forget(never);
    });
    let receiver = plain(move || assert_eq!(rx.recv(), Ok(5)));
    tx.send(5).expect("received by the one who lives");
    drop(receiver);
}

/// Who joins a goroutine that was left behind learns that it was.
fn orphans(setting: Setting) {
    let (handles, joined) = chan::bounded::<gort::JoinHandle<()>>(3);
    let beside = plain(move || assert!(joined.iter().all(|h| h.join().is_err())));
    setting.run(move || {
        let (never, forever) = chan::bounded::<()>(0);
        for _ in 0..2 {
            let forever = forever.clone();
            let handle = gort::spawn(move || assert!(forever.recv().is_err()));
            handles.send(handle).expect("room");
        }
        let inner = gort::spawn(move || drop(forever));
        gort::go(move || drop(gort::spawn(|| gort::sleep(Duration::from_secs(1 << 30))).join()));
        inner.join().expect("no panic");
        std::mem::forget(never);
    });
    drop(beside);
}

/// Runtimes that start and end one after the other and beside each other, with work still queued.
fn shutdown(setting: Setting) {
    let others: Vec<_> = (0..2)
        .map(|_| {
            plain(move || {
                let n = setting.run(|| {
                    (0..20).for_each(|_| gort::go(gort::yield_now));
                    gort::spawn(|| 1).join().expect("no panic")
                });
                assert_eq!(n, 1);
            })
        })
        .collect();
    for i in 0..3 {
        assert_eq!(setting.run(|| i), i);
    }
    drop(others);
}
