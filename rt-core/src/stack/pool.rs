//! The free regions of a runtime: lists of used ones, and a store of ones without memory.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::array;

use super::arena::{self, Arena};
use super::cache::batch;
use super::{CLASSES, Class};
use crate::goroutine::{Batch, GoroutineRef};
use crate::list::List;
use crate::lock::Protected;
use crate::seam::{AtomicUsize, Ordering};
use crate::{OsResult, os};

/// The size of a class's first arena, and of its largest, in bytes of addresses. Arenas double from
/// one to the other: a small program maps little, and a million stacks need some 40 mappings.
const ARENA_BYTES: (usize, usize) = (16 << 20, 4 << 30);

/// How many regions the first pair of system calls prepares, and the most that one does. The number
/// doubles from one to the other. With fewer processors than the first it is theirs: a page fault each
/// is what a small program's start is made of.
const PREPARE: (usize, usize) = (8, 512);

/// From so many fresh regions on, the system is asked for their memory at once. (A small program's start takes
/// fewer.)
const POPULATE: usize = 8;

/// How many full lists a class keeps with their memory when nobody has asked for them lately.
const KEEP: usize = 2;

/// How long a list must have lain unused before its memory is given back, in nanoseconds. (jemalloc waits
/// ten seconds. To give a stack back and to have it again takes 3 µs, so what comes in waves is better kept.)
const TRIM_AFTER: u64 = 1_000_000_000;

/// The pool of one class.
struct ClassPool {
    /// Free regions with memory, in lists of a batch. The last one given is the first one taken.
    used: VecDeque<List>,
    /// Free regions without memory: their records read as zeros.
    clean: Vec<Clean>,
    arenas: Vec<Arena>,
    /// How many regions the next preparation makes.
    prepare: usize,
    /// The fewest lists that `used` has held since `since`: that many nobody needed.
    fewest: usize,
    since: u64,
}

/// The lowest address of a region without memory.
struct Clean(*mut u8);

// SAFETY: an address of a region that nobody uses; the pool owns it.
unsafe impl Send for Clean {}

/// The pool of a runtime.
pub(crate) struct StackPool {
    classes: [Protected<ClassPool>; CLASSES],
    /// The number of lists in all `used`. Written under their locks; a stale read puts trimming off.
    spare: AtomicUsize,
}

impl StackPool {
    /// A pool that so many processors take from, perhaps all at the same moment.
    pub(crate) fn new(procs: usize) -> StackPool {
        StackPool {
            spare: AtomicUsize::new(0),
            classes: array::from_fn(|_| {
                Protected::ordinary(ClassPool {
                    used: VecDeque::new(),
                    clean: Vec::new(),
                    arenas: Vec::new(),
                    prepare: procs.min(PREPARE.0),
                    fewest: 0,
                    since: 0,
                })
            }),
        }
    }

    /// A list of at least one free region, a batch if there are as many.
    pub(super) fn take(&self, class: Class) -> OsResult<List> {
        let mut bases = [core::ptr::null_mut(); 32];
        let mut n = 0;
        {
            let mut pool = self.classes[class.index()].lock();
            if let Some(list) = pool.used.pop_back() {
                self.spare.fetch_sub(1, Ordering::Relaxed);
                pool.fewest = pool.fewest.min(pool.used.len());
                return Ok(list);
            }
            if pool.clean.is_empty() {
                pool.prepare(class)?;
            }
            while n < batch(class)
                && let Some(Clean(base)) = pool.clean.pop()
            {
                bases[n] = base;
                n += 1;
            }
        }
        // Without the lock, for this is where the memory comes from, and the records are written.
        if !cfg!(feature = "small") && n >= POPULATE {
            os::populate(&bases.map(|base| arena::last_page(base, class))[..n]);
        }
        let list = List::new();
        for &base in &bases[..n] {
            // SAFETY: taken from `clean` above, so prepared and used by nobody.
            list.push_back(unsafe { arena::adopt(base, class) });
        }
        Ok(list)
    }

