//! Models of the reader-writer lock and of what is done once: their words against their queues.

extern crate std;

use std::rc::Rc;

use loom::thread;

use super::cargo::Slot;
use super::check;
use crate::sync::{Begin, RawOnce, RawRwLock};

/// A lock and what it protects.
struct Protecting {
    lock: RawRwLock,
    slot: Slot,
}

fn protecting() -> Rc<Protecting> {
    Rc::new(Protecting { lock: RawRwLock::new(), slot: Slot::new() })
}

fn write(to: &Protecting, value: u32) {
    to.lock.write();
    to.slot.write(value);
    // SAFETY: locked above.
    unsafe { to.lock.unlock_write() };
}

fn read(from: &Protecting) -> u32 {
    from.lock.read();
    let value = from.slot.read();
    // SAFETY: locked above.
    unsafe { from.lock.unlock_read() };
    value
}

/// The reader comes before the writer or after it, and both come to an end.
#[test]
fn rwlock_reader_against_writer() {
    check(|| {
        let shared = protecting();
        let theirs = shared.clone();
        let writer = thread::spawn(move || write(&theirs, 5));
        assert!([0, 5].contains(&read(&shared)));
        assert!(writer.join().is_ok());
        assert_eq!(read(&shared), 5);
    });
}

/// Of two writers the second sees what the first has done.
#[test]
fn rwlock_writer_against_writer() {
    check(|| {
        let shared = protecting();
        let theirs = shared.clone();
        let writer = thread::spawn(move || write(&theirs, 5));
        write(&shared, 6);
        assert!(writer.join().is_ok());
        assert!([5, 6].contains(&read(&shared)));
    });
}

/// The work is done by one, and seen by both.
#[test]
fn once_is_seen() {
    fn come(once: &RawOnce, slot: &Slot) -> bool {
        let runs = !once.is_completed() && once.begin(false) != Begin::Completed;
        if runs {
            slot.write(5);
            once.end(true);
        }
        assert_eq!(slot.read(), 5);
        runs
    }
    check(|| {
        let shared = Rc::new((RawOnce::new(), Slot::new()));
        let theirs = shared.clone();
        let other = thread::spawn(move || come(&theirs.0, &theirs.1));
        let runs = come(&shared.0, &shared.1);
        assert_ne!(other.join().ok(), Some(runs));
    });
}
