//! Simulated programs about `select`: against plain operations, against each other, against the
//! clock and against the end of a channel. Each message arrives once, and nobody waits for ever.

use std::time::Duration;

use gort::chan::{
    self, Receiver, RecvError, Select, SelectTimeoutError, Sender, TryReadyError, after, bounded,
    select,
};
use gort::time::Instant;

use crate::plain::plain;
use crate::programs::Setting;

const MS: Duration = Duration::from_millis(1);

/// Sends `values`, each into whichever channel takes it first.
fn send_to_any(channels: &[Sender<u64>], values: std::ops::Range<u64>) {
    for value in values {
        let mut sending = Select::new();
        for tx in channels {
            sending.send(tx);
        }
        let chosen = sending.select();
        let tx = &channels[chosen.index()];
        chosen.send(tx, value).expect("received");
    }
}

/// Receives from whichever channel has something until one is disconnected; the sum.
fn sum_of_all(channels: &[Receiver<u64>]) -> u64 {
    let mut sum = 0;
    loop {
        let mut receiving = Select::new();
        for rx in channels {
            receiving.recv(rx);
        }
        let chosen = receiving.select();
        let rx = &channels[chosen.index()];
        match chosen.recv(rx) {
            Ok(value) => sum += value,
            Err(RecvError) => break,
        }
    }
    // What is left in the buffers of the others.
    sum + channels.iter().flatten().sum::<u64>()
}

/// Of two channels one has a message at every moment, though not the same one: who asks for either,
/// without waiting, gets it.
pub(crate) fn at_every_moment(setting: Setting) {
    setting.run(|| {
        let ((tx1, rx1), (tx2, rx2)) = (bounded::<u64>(1), bounded::<u64>(1));
        let ((start, started), (end, ended)) = (bounded::<()>(0), bounded::<()>(0));
        let (their_rx1, their_rx2) = (rx1.clone(), rx2.clone());
        let asks = gort::spawn(move || {
            for round in 0..12 {
                start.send(()).expect("received");
                tx1.send(round).expect("there is room");
                let mut either = Select::new();
                either.recv(&their_rx1);
                either.recv(&their_rx2);
                if round % 3 == 0 {
                    let index = either.try_ready().expect("one of them has a message");
                    let _ = [&their_rx1, &their_rx2][index].try_recv();
                } else {
                    let chosen = either.try_select().expect("one of them has a message");
                    let rx = [&their_rx1, &their_rx2][chosen.index()];
                    chosen.recv(rx).expect("a message");
                }
                end.send(()).expect("received");
                let _ = (their_rx1.try_recv(), their_rx2.try_recv());
            }
        });
        for round in 0..12 {
            started.recv().expect("sent");
            tx2.send(round).expect("there is room");
            let _ = rx1.try_recv();
            ended.recv().expect("sent");
        }
        drop(rx2);
        asks.join().expect("no panic");
    });
}

/// Select against select, on the same two channels with and without a buffer, while a plain thread
/// and a goroutine do without it.
pub(crate) fn selects(setting: Setting) {
    for capacity in [0, 1] {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..2).map(|_| bounded(capacity)).unzip();
        let aside = txs[0].clone();
        let _joined = plain(move || (0..3).for_each(|v| aside.send(v).expect("received")));
        let sum = setting.run(|| {
            let senders: Vec<_> = (0..2)
                .map(|s| {
                    let txs = txs.clone();
                    gort::spawn(move || send_to_any(&txs, s * 10..s * 10 + 5))
                })
                .collect();
            let alone = txs[1].clone();
            let single =
                gort::spawn(move || (20..23).for_each(|v| alone.send(v).expect("received")));
            let receivers: Vec<_> = (0..2)
                .map(|_| {
                    let rxs = rxs.clone();
                    gort::spawn(move || sum_of_all(&rxs))
                })
                .collect();
            drop((txs, rxs));
            for sender in senders {
                sender.join().expect("no panic");
            }
            single.join().expect("no panic");
            receivers.into_iter().map(|r| r.join().expect("no panic")).sum::<u64>()
        });
        assert_eq!(sum, 3 + (1 + 2 + 3 + 4) + (10 + 11 + 12 + 13 + 14) + (20 + 21 + 22));
    }
}

/// Goroutines that send and receive on the same channel in one select: nobody meets itself, and
/// there are as many of the one as of the other. With a buffer one of the two can always be done.
pub(crate) fn both_ways(setting: Setting) {
    for capacity in [0, 1] {
        let (sent, received) = setting.run(|| {
            let (tx, rx) = bounded::<u64>(capacity);
            let all: Vec<_> = (0..4)
                .map(|_| {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    gort::spawn(move || send_or_receive(&tx, &rx))
                })
                .collect();
            let (sent, received) = all
                .into_iter()
                .map(|one| one.join().expect("no panic"))
                .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            (sent, received + rx.try_recv().unwrap_or(0))
        });
        assert_eq!(sent, received);
    }
}