    /// One free region, for a spawner that has no processor.
    pub(crate) fn take_one(&self, class: Class) -> OsResult<GoroutineRef> {
        let list = self.take(class)?;
        let Some(g) = list.pop_front() else {
            crate::fatal!("the stack pool handed out an empty list");
        };
        self.give(class, list);
        Ok(g)
    }

    /// Takes a list of free regions back.
    pub(super) fn give(&self, class: Class, list: List) {
        if !list.is_empty() {
            self.spare.fetch_add(1, Ordering::Relaxed);
            self.classes[class.index()].lock().used.push_back(list);
        }
    }

    /// Gives the memory of up to one list back to the system, if it has lain unused long enough.
    /// The answer is when to come again: at once, later, or not (`None`) until regions come back.
    pub(crate) fn trim(&self, clock: impl FnOnce() -> u64) -> Option<u64> {
        if self.spare.load(Ordering::Relaxed) <= KEEP {
            return None;
        }
        let now = clock();
        let mut next = None;
        for class in Class::all() {
            let list = {
                let mut pool = self.classes[class.index()].lock();
                if pool.used.len() <= KEEP {
                    continue;
                }
                if now < pool.since.saturating_add(TRIM_AFTER) {
                    let due = pool.since.saturating_add(TRIM_AFTER);
                    next = Some(next.map_or(due, |other: u64| other.min(due)));
                    continue;
                }
                if pool.fewest <= KEEP {
                    pool.fewest = pool.used.len();
                    pool.since = now;
                    next = Some(next.map_or(now + TRIM_AFTER, |other| other.min(now + TRIM_AFTER)));
                    continue;
                }
                pool.fewest -= 1;
                // The list that was given first: the coldest.
                pool.used.pop_front()
            };
            if let Some(list) = list {
                self.spare.fetch_sub(1, Ordering::Relaxed);
                self.discard(class, list);
            }
            return Some(now);
        }
        next
    }

    fn discard(&self, class: Class, list: List) {
        while let Some(g) = list.pop_front() {
            let base = arena::base_of(g);
            // SAFETY: a free region taken out of its list on the line above.
            unsafe { Arena::discard(base, class) };
            self.classes[class.index()].lock().clean.push(Clean(base));
        }
    }

    /// Some goroutines that have not ended, and where to go on; `None` when these were the last.
    /// They may end at any moment, unless the caller knows better.
    pub(crate) fn some_live(&self, from: Cursor) -> (Batch, Option<Cursor>) {
        let mut batch = Batch::default();
        let Cursor { mut class, mut arena, mut index } = from;
        while let Some(pool) = self.classes.get(class) {
            let pool = pool.lock();
            while let Some(there) = pool.arenas.get(arena) {
                while index < there.prepared() {
                    if batch.is_full() {
                        return (batch, Some(Cursor { class, arena, index }));
                    }
                    batch.push(there.live(index));
                    index += 1;
                }
                (arena, index) = (arena + 1, 0);
            }
            (class, arena) = (class + 1, 0);
        }
        (batch, None)
    }

    /// Calls `visit` with every goroutine that has not ended.
    pub(crate) fn each_live(&self, visit: impl Fn(GoroutineRef)) {
        let mut next = Some(Cursor::START);
        while let Some(cursor) = next {
            let (batch, after) = self.some_live(cursor);
            batch.iter().for_each(&visit);
            next = after;
        }
    }

    /// Calls `visit` with every goroutine that has not ended and returns how many there are, while
    /// all threads stand still: what one of them has locked is left out.
    pub(crate) fn visit(&self, mut visit: impl FnMut(GoroutineRef)) -> usize {
        let mut live = 0;
        for pool in self.classes.iter().filter_map(Protected::try_lock) {
            for arena in &pool.arenas {
                for g in (0..arena.prepared()).filter_map(|index| arena.live(index)) {
                    live += 1;
                    visit(g);
                }
            }
        }
        live
    }

