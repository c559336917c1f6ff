//! Nobody is starved: by a pair that wakes each other, by those who only give way, by those who spawn
//! their successors. What is due, what comes from outside and what is new gets its turn in time.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gort::chan;
use tests::{MODES, Mode, Withheld, ms};

/// The most that anybody waits.
const MOST: Duration = Duration::from_millis(10);

/// So many come at once.
const CROWD: usize = 64;

/// When those who take all the turns stop by themselves, so that a test which they starve ends.
const ENOUGH: Duration = Duration::from_secs(3);

/// What those who take many turns have in common.
#[derive(Clone)]
struct Busy {
    stop: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    begun: Instant,
}

impl Busy {
    fn new() -> Busy {
        Busy {
            stop: Arc::new(AtomicBool::new(false)),
            turns: Arc::new(AtomicU64::new(0)),
            begun: Instant::now(),
        }
    }

    /// A turn; false when it was the last.
    fn turn(&self) -> bool {
        self.turns.fetch_add(1, Ordering::SeqCst);
        !self.stop.load(Ordering::Relaxed) && self.begun.elapsed() < ENOUGH
    }
}

/// Two that wake each other all the time.
fn pair(busy: Busy) {
    let (tx, rx) = chan::bounded::<()>(0);
    let (back, reply) = chan::bounded::<()>(0);
    gort::go(move || rx.iter().for_each(|()| back.send(()).unwrap()));
    gort::go(move || {
        while busy.turn() {
            tx.send(()).unwrap();
            reply.recv().unwrap();
        }
    });
}

/// One that does nothing but give way.
fn yields(busy: Busy) {
    gort::go(move || {
        while busy.turn() {
            gort::yield_now();
        }
    });
}

/// One that spawns its successor.
fn again(busy: Busy) {
    gort::go(move || {
        if busy.turn() {
            again(busy);
        }
    });
}

/// One that sends and receives, and never has to wait for that.
fn unwaited(busy: Busy) {
    gort::go(move || {
        let (tx, rx) = chan::bounded::<()>(1);
        while busy.turn() {
            tx.send(()).unwrap();
            rx.recv().unwrap();
        }
    });
}

/// One that selects what is always ready.
fn selects(busy: Busy) {
    gort::go(move || {
        let (tx, rx) = chan::bounded::<()>(1);
        while busy.turn() {
            chan::select! {
                send(tx, ()) -> sent => sent.unwrap(),
                recv(rx) -> received => received.unwrap(),
            }
        }
    });
}

/// One that walks a tree of goroutines which wait for those they have spawned, again and again.
fn trees(busy: Busy) {
    gort::go(move || while walk(&busy, 5) {});
}

fn walk(busy: &Busy, depth: u32) -> bool {
    let goes_on = busy.turn();
    if goes_on && depth > 0 {
        let branches = [busy.clone(), busy.clone()];
        let branches = branches.map(|busy| gort::spawn(move || walk(&busy, depth - 1)));
        branches.into_iter().for_each(|branch| assert!(branch.join().is_ok()));
    }
    goes_on
}

/// The longest that somebody waited: a sleeper, a newcomer, one that gives way, a message from
/// outside, a byte for a socket. And for how long the machine kept threads from running meanwhile.
fn longest(mode: Mode, begin: fn(Busy)) -> (Duration, Duration) {
    let start = Withheld::now();
    mode.run(|| {
        let busy = Busy::new();
        (0..mode.procs() + 1).for_each(|_| begin(busy.clone()));
        let sleeper = gort::spawn(|| {
            let late = |_| {
                let due = Instant::now() + ms(1);
                gort::sleep(ms(1));
                due.elapsed()
            };
            (0..20).map(late).max()
        });
        let other = gort::spawn(|| {
            let waited = |_| {
                let before = Instant::now();
                gort::yield_now();
                before.elapsed()
            };
            (0..100).map(waited).max()
        });
        let ((mut worst, sender), (socket, writer)) = (from_outside(), to_a_socket());
        worst = worst.max(socket);
        for _ in 0..20 {
            let before = Instant::now();
            worst = worst.max(gort::spawn(move || before.elapsed()).join().unwrap());
        }
        let before = Instant::now();
        let crowd = [(); CROWD].map(|()| gort::spawn(move || before.elapsed()));
        worst = crowd.into_iter().map(|one| one.join().unwrap()).fold(worst, Duration::max);
        for one in [sleeper, other] {
            worst = worst.max(one.join().unwrap().unwrap());
        }
        busy.stop.store(true, Ordering::Relaxed);
        // While the workers are there.
        (worst, start.since() + sender + writer)
    })
}

