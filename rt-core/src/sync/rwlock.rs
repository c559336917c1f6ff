//! The reader-writer lock without data: a mutex for the writers, a word and two queues.
//!
//! The word counts the readers that hold the lock, above two bits:
//!
//! - `WRITER`: a writer holds the lock, or is the next to hold it. It has the mutex of the writers.
//! - `WAITING`: readers wait. Set under the queues' lock, and only while `WRITER` is set: so the
//!   writer, who clears both when it leaves, can't miss them.
//!
//! 1. A reader adds itself if there is no `WRITER`, and else waits.
//! 2. A writer takes the mutex, and waits its turn for that; who is starved there for 1 ms is handed
//!    it. Then it sets `WRITER`, so that no more readers come in, and waits for those inside.
//! 3. The last of them finds `WRITER` when it leaves, and hands the lock to that writer, if it waits
//!    already; for both look under the queues' lock.
//! 4. A writer that leaves clears `WRITER` and lets all readers in that wait at that moment. Then
//!    it gives the mutex back, so that the next writer comes after these.
//!
//! A writer whose wait for the last readers is cut short takes `WRITER` back and lets the readers in
//! that wait. If it is abandoned with its runtime, or cut short at this moment, it is passed over: who
//! would hand it the lock leaves in its stead.
//!
//! So neither side starves the other: a writer waits for the readers that are inside, a reader for
//! one writer.
//!
//! Rejected: handing the lock from writer to writer as well, in one queue (each pass costs a
//! wake-up, and short writes become a convoy); letting readers in past a writer that waits (a lock
//! that is read all the time would never be free for it).

use core::fmt;
use core::mem;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;

use super::batch::{Batch, Link};
use super::raw_mutex::{RawMutex, is_alone};
use crate::lock::Protected;
use crate::seam::{AtomicU32, MODEL, Ordering, mutant};
use crate::wait::{WaitQueue, WaitsFor, park_limited};
use crate::{FOREVER, arch, os};

const WRITER: u32 = 1;
const WAITING: u32 = 2;
const READER: u32 = 4;
/// So large a word means as many readers as std allows: a mistake, found while there is room to count.
const MOST: u32 = READER * ((1 << 30) - 2);

/// How often a reader looks before it waits, and how many pauses come in between. In a model it waits
/// at once, as at a mutex.
const SPINS: (u32, u32) = (if MODEL { 0 } else { 4 }, 30);

/// A reader-writer lock without data. It parks goroutines and makes plain threads sleep.
pub struct RawRwLock {
    /// Held by the writer that has set `WRITER`, or is about to.
    writers: RawMutex,
    /// Written by everyone, as the file's head says. A successful change that adds a reader proves
    /// that the caller holds the lock; so does `WRITER` without readers, for who has the mutex.
    word: AtomicU32,
    queues: Protected<Queues>,
}

struct Queues {
    readers: WaitQueue,
    /// The one that has the mutex, if it waits.
    writer: WaitQueue,
    /// Which one does: an address in its frame; null if none. It may have been abandoned since, or cut
    /// short, and is then not in the queue any more.
    writer_waits: *const (),
}

// SAFETY: the address is compared, and never followed.
unsafe impl Send for Queues {}

impl RawRwLock {
    /// A free lock.
    pub const fn new() -> RawRwLock {
        RawRwLock {
            writers: RawMutex::new(),
            word: AtomicU32::new(0),
            queues: Protected::new(Queues {
                readers: WaitQueue::new(WaitsFor::Lock),
                writer: WaitQueue::new(WaitsFor::Lock),
                writer_waits: ptr::null(),
            }),
        }
    }

    /// Takes the lock beside other readers, and waits until no writer holds it or has come before.
    ///
    /// Parks a goroutine; makes a plain thread sleep. A writer that calls it waits for ever; so does
    /// a reader, if a writer waits.
    ///
    /// # Panics
    /// If there are 2³⁰ - 2 readers already.
    #[inline]
    pub fn read(&self) {
        if !self.try_read() {
            self.read_slow();
        }
    }

