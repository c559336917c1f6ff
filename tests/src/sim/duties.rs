//! Programs that find out whether workers do what nobody reminds them of: take work from one that is
//! busy, look at what comes from outside, at timers and at sockets, and end.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use gort::chan::{self, RecvTimeoutError};
use gort::net::{TcpListener, TcpStream};
use gort::sync::Mutex;

use crate::plain::plain;
use crate::programs::Setting;

const US: Duration = Duration::from_micros(1);

/// Holds the processor until `flag` is set. Each look is a switch point, so that others run.
fn hold_until(flag: &AtomicBool) {
    while !flag.load(Ordering::Relaxed) {
        rt_core::os::point();
    }
}

/// What a goroutine spawns that never gives way is run by another worker, each time.
pub(crate) fn hog(setting: Setting) {
    let setting = Setting { procs: setting.procs.max(2), ..setting };
    setting.run(|| {
        for _ in 0..10 {
            let ran = Arc::new(AtomicBool::new(false));
            let theirs = ran.clone();
            gort::go(move || theirs.store(true, Ordering::Relaxed));
            hold_until(&ran);
            gort::yield_now();
        }
    });
}

/// Goroutines that only yield don't keep a worker from what a plain thread sends, or from a timer.
pub(crate) fn outsider(setting: Setting) {
    let (tx, rx) = chan::bounded::<u64>(0);
    let beside = plain(move || (0..3).for_each(|i| tx.send(i).expect("received")));
    setting.run(move || {
        let done = Arc::new(AtomicU64::new(0));
        for _ in 0..2 * setting.procs.min(8) {
            let done = done.clone();
            gort::go(move || {
                while done.load(Ordering::Relaxed) < 2 {
                    gort::yield_now();
                }
            });
        }
        let slept = done.clone();
        gort::go(move || {
            gort::sleep(300 * US);
            slept.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
        done.fetch_add(1, Ordering::Relaxed);
        while done.load(Ordering::Relaxed) < 2 {
            gort::yield_now();
        }
    });
    drop(beside);
}

/// Waits that end before their deadlines, and some that don't: no timer is left, none is late, and
/// nobody is woken by another's.
pub(crate) fn deadlines(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = chan::bounded::<u64>(0);
        let waiters: Vec<_> = (0..6u64)
            .map(|i| {
                let rx = rx.clone();
                gort::spawn(move || {
                    let start = rt_core::os::now();
                    let patience = if i % 2 == 0 { 200 * US } else { Duration::from_secs(3600) };
                    match rx.recv_timeout(patience) {
                        Ok(_) => 1,
                        Err(RecvTimeoutError::Disconnected) => 0,
                        Err(RecvTimeoutError::Timeout) => {
                            assert!(rt_core::os::now() - start >= 200_000, "gave up early");
                            gort::sleep(50 * US);
                            0
                        }
                    }
                })
            })
            .collect();
        drop(rx);
        gort::sleep(150 * US);
        // Three of them wait an hour: these are received.
        let mut sent = 0;
        while sent < 3 {
            sent += u64::from(tx.send_timeout(sent, 100 * US).is_ok());
        }
        drop(tx);
        let received: u64 = waiters.into_iter().map(|w| w.join().expect("no panic")).sum();
        assert_eq!(received, sent);
    });
}

