//! Programs whose goroutines hold their workers up: in calls that the runtime knows nothing of, and
//! in loops.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use gort::sync::Mutex;
use rt_core::{FOREVER, os};

use crate::programs::Setting;

const US: Duration = Duration::from_micros(1);

/// What a thread sleeps on where a program would make a system call.
#[derive(Default)]
struct Gate(AtomicU32);

impl Gate {
    /// Blocks the calling thread until the gate is open.
    fn pass(&self) {
        while self.0.load(Ordering::Acquire) == 0 {
            os::wait(&self.0, 0, FOREVER);
        }
    }

    fn open(&self) {
        self.0.store(1, Ordering::Release);
        os::wake(&self.0, u32::MAX);
    }
}

/// Blocks the calling thread for this long.
pub(crate) fn block(time: Duration) {
    let until = os::now() + time.as_nanos() as u64;
    let nobody = AtomicU32::new(0);
    while os::now() < until {
        os::wait(&nobody, 0, until);
    }
}

/// Twice as many goroutines block as there are processors, and one more has to run to let them go.
pub(crate) fn stuck(setting: Setting) {
    let setting = Setting { migratory: true, ..setting };
    let many = 2 * setting.procs.min(8);
    let end = Arc::new(AtomicU64::new(0));
    let ended = end.clone();
    setting.run(move || {
        let gate = Arc::new(Gate::default());
        let (tx, rx) = chan::bounded(1);
        for i in 0..many {
            let (gate, tx) = (gate.clone(), tx.clone());
            gort::go(move || {
                tx.send(i).expect("received");
                gate.pass();
                tx.send(i).expect("received");
            });
        }
        drop(tx);
        let mut sum = 0;
        for _ in 0..many {
            sum += rx.recv().expect("sent");
        }
        let opener = gort::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        sum += rx.iter().sum::<usize>();
        opener.join().expect("no panic");
        assert_eq!(sum, many * (many - 1));
        ended.store(os::now(), Ordering::Relaxed);
    });
    let took = os::now() - end.load(Ordering::Relaxed);
    assert!(took < 5_000_000_000, "the end was put off");
}

/// When all have slept, one wakes and blocks: that is seen, whenever it is.
pub(crate) fn alone(setting: Setting) {
    let setting = Setting { migratory: true, procs: 1, ..setting };
    setting.run(|| {
        for i in 0..20 {
            gort::sleep((20 + 5 * i) * US);
            let gate = Arc::new(Gate::default());
            let opens = gate.clone();
            gort::go(move || opens.open());
            gate.pass();
        }
    });
}

/// Everybody waits for one whose call takes long, and whose processor has gone to others: that is no
/// deadlock, and nobody is there to be waited for besides.
pub(crate) fn waited_for(setting: Setting) {
    let setting = Setting { migratory: true, ..setting };
    setting.run(|| {
        for _ in 0..3 {
            let (tx, rx) = chan::bounded(0);
            let ran = gort::spawn({
                let tx = tx.clone();
                move || {
                    // Somebody has a use for the processor.
                    gort::go(gort::yield_now);
                    block(60_000 * US);
                    tx.send(1).expect("received");
                }
            });
            drop(tx);
            assert_eq!(rx.recv(), Ok(1));
            ran.join().expect("no panic");
        }
    });
}