    /// Takes the lock beside other readers, if no writer holds it or waits for it. Never parks.
    ///
    /// # Panics
    /// As [`read`](Self::read).
    #[inline]
    pub fn try_read(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & WRITER == 0 {
            assert!(word < MOST, "too many active read locks on RwLock");
            // Acquire: pairs with the Releases of writers, in unlock_write() and let_readers_in().
            let change = self.word.compare_exchange_weak(
                word,
                word + READER,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            match change {
                Ok(_) => return true,
                Err(seen) => word = seen,
            }
        }
        false
    }

    /// Takes the lock alone, and waits until that is possible.
    ///
    /// Parks a goroutine; makes a plain thread sleep. A holder that calls it waits for ever.
    #[inline]
    pub fn write(&self) {
        self.writers.lock();
        // Acquire: pairs with the Release of those readers in unlock_read() who have left; that of
        // the writer before is in the mutex.
        if self.word.fetch_or(WRITER, Ordering::Acquire) >= READER {
            self.write_slow();
        }
    }

    /// Takes the lock alone if it is free. Never parks. It may also fail because another
    /// `try_write` is about to fail.
    #[inline]
    pub fn try_write(&self) -> bool {
        if self.word.load(Ordering::Relaxed) != 0 || !self.writers.try_lock() {
            return false;
        }
        // Acquire: as in write().
        let change = self.word.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed);
        if change.is_err() {
            // SAFETY: this function has locked it.
            unsafe { self.writers.unlock() };
        }
        change.is_ok()
    }

    /// Gives back what a reader took. Never parks.
    ///
    /// # Safety
    /// - The caller holds the lock as a reader.
    #[inline]
    pub unsafe fn unlock_read(&self) {
        // Release: pairs with the Acquires in write(), try_write(), write_slow() and last_has_left().
        let release = mutant!("read-release": Ordering::Release => Ordering::Relaxed);
        let before = self.word.fetch_sub(READER, release);
        debug_assert!(before >= READER, "unlocked a lock without readers");
        if is_for_writer(before - READER) {
            self.last_has_left();
        }
    }

    /// Gives back what a writer took. Never parks.
    ///
    /// # Safety
    /// - The caller holds the lock as a writer.
    #[inline]
    pub unsafe fn unlock_write(&self) {
        // SAFETY: the caller's contract is the same.
        unsafe { self.leave(0) };
    }

    /// Makes a reader of a writer, with no other writer in between. Never parks.
    ///
    /// # Safety
    /// - The caller holds the lock as a writer, and from then on as a reader.
    #[inline]
    pub unsafe fn downgrade(&self) {
        // SAFETY: the caller's contract is the same.
        unsafe { self.leave(READER) };
    }

    /// Step 4. `held` is what the writer keeps, in the word's terms.
    ///
    /// # Safety
    /// - The caller holds the lock as a writer, and then no more than `held`.
    #[inline(always)]
    unsafe fn leave(&self, held: u32) {
        // Release: pairs with the Acquire in try_read().
        let release = mutant!("write-release": Ordering::Release => Ordering::Relaxed);
        let change = self.word.compare_exchange(WRITER, held, release, Ordering::Relaxed);
        if change.is_err() {
            self.let_readers_in(held);
        }
        // SAFETY: the writer has it since it came (steps 2 and 4).
        unsafe { self.writers.unlock() };
    }

