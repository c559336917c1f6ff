//! `std::sync::mpsc`'s names.

use std::time::Duration;

use gort::sync::mpsc::{
    RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError, channel, sync_channel,
};

use crate::world::{everywhere, ms};

#[test]
fn every_message_arrives() {
    const EACH: usize = if cfg!(debug_assertions) { 200 } else { 5000 };
    everywhere(|world| {
        for bound in [0, 1, 16] {
            let (tx, rx) = channel();
            let (sync_tx, sync_rx) = sync_channel(bound);
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let (tx, sync_tx) = (tx.clone(), sync_tx.clone());
                    world.spawn(move || {
                        for n in 0..EACH {
                            tx.send(n).unwrap();
                            sync_tx.send(n).unwrap();
                        }
                    })
                })
                .collect();
            drop((tx, sync_tx));
            let sum = 4 * EACH * (EACH - 1) / 2;
            assert_eq!(sync_rx.iter().sum::<usize>(), sum);
            assert_eq!(rx.into_iter().sum::<usize>(), sum);
            assert_eq!(sync_rx.recv(), Err(RecvError));
            tasks.into_iter().for_each(|task| task.join());
        }
    });
}

#[test]
fn errors_say_what_is_wrong() {
    everywhere(|_| {
        let (tx, rx) = sync_channel(1);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.recv_timeout(ms(1)), Err(RecvTimeoutError::Timeout));
        tx.send(1).unwrap();
        assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1]);
        let (other, gone) = channel();
        drop(gone);
        assert_eq!(other.send(3), Err(SendError(3)));
        let last = tx.clone();
        drop(tx);
        assert_eq!(last.try_send(4), Ok(()));
        assert_eq!(rx.recv_timeout(Duration::ZERO), Ok(4));
        drop(last);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(rx.recv_timeout(ms(1)), Err(RecvTimeoutError::Disconnected));
        let (tx, rx) = sync_channel(0);
        assert_eq!(tx.try_send(5), Err(TrySendError::Full(5)));
        drop(rx);
        assert_eq!(tx.send(6), Err(SendError(6)));
        assert_eq!(tx.try_send(7), Err(TrySendError::Disconnected(7)));
    });
}