/// As many goroutines loop as there are processors, until a sleeper and a newcomer have run.
pub(crate) fn loops(setting: Setting) {
    let setting = Setting { migratory: true, procs: setting.procs.min(4), ..setting };
    setting.run(|| {
        let done = Arc::new(AtomicU64::new(0));
        let sleeper = gort::spawn({
            let done = done.clone();
            move || {
                gort::sleep(300 * US);
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
        let hogs: Vec<_> = (0..setting.procs)
            .map(|_| {
                let done = done.clone();
                gort::spawn(move || {
                    let also = done.clone();
                    gort::go(move || _ = also.fetch_add(1, Ordering::Relaxed));
                    while done.load(Ordering::Relaxed) < 2 {
                        // Long enough for a slice to end within the steps of a check.
                        os_sim::advance(200 * US);
                        os::point();
                    }
                })
            })
            .collect();
        hogs.into_iter().for_each(|hog| hog.join().expect("no panic"));
        sleeper.join().expect("no panic");
    });
}

/// Goroutines that belong to a thread stay with it, whether it has a processor or not.
pub(crate) fn bound(setting: Setting) {
    let setting = Setting { migratory: true, ..setting };
    setting.run(|| {
        let (tx, rx) = chan::unbounded::<()>();
        let groups: Vec<_> = (0..3)
            .map(|_| {
                let rx = rx.clone();
                gort::spawn(move || {
                    let locals = [(); 2].map(|()| {
                        let rx = rx.clone();
                        gort::spawn_local(move || {
                            let here = os::thread();
                            while rx.recv().is_ok() {
                                assert_eq!(os::thread(), here, "moved");
                                block(30 * US);
                                // Until it is time to look around, twice.
                                (0..130).for_each(|_| gort::yield_now());
                                assert_eq!(os::thread(), here, "moved");
                            }
                        })
                    });
                    block(50 * US);
                    locals.into_iter().for_each(|local| local.join().expect("no panic"));
                })
            })
            .collect();
        for _ in 0..12 {
            tx.send(()).expect("received");
            block(20 * US);
        }
        drop(tx);
        groups.into_iter().for_each(|group| group.join().expect("no panic"));
    });
}

/// Goroutines come back from their calls when the runtime ends, one of them with a lock that others
/// want.
pub(crate) fn late(setting: Setting) {
    let gate = Arc::new(Gate::default());
    let entered = Arc::new(AtomicU64::new(0));
    let many = 3 * setting.procs.min(4) as u64;
    let (tx, rx) = chan::unbounded();
    let setting = Setting { migratory: true, ..setting };
    setting.run({
        let (gate, entered) = (gate.clone(), entered.clone());
        move || {
            let lock = Arc::new(Mutex::new(0));
            for i in 0..many {
                let (gate, entered, tx) = (gate.clone(), entered.clone(), tx.clone());
                let lock = lock.clone();
                gort::go(move || {
                    entered.fetch_add(1, Ordering::Release);
                    if i % 2 == 0 {
                        gate.pass();
                    }
                    *lock.lock().expect("no panic") += 1;
                    tx.send(i).expect("received");
                    gort::yield_now();
                });
            }
            while entered.load(Ordering::Acquire) < many {
                block(30 * US);
            }
            gate.open();
        }
    });
    // What was sent was sent by somebody, once; the others are abandoned.
    let mut seen: Vec<_> = rx.try_iter().collect();
    seen.sort_unstable();
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "a message came twice: {seen:?}");
}

/// In default mode a worker that is held up keeps neither a socket from those at home elsewhere, nor
/// a deadline.
pub(crate) fn stands_in(setting: Setting) {
    let setting = Setting { migratory: false, procs: setting.procs.clamp(2, 4), ..setting };
    setting.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
        let address = listener.local_addr().expect("it is bound");
        let client = gort::spawn(move || TcpStream::connect(address).expect("somebody listens"));
        let (server, _) = listener.accept().expect("somebody connects");
        let mut client = client.join().expect("no panic");
        let server = Arc::new(server);
        // This worker waits for the socket first, in vain.
        server.set_read_timeout(Some(10 * US)).expect("a timeout");
        assert!((&*server).read(&mut [0]).is_err());
        server.set_read_timeout(None).expect("no timeout");
        let (here, received) = (os::thread(), Arc::new(AtomicBool::new(false)));
        let reader = gort::spawn({
            let (server, received) = (server.clone(), received.clone());
            move || {
                let elsewhere = os::thread() != here;
                assert_eq!((&*server).read(&mut [0]).expect("connected"), 1);
                received.store(true, Ordering::Release);
                elsewhere
            }
        });
        // And a receiver at home here has a deadline that nobody here can notice.
        let (tx, rx) = chan::bounded::<u32>(0);
        let waits = gort::spawn_local(move || rx.recv_timeout(50 * US));
        gort::yield_now();
        block(100 * US);
        client.write_all(&[1]).expect("connected");
        let until = os::now() + 100_000_000;
        while !received.load(Ordering::Acquire) && os::now() < until {
            block(2000 * US);
        }
        // The deadline is over for sure, noticed by the monitor.
        assert!(tx.try_send(1).is_err(), "handed to one who had waited in vain");
        assert!(waits.join().expect("no panic").is_err());
        let in_time = received.load(Ordering::Acquire);
        if reader.join().expect("no panic") {
            assert!(in_time, "a socket waited for a worker that was held up");
        }
    });
}
