//! Programs in which several parts of the core meet: channels, locks, groups, sockets, calls that
//! block and time; and more processors than any other program keeps busy.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use gort::chan::{self, RecvTimeoutError, after, select};
use gort::net::{TcpListener, TcpStream};
use gort::sync::{Mutex, WaitGroup};

use crate::duties::wait_for;
use crate::plain::plain;
use crate::programs::Setting;

const US: Duration = Duration::from_micros(1);

/// As many processors as a large machine has, all at work at the same time: each goroutine holds its
/// thread until there is one on every other processor.
pub(crate) fn wide(setting: Setting) {
    let setting = Setting { procs: setting.procs.max(64), ..setting };
    let all = setting.procs as u32;
    let met = setting.run(|| {
        let [arrived, complete] = [const { AtomicU32::new(0) }; 2].map(Arc::new);
        let held: Vec<_> = (0..all)
            .map(|_| {
                let (arrived, complete) = (arrived.clone(), complete.clone());
                gort::spawn(move || {
                    if arrived.fetch_add(1, Ordering::Relaxed) + 1 == all {
                        complete.store(1, Ordering::Relaxed);
                        rt_core::os::wake(&*complete, u32::MAX);
                    }
                    wait_for(&complete);
                })
            })
            .collect();
        held.into_iter().for_each(|h| h.join().expect("no panic"));
        arrived.load(Ordering::Relaxed)
    });
    assert_eq!(met, all);
}

/// Stages with a channel between each two: a goroutine and a plain thread feed, three double under
/// a lock, one adds up and gives up waiting now and then.
pub(crate) fn pipeline(setting: Setting) {
    let (feed, fed) = chan::unbounded::<u64>();
    let theirs = feed.clone();
    let beside = plain(move || (10..16).for_each(|n| theirs.send(n).expect("received")));
    setting.run(move || {
        let (double, doubled) = chan::bounded(1);
        let stages = Arc::new(WaitGroup::new());
        let seen = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..3 {
            let (fed, double) = (fed.clone(), double.clone());
            let (stages, seen) = (stages.clone(), seen.clone());
            stages.add(1);
            gort::go(move || {
                for n in fed.iter() {
                    let mut seen = seen.lock().expect("not poisoned");
                    // With the lock held, for a while.
                    double.send(2 * n).expect("received");
                    seen.push(n);
                }
                stages.done();
            });
        }
        drop((fed, double));
        gort::go(move || (0..6).for_each(|n| feed.send(n).expect("received")));
        let adder = gort::spawn(move || {
            let mut sum = 0;
            loop {
                match doubled.recv_timeout(5 * US) {
                    Ok(n) => sum += n,
                    Err(RecvTimeoutError::Timeout) => gort::yield_now(),
                    Err(RecvTimeoutError::Disconnected) => return sum,
                }
            }
        });
        stages.wait();
        let mut seen = std::mem::take(&mut *seen.lock().expect("not poisoned"));
        seen.sort_unstable();
        assert_eq!(seen, (0..6).chain(10..16).collect::<Vec<_>>());
        assert_eq!(adder.join().expect("no panic"), 2 * (15 + 75));
    });
    drop(beside);
}

/// A server that makes each answer in a call that blocks, under a lock, and watches for its own end
/// and for the time besides.
pub(crate) fn served(setting: Setting) {
    setting.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address is free");
        let address = listener.local_addr().expect("it is bound");
        let count = Arc::new(Mutex::new(0u8));
        let (say, told) = chan::bounded::<u8>(0);
        let server = gort::spawn(move || {
            let answerers: Vec<_> = (0..3)
                .map(|_| {
                    let (mut stream, _) = listener.accept().expect("somebody connects");
                    let (count, say) = (count.clone(), say.clone());
                    gort::spawn(move || {
                        let mut asked = [0];
                        stream.read_exact(&mut asked).expect("asked");
                        let answer = gort::blocking(|| {
                            let mut count = count.lock().expect("not poisoned");
                            gort::sleep(10 * US);
                            *count += asked[0];
                            *count
                        });
                        stream.write_all(&[answer]).expect("connected");
                        say.send(asked[0]).expect("received");
                    })
                })
                .collect();
            answerers.into_iter().for_each(|a| a.join().expect("no panic"));
        });
        let answers = Arc::new(Mutex::new(Vec::new()));
        gort::scope(|s| {
            for n in 1..=3u8 {
                let answers = &answers;
                s.spawn(move || {
                    let mut stream = TcpStream::connect(address).expect("somebody listens");
                    stream.write_all(&[n]).expect("connected");
                    let mut answer = [0];
                    stream.read_exact(&mut answer).expect("answered");
                    answers.lock().expect("not poisoned").push(answer[0]);
                });
            }
            let mut said = 0;
            loop {
                select! {
                    recv(told) -> n => match n {
                        Ok(n) => said += n,
                        Err(_) => break,
                    },
                    recv(after(30 * US)) -> _ => gort::yield_now(),
                }
            }
            assert_eq!(said, 6);
        });
        server.join().expect("no panic");
        assert_eq!(answers.lock().expect("not poisoned").iter().max(), Some(&6));
    });
}

/// A runtime ends while calls that block join goroutines of it, which may never run: the calls
/// learn that, and end.
pub(crate) fn left_calls(setting: Setting) {
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
                    for n in 0..2 {
                        let sleeper = gort::spawn(move || gort::sleep(n * US));
                        let other = gort::spawn(move || sleeper.join().is_ok());
                        let _ = gort::spawn(|| ()).join();
                        let _ = other.join();
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