/// Deadlines from microseconds to years, more than are kept in one heap: each comes, none too early, and those
/// of one processor in order. As many are given up before.
pub(crate) fn far_deadlines(setting: Setting) {
    let woken = setting.run(|| {
        let (news, told) = chan::unbounded();
        let (call, called) = chan::unbounded::<()>();
        for i in 0..16u32 {
            let (news, called) = (news.clone(), called.clone());
            gort::go(move || {
                let start = rt_core::os::now();
                let nanoseconds = 1000 << (3 * (i * 7 % 16));
                gort::sleep(Duration::from_nanos(nanoseconds));
                assert!(rt_core::os::now() - start >= nanoseconds, "woke early");
                news.send(start + nanoseconds).expect("open");
            });
            gort::go(move || {
                let patience = Duration::from_secs(1 + u64::from(i) * 7 % 16);
                assert_eq!(called.recv_timeout(patience), Ok(()));
            });
        }
        drop((news, called));
        gort::sleep(100 * US);
        (0..16).for_each(|_| call.send(()).expect("they wait"));
        told.iter().collect::<Vec<_>>()
    });
    assert_eq!(woken.len(), 16);
    assert!(woken.is_sorted() || setting.procs > 1 || !setting.punctual, "{woken:?}");
}

/// A server and its clients: what was sent comes back, however the network splits it.
pub(crate) fn echo(setting: Setting) {
    setting.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
        let address = listener.local_addr().expect("it is bound");
        let server = gort::spawn(move || {
            let mut connections = Vec::new();
            for _ in 0..3 {
                let (stream, _) = listener.accept().expect("somebody connects");
                connections.push(gort::spawn(move || serve(stream)));
            }
            connections.into_iter().map(|c| c.join().expect("no panic")).sum::<usize>()
        });
        let clients: Vec<_> = (1..=3u8)
            .map(|i| {
                gort::spawn(move || {
                    let mut stream = TcpStream::connect(address).expect("somebody listens");
                    for round in 1..=3 {
                        let sent = vec![i; 40 * round];
                        stream.write_all(&sent).expect("connected");
                        let mut back = vec![0; sent.len()];
                        stream.read_exact(&mut back).expect("echoed");
                        assert_eq!(back, sent);
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|c| c.join().expect("no panic"));
        assert_eq!(server.join().expect("no panic"), 3 * (40 + 80 + 120));
    });
}

fn serve(mut stream: TcpStream) -> usize {
    let mut buffer = [0; 64];
    let mut all = 0;
    loop {
        let n = stream.read(&mut buffer).expect("connected");
        if n == 0 {
            return all;
        }
        stream.write_all(&buffer[..n]).expect("connected");
        all += n;
    }
}

/// One socket that is read by one goroutine and written by another, which are woken from a plain
/// thread besides: a worker that sleeps in its poller is called.
pub(crate) fn called(setting: Setting) {
    let (tx, rx) = chan::bounded::<u8>(0);
    let (back, answers) = chan::bounded::<u8>(0);
    let beside = plain(move || {
        for i in 0..4 {
            tx.send(i).expect("received");
            assert_eq!(answers.recv(), Ok(i + 1));
        }
    });
    setting.run(move || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
        let address = listener.local_addr().expect("it is bound");
        let near = TcpStream::connect(address).expect("somebody listens");
        let (mut far, _) = listener.accept().expect("somebody connects");
        let mut reader = near.try_clone().expect("descriptors are left");
        let read = gort::spawn(move || {
            let mut byte = [0];
            while reader.read(&mut byte).expect("connected") == 1 {
                back.send(byte[0]).expect("received");
            }
        });
        let writer = gort::spawn(move || {
            rx.iter().for_each(|i| far.write_all(&[i + 1]).expect("connected"));
        });
        writer.join().expect("no panic");
        read.join().expect("no panic");
        drop(near);
    });
    drop(beside);
}

/// One goroutine whose calls block, one after the other: the thread that made the last one is just
/// going to sleep.
pub(crate) fn calls(setting: Setting) {
    setting.run(|| {
        let start = rt_core::os::now();
        let sum: u64 = (0..6u64).map(|i| gort::blocking(move || i)).sum();
        assert_eq!(sum, 15);
        // A thread aside that missed a call would look again when it has idled for ten seconds.
        assert!(rt_core::os::now() - start < 5_000_000_000, "a call was put off");
    });
}

/// Calls that wait for each other: each needs a thread of its own.
pub(crate) fn paired_calls(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = chan::bounded::<u64>(0);
        let (back, reply) = chan::bounded::<u64>(0);
        let callers = [
            gort::spawn(move || {
                gort::blocking(|| {
                    tx.send(1).expect("received");
                    reply.recv().expect("sent")
                })
            }),
            gort::spawn(move || {
                gort::blocking(|| {
                    back.send(rx.recv().expect("sent") + 1).expect("received");
                    0
                })
            }),
        ];
        let answers = callers.map(|caller| caller.join().expect("no panic"));
        assert_eq!(answers, [2, 0]);
    });
}