    /// The record at this address, if there is one of ours. What is locked is left out, unless it may
    /// be waited for.
    pub(crate) fn record_at(&self, address: usize, may_wait: bool) -> Option<GoroutineRef> {
        self.classes.iter().find_map(|pool| {
            let pool = if may_wait { Some(pool.lock()) } else { pool.try_lock() };
            pool?.arenas.iter().find_map(|arena| arena.record_at(address))
        })
    }

    /// The goroutine whose guard this address is in. Waits for no lock, for a handler of signals asks: so
    /// one whose size is locked at this moment is not found.
    pub(crate) fn guarded_by(&self, address: usize) -> Option<GoroutineRef> {
        self.classes.iter().find_map(|pool| {
            pool.try_lock()?.arenas.iter().find_map(|arena| arena.guarded_by(address))
        })
    }

    /// How many regions were ever prepared, and how many of them are free here; while all threads
    /// stand still, as for [`StackPool::visit`].
    pub(crate) fn count(&self) -> (usize, usize) {
        let (mut prepared, mut free) = (0, 0);
        for pool in self.classes.iter().filter_map(Protected::try_lock) {
            prepared += pool.arenas.iter().map(Arena::prepared).sum::<usize>();
            free += pool.clean.len() + pool.used.iter().map(List::len).sum::<usize>();
        }
        (prepared, free)
    }

    /// Gives every mapping back.
    ///
    /// # Safety
    /// - Every goroutine has ended, and nothing refers to a record any more.
    pub(crate) unsafe fn release(&self) {
        for class in &self.classes {
            let mut pool = class.lock();
            pool.used.clear();
            pool.clean.clear();
            for arena in pool.arenas.drain(..) {
                // SAFETY: the caller vouches for all regions, and the lists are empty now.
                unsafe { arena.release() };
            }
        }
    }
}

/// A place among all regions of a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    class: usize,
    arena: usize,
    index: usize,
}

impl Cursor {
    pub(crate) const START: Cursor = Cursor { class: 0, arena: 0, index: 0 };
}

impl ClassPool {
    /// Puts some new regions into `clean`.
    fn prepare(&mut self, class: Class) -> OsResult<()> {
        if !self.prepare_in_last()? {
            self.grow(class)?;
            if !self.prepare_in_last()? {
                return Err(os::no_memory());
            }
        }
        // Handed out from the lowest address on.
        self.clean.reverse();
        Ok(())
    }

    /// False: no arena has room. Takes fewer where the system refuses many: one is an error only if
    /// not even a single one is to be had.
    fn prepare_in_last(&mut self) -> OsResult<bool> {
        let Some(arena) = self.arenas.last_mut() else { return Ok(false) };
        let clean = &mut self.clean;
        let mut want = self.prepare.min(PREPARE.1);
        loop {
            match arena.prepare(want, |base| clean.push(Clean(base))) {
                Ok(0) => return Ok(false),
                Ok(_) => {
                    self.prepare = (want * 2).min(PREPARE.1);
                    return Ok(true);
                }
                Err(error) if want == 1 => {
                    self.prepare = 1;
                    return Err(error);
                }
                Err(_) => want /= 2,
            }
        }
    }

    /// A further arena: twice the last one, or as large as the system lets it be.
    fn grow(&mut self, class: Class) -> OsResult<()> {
        let first = (ARENA_BYTES.0 / class.bytes()).max(1);
        let most = (ARENA_BYTES.1 / class.bytes()).max(1);
        let mut capacity = self.arenas.last().map_or(first, |last| (last.capacity() * 2).min(most));
        let arena = loop {
            match Arena::reserve(class, capacity) {
                Err(_) if capacity > 1 => capacity /= 2,
                reserved => break reserved?,
            }
        };
        self.arenas.push(arena);
        Ok(())
    }
}
