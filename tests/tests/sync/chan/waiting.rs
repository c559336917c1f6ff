//! Waiting for a message or for room, with and without a limit.

use std::time::{Duration, Instant};

use gort::chan::{RecvTimeoutError, SendTimeoutError, bounded, unbounded};

use super::{each_buffered, each_flavour};
use crate::world::{World, everywhere, ms, settle};

#[test]
fn a_receiver_waits_for_a_message() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let receiver = world.spawn(move || r.recv());
            settle();
            s.send(7).unwrap();
            assert_eq!(receiver.join(), Ok(7));
        }
    });
}

#[test]
fn a_sender_waits_for_room() {
    everywhere(|world| {
        let (s, r) = bounded(2);
        let sender = world.spawn(move || (0..6).for_each(|i| s.send(i).unwrap()));
        while !r.is_full() {
            gort::yield_now();
        }
        for i in 0..6 {
            assert_eq!(r.recv(), Ok(i));
        }
        sender.join();
        assert!(r.is_empty());
    });
}

#[test]
fn a_freed_place_is_given_to_the_waiting_sender() {
    // With one processor the sender waits when the test goes on.
    World::Goroutines(1).run(|world| {
        let (s, r) = bounded(1);
        s.send(1).unwrap();
        let sender = {
            let s = s.clone();
            world.spawn(move || s.send(2).unwrap())
        };
        settle();
        assert_eq!(r.recv(), Ok(1));
        // The waiting message has moved in at once, whether or not its sender has gone on.
        assert_eq!(r.len(), 1);
        assert!(s.try_send(3).is_err());
        assert_eq!(r.recv(), Ok(2));
        sender.join();
    });
}

#[test]
fn a_receiver_gives_up_in_time() {
    everywhere(|_| {
        for (_s, r) in each_flavour::<()>() {
            let start = Instant::now();
            assert_eq!(r.recv_timeout(ms(15)), Err(RecvTimeoutError::Timeout));
            assert!(start.elapsed() >= ms(15), "woke too early");
        }
    });
}

#[test]
fn a_sender_gives_up_in_time() {
    everywhere(|_| {
        let (s, r) = bounded(1);
        s.send(1).unwrap();
        let start = Instant::now();
        assert_eq!(s.send_timeout(2, ms(15)), Err(SendTimeoutError::Timeout(2)));
        assert!(start.elapsed() >= ms(15), "woke too early");
        assert_eq!(r.recv(), Ok(1));
        s.send_timeout(3, ms(15)).unwrap();
        assert_eq!(r.recv(), Ok(3));
        assert!(r.is_empty(), "what timed out was sent all the same");
    });
}

#[test]
fn a_limited_wait_ends_with_the_message() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let receiver = world.spawn(move || r.recv_timeout(Duration::from_secs(60)));
            settle();
            s.send_timeout(9, Duration::from_secs(60)).unwrap();
            assert_eq!(receiver.join(), Ok(9));
        }
    });
}

#[test]
fn an_endless_limit_is_no_limit() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let sender = world.spawn(move || {
                settle();
                s.send_timeout(1, Duration::MAX).unwrap();
            });
            assert_eq!(r.recv_timeout(Duration::MAX), Ok(1));
            sender.join();
        }
    });
}

#[test]
fn a_message_passes_over_receivers_that_gave_up() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let quitters: Vec<_> = (0..4)
                .map(|_| {
                    let r = r.clone();
                    world.spawn(move || r.recv_timeout(ms(5)))
                })
                .collect();
            for quitter in quitters {
                assert_eq!(quitter.join(), Err(RecvTimeoutError::Timeout));
            }
            let receiver = world.spawn(move || r.recv());
            s.send(3).unwrap();
            assert_eq!(receiver.join(), Ok(3));
        }
    });
}

#[test]
fn room_passes_over_senders_that_gave_up() {
    everywhere(|world| {
        for capacity in [0, 1] {
            let (s, r) = bounded(capacity);
            (0..capacity).for_each(|_| s.send(0).unwrap());
            let quitters: Vec<_> = (1..4)
                .map(|i| {
                    let s = s.clone();
                    world.spawn(move || s.send_timeout(i, ms(5)))
                })
                .collect();
            for (quitter, i) in quitters.into_iter().zip(1..) {
                assert_eq!(quitter.join(), Err(SendTimeoutError::Timeout(i)));
            }
            let sender = world.spawn(move || s.send(9));
            let received: Vec<i32> = r.iter().collect();
            assert_eq!(received.last(), Some(&9));
            assert_eq!(received.len(), capacity + 1);
            sender.join().unwrap();
        }
    });
}

#[test]
fn iterating_waits_for_each_message() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let sum = world.spawn(move || r.iter().sum::<u64>());
            for i in 1..=10 {
                s.send(i).unwrap();
                gort::yield_now();
            }
            drop(s);
            assert_eq!(sum.join(), 55);
        }
    });
}

#[test]
fn a_channel_is_sent_through_a_channel() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let server = world.spawn(move || {
                for (question, answer) in r.iter() {
                    let answer: gort::chan::Sender<u32> = answer;
                    answer.send(question * 2).unwrap();
                }
            });
            for question in 0..20 {
                let (answer_s, answer_r) = bounded(0);
                s.send((question, answer_s)).unwrap();
                assert_eq!(answer_r.recv(), Ok(question * 2));
            }
            drop(s);
            server.join();
        }
    });
}

#[test]
fn a_buffered_send_does_not_wait() {
    everywhere(|_| {
        for (s, r) in each_buffered() {
            s.send(1).unwrap();
            assert_eq!(r.recv(), Ok(1));
        }
        let (s, _r) = unbounded();
        (0..10_000).for_each(|i| s.send(i).unwrap());
        assert_eq!(s.len(), 10_000);
    });
}
