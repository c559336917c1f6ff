//! Models of the mutex, the reader-writer lock and of what is done once: their words against their
//! queues.

extern crate std;

use std::cell::Cell;
use std::rc::Rc;

use loom::thread;

use super::cargo::Slot;
use super::check;
use crate::lock::Protected;
use crate::sync::{Begin, RawMutex, RawOnce, RawRwLock, Woken};

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

/// One more, under the mutex.
fn add(to: &(RawMutex, Slot)) {
    to.0.lock();
    to.1.write(to.1.read() + 1);
    // SAFETY: locked above.
    unsafe { to.0.unlock() };
}

/// Whoever tries a lock that is held leaves it to its holder.
#[test]
fn a_try_takes_nothing_away() {
    check(|| {
        let lock = Rc::new(Protected::ordinary(()));
        let guard = lock.lock_as(1);
        let theirs = lock.clone();
        let other = thread::spawn(move || [(); 2].map(|()| theirs.try_lock().is_some()));
        assert_eq!(other.join().ok(), Some([false; 2]));
        drop(guard);
        assert!(lock.try_lock().is_some());
    });
}

/// Two lock a mutex, one of them twice, that is quiet or becomes so.
fn quiet_mutex(quiet_after: u32) {
    let shared = Rc::new((RawMutex::quiet_after(quiet_after), Slot::new()));
    let theirs = shared.clone();
    let other = thread::spawn(move || (0..2).for_each(|_| add(&theirs)));
    add(&shared);
    assert!(other.join().is_ok());
    add(&shared);
    assert_eq!(shared.1.read(), 4);
}

/// Whoever waits for a mutex that is given back by a plain store gets it.
#[test]
fn quiet_mutex_is_waited_for() {
    check(|| quiet_mutex(0));
}

/// So does who waits for one that is about to be given back so.
#[test]
fn mutex_becomes_quiet() {
    check(|| quiet_mutex(1));
}

/// That somebody who was woken for a mutex does not come is noticed, whatever the turns take meanwhile; of short
/// turns few ask for the time.
#[test]
fn woken_one_is_late() {
    const US: u64 = 1000;
    /// After which turn it is late, and how many have asked.
    fn late(time_of: impl Fn(u64) -> u64) -> (u64, u64) {
        let (woken, asked) = (Woken::new(), Cell::new(0));
        woken.note(5);
        let ask = |turn| {
            asked.set(asked.get() + 1);
            5 + time_of(turn)
        };
        let turn = (1..1500).find(|turn| woken.is_late(|| ask(*turn)));
        (turn.unwrap_or(0), asked.get())
    }
    check(|| {
        let (turn, asked) = late(|turn| turn * US);
        assert!((1000..=1001).contains(&turn) && asked < 1000 / 16 + 5, "{turn} {asked}");
        let (turn, asked) = late(|turn| turn * 300 * US);
        assert!(turn == 4 && asked <= 4, "{turn} {asked}");
        assert_eq!(late(|turn| turn * 2000 * US), (1, 1));
        // The first hundred take no time, and the others a millisecond each.
        let (turn, _) = late(|turn| turn.saturating_sub(100) * 1000 * US);
        assert!((101..=117).contains(&turn), "{turn}");
    });
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
