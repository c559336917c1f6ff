//! Who is served first.

use gort::chan::{bounded, unbounded};

use super::each_flavour;
use crate::world::{World, everywhere, settle};

/// Where it is known who waits first: with one processor, a task that is started runs until it waits
/// before the test goes on.
const ONE_AFTER_ANOTHER: World = World::Goroutines(1);

#[test]
fn waiting_receivers_are_served_in_the_order_they_came() {
    ONE_AFTER_ANOTHER.run(|world| {
        for (s, r) in each_flavour() {
            let receivers: Vec<_> = (0..5)
                .map(|_| {
                    let r = r.clone();
                    let receiver = world.spawn(move || r.recv().unwrap());
                    settle();
                    receiver
                })
                .collect();
            (0..5).for_each(|i| s.send(i).unwrap());
            let served: Vec<i32> = receivers.into_iter().map(|receiver| receiver.join()).collect();
            assert_eq!(served, [0, 1, 2, 3, 4]);
        }
    });
}

#[test]
fn waiting_senders_are_served_in_the_order_they_came() {
    ONE_AFTER_ANOTHER.run(|world| {
        for capacity in [0, 1, 3] {
            let (s, r) = bounded(capacity);
            let senders: Vec<_> = (0..6)
                .map(|i| {
                    let s = s.clone();
                    let sender = world.spawn(move || s.send(i).unwrap());
                    settle();
                    sender
                })
                .collect();
            drop(s);
            assert_eq!(r.iter().collect::<Vec<i32>>(), [0, 1, 2, 3, 4, 5]);
            senders.into_iter().for_each(|sender| sender.join());
        }
    });
}

#[test]
fn one_sender_and_one_receiver_keep_the_order() {
    everywhere(|world| {
        const N: u32 = 5000;
        for (s, r) in each_flavour() {
            let sender = world.spawn(move || (0..N).for_each(|i| s.send(i).unwrap()));
            for (i, got) in r.iter().enumerate() {
                assert_eq!(got as usize, i);
            }
            sender.join();
        }
    });
}

#[test]
fn each_sender_keeps_its_own_order() {
    everywhere(|world| {
        const N: usize = 1000;
        for (s, r) in each_flavour() {
            for who in 0..4usize {
                let s = s.clone();
                world.spawn(move || (0..N).for_each(|i| s.send((who, i)).unwrap()));
            }
            drop(s);
            let mut next = [0; 4];
            for (who, i) in r {
                assert_eq!(i, next[who]);
                next[who] += 1;
            }
            assert_eq!(next, [N; 4]);
        }
    });
}

#[test]
fn a_message_sent_is_a_message_received() {
    // Each task receives right after its send, so that at each moment there is a message for it.
    everywhere(|world| {
        const TASKS: usize = 4;
        for (s, r) in [bounded(TASKS), unbounded()] {
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    let (s, r) = (s.clone(), r.clone());
                    world.spawn(move || {
                        for _ in 0..2000 {
                            s.send(0).unwrap();
                            r.try_recv().unwrap();
                        }
                    })
                })
                .collect();
            tasks.into_iter().for_each(|task| task.join());
            assert!(r.is_empty());
        }
    });
}
