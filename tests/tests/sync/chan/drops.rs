//! What becomes of messages: each is received or dropped, once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gort::chan::{SendTimeoutError, bounded, unbounded};

use super::each_flavour;
use crate::world::{everywhere, ms, settle};

/// Counts its drops.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn each_message_is_dropped_once() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let drops = Arc::new(AtomicUsize::new(0));
            let receiver = world.spawn(move || {
                let received = r.iter().take(300).count();
                // The rest is dropped with the last receiver, or given back to the sender.
                drop(r);
                received
            });
            let mut sent = 0;
            while s.send(Counted(drops.clone())).is_ok() {
                sent += 1;
                gort::yield_now();
            }
            assert_eq!(receiver.join(), 300);
            // The one that was given back is dropped too.
            assert_eq!(drops.load(Ordering::SeqCst), sent + 1);
            assert_eq!(Arc::strong_count(&drops), 1);
        }
    });
}

#[test]
fn the_last_receiver_drops_what_is_left() {
    for (s, r) in [bounded(100), unbounded()] {
        let drops = Arc::new(AtomicUsize::new(0));
        (0..70).for_each(|_| s.send(Counted(drops.clone())).unwrap());
        r.try_iter().take(7).for_each(drop);
        assert_eq!(drops.load(Ordering::SeqCst), 7);
        drop(r);
        assert_eq!(drops.load(Ordering::SeqCst), 70, "the rest has to go with the last receiver");
        drop(s);
        assert_eq!(drops.load(Ordering::SeqCst), 70);
    }
}

#[test]
fn what_nobody_receives_is_dropped_with_the_channel() {
    for (s, r) in [bounded(100), unbounded()] {
        let drops = Arc::new(AtomicUsize::new(0));
        (0..70).for_each(|_| s.send(Counted(drops.clone())).unwrap());
        drop(s);
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        drop(r);
        assert_eq!(drops.load(Ordering::SeqCst), 70);
    }
}

#[test]
fn a_message_that_timed_out_is_its_senders() {
    everywhere(|_| {
        let drops = Arc::new(AtomicUsize::new(0));
        let (s, r) = bounded(0);
        let Err(SendTimeoutError::Timeout(back)) = s.send_timeout(Counted(drops.clone()), ms(2))
        else {
            panic!("nobody receives");
        };
        drop(r);
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        drop(back);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}

/// Panics when it is dropped if told so.
struct Bomb {
    live: bool,
    _counted: Counted,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.live, "boom");
    }
}

#[test]
fn a_panic_while_dropping_leaves_the_channel_sound() {
    everywhere(|world| {
        for capacity in [Some(4), None] {
            let (s, r) = capacity.map_or_else(unbounded, bounded);
            let drops = Arc::new(AtomicUsize::new(0));
            for i in 0..4 {
                s.send(Bomb { live: i == 1, _counted: Counted(drops.clone()) }).unwrap_or(());
            }
            let sender = capacity.map(|_| {
                let s = s.clone();
                let bomb = Bomb { live: false, _counted: Counted(drops.clone()) };
                world.spawn(move || s.send(bomb).is_err())
            });
            settle();
            catch_unwind(AssertUnwindSafe(|| drop(r))).expect_err("the bomb was not dropped");
            assert_eq!(s.len(), 0);
            if let Some(sender) = sender {
                assert!(sender.join(), "the waiting sender was not told");
            }
            drop(s);
            // The two behind the bomb are leaked, and each keeps the counter.
            assert_eq!(drops.load(Ordering::SeqCst), drops_of(capacity) - 2);
            assert_eq!(Arc::strong_count(&drops) - 1, 2);
        }
    });
}

/// How many messages the test above makes: one more when a sender has to wait.
fn drops_of(capacity: Option<usize>) -> usize {
    4 + usize::from(capacity.is_some())
}

#[test]
fn a_message_may_hold_its_own_channel() {
    for (s, r) in [bounded(4), unbounded()] {
        struct Knot(#[expect(dead_code)] gort::chan::Sender<Knot>);
        s.send(Knot(s.clone())).unwrap();
        s.send(Knot(s.clone())).unwrap();
        // Drops two senders of a channel in the middle of its own end.
        drop(r);
        assert!(s.try_send(Knot(s.clone())).is_err());
    }
}

#[test]
fn messages_without_size_are_counted() {
    #[derive(Debug, PartialEq)]
    struct Nothing;
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let sender = world.spawn(move || (0..500).for_each(|_| s.send(Nothing).unwrap()));
            assert_eq!(r.iter().count(), 500);
            sender.join();
        }
    });
}

#[test]
fn messages_keep_their_alignment() {
    #[repr(align(256))]
    struct Aligned(u8);
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let sender =
                world.spawn(move || (0..100).for_each(|i| s.send(Aligned(i)).unwrap_or(())));
            for (i, message) in r.iter().enumerate() {
                assert!((&raw const message).is_aligned());
                assert_eq!(usize::from(message.0), i);
            }
            sender.join();
        }
    });
}

#[test]
fn messages_may_be_large() {
    const BYTES: usize = 1 << 20;
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let sender = world.spawn(move || {
                for i in 0..8 {
                    assert!(s.send([i; BYTES]).is_ok());
                }
            });
            for (i, message) in (0..8u8).zip(r.iter()) {
                assert!(message.iter().all(|&byte| byte == i));
            }
            sender.join();
        }
    });
}
