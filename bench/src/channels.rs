//! Channels: one to one, four to four, around a ring, and one of four.

use std::time::Instant;

use gort::chan::{self, Receiver};

use crate::figures::{Figures, Given};

/// The sum of all numbers below `n`, as it wraps.
fn sum_below(n: u64) -> u64 {
    (0..n).fold(0, u64::wrapping_add)
}

/// A number to and fro over two rendezvous channels.
pub(crate) fn pingpong_unbuf(given: Given) -> Figures {
    let (there, theirs) = chan::bounded::<u64>(0);
    let (back, mine) = chan::bounded::<u64>(0);
    let other = gort::spawn(move || theirs.iter().for_each(|v| back.send(v + 1).expect("open")));
    let mut v = 0;
    let start = Instant::now();
    for _ in 0..given.n {
        there.send(v).expect("the other goroutine receives");
        v = mine.recv().expect("the other goroutine answers");
    }
    let figures = Figures::per(start, given.n, "ns/roundtrip");
    assert_eq!(v, given.n);
    drop(there);
    other.join().expect("the other goroutine returns");
    figures
}

/// The same by many pairs at once.
pub(crate) fn crowd_chan(given: Given) -> Figures {
    let pairs = given.n / 2;
    let rounds = (1_000_000 / given.n).max(30);
    let (open, gate) = chan::bounded::<()>(0);
    let mut handles = Vec::with_capacity(pairs as usize);
    for i in 0..pairs {
        let (there, theirs) = chan::bounded::<u64>(0);
        let (back, mine) = chan::bounded::<u64>(0);
        gort::go(move || theirs.iter().for_each(|v| back.send(v + 1).expect("open")));
        let gate = gate.clone();
        handles.push(gort::spawn(move || {
            gate.recv().expect_err("nobody sends");
            (0..rounds).fold(0, |v, _| {
                there.send(v).expect("the other goroutine receives");
                mine.recv().expect("the other goroutine answers")
            })
        }));
        if i % 128 == 127 {
            gort::yield_now();
        }
    }
    (0..3).for_each(|_| gort::yield_now());
    let start = Instant::now();
    drop(open);
    let sum: u64 = handles.into_iter().map(|h| h.join().expect("it returns what came")).sum();
    assert_eq!(sum, pairs * rounds);
    Figures::per(start, sum, "ns/roundtrip")
}

/// How many came, and their sum.
fn drain(rx: &Receiver<u64>) -> (u64, u64) {
    rx.iter().fold((0, 0), |(count, sum): (u64, u64), v| (count + 1, sum.wrapping_add(v)))
}

/// One sender, one receiver, and room for 128 between them.
pub(crate) fn chan_buf(given: Given) -> Figures {
    let n = given.n;
    let (tx, rx) = chan::bounded::<u64>(128);
    let start = Instant::now();
    let sender = gort::spawn(move || (0..n).for_each(|i| tx.send(i).expect("open")));
    let drained = drain(&rx);
    let figures = Figures::per(start, n, "ns/item");
    sender.join().expect("the sender returns");
    assert_eq!(drained, (n, sum_below(n)));
    figures
}

/// Four senders, four receivers, and room for 128 between them.
pub(crate) fn mpmc(given: Given) -> Figures {
    let each = given.n / 4;
    let (tx, rx) = chan::bounded::<u64>(128);
    let start = Instant::now();
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let rx = rx.clone();
            gort::spawn(move || drain(&rx))
        })
        .collect();
    for _ in 0..4 {
        let tx = tx.clone();
        gort::go(move || (0..each).for_each(|i| tx.send(i).expect("open")));
    }
    drop((tx, rx));
    let (mut count, mut sum) = (0, 0_u64);
    for receiver in receivers {
        let drained = receiver.join().expect("the receiver returns");
        count += drained.0;
        sum = sum.wrapping_add(drained.1);
    }
    let figures = Figures::per(start, count, "ns/item");
    assert_eq!((count, sum), (4 * each, sum_below(each).wrapping_mul(4)));
    figures
}

/// A thousand goroutines in a ring of rendezvous channels, and one number that goes around.
pub(crate) fn ring(given: Given) -> Figures {
    const MEMBERS: u64 = 1_000;
    let rounds = given.n.div_ceil(MEMBERS);
    let (first, mut rx) = chan::bounded::<u64>(0);
    let mut members = Vec::new();
    for _ in 1..MEMBERS {
        let (next, after) = chan::bounded(0);
        let before = std::mem::replace(&mut rx, after);
        members.push(gort::spawn(move || {
            before.iter().for_each(|v| next.send(v + 1).expect("the next one receives"));
        }));
    }
    let mut v = 0;
    let start = Instant::now();
    for _ in 0..rounds {
        first.send(v + 1).expect("the first one receives");
        v = rx.recv().expect("the last one sends");
    }
    let figures = Figures::per(start, v, "ns/hop");
    assert_eq!(v, rounds * MEMBERS);
    drop(first);
    members.into_iter().for_each(|member| member.join().expect("the member returns"));
    figures
}

/// Four senders with a rendezvous channel each, and one receiver that selects among them.
pub(crate) fn select(given: Given) -> Figures {
    let each = given.n / 4;
    let mut ends = Vec::new();
    let mut senders = Vec::new();
    for _ in 0..4 {
        let (tx, rx) = chan::bounded::<u64>(0);
        ends.push(rx);
        senders.push(gort::spawn(move || {
            (0..each).for_each(|i| tx.send(i).expect("open"));
            // A channel that nobody can send to any more would be chosen each time.
            tx
        }));
    }
    let [a, b, c, d] = &ends[..] else { unreachable!("there are four") };
    let mut sum = 0_u64;
    let start = Instant::now();
    for _ in 0..4 * each {
        let v = chan::select! {
            recv(a) -> v => v,
            recv(b) -> v => v,
            recv(c) -> v => v,
            recv(d) -> v => v,
        };
        sum = sum.wrapping_add(v.expect("open"));
    }
    let figures = Figures::per(start, 4 * each, "ns/item");
    senders.into_iter().for_each(|sender| drop(sender.join().expect("the sender returns")));
    assert_eq!(sum, sum_below(each).wrapping_mul(4));
    figures
}