/// The longest that a message waited for its receiver which another thread sent, and for how long that
/// was kept from running.
fn from_outside() -> (Duration, Duration) {
    let (tx, rx) = chan::bounded::<Instant>(0);
    let sender = thread::spawn(move || {
        for _ in 0..20 {
            tx.send(Instant::now()).unwrap();
            thread::sleep(ms(1));
        }
        Withheld::from_this_thread()
    });
    let worst = rx.iter().map(|sent| sent.elapsed()).max().unwrap();
    (worst, sender.join().unwrap())
}

/// The longest that a byte waited in a socket for its reader, and for how long the writer was kept
/// from running.
fn to_a_socket() -> (Duration, Duration) {
    let listener = gort::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(AtomicU64::new(0));
    let times = Arc::clone(&sent);
    let start = Instant::now();
    let writer = thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        for _ in 0..20 {
            times.store(start.elapsed().as_nanos() as u64, Ordering::SeqCst);
            stream.write_all(&[1]).unwrap();
            stream.read_exact(&mut [0]).unwrap();
            thread::sleep(ms(1));
        }
        Withheld::from_this_thread()
    });
    let (mut server, _) = listener.accept().unwrap();
    let mut worst = Duration::ZERO;
    for _ in 0..20 {
        server.read_exact(&mut [0]).unwrap();
        let sent = Duration::from_nanos(sent.load(Ordering::SeqCst));
        worst = worst.max(start.elapsed() - sent);
        server.write_all(&[1]).unwrap();
    }
    (worst, writer.join().unwrap())
}

/// In every mode, nobody waits for long because of these.
fn nobody_waits(begin: fn(Busy)) {
    for mode in MODES {
        // What the machine does to threads is not the runtime's: it is taken off, and as it can come
        // several times in one wait, the best of several runs counts.
        let mut runs = Vec::new();
        while runs.last().is_none_or(|&(worst, withheld)| worst > MOST + withheld) {
            assert!(runs.len() < 5, "waits, and what was withheld: {runs:?} in {mode:?}");
            runs.push(longest(mode, begin));
        }
    }
}

#[test]
fn a_pair_that_wakes_each_other_starves_nobody() {
    nobody_waits(pair);
}

#[test]
fn those_who_only_yield_starve_nobody() {
    nobody_waits(yields);
}

#[test]
fn those_who_spawn_their_successors_starve_nobody() {
    nobody_waits(again);
}

#[test]
fn those_who_never_wait_for_a_channel_starve_nobody() {
    nobody_waits(unwaited);
}

#[test]
fn those_who_select_what_is_ready_starve_nobody() {
    nobody_waits(selects);
}

#[test]
fn those_who_walk_trees_starve_nobody() {
    nobody_waits(trees);
}

/// One that was spawned before somebody who spawns others, and waits for each, starts while that goes on: the
/// newest go first, but not for ever.
#[test]
fn the_oldest_starts_beside_newer_ones() {
    for mode in [Mode::Stays(1), Mode::Migrates(1)] {
        mode.run(|| {
            let busy = Busy::new();
            let oldest = gort::spawn(Instant::now);
            let others = busy.clone();
            gort::go(move || while others.turn() && gort::spawn(|| ()).join().is_ok() {});
            let started = oldest.join().unwrap() - busy.begun;
            let goes_on = busy.turn();
            busy.stop.store(true, Ordering::Relaxed);
            assert!(
                goes_on,
                "{mode:?}: the oldest started after {started:?}, when no newer ones came"
            );
        });
    }
}

/// Who joins one after the other that has long ended lets others run in between.
#[test]
fn results_that_are_there_starve_nobody() {
    const MANY: u64 = 10_000;
    for mode in [Mode::Stays(1), Mode::Migrates(1)] {
        mode.run(|| {
            let handles: Vec<_> = (0..MANY).map(|i| gort::spawn(move || i)).collect();
            while !handles.iter().all(gort::JoinHandle::is_finished) {
                gort::yield_now();
            }
            let busy = Busy::new();
            yields(busy.clone());
            gort::yield_now();
            let before = busy.turns.load(Ordering::SeqCst);
            assert_eq!(
                handles.into_iter().map(|h| h.join().unwrap()).sum::<u64>(),
                MANY * (MANY - 1) / 2
            );
            let turns = busy.turns.load(Ordering::SeqCst) - before;
            busy.stop.store(true, Ordering::Relaxed);
            assert!(turns > MANY / 500, "{mode:?}: {turns} turns beside {MANY} joins");
        });
    }
}