/// Does either, a few times; how often each. Without a buffer it may come to neither.
fn send_or_receive(tx: &Sender<u64>, rx: &Receiver<u64>) -> (u64, u64) {
    let (mut sent, mut received) = (0, 0);
    for _ in 0..4 {
        let mut both = Select::new();
        let (send, _) = (both.send(tx), both.recv(rx));
        let chosen = match tx.capacity() {
            Some(0) => both.select_timeout(20 * MS),
            _ => Ok(both.select()),
        };
        match chosen {
            Ok(chosen) if chosen.index() == send => {
                chosen.send(tx, 1).expect("received");
                sent += 1;
            }
            Ok(chosen) => received += chosen.recv(rx).expect("sent"),
            Err(SelectTimeoutError) => {}
        }
    }
    (sent, received)
}

/// Selects whose deadline comes about when they are claimed.
pub(crate) fn late(setting: Setting) {
    let (received, sent) = setting.run(|| {
        let (a, b) = (bounded::<u64>(0), bounded::<u64>(0));
        let (to_a, to_b) = (a.0.clone(), b.0.clone());
        let sender = gort::spawn(move || {
            let mut sent = 0;
            for _ in 0..12 {
                select! {
                    send(to_a, 1) -> done => sent += u64::from(done.is_ok()),
                    send(to_b, 1) -> done => sent += u64::from(done.is_ok()),
                    default(MS) => {}
                }
            }
            sent
        });
        let plain_sender = {
            let to_a = a.0.clone();
            gort::spawn(move || (0..12).filter(|_| to_a.send_timeout(1, MS).is_ok()).count() as u64)
        };
        let mut received = 0;
        for round in 0..16 {
            let deadline = Instant::now() + MS;
            let mut receiving = Select::new();
            receiving.recv(&a.1);
            receiving.recv(&b.1);
            if let Ok(chosen) = receiving.select_deadline(deadline) {
                let rx = if chosen.index() == 0 { &a.1 } else { &b.1 };
                received += chosen.recv(rx).expect("a sender is here");
            }
            if round % 4 == 0 {
                received += a.1.try_recv().unwrap_or(0);
            }
        }
        drop((a.1, b.1));
        let sent = sender.join().expect("no panic") + plain_sender.join().expect("no panic");
        (received, sent)
    });
    assert_eq!(received, sent);
}

/// A select that waits is told when the last of the other side goes.
pub(crate) fn ends(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = bounded::<u64>(0);
        let (full, other) = bounded::<u64>(1);
        full.send(1).expect("there is room");
        let waits = gort::spawn(move || {
            select! {
                recv(rx) -> message => message.is_err(),
                send(full, 2) -> done => done.is_err(),
            }
        });
        let gone = gort::spawn(move || drop(tx));
        let _joined = plain(move || drop(other));
        assert!(waits.join().expect("no panic"));
        gone.join().expect("no panic");
    });
}

/// One who only wants to know when something is ready takes nothing from those who do it.
pub(crate) fn ready(setting: Setting) {
    setting.run(|| {
        let (tx, rx) = bounded::<u64>(0);
        let (to, from) = bounded::<u64>(1);
        let watcher = {
            let (rx, to) = (rx.clone(), to.clone());
            gort::spawn(move || {
                let mut watching = Select::new();
                let receive = watching.recv(&rx);
                let mut seen = 0;
                loop {
                    assert_eq!(watching.ready(), receive);
                    match rx.try_recv() {
                        Ok(value) => seen += value,
                        Err(chan::TryRecvError::Empty) => {}
                        Err(chan::TryRecvError::Disconnected) => break,
                    }
                }
                let mut sending = Select::new();
                sending.send(&to);
                assert_eq!(sending.ready(), 0);
                assert!(matches!(sending.try_ready(), Ok(0) | Err(TryReadyError)));
                seen
            })
        };
        let sender = gort::spawn(move || (1..=4).for_each(|v| tx.send(v).expect("received")));
        let receiver = gort::spawn(move || rx.recv_timeout(5 * MS).unwrap_or(0));
        to.send(9).expect("there is room");
        sender.join().expect("no panic");
        gort::sleep(MS);
        assert_eq!(from.recv(), Ok(9));
        let seen = watcher.join().expect("no panic") + receiver.join().expect("no panic");
        assert_eq!(seen, 1 + 2 + 3 + 4);
    });
}

/// The clock's channels, in virtual time.
pub(crate) fn clocks(setting: Setting) {
    setting.run(|| {
        let start = Instant::now();
        let (ticks, end) = (chan::tick(10 * MS), after(55 * MS));
        let never = chan::never::<u64>();
        let mut seen = Vec::new();
        let end = loop {
            select! {
                recv(ticks) -> at => seen.push(at.expect("never disconnected")),
                recv(end) -> at => break at.expect("never disconnected"),
                recv(never) -> _ => unreachable!("it has no messages"),
            }
        };
        // The clock goes on between any two steps, and a fault can make that long.
        assert!(end >= start + 55 * MS, "after {:?}", end - start);
        let moments: Vec<_> = std::iter::once(start).chain(seen).collect();
        assert!(moments.windows(2).all(|pair| pair[1] - pair[0] >= 10 * MS), "{moments:?}");
        assert!(Instant::now() >= end);
    });
}
