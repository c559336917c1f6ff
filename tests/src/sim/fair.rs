//! Programs in which some goroutines never give their processors up for long, each in another way,
//! and others have to get theirs all the same.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use rt_core::os;

use crate::plain::plain;
use crate::programs::{Program, Setting};

/// How long each turn of those takes who take many.
const TURN: Duration = Duration::from_micros(20);

/// The most that anybody waits, in nanoseconds.
const MOST: u64 = 10_000_000;

/// So many come at once.
const CROWD: usize = 64;

/// The programs of this file.
pub(crate) const PROGRAMS: &[Program] = &[
    Program { name: "fair_pair", run: |setting| fair(setting, TURN, pair) },
    Program { name: "fair_yield", run: |setting| fair(setting, TURN, yields) },
    Program { name: "fair_again", run: |setting| fair(setting, TURN, again) },
    Program { name: "fair_trees", run: |setting| fair(setting, TURN, trees) },
    Program { name: "fair_socket", run: |setting| fair(setting, TURN, socket) },
    Program { name: "fair_slow", run: slow },
    Program { name: "fair_steps", run: steps },
];

/// What those who take many turns have in common.
#[derive(Clone)]
struct Busy {
    stop: Arc<AtomicBool>,
    turn: Duration,
    migratory: bool,
}

impl Busy {
    /// A turn; false when it was the last.
    fn turn(&self) -> bool {
        assert!(os_sim::advance(self.turn));
        os::point();
        !self.stop.load(Ordering::Relaxed)
    }
}