/// Those who give way on one processor, and how many turns they take at most before something runs
/// that another thread has sent: 61, and one each for who is queued before it.
const GIVING_WAY: u64 = 3;
const TICKS: u64 = 61 + GIVING_WAY + 1;

/// How many of 300 may take more in migratory mode: between what is measured and the look at the count of
/// turns, the system can take its processor from a thread, and others go on meanwhile.
const LATE: usize = 6;

/// On one processor beside those who give way. The test returns all that took more turns than it should.
fn beside_those_who_yield(test: impl Fn(&Busy) -> Vec<(u64, u64)> + Send + Sync) {
    for (mode, most) in [(Mode::Stays(1), 0), (Mode::Migrates(1), LATE)] {
        mode.run(|| {
            let busy = Busy::new();
            (0..GIVING_WAY).for_each(|_| yields(busy.clone()));
            let late = test(&busy);
            busy.stop.store(true, Ordering::Relaxed);
            assert!(late.len() <= most, "{mode:?}: sent and there in these turns: {late:?}");
        });
    }
}

#[test]
fn goroutines_from_outside_begin_within_61_ticks() {
    beside_those_who_yield(|busy| {
        let mut late = Vec::new();
        for _ in 0..300 {
            let turns = Arc::clone(&busy.turns);
            // On a thread that is no worker.
            let (begun, sent) = gort::blocking(|| {
                let theirs = Arc::clone(&turns);
                let begun = gort::spawn(move || theirs.load(Ordering::SeqCst));
                (begun, turns.load(Ordering::SeqCst))
            });
            let begun = begun.join().unwrap();
            if begun > sent + TICKS {
                late.push((sent, begun));
            }
        }
        late
    });
}

#[test]
fn messages_from_outside_are_received_within_61_ticks() {
    beside_those_who_yield(|busy| {
        let (tx, rx) = chan::bounded::<()>(1);
        let sent = Arc::new(AtomicU64::new(u64::MAX));
        let (turns, times) = (Arc::clone(&busy.turns), Arc::clone(&sent));
        let (ask, asked) = chan::bounded::<()>(0);
        let sender = thread::spawn(move || {
            for () in asked {
                // The receiver waits by then, or receives without waiting.
                thread::sleep(Duration::from_micros(200));
                tx.send(()).unwrap();
                times.store(turns.load(Ordering::SeqCst), Ordering::SeqCst);
            }
        });
        let mut late = Vec::new();
        for _ in 0..300 {
            sent.store(u64::MAX, Ordering::SeqCst);
            ask.send(()).unwrap();
            rx.recv().unwrap();
            let received = busy.turns.load(Ordering::SeqCst);
            // Not yet noted: then it was received before that.
            let sent = sent.load(Ordering::SeqCst);
            if received > sent.saturating_add(TICKS) {
                late.push((sent, received));
            }
        }
        drop(ask);
        sender.join().unwrap();
        late
    });
}

/// The worker looks around after some sixty operations, of whomever they are. Whoever has come to its turn by
/// then, and does a few at a time, ends that turn first: it would wait for all the others once more.
#[test]
fn a_short_turn_is_not_cut() {
    Mode::Stays(1).run(|| {
        let turns = Arc::new(AtomicU64::new(0));
        let others: Vec<_> = (0..CROWD)
            .map(|_| {
                let turns = Arc::clone(&turns);
                gort::spawn(move || {
                    let (tx, rx) = chan::bounded(1);
                    let mut cut = 0;
                    for _ in 0..200 {
                        let turn = 1 + turns.fetch_add(1, Ordering::Relaxed);
                        for _ in 0..3 {
                            chan::select! {
                                send(tx, ()) -> sent => sent.unwrap(),
                            }
                            rx.recv().unwrap();
                        }
                        cut += u64::from(turns.load(Ordering::Relaxed) != turn);
                        gort::yield_now();
                    }
                    cut
                })
            })
            .collect();
        let cut: u64 = others.into_iter().map(|other| other.join().unwrap()).sum();
        assert_eq!(cut, 0, "of {} turns", turns.load(Ordering::Relaxed));
    });
}
