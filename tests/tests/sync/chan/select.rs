//! Choosing between operations: what is chosen, what it costs the others, and what becomes of an
//! operation that is not completed.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gort::chan::{
    RecvError, Select, SelectTimeoutError, SendError, TryReadyError, TryRecvError, TrySelectError,
    TrySendError, after, at, bounded, never, select, select_biased, tick, unbounded,
};
use gort::time::Instant;

use super::each_buffered;
use crate::world::{everywhere, ms, settle};

#[test]
fn nothing_is_chosen_that_would_wait() {
    everywhere(|_| {
        let (s, r) = bounded::<u32>(0);
        let mut both = Select::new();
        both.send(&s);
        both.recv(&r);
        assert_eq!(both.try_select().err(), Some(TrySelectError));
        assert_eq!(both.select_timeout(ms(1)).err(), Some(SelectTimeoutError));
        assert_eq!(both.try_ready(), Err(TryReadyError));
        assert!(both.ready_deadline(std::time::Instant::now() + ms(1)).is_err());
    });
}

#[test]
fn what_is_disconnected_is_chosen() {
    everywhere(|_| {
        let ((to_nobody, end), (end_of_nobody, from_nobody)) = (bounded(0), unbounded::<u32>());
        drop((end, end_of_nobody));
        let mut both = Select::new_biased();
        let send = both.send(&to_nobody);
        let receive = both.recv(&from_nobody);
        let chosen = both.select();
        assert_eq!(chosen.index(), send);
        assert_eq!(chosen.send(&to_nobody, 5), Err(SendError(5)));
        both.remove(send);
        let chosen = both.select();
        assert_eq!(chosen.index(), receive);
        assert_eq!(chosen.recv(&from_nobody), Err(RecvError));
    });
}

/// Between the choice and its completion others see neither the message nor the place.
#[test]
fn a_chosen_operation_is_nobody_elses() {
    everywhere(|_| {
        let (s, r) = bounded(1);
        let mut sending = Select::new();
        sending.send(&s);
        let chosen = sending.select();
        assert_eq!(s.try_send(9), Err(TrySendError::Full(9)));
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        chosen.send(&s, 1).unwrap();

        let mut receiving = Select::new();
        receiving.recv(&r);
        let chosen = receiving.select();
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(chosen.recv(&r), Ok(1));
        assert_eq!(s.try_send(2), Ok(()));
    });
}

#[test]
fn an_operation_that_is_dropped_panics_and_frees_what_it_held() {
    for (s, r) in each_buffered() {
        s.send(1).unwrap();
        let mut receiving = Select::new();
        receiving.recv(&r);
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(receiving.select())));
        assert!(dropped.is_err());
        assert_eq!(r.try_recv(), Ok(1));
        let mut sending = Select::new();
        sending.send(&s);
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(sending.select())));
        assert!(dropped.is_err());
        while s.capacity().is_some() && s.try_send(2).is_ok() {}
        assert_eq!(Some(s.len()), s.capacity().or(Some(0)));
    }
}

/// A receiver that was chosen by a select which lets it down waits for the next sender.
#[test]
fn a_receiver_that_is_let_down_waits_on() {
    everywhere(|world| {
        let (s, r) = bounded::<u32>(0);
        let receiver = world.spawn(move || r.recv());
        settle();
        let no_message = |fails: bool| {
            assert!(!fails, "no message");
            1
        };
        let fails = catch_unwind(AssertUnwindSafe(|| {
            select! {
                send(s, no_message(true)) -> sent => sent.unwrap(),
            }
        }));
        assert!(fails.is_err());
        settle();
        s.send(7).unwrap();
        assert_eq!(receiver.join(), Ok(7));
    });
}

/// Both sides of one rendezvous select, and are completed in either order.
#[test]
fn two_selects_meet() {
    everywhere(|world| {
        for round in 0..20 {
            let (s, r) = bounded::<u32>(0);
            let sender = world.spawn(move || {
                let mut sending = Select::new();
                sending.send(&s);
                let chosen = sending.select();
                if round % 2 == 0 {
                    gort::yield_now();
                }
                chosen.send(&s, round)
            });
            let mut receiving = Select::new();
            receiving.recv(&r);
            assert_eq!(receiving.select().recv(&r), Ok(round));
            assert_eq!(sender.join(), Ok(()));
        }
    });
}