/// A runtime closes while one of its goroutines holds its worker up. What is sent meanwhile goes to
/// those who will take it. All of it takes less than the time that a runtime gives others to end, so
/// nothing may come late.
pub(crate) fn closing(setting: Setting) {
    if !setting.punctual {
        return;
    }
    let setting = Setting { procs: setting.procs.max(2), ..setting };
    let (tx, rx) = chan::bounded::<u64>(0);
    let [ended, released] = [const { AtomicU32::new(0) }; 2].map(Arc::new);
    let (theirs, release, living) = (ended.clone(), released.clone(), rx.clone());
    let beside = plain(move || {
        wait_for(&theirs);
        // By then the runtime is closing, and it is not over.
        gort::sleep(1000 * US);
        let receiver = plain(move || assert_eq!(living.recv(), Ok(7)));
        tx.send(7).expect("received by the one who lives");
        drop(receiver);
        release.store(1, Ordering::Relaxed);
        rt_core::os::wake(&*release, u32::MAX);
    });
    setting.run(move || {
        for _ in 0..3 {
            let rx = rx.clone();
            gort::go(move || assert!(rx.recv().is_err()));
        }
        gort::sleep(100 * US);
        let held = Arc::new(AtomicBool::new(false));
        let holds = held.clone();
        gort::go(move || {
            holds.store(true, Ordering::Relaxed);
            wait_for(&released);
        });
        // This worker is not to be the one that is held up.
        hold_until(&held);
        ended.store(1, Ordering::Relaxed);
        rt_core::os::wake(&*ended, u32::MAX);
    });
    drop(beside);
}

/// Goroutines that make one blocking call after the other end with their runtime: the next one is not
/// made. Before that they give way between two calls, for where there is no thread to be had a call is
/// made in place, and holds their worker up.
pub(crate) fn calls_at_the_end(setting: Setting) {
    setting.run(|| {
        let (calls, over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        for _ in 0..2 {
            let (calls, over) = (calls.clone(), over.clone());
            gort::go(move || {
                loop {
                    gort::blocking(|| calls.fetch_add(1, Ordering::Relaxed));
                    if !over.load(Ordering::Relaxed) {
                        gort::yield_now();
                    }
                }
            });
        }
        while calls.load(Ordering::Relaxed) < 4 {
            gort::yield_now();
        }
        over.store(true, Ordering::Relaxed);
    });
}

/// Makes the thread sleep, goroutine or not, until a word is set.
pub(crate) fn wait_for(word: &AtomicU32) {
    while word.load(Ordering::Relaxed) == 0 {
        rt_core::os::wait(word, 0, rt_core::FOREVER);
    }
}

/// A lock that is passed on while some give up their turn by sleeping, and a hundred goroutines that
/// come and go: more than a cache of stacks holds.
pub(crate) fn crowd(setting: Setting) {
    setting.run(|| {
        let total = Arc::new(Mutex::new(0u64));
        for round in 0..3 {
            let handles: Vec<_> = (0..70u64)
                .map(|i| {
                    let total = total.clone();
                    gort::spawn(move || {
                        if i % 9 == round {
                            gort::sleep(20 * US);
                        }
                        *total.lock().expect("not poisoned") += 1;
                    })
                })
                .collect();
            handles.into_iter().for_each(|h| h.join().expect("no panic"));
        }
        assert_eq!(*total.lock().expect("not poisoned"), 210);
    });
}
