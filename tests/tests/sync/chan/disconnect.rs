//! The end of one side, and what the other one learns of it.

use gort::chan::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError, bounded,
    unbounded,
};

use super::{each_buffered, each_flavour};
use crate::world::{everywhere, ms, settle};

#[test]
fn receivers_get_what_is_left() {
    for (s, r) in [bounded(100), unbounded()] {
        (0..100).for_each(|i| s.send(i).unwrap());
        drop(s);
        assert_eq!(r.len(), 100);
        for i in 0..100 {
            assert_eq!(r.recv(), Ok(i));
        }
        assert_eq!(r.recv(), Err(RecvError));
        assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(r.recv_timeout(ms(1000)), Err(RecvTimeoutError::Disconnected));
    }
}

#[test]
fn senders_get_their_message_back() {
    for (s, r) in each_flavour() {
        drop(r);
        assert_eq!(s.send(1), Err(SendError(1)));
        assert_eq!(s.try_send(2), Err(TrySendError::Disconnected(2)));
        assert_eq!(s.send_timeout(3, ms(1000)), Err(SendTimeoutError::Disconnected(3)));
    }
}

#[test]
fn the_last_handle_counts() {
    for (s, r) in each_buffered() {
        let (s2, r2) = (s.clone(), r.clone());
        drop(s);
        drop(r);
        s2.send(1).unwrap();
        assert_eq!(r2.recv(), Ok(1));
        let r3 = r2.clone();
        drop(r2);
        drop(s2);
        assert_eq!(r3.recv(), Err(RecvError));
    }
}

#[test]
fn a_channel_without_receivers_is_empty() {
    for (s, r) in each_buffered() {
        s.send(1).unwrap();
        drop(r);
        assert_eq!((s.len(), s.is_empty(), s.is_full()), (0, true, false));
        assert_eq!(s.send(2), Err(SendError(2)));
    }
}

#[test]
fn waiting_receivers_learn_it() {
    everywhere(|world| {
        for (s, r) in each_flavour::<()>() {
            let receivers: Vec<_> = (0..6)
                .map(|i| {
                    let r = r.clone();
                    world.spawn(move || match i % 2 {
                        0 => r.recv().map_err(RecvTimeoutError::from),
                        _ => r.recv_timeout(ms(60_000)),
                    })
                })
                .collect();
            settle();
            drop(s);
            for receiver in receivers {
                assert_eq!(receiver.join(), Err(RecvTimeoutError::Disconnected));
            }
        }
    });
}

#[test]
fn waiting_senders_learn_it() {
    everywhere(|world| {
        for (s, r) in [bounded(0), bounded(1), bounded(3)] {
            (0..s.capacity().unwrap_or(0)).for_each(|_| s.send(String::new()).unwrap());
            let senders: Vec<_> = (0..6)
                .map(|i| {
                    let s = s.clone();
                    world.spawn(move || match i % 2 {
                        0 => s.send(i.to_string()).map_err(SendTimeoutError::from),
                        _ => s.send_timeout(i.to_string(), ms(60_000)),
                    })
                })
                .collect();
            settle();
            drop(r);
            for (i, sender) in senders.into_iter().enumerate() {
                assert_eq!(sender.join(), Err(SendTimeoutError::Disconnected(i.to_string())));
            }
            assert!(s.is_empty());
        }
    });
}

#[test]
fn what_waiting_senders_hold_is_received_after_the_buffer() {
    everywhere(|world| {
        let (s, r) = bounded(2);
        let senders: Vec<_> = (0..8)
            .map(|i| {
                let s = s.clone();
                world.spawn(move || s.send(i).unwrap())
            })
            .collect();
        drop(s);
        let mut received: Vec<i32> = r.iter().collect();
        received.sort_unstable();
        assert_eq!(received, Vec::from_iter(0..8));
        senders.into_iter().for_each(|sender| sender.join());
    });
}

#[test]
fn one_side_goes_while_the_other_works() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let sender = world.spawn(move || {
                let mut i = 0;
                while s.send(i).is_ok() {
                    i += 1;
                    if i % 64 == 0 {
                        gort::yield_now();
                    }
                }
                i
            });
            for i in 0..200 {
                assert_eq!(r.recv(), Ok(i));
            }
            drop(r);
            assert!(sender.join() >= 200);
        }
    });
}

#[test]
fn the_last_receiver_of_many_ends_it() {
    everywhere(|world| {
        for (s, r) in each_flavour() {
            let receivers: Vec<_> = (0..4)
                .map(|_| {
                    let r = r.clone();
                    world.spawn(move || r.iter().take(5).count())
                })
                .collect();
            drop(r);
            let mut sent = 0;
            while s.send(()).is_ok() {
                sent += 1;
                gort::yield_now();
            }
            let received: usize = receivers.into_iter().map(|receiver| receiver.join()).sum();
            assert_eq!(received, 20);
            assert!(sent >= 20);
        }
    });
}
