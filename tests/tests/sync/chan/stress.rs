//! Many at once, for as long as a test may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gort::chan::{RecvTimeoutError, SendTimeoutError, TryRecvError, bounded};

use super::each_flavour;
use crate::world::{World, everywhere};

/// Less work where the checks of a debug build make it slow.
const N: usize = if cfg!(debug_assertions) { 2000 } else { 10_000 };
const TASKS: usize = 4;

#[test]
fn many_senders_one_receiver() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            for _ in 0..TASKS {
                let s = s.clone();
                world.spawn(move || (0..N).for_each(|i| s.send(i).unwrap()));
            }
            drop(s);
            let mut seen = vec![0; N];
            r.iter().for_each(|i| seen[i] += 1);
            assert!(seen.iter().all(|&times| times == TASKS));
        }
    });
}

#[test]
fn many_senders_many_receivers() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let seen: Arc<Vec<AtomicUsize>> =
                Arc::new((0..N).map(|_| AtomicUsize::new(0)).collect());
            let mut tasks = Vec::new();
            for _ in 0..TASKS {
                let s = s.clone();
                tasks.push(world.spawn(move || (0..N).for_each(|i| s.send(i).unwrap())));
                let (r, seen) = (r.clone(), seen.clone());
                tasks.push(world.spawn(move || {
                    r.iter().for_each(|i| _ = seen[i].fetch_add(1, Ordering::Relaxed));
                }));
            }
            drop(s);
            tasks.into_iter().for_each(|task| task.join());
            assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));
            assert!(seen.iter().all(|times| times.load(Ordering::Relaxed) == TASKS));
        }
    });
}

#[test]
fn channels_of_one_message() {
    everywhere(|world| {
        for _ in 0..N / 20 {
            for (s, r) in each_flavour() {
                let sender = world.spawn(move || s.send(1).unwrap());
                assert_eq!(r.recv(), Ok(1));
                sender.join();
            }
        }
    });
}

#[test]
fn nothing_is_lost_when_both_sides_time_out() {
    // Limits so short that deadlines and messages race all the time.
    fn short(i: usize) -> Duration {
        Duration::from_micros(i as u64 % 60)
    }
    fn test(world: World) {
        for (s, r) in [bounded(0), bounded(1)] {
            let senders: Vec<_> = (0..TASKS)
                .map(|_| {
                    let s = s.clone();
                    world.spawn(move || {
                        let mut sent = 0;
                        for i in 1..=N / 4 {
                            match s.send_timeout(i, short(i)) {
                                Ok(()) => sent += i,
                                Err(SendTimeoutError::Timeout(back)) => assert_eq!(back, i),
                                Err(SendTimeoutError::Disconnected(_)) => panic!("it is connected"),
                            }
                        }
                        sent
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..TASKS)
                .map(|_| {
                    let r = r.clone();
                    world.spawn(move || {
                        let mut received = 0;
                        for i in 0.. {
                            match r.recv_timeout(short(i)) {
                                Ok(got) => received += got,
                                Err(RecvTimeoutError::Timeout) => gort::yield_now(),
                                Err(RecvTimeoutError::Disconnected) => break,
                            }
                        }
                        received
                    })
                })
                .collect();
            drop((s, r));
            let sent: usize = senders.into_iter().map(|task| task.join()).sum();
            let received: usize = receivers.into_iter().map(|task| task.join()).sum();
            assert_eq!(sent, received);
        }
    }
    everywhere(test);
}

#[test]
fn a_ring_of_tasks() {
    everywhere(|world| {
        let (first, mut r) = bounded(0);
        for _ in 0..20 {
            let (s, next) = bounded(0);
            let from = std::mem::replace(&mut r, next);
            world.spawn(move || from.iter().for_each(|i: usize| s.send(i + 1).unwrap()));
        }
        for i in 0..N / 20 {
            first.send(i).unwrap();
            assert_eq!(r.recv(), Ok(i + 20));
        }
    });
}

#[test]
fn prime_sieve() {
    everywhere(|world| {
        let (s, mut r) = bounded(0);
        world.spawn(move || _ = (2..).try_for_each(|n| s.send(n)));
        let mut primes = Vec::new();
        for _ in 0..20 {
            let prime: u32 = r.recv().unwrap();
            primes.push(prime);
            let (s, next) = bounded(0);
            let from = std::mem::replace(&mut r, next);
            world.spawn(move || {
                _ = from.iter().filter(|n| n % prime != 0).try_for_each(|n| s.send(n))
            });
        }
        let expected = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71];
        assert_eq!(primes, expected);
    });
}