#[test]
fn the_wrong_end_is_refused() {
    let ((s, r), (other_s, other_r)) = (bounded::<u32>(1), bounded::<u32>(1));
    let mut sending = Select::new();
    sending.send(&s);
    let chosen = sending.select();
    assert!(catch_unwind(AssertUnwindSafe(|| chosen.send(&other_s, 1))).is_err());
    s.send(1).unwrap();
    let mut receiving = Select::new();
    receiving.recv(&r);
    let chosen = receiving.select();
    assert!(catch_unwind(AssertUnwindSafe(|| chosen.recv(&other_r))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| receiving.remove(1))).is_err());
    assert!(catch_unwind(|| Select::new().ready()).is_err());
}

#[test]
fn the_choice_is_fair_or_biased() {
    everywhere(|_| {
        let ends: Vec<_> = (0..9).map(|_| unbounded()).collect();
        ends.iter().for_each(|(s, _)| (0..2000).for_each(|i| s.send(i).unwrap()));
        let mut hits = [0; 9];
        for _ in 0..1800 {
            let mut receiving = Select::new();
            ends.iter().for_each(|(_, r)| assert!(receiving.recv(r) < 9));
            let chosen = receiving.select();
            let index = chosen.index();
            chosen.recv(&ends[index].1).unwrap();
            hits[index] += 1;
        }
        assert!(hits.iter().all(|&hits| hits > 100), "{hits:?}");
        let mut receiving = Select::new_biased();
        ends.iter().for_each(|(_, r)| assert!(receiving.recv(r) < 9));
        for _ in 0..100 {
            let chosen = receiving.select();
            assert_eq!(chosen.index(), 0);
            chosen.recv(&ends[0].1).unwrap();
        }
    });
}

#[test]
fn macros_evaluate_once_and_messages_only_when_sent() {
    let (s, r) = unbounded::<u32>();
    let asked = [const { Cell::new(0) }; 3];
    let ask = |at: usize| asked[at].set(asked[at].get() + 1);
    s.send(1).unwrap();
    let full = bounded::<u32>(0).0;
    for _ in 0..1 {
        select_biased! {
            recv({ ask(0); &r }) -> msg => assert_eq!(msg, Ok(1)),
            send({ ask(1); &full }, { ask(2); 2 }) -> _ => unreachable!(),
            default(ms(1000)) => unreachable!(),
        }
    }
    assert_eq!(asked.map(Cell::into_inner), [1, 1, 0]);
}

#[test]
fn arms_break_continue_return_and_fail() {
    fn first(all: &gort::chan::Receiver<u32>) -> Result<u32, RecvError> {
        loop {
            select! {
                recv(all) -> msg => match msg? {
                    0 => continue,
                    1 => break,
                    n => return Ok(n),
                },
                recv(never::<()>()) -> _ => unreachable!()
            }
        }
        Ok(100)
    }
    let (s, r) = unbounded();
    [0, 7, 0, 1].iter().for_each(|&n| s.send(n).unwrap());
    drop(s);
    assert_eq!((first(&r), first(&r), first(&r)), (Ok(7), Ok(100), Err(RecvError)));
    assert_eq!(select! { default => 3 }, 3);
    assert_eq!(select! { recv(r) -> _ => 4, default() => 5 }, 4);
}

#[test]
fn the_clocks_channels_are_never_early() {
    everywhere(|_| {
        let start = Instant::now();
        let (once, ticks) = (after(ms(20)), tick(ms(5)));
        assert_eq!((once.capacity(), once.len(), once.is_full()), (Some(1), 0, false));
        let mut count = 0;
        let moment = loop {
            select! {
                recv(ticks) -> moment => { moment.unwrap(); count += 1 },
                recv(once) -> moment => break moment.unwrap(),
            }
        };
        assert!(moment >= start + ms(20) && Instant::now() >= moment);
        assert!(count as u128 <= start.elapsed().as_millis() / 5);
        assert_eq!(once.try_recv(), Err(TryRecvError::Empty));
        assert!(once.recv_timeout(ms(1)).is_err() && never::<()>().recv_timeout(ms(1)).is_err());
        assert!(at(std::time::Instant::now()).recv().unwrap() <= Instant::now());
    });
}

#[test]
fn errors_say_what_crossbeams_say() {
    assert_eq!(TrySelectError.to_string(), "all operations in select would block");
    assert_eq!(SelectTimeoutError.to_string(), "timed out waiting on select");
}
