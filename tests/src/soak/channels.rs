//! Jobs of channels: whatever is sent is received, once, and by somebody.

use std::time::Duration;

use gort::chan::{self, Receiver, RecvTimeoutError, SendTimeoutError, Sender};

use crate::jobs::Dice;
use crate::tally::Tally;

/// Messages of each sender.
const EACH: u64 = 100;

/// Some senders, some receivers, and what they send and receive.
fn exchange(
    seed: u64,
    (tx, rx): (Sender<u64>, Receiver<u64>),
    send: impl Fn(&Sender<u64>, u64, &mut Dice) + Sync,
    receive: impl Fn(&Receiver<u64>, &Tally, &mut Dice) + Sync,
) -> u64 {
    let (sent, received) = (Tally::default(), Tally::default());
    let (senders, receivers) = (1 + seed % 4, 1 + seed / 4 % 4);
    let (send, receive, sent_ref, received_ref) = (&send, &receive, &sent, &received);
    gort::scope(|s| {
        for number in 0..senders {
            let tx = tx.clone();
            s.spawn(move || {
                let mut dice = Dice::new(seed ^ number << 8);
                for n in 0..EACH {
                    let message = seed ^ (number << 32 | n);
                    send(&tx, message, &mut dice);
                    sent_ref.add(message);
                }
            });
        }
        drop(tx);
        for number in 0..receivers {
            let rx = rx.clone();
            s.spawn(move || receive(&rx, received_ref, &mut Dice::new(seed ^ number << 16)));
        }
    });
    assert!(rx.is_empty(), "a message is left");
    sent.check(&received)
}

fn send(tx: &Sender<u64>, message: u64, _: &mut Dice) {
    tx.send(message).expect("somebody receives");
}

fn receive(rx: &Receiver<u64>, received: &Tally, _: &mut Dice) {
    rx.iter().for_each(|message| received.add(message));
}

pub(crate) fn rendezvous(seed: u64) -> u64 {
    exchange(seed, chan::bounded(0), send, receive)
}

pub(crate) fn buffered(seed: u64) -> u64 {
    exchange(seed, chan::bounded(1 + (seed % 20) as usize), send, receive)
}

pub(crate) fn unbounded(seed: u64) -> u64 {
    exchange(seed, chan::unbounded(), send, receive)
}

/// Both sides give up and try again: a message that was not taken comes back, and is not taken.
pub(crate) fn deadlines(seed: u64) -> u64 {
    let send = |tx: &Sender<u64>, message: u64, dice: &mut Dice| {
        let mut message = message;
        loop {
            let time = Duration::from_micros(dice.below(60));
            match tx.send_timeout(message, time) {
                Ok(()) => return,
                Err(SendTimeoutError::Timeout(back)) => message = back,
                Err(SendTimeoutError::Disconnected(_)) => panic!("somebody receives"),
            }
        }
    };
    let receive = |rx: &Receiver<u64>, received: &Tally, dice: &mut Dice| {
        loop {
            match rx.recv_timeout(Duration::from_micros(dice.below(60))) {
                Ok(message) => received.add(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    };
    exchange(seed, chan::bounded((seed % 3) as usize), send, receive)
}

/// Plain threads on both ends, goroutines in between.
pub(crate) fn plain_threads(seed: u64) -> u64 {
    let (tx, middle) = chan::bounded::<u64>((seed % 4) as usize);
    let (onward, rx) = chan::bounded::<u64>((seed % 3) as usize);
    let sender = std::thread::spawn(move || {
        (0..EACH).for_each(|n| tx.send(n ^ seed).expect("goroutines receive"));
    });
    let receiver = std::thread::spawn(move || {
        let received = Tally::default();
        rx.iter().for_each(|message| received.add(message));
        received
    });
    let passing: Vec<_> = (0..3)
        .map(|_| {
            let (middle, onward) = (middle.clone(), onward.clone());
            gort::spawn(move || {
                middle.iter().for_each(|message| onward.send(message).expect("received"));
            })
        })
        .collect();
    drop((middle, onward));
    passing.into_iter().for_each(|handle| handle.join().expect("no panic"));
    gort::blocking(|| sender.join()).expect("no panic");
    let received = gort::blocking(|| receiver.join()).expect("no panic");
    let sent = Tally::default();
    (0..EACH).for_each(|n| sent.add(n ^ seed));
    sent.check(&received)
}

/// The receivers go away early: a message is received or comes back.
pub(crate) fn disconnects(seed: u64) -> u64 {
    let (tx, rx) = chan::bounded::<u64>(0);
    let sender = gort::spawn(move || {
        let mut n = 0;
        while tx.send(n).is_ok() {
            n += 1;
        }
        n
    });
    let wanted = 1 + seed % 50;
    let received: Vec<u64> = rx.iter().take(wanted as usize).collect();
    drop(rx);
    assert!(received.into_iter().eq(0..wanted));
    assert_eq!(sender.join().expect("no panic"), wanted);
    wanted
}

/// Receivers that select among two channels and a clock, which comes only sometimes.
pub(crate) fn selects(seed: u64) -> u64 {
    let (sent, received) = (Tally::default(), Tally::default());
    let (a, from_a) = chan::bounded::<u64>(0);
    let (b, from_b) = chan::bounded::<u64>(3);
    gort::scope(|s| {
        for (number, tx) in [a, b].into_iter().enumerate() {
            let sent = &sent;
            s.spawn(move || {
                for n in 0..EACH {
                    let message = seed ^ ((number as u64) << 32 | n);
                    tx.send(message).unwrap();
                    sent.add(message);
                    if message.is_multiple_of(16) {
                        gort::sleep(Duration::from_micros(30));
                    }
                }
            });
        }
        for _ in 0..1 + seed % 3 {
            let (mut one, mut other) = (from_a.clone(), from_b.clone());
            let received = &received;
            s.spawn(move || {
                let mut open = 2;
                while open > 0 {
                    // A channel that is closed is asked no more.
                    gort::select! {
                        recv(one) -> message => match message {
                            Ok(message) => received.add(message),
                            Err(_) => (open, one) = (open - 1, chan::never()),
                        },
                        recv(other) -> message => match message {
                            Ok(message) => received.add(message),
                            Err(_) => (open, other) = (open - 1, chan::never()),
                        },
                        recv(chan::after(Duration::from_micros(20))) -> _ => {}
                    }
                }
            });
        }
    });
    sent.check(&received)
}