/// Two that wake each other all the time, on one worker: of two on different ones, one might find
/// the other ready each time, and never wait.
fn pair(busy: Busy) {
    let (tx, rx) = chan::bounded::<()>(0);
    let (back, reply) = chan::bounded::<()>(0);
    gort::go(move || {
        let answer = move || rx.iter().for_each(|()| back.send(()).expect("received"));
        if busy.migratory {
            gort::go(answer);
        } else {
            drop(gort::spawn_local(answer));
        }
        while busy.turn() {
            tx.send(()).expect("received");
            reply.recv().expect("sent");
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

/// One that walks a tree of goroutines which wait for those they have spawned, again and again.
fn trees(busy: Busy) {
    gort::go(move || while walk(&busy, 5) {});
}

fn walk(busy: &Busy, depth: u32) -> bool {
    let goes_on = busy.turn();
    if goes_on && depth > 0 {
        let branches = [busy.clone(), busy.clone()];
        let branches = branches.map(|busy| gort::spawn(move || walk(&busy, depth - 1)));
        for branch in branches {
            branch.join().expect("no panic");
        }
    }
    goes_on
}

/// One that uses a socket which is always ready.
fn socket(busy: Busy) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
    let address = listener.local_addr().expect("it is bound");
    let mut near = TcpStream::connect(address).expect("it listens");
    let (mut far, _) = listener.accept().expect("it connects");
    // So many are under way that one has always come.
    near.write_all(&[1; 16]).expect("connected");
    gort::go(move || {
        while busy.turn() {
            near.write_all(&[1]).expect("connected");
            far.read_exact(&mut [0]).expect("connected");
        }
    });
}

/// Reads what a plain thread writes, a byte at a time and only when it is told to.
fn reads(in_time: impl Fn(u64, &str)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
    let address = listener.local_addr().expect("it is bound");
    let (ask, asked) = chan::bounded::<()>(0);
    let sent = Arc::new(AtomicU64::new(0));
    let times = sent.clone();
    let beside = plain(move || {
        let mut client = TcpStream::connect(address).expect("it listens");
        while asked.recv().is_ok() {
            client.write_all(&[1]).expect("connected");
            times.store(os::now(), Ordering::Relaxed);
        }
    });
    let (mut server, _) = listener.accept().expect("it connects");
    for _ in 0..3 {
        ask.send(()).expect("received");
        server.read_exact(&mut [0]).expect("connected");
        // Not if it came before the writer had noted the time.
        in_time(sent.swap(u64::MAX, Ordering::Relaxed), "what a socket had waited");
    }
    drop(ask);
    drop(beside);
}

/// What is due, what comes from outside, who is new, and who only wants a turn now and then, beside
/// as many of the busy as there are processors, and more.
fn fair(setting: Setting, turn: Duration, begin: fn(Busy)) {
    // With more workers than one, it is the seed that says how long one has to wait for its turn.
    let strict = setting.punctual && setting.procs == 1;
    let in_time = move |since: u64, what: &str| {
        let waited = os::now().saturating_sub(since);
        assert!(!strict || waited <= MOST, "{what} for {waited} ns");
    };
    let (tx, rx) = chan::bounded::<u64>(0);
    let (ask, asked) = chan::bounded::<()>(0);
    let beside = plain(move || {
        while asked.recv().is_ok() {
            tx.send(os::now()).expect("received");
        }
    });
    setting.run(move || {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = Busy { stop, turn, migratory: setting.migratory };
        for _ in 0..setting.procs.min(4) + 1 {
            begin(busy.clone());
        }
        let ticker = gort::spawn(move || {
            for _ in 0..4 {
                let due = os::now() + 1_000_000;
                gort::sleep(Duration::from_millis(1));
                in_time(due, "a sleeper was late");
            }
        });
        let other = gort::spawn(move || {
            for _ in 0..20 {
                let before = os::now();
                gort::yield_now();
                in_time(before, "one that gave way waited");
            }
        });
        let reader = gort::spawn(move || reads(in_time));
        for _ in 0..3 {
            ask.send(()).expect("received");
            in_time(rx.recv().expect("sent"), "a message from outside waited");
            let before = os::now();
            let begun = gort::spawn(move || in_time(before, "one that is new waited"));
            begun.join().expect("no panic");
        }
        let before = os::now();
        let crowd = [(); CROWD];
        let crowd = crowd.map(|()| gort::spawn(move || in_time(before, "one of many waited")));
        for one in crowd {
            one.join().expect("no panic");
        }
        drop(ask);
        ticker.join().expect("no panic");
        reader.join().expect("no panic");
        other.join().expect("no panic");
        busy.stop.store(true, Ordering::Relaxed);
    });
    drop(beside);
}

/// Turns of a millisecond: 61 of them are more than anybody has to wait, who has a monitor.
fn slow(setting: Setting) {
    if !setting.punctual {
        return;
    }
    let setting = Setting { procs: 1, migratory: true, ..setting };
    let sent = Arc::new(AtomicU64::new(0));
    let times = sent.clone();
    let (tx, rx) = chan::bounded::<u64>(0);
    let beside = plain(move || {
        for n in 0..5 {
            times.store(os::now(), Ordering::Relaxed);
            tx.send(n).expect("received");
        }
    });
    let mut waits = setting.run(move || {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = Busy { stop, turn: Duration::from_millis(1), migratory: true };
        (0..3).for_each(|_| yields(busy.clone()));
        let waits = rx.iter().map(|_| os::now().saturating_sub(sent.load(Ordering::Relaxed)));
        let waits: Vec<_> = waits.collect();
        busy.stop.store(true, Ordering::Relaxed);
        waits
    });
    drop(beside);
    // The sender, or the monitor, may have its own turn late.
    waits.sort_unstable();
    assert!(waits[2] <= 3 * MOST, "messages from outside waited for {waits:?} ns");
}

/// As before, with a single worker and no monitor: it learns to look around after fewer turns.
fn steps(setting: Setting) {
    if !setting.punctual {
        return;
    }
    let setting = Setting { procs: 1, migratory: false, ..setting };
    setting.run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = Busy { stop, turn: Duration::from_millis(1), migratory: false };
        (0..3).for_each(|_| yields(busy.clone()));
        let late = (0..12).map(|_| {
            let due = os::now() + 2_000_000;
            gort::sleep(Duration::from_millis(2));
            os::now().saturating_sub(due)
        });
        let late: Vec<_> = late.collect();
        busy.stop.store(true, Ordering::Relaxed);
        assert!(late[6..].iter().all(|&late| late <= MOST), "late by {late:?} ns");
    });
}