    #[cold]
    fn read_slow(&self) {
        if self.spin() {
            return;
        }
        os::point();
        let queues = self.queues.lock();
        loop {
            if self.try_read() {
                return;
            }
            let word = self.word.load(Ordering::Relaxed);
            if word & WAITING != 0 {
                break;
            }
            let told = mutant!("read-announce": word | WAITING => word);
            // A free lock must not be waited for: nobody would let this reader in.
            if word & WRITER != 0
                && self
                    .word
                    .compare_exchange(word, told, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
            {
                break;
            }
        }
        let mut link = Link::default();
        let slot = (&raw mut link).cast();
        // SAFETY: the queue is the lock's own, which `self` borrows until this returns.
        unsafe { park_limited(queues, |queues| &mut queues.readers, slot, FOREVER) };
    }

    /// Tries for a moment to come in as a reader, unless others wait.
    fn spin(&self) -> bool {
        if is_alone() {
            return false;
        }
        for _ in 0..SPINS.0 {
            if self.try_read() {
                return true;
            }
            if self.word.load(Ordering::Relaxed) & WAITING != 0 {
                return false;
            }
            for _ in 0..SPINS.1 {
                arch::pause();
            }
        }
        false
    }

    /// The end of step 2: `WRITER` is set, and there were readers then.
    #[cold]
    fn write_slow(&self) {
        os::point();
        let mut queues = self.queues.lock();
        // Acquire: pairs with the Release in unlock_read().
        let free = is_for_writer(self.word.load(Ordering::Acquire));
        if mutant!("write-recheck": free => false) {
            return;
        }
        let frame = 0_u8;
        let gives_up = GivesUp { lock: self, name: (&raw const frame).cast() };
        queues.writer_waits = gives_up.name;
        let nothing = ptr::null_mut();
        // SAFETY: the queue is the lock's own, which `self` borrows until this returns.
        unsafe { park_limited(queues, |queues| &mut queues.writer, nothing, FOREVER) };
        mem::forget(gives_up);
    }

    /// Step 3. The writer may have gone on since the caller left, and the lock may be held again: so
    /// it is what the word says now that counts. If it says that there is no reader inside, and the
    /// queues that the writer waits, this stays so.
    #[cold]
    fn last_has_left(&self) {
        os::point();
        let mut queues = self.queues.lock();
        // Acquire: pairs with the Release in unlock_read(), for the writer that is woken.
        let free = is_for_writer(self.word.load(Ordering::Acquire));
        if !free || mem::replace(&mut queues.writer_waits, ptr::null()).is_null() {
            return;
        }
        let writer = queues.writer.claim_first();
        drop(queues);
        match writer {
            Some(writer) => mutant!("write-wake": writer.wake() => drop(writer)),
            // SAFETY: the lock is that of a writer that will never run again, together with its
            // runtime, or that sees by `writer_waits` that another leaves for it (`GivesUp`). So
            // this is the only one to do it.
            None => unsafe { mutant!("write-abandoned": self.leave(0) => ()) },
        }
    }

    /// Clears both bits, and makes holders of all readers that wait.
    #[cold]
    fn let_readers_in(&self, held: u32) {
        let mut queues = self.queues.lock();
        // SAFETY: a waiting reader passes an empty link (`read_slow`).
        let readers = unsafe { Batch::claim_all(&mut queues.readers) };
        // The word is `WRITER | WAITING`, and stable: that others change takes the queues' lock.
        // Release: pairs with the Acquire in try_read().
        self.word.store(held + READER * readers.len(), Ordering::Release);
        drop(queues);
        mutant!("read-wake": readers.wake() => ());
    }
}

/// Dropped when a limit cuts the wait of a writer short that has set `WRITER`.
struct GivesUp<'a> {
    lock: &'a RawRwLock,
    /// In `writer_waits` as long as nobody has come by.
    name: *const (),
}

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        let lock = self.lock;
        let mut queues = lock.queues.lock();
        let waits = queues.writer_waits;
        if mutant!("write-whose": waits != self.name => waits.is_null()) {
            // The last reader has come by at this moment, and has left in its stead: another writer may
            // wait by now.
            return;
        }
        queues.writer_waits = ptr::null();
        // SAFETY: a waiting reader passes an empty link (`read_slow`).
        let readers = unsafe { Batch::claim_all(&mut queues.readers) };
        // Both bits go, which stay as they are while this holds the queues' lock; readers that are
        // inside may leave meanwhile.
        let bits = lock.word.load(Ordering::Relaxed) & (WRITER | WAITING);
        let change = (READER * readers.len()).wrapping_sub(bits);
        // Release: pairs with the Acquire in try_read(). Acquire: passes on what the writers before
        // have released.
        lock.word.fetch_add(change, Ordering::AcqRel);
        drop(queues);
        mutant!("write-gives-up": readers.wake() => ());
        // SAFETY: it has had the mutex since it came (step 2).
        unsafe { lock.writers.unlock() };
    }
}

/// Whether a writer that has set `WRITER` may go on.
fn is_for_writer(word: u32) -> bool {
    word & !WAITING == WRITER
}

impl UnwindSafe for RawRwLock {}
impl RefUnwindSafe for RawRwLock {}

impl Default for RawRwLock {
    fn default() -> RawRwLock {
        RawRwLock::new()
    }
}

impl fmt::Debug for RawRwLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.load(Ordering::Relaxed);
        f.debug_struct("RawRwLock")
            .field("readers", &(word / READER))
            .field("writer", &(word & WRITER != 0))
            .finish()
    }
}
