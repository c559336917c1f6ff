//! Models of handing on: the core's lock, the packet of a join, the end of a runtime.

extern crate std;

use core::mem::ManuallyDrop;
use std::boxed::Box;
use std::rc::Rc;
use std::sync::Arc;

use loom::thread;

use super::cargo::Slot;
use super::{check, runtime, runtime_of};
use crate::join::{Completer, packet};
use crate::lock::{Guard, Protected};
use crate::runtime::Shared;
use crate::worker::Local;

#[test]
fn lock_excludes() {
    check(|| {
        let counter = Rc::new(Protected::new(Slot::new()));
        let add = |counter: &Protected<Slot>| {
            let slot = counter.lock();
            slot.write(slot.read() + 1);
        };
        let theirs = counter.clone();
        let other = thread::spawn(move || add(&theirs));
        add(&counter);
        assert!(other.join().is_ok());
        assert_eq!(counter.lock().read(), 2);
    });
}

/// What two workers' threads have for a word, as far as a lock can tell.
const WORKERS: [usize; 2] = [0x1000 | Local::IN_WORKERS_WORD, 0x2000 | Local::IN_WORKERS_WORD];

/// One more, by the worker with this word.
fn add_as(me: usize, counter: &Protected<Slot>) {
    let slot = counter.lock_as(me);
    slot.write(slot.read() + 1);
}

/// A worker takes its own lock, twice, while another takes that away from it.
#[test]
fn own_lock_excludes() {
    check(|| {
        let counter = Rc::new(Protected::new(Slot::new()));
        drop(counter.own_as(WORKERS[0]));
        let theirs = counter.clone();
        let owner = thread::spawn(move || (0..2).for_each(|_| add_as(WORKERS[0], &theirs)));
        add_as(WORKERS[1], &counter);
        assert!(owner.join().is_ok());
        assert_eq!(counter.lock().read(), 3);
    });
}

/// The same, and then it is the other's own.
#[test]
fn own_lock_changes_its_owner() {
    check(|| {
        let counter = Rc::new(Protected::new(Slot::new()));
        drop(counter.own_as(WORKERS[0]));
        let theirs = counter.clone();
        let owner = thread::spawn(move || add_as(WORKERS[0], &theirs));
        drop(counter.own_as(WORKERS[1]));
        add_as(WORKERS[1], &counter);
        assert!(owner.join().is_ok());
        assert_eq!(counter.lock().read(), 2);
    });
}

/// A goroutine leaves holding the lock, and the other side gives it back.
#[test]
fn lock_is_given_back_by_another() {
    check(|| {
        let shared = Rc::new(Protected::new(Slot::new()));
        let guard = shared.lock();
        guard.write(1);
        let _ = Guard::leave_held(guard);
        let theirs = shared.clone();
        let other_side = thread::spawn(move || theirs.bare_lock().release());
        assert_eq!(shared.lock().read(), 1);
        assert!(other_side.join().is_ok());
    });
}

/// A result that says so when it is lost or freed twice: loom counts its `Arc`s.
fn result() -> loom::sync::Arc<Slot> {
    let result = loom::sync::Arc::new(Slot::new());
    result.write(7);
    result
}

/// Hands one over.
fn complete(mut completer: Completer<loom::sync::Arc<Slot>>) -> Option<loom::sync::Arc<Slot>> {
    completer.put(result());
    ManuallyDrop::new(completer).hand_over()
}

#[test]
fn join_against_complete() {
    check(|| {
        let (completer, joiner) = packet(None, None, None);
        let goroutine = thread::spawn(move || assert!(complete(completer).is_none()));
        assert_eq!(joiner.join().map(|result| result.read()), Some(7));
        assert!(goroutine.join().is_ok());
    });
}

#[test]
fn join_of_one_that_never_ran() {
    check(|| {
        let (completer, joiner) = packet::<loom::sync::Arc<Slot>>(None, None, None);
        let dropper = thread::spawn(move || drop(completer));
        assert!(joiner.join().is_none());
        assert!(dropper.join().is_ok());
    });
}

/// Whoever comes last frees the packet, and one of the two gets the result.
#[test]
fn detach_against_complete() {
    check(|| {
        let (completer, joiner) = packet(None, None, None);
        let goroutine = thread::spawn(move || complete(completer).is_some());
        let ours = joiner.detach().map(|result| result.read()).is_some();
        let theirs = goroutine.join().is_ok_and(|came_back| came_back);
        assert!(ours != theirs);
    });
}

/// A processor is used by its worker, or by who takes it away: never by both.
#[test]
fn processor_is_taken_from_outside_only() {
    check(|| {
        let runtime = runtime_of(1, true);
        let shared = runtime.shared.clone();
        // What the processor owns.
        let slot = Rc::new(Slot::new());
        let theirs = slot.clone();
        shared.worker(0).set_inside(false);
        let monitor = thread::spawn(move || {
            let taken = shared.is_outside(shared.worker(0));
            if taken {
                theirs.write(theirs.read() + 1);
            } else {
                shared.worker(0).ask(false);
            }
            taken
        });
        let worker = runtime.shared.worker(0);
        let mut used = 0;
        for _ in 0..2 {
            if worker.is_asked_inside() {
                // It would wait for the answer.
                break;
            }
            slot.write(slot.read() + 1);
            used += 1;
            worker.go_out();
        }
        let taken = monitor.join().is_ok_and(|taken| taken);
        assert_eq!(slot.read(), used + u32::from(taken));
    });
}

/// The last to leave, and whoever waits for it, sees all that the others have done.
#[test]
fn the_last_to_leave_sees_all() {
    type Job = (Arc<Shared>, Rc<Slot>);

    fn work(shared: &Shared, slot: &Slot) {
        slot.write(1);
        shared.ending.leave(shared);
    }

    unsafe extern "C" fn other(job: *mut ()) {
        // SAFETY: the argument is the box below.
        let (shared, slot) = *unsafe { Box::from_raw(job.cast::<Job>()) };
        work(&shared, &slot);
        // SAFETY: counted by `start_thread` for this thread.
        unsafe { Arc::decrement_strong_count(Arc::as_ptr(&shared)) };
    }

    check(|| {
        let runtime = runtime(1);
        let shared = &runtime.shared;
        let slots = [Rc::new(Slot::new()), Rc::new(Slot::new())];
        let job: Box<Job> = Box::new((shared.clone(), slots[1].clone()));
        assert!(shared.start_thread(other, |_| Box::into_raw(job).cast()).is_ok());
        work(shared, &slots[0]);
        shared.ending.wait_for_all();
        assert_eq!(slots[0].read() + slots[1].read(), 2);
    });
}
