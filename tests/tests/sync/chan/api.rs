//! What one caller sees alone, without waiting.

use std::error::Error;
use std::panic::{RefUnwindSafe, UnwindSafe};

use gort::chan::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, bounded, unbounded,
};
use gort::time::Instant;

use super::{each_buffered, each_flavour};
use crate::world::{everywhere, ms};

#[test]
fn sends_and_receives_in_order() {
    everywhere(|_| {
        let (s, r) = bounded(4);
        s.send(1).unwrap();
        s.try_send(2).unwrap();
        s.send_timeout(3, ms(1)).unwrap();
        assert_eq!(r.recv(), Ok(1));
        assert_eq!(r.try_recv(), Ok(2));
        assert_eq!(r.recv_timeout(ms(1)), Ok(3));
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(r.recv_timeout(ms(1)), Err(RecvTimeoutError::Timeout));
    });
}

#[test]
fn counts_its_messages() {
    let (s, r) = bounded(2);
    let counts = || {
        assert_eq!((s.len(), s.is_empty(), s.is_full()), (r.len(), r.is_empty(), r.is_full()));
        (r.len(), r.is_empty(), r.is_full())
    };
    assert_eq!(counts(), (0, true, false));
    s.send(()).unwrap();
    assert_eq!(counts(), (1, false, false));
    s.send(()).unwrap();
    assert_eq!(counts(), (2, false, true));
    assert_eq!(s.try_send(()), Err(TrySendError::Full(())));
    r.recv().unwrap();
    assert_eq!(counts(), (1, false, false));
}

#[test]
fn a_channel_of_capacity_0_is_empty_and_full() {
    let (s, r) = bounded(0);
    assert_eq!((s.len(), s.is_empty(), s.is_full()), (0, true, true));
    assert_eq!((r.len(), r.is_empty(), r.is_full()), (0, true, true));
    assert_eq!(s.try_send(7), Err(TrySendError::Full(7)));
    assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(s.send_timeout(7, ms(1)), Err(SendTimeoutError::Timeout(7)));
    assert_eq!(r.recv_timeout(ms(1)), Err(RecvTimeoutError::Timeout));
}

#[test]
fn an_unbounded_channel_is_never_full() {
    let (s, r) = unbounded();
    for i in 0..1000 {
        assert_eq!(s.len(), i);
        assert!(!s.is_full());
        s.try_send(i).unwrap();
    }
    assert!(!r.is_full());
    assert_eq!(r.try_iter().count(), 1000);
    assert!(r.is_empty());
}

#[test]
fn says_its_capacity() {
    for capacity in [0, 1, 10, 1000] {
        let (s, r) = bounded::<()>(capacity);
        assert_eq!((s.capacity(), r.capacity()), (Some(capacity), Some(capacity)));
    }
    let (s, r) = unbounded::<()>();
    assert_eq!((s.capacity(), r.capacity()), (None, None));
}

#[test]
fn keeps_the_order_through_every_fill_level() {
    for capacity in 1..70 {
        for (s, r) in [bounded(capacity), unbounded()] {
            let mut sent = 0;
            let mut received = 0;
            for step in 0..500 {
                // Goes up and down through all levels, and round the ring's end at each of them.
                let level = if step / capacity % 2 == 0 { step % capacity } else { 0 };
                while r.len() <= level && s.len() < capacity {
                    s.send(sent).unwrap();
                    sent += 1;
                }
                while r.len() > level {
                    assert_eq!(r.recv(), Ok(received));
                    received += 1;
                }
            }
            assert_eq!(r.try_iter().count(), sent - received);
        }
    }
}

#[test]
fn clones_are_the_same_channel() {
    let (s, r) = unbounded::<i32>();
    let (other_s, other_r) = unbounded::<i32>();
    assert!(s.same_channel(&s.clone()));
    assert!(r.same_channel(&r.clone()));
    assert!(!s.same_channel(&other_s));
    assert!(!r.same_channel(&other_r));
    s.clone().send(1).unwrap();
    assert_eq!(r.clone().recv(), Ok(1));
}

#[test]
fn iterates_until_disconnected() {
    for (s, r) in each_buffered() {
        s.send(1).unwrap();
        assert_eq!(r.try_iter().collect::<Vec<_>>(), [1]);
        assert_eq!(r.try_iter().next(), None);
        s.send(2).unwrap();
        drop(s);
        assert_eq!(r.iter().collect::<Vec<_>>(), [2]);
        assert_eq!((&r).into_iter().next(), None);
        let mut rest = r.into_iter();
        assert_eq!((rest.next(), rest.next()), (None, None));
    }
}

