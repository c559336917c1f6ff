//! Goroutines that still wait when their runtime ends: nothing is handed to them.

use gort::chan::{RecvTimeoutError, TrySendError, bounded, unbounded};

use super::each_flavour;
use crate::world::{ms, settle};

#[test]
fn a_message_passes_over_abandoned_receivers() {
    for (s, r) in each_flavour() {
        gort::run(|| {
            for _ in 0..4 {
                let (r1, r2) = (r.clone(), r.clone());
                gort::go(move || _ = r1.recv());
                gort::go(move || _ = r2.recv_timeout(ms(60_000)));
            }
            settle();
        });
        if s.capacity() == Some(0) {
            assert_eq!(s.try_send(1), Err(TrySendError::Full(1)));
        } else {
            s.try_send(1).unwrap();
            assert_eq!((s.len(), r.try_recv()), (1, Ok(1)));
        }
    }
}

#[test]
fn room_passes_over_abandoned_senders() {
    let (s, r) = bounded(1);
    s.send(0).unwrap();
    gort::run(|| {
        for i in 1..4 {
            let s = s.clone();
            gort::go(move || _ = s.send(i));
        }
        settle();
    });
    assert_eq!(r.try_iter().collect::<Vec<_>>(), [0]);
    s.send(9).unwrap();
    assert_eq!(r.recv(), Ok(9));
}

#[test]
fn an_abandoned_goroutine_keeps_its_handles() {
    // It was never told to go, and its stack stays as it is: so the channel is not disconnected.
    let (s, r) = unbounded();
    gort::run(|| {
        let (never_s, never_r) = bounded::<()>(0);
        std::mem::forget(never_s);
        gort::go(move || {
            s.send(()).unwrap();
            _ = never_r.recv();
            drop(s);
        });
        // It has started, and so it owns its sender on its stack.
        assert_eq!(r.recv(), Ok(()));
    });
    assert_eq!(r.recv_timeout(ms(1)), Err(RecvTimeoutError::Timeout));
}
