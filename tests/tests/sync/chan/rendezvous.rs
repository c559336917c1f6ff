//! Channels of capacity 0, where a sender and a receiver meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gort::chan::{TryRecvError, TrySendError, bounded};

use crate::world::{everywhere, settle};

#[test]
fn a_sender_waits_until_its_message_is_taken() {
    everywhere(|world| {
        let (s, r) = bounded(0);
        let taken = Arc::new(AtomicBool::new(false));
        let sender = {
            let taken = taken.clone();
            world.spawn(move || {
                s.send(1).unwrap();
                taken.load(Ordering::SeqCst)
            })
        };
        settle();
        taken.store(true, Ordering::SeqCst);
        assert_eq!(r.recv(), Ok(1));
        assert!(sender.join(), "the send came back before the message was taken");
    });
}

#[test]
fn trying_meets_one_who_waits() {
    everywhere(|world| {
        let (s, r) = bounded(0);
        let receiver = {
            let r = r.clone();
            world.spawn(move || r.recv())
        };
        while s.try_send(5).is_err() {
            gort::sleep(std::time::Duration::from_micros(100));
        }
        assert_eq!(receiver.join(), Ok(5));
        assert_eq!(s.try_send(6), Err(TrySendError::Full(6)));

        let sender = {
            let s = s.clone();
            world.spawn(move || s.send(7))
        };
        let got = loop {
            match r.try_recv() {
                Ok(got) => break got,
                Err(TryRecvError::Empty) => gort::sleep(std::time::Duration::from_micros(100)),
                Err(TryRecvError::Disconnected) => panic!("its sender is there"),
            }
        };
        assert_eq!(got, 7);
        sender.join().unwrap();
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn one_who_waits_does_not_count_as_a_message() {
    everywhere(|world| {
        let (s, r) = bounded(0);
        let sender = world.spawn(move || s.send(1));
        settle();
        assert_eq!((r.len(), r.is_empty(), r.is_full()), (0, true, true));
        assert_eq!(r.recv(), Ok(1));
        sender.join().unwrap();
    });
}

#[test]
fn two_play_ping_pong() {
    everywhere(|world| {
        const ROUNDS: usize = 2000;
        let (ping_s, ping_r) = bounded(0);
        let (pong_s, pong_r) = bounded(0);
        let other = world.spawn(move || {
            for i in ping_r {
                pong_s.send(i).unwrap();
            }
        });
        for i in 0..ROUNDS {
            ping_s.send(i).unwrap();
            assert_eq!(pong_r.recv(), Ok(i));
        }
        drop(ping_s);
        other.join();
    });
}

#[test]
fn each_message_meets_one_receiver() {
    everywhere(|world| {
        const EACH: usize = 500;
        let (s, r) = bounded(0);
        let sum = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let (s, r, sum) = (s.clone(), r.clone(), sum.clone());
            tasks.push(world.spawn(move || (1..=EACH).for_each(|i| s.send(i).unwrap())));
            tasks.push(world.spawn(move || {
                for _ in 0..EACH {
                    sum.fetch_add(r.recv().unwrap(), Ordering::Relaxed);
                }
            }));
        }
        tasks.into_iter().for_each(|task| task.join());
        assert_eq!(sum.load(Ordering::Relaxed), 4 * EACH * (EACH + 1) / 2);
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(s.try_send(0), Err(TrySendError::Full(0)));
    });
}
