//! Models of parking and readying: the state word, and a plain thread's waiter.

extern crate std;

use std::rc::Rc;

use loom::thread;

use super::cargo::{Herd, Slot};
use super::check;
use crate::lock::Protected;
use crate::state::Change;
use crate::wait::{WaitQueue, WaitsFor, Wake, park_on};
use crate::{FOREVER, os};

/// One of the two queues the goroutine, and sees what the other has done.
#[test]
fn commit_against_ready() {
    check(|| {
        let herd = Herd::new(1);
        let g = herd.spawn(0);
        let context = Rc::new(Slot::new());
        let message = Rc::new(Slot::new());
        g.state.set(Change::Resume);
        g.state.set(Change::Prepare);
        let (saved, sent) = (context.clone(), message.clone());
        let waker = thread::spawn(move || {
            sent.write(1);
            let queues = g.state.ready();
            if queues {
                assert_eq!(saved.read(), 1, "resumed before it had left");
                g.state.set(Change::Resume);
            }
            queues
        });
        context.write(1);
        let requeues = !g.state.commit();
        if requeues {
            g.state.set(Change::Requeue);
            assert_eq!(message.read(), 1);
        }
        assert_ne!(waker.join().ok(), Some(requeues));
    });
}

/// A goroutine parks under a lock, which the other side gives back; a waker finds it there.
#[test]
fn park_under_a_lock_against_ready() {
    check(|| {
        let herd = Herd::new(1);
        let g = herd.spawn(0);
        g.state.set(Change::Resume);
        let queue = Rc::new(Protected::new(false));
        let context = Rc::new(Slot::new());
        let (lock, saved) = (queue.clone(), context.clone());
        let waker = thread::spawn(move || {
            let waits = *lock.lock();
            if waits {
                assert!(g.state.ready_parked());
                assert_eq!(saved.read(), 1, "resumed before it had left");
                g.state.set(Change::Resume);
            }
        });
        let mut guard = queue.lock();
        *guard = true;
        let lock = crate::lock::Guard::leave_held(guard);
        context.write(1);
        g.state.set(Change::ParkLocked);
        lock.release();
        assert!(waker.join().is_ok());
    });
}

/// A place to wait at.
struct Desk {
    queue: WaitQueue,
    open: bool,
}

impl Desk {
    fn closed() -> Desk {
        Desk { queue: WaitQueue::new(WaitsFor::Lock), open: false }
    }
}

/// Waits at the desk unless it is open; how that ended, and what is in the slot then.
fn wait_at(desk: &Protected<Desk>, deadline: u64) -> Option<(Wake, u32)> {
    let slot = Slot::new();
    let guard = desk.lock();
    if guard.open {
        return None;
    }
    // SAFETY: the desk is borrowed, so it stays where it is while we wait at it.
    let wake = unsafe { park_on(guard, |desk| &mut desk.queue, slot.as_ptr(), deadline) };
    Some((wake, slot.read()))
}

/// Opens the desk, and hands something to the first who waits.
fn open_desk(desk: &Protected<Desk>) -> bool {
    let mut guard = desk.lock();
    guard.open = true;
    let Some(first) = guard.queue.claim_first() else { return false };
    drop(guard);
    // SAFETY: a claimed waiter's slot is there until it is woken.
    unsafe { Slot::from_ptr(first.slot()) }.write(5);
    first.wake();
    true
}

#[test]
fn parker_against_waker() {
    check(|| {
        let desk = Rc::new(Protected::new(Desk::closed()));
        let theirs = desk.clone();
        let waker = thread::spawn(move || open_desk(&theirs));
        let waited = wait_at(&desk, FOREVER);
        let expected = waker.join().is_ok_and(|found| found).then_some((Wake::Claimed, 5));
        assert_eq!(waited, expected);
    });
}

/// Either the deadline ends the wait, or the waker, and both know which.
#[test]
fn parker_with_deadline_against_waker() {
    check(|| {
        let desk = Rc::new(Protected::new(Desk::closed()));
        let theirs = desk.clone();
        let waker = thread::spawn(move || open_desk(&theirs));
        let waited = wait_at(&desk, os::now() + 1);
        let found = waker.join().is_ok_and(|found| found);
        match waited {
            Some((Wake::Claimed, slot)) => assert!(found && slot == 5),
            Some((Wake::TimedOut, slot)) => assert!(!found && slot == 0),
            None => assert!(!found),
        }
        assert!(desk.lock().queue.is_empty());
    });
}