#[test]
fn time_that_is_over_lets_it_try_once() {
    for (s, r) in each_buffered() {
        assert_eq!(r.recv_timeout(ms(0)), Err(RecvTimeoutError::Timeout));
        s.send_timeout(1, ms(0)).unwrap();
        assert_eq!(r.recv_timeout(ms(0)), Ok(1));
        s.send_deadline(2, Instant::from_nanos(1)).unwrap();
        assert_eq!(r.recv_deadline(Instant::from_nanos(1)), Ok(2));
    }
    for (s, r) in each_flavour::<()>() {
        while s.len() < s.capacity().unwrap_or(0) {
            s.send(()).unwrap();
        }
        if s.is_full() {
            assert_eq!(s.send_timeout((), ms(0)), Err(SendTimeoutError::Timeout(())));
            assert_eq!(
                s.send_deadline((), Instant::from_nanos(1)),
                Err(SendTimeoutError::Timeout(()))
            );
        }
        drop(s);
        r.try_iter().for_each(drop);
        assert_eq!(r.recv_timeout(ms(0)), Err(RecvTimeoutError::Disconnected));
    }
}

#[test]
fn errors_give_the_message_back() {
    assert_eq!(SendError(1).into_inner(), 1);
    assert_eq!(TrySendError::Full(2).into_inner(), 2);
    assert_eq!(TrySendError::Disconnected(3).into_inner(), 3);
    assert_eq!(SendTimeoutError::Timeout(4).into_inner(), 4);
    assert_eq!(SendTimeoutError::Disconnected(5).into_inner(), 5);
}

#[test]
fn errors_say_which_they_are() {
    assert!(TrySendError::Full(()).is_full());
    assert!(!TrySendError::Full(()).is_disconnected());
    assert!(TrySendError::from(SendError(())).is_disconnected());
    assert!(SendTimeoutError::Timeout(()).is_timeout());
    assert!(!SendTimeoutError::Timeout(()).is_disconnected());
    assert!(SendTimeoutError::from(SendError(())).is_disconnected());
    assert!(TryRecvError::Empty.is_empty());
    assert!(!TryRecvError::Empty.is_disconnected());
    assert!(TryRecvError::from(RecvError).is_disconnected());
    assert!(RecvTimeoutError::Timeout.is_timeout());
    assert!(!RecvTimeoutError::Timeout.is_disconnected());
    assert!(RecvTimeoutError::from(RecvError).is_disconnected());
}

/// Not `Debug`: the errors don't need it.
struct Opaque;

#[test]
fn errors_read_as_crossbeams() {
    let texts: [(Box<dyn Error>, &str, &str); 9] = [
        (Box::new(SendError(Opaque)), "SendError(..)", "sending on a disconnected channel"),
        (Box::new(TrySendError::Full(Opaque)), "Full(..)", "sending on a full channel"),
        (
            Box::new(TrySendError::Disconnected(Opaque)),
            "Disconnected(..)",
            "sending on a disconnected channel",
        ),
        (
            Box::new(SendTimeoutError::Timeout(Opaque)),
            "SendTimeoutError(..)",
            "timed out waiting on send operation",
        ),
        (
            Box::new(SendTimeoutError::Disconnected(Opaque)),
            "SendTimeoutError(..)",
            "sending on a disconnected channel",
        ),
        (Box::new(RecvError), "RecvError", "receiving on an empty and disconnected channel"),
        (Box::new(TryRecvError::Empty), "Empty", "receiving on an empty channel"),
        (
            Box::new(TryRecvError::Disconnected),
            "Disconnected",
            "receiving on an empty and disconnected channel",
        ),
        (Box::new(RecvTimeoutError::Timeout), "Timeout", "timed out waiting on receive operation"),
    ];
    for (error, debug, display) in texts {
        assert_eq!(format!("{error:?}"), debug);
        assert_eq!(format!("{error}"), display);
    }
    let disconnected = RecvTimeoutError::Disconnected;
    assert_eq!(disconnected.to_string(), "channel is empty and disconnected");
}

#[test]
fn handles_show_no_message() {
    let (s, r) = unbounded::<Opaque>();
    assert_eq!(format!("{s:?}"), "Sender { .. }");
    assert_eq!(format!("{r:?}"), "Receiver { .. }");
    assert_eq!(format!("{:?}", r.iter()), "Iter { .. }");
    assert_eq!(format!("{:?}", r.try_iter()), "TryIter { .. }");
    assert_eq!(format!("{:?}", r.into_iter()), "IntoIter { .. }");
}

#[test]
fn handles_cross_threads_if_messages_do() {
    fn crosses<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    // `Cell` is `Send` and neither `Sync` nor unwind safe: a message needs no more.
    crosses::<Sender<std::cell::Cell<u8>>>();
    crosses::<Receiver<std::cell::Cell<u8>>>();
}
