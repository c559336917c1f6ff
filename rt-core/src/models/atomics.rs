//! The core's atomics in a model: their names and functions, loom's memory.
//!
//! Five things lie between.
//!
//! - loom's atomics can't be made in a `const fn`, and must be made before the threads that share
//!   them. So [`begin`] makes a pool of them for each execution, all zero, and one of the core's is
//!   given one of the pool on its first use. What it holds there is its value XOR the value that it
//!   was made with.
//! - loom takes a `SeqCst` access for an `AcqRel` one, and only fences as sequentially consistent.
//!   So a thread that has done a `SeqCst` store or read-modify-write passes a fence before its next
//!   `SeqCst` access, which is less than any processor does. That is all the order that the core
//!   asks of such accesses. What it doesn't show: a plain store between the two is held up as well.
//! - loom doesn't know that a store can't come between the two halves of a read-modify-write, and
//!   shows a lock whose word stays taken although its holder has stored otherwise. So every store is
//!   done as a swap, whose old value nobody looks at: then the writes to a word have one order, the
//!   one in which they were done.
//! - loom decides from the last access to an atomic alone which other orders are worth a try, and
//!   forgets that another thread had read it before. (Of a load against another thread's load and
//!   compare-and-exchange it tries one order.) So each atomic has a second one of the pool beside it,
//!   and every access begins with a read-modify-write of that, which depends on all others of it.
//! - An access to an atomic with a first value other than zero that is neither a load nor a store
//!   nor a swap is done by compare-and-exchange.

extern crate std;

use core::cell::{Cell, RefCell};
use core::ops::Deref;
use std::rc::Rc;

pub(crate) use core::sync::atomic::compiler_fence;

use loom::sync::atomic::{AtomicU64 as Modelled, fence as modelled_fence};

use super::Ordering;

/// The most atomics that an execution uses. Behind them stand as many that are touched beside them.
const POOL: u32 = 96;

std::thread_local! {
    // All threads of an execution are coroutines on one thread of the system.
    static SHARED: RefCell<Rc<[Modelled]>> = RefCell::new(Rc::new([]));
    static USED: Cell<u32> = const { Cell::new(0) };
}

loom::thread_local! {
    /// Whether this thread has done a `SeqCst` write since its last `SeqCst` fence.
    static WROTE: Cell<bool> = Cell::new(false);
}

/// Makes the memory of an execution. Before anything else in it.
pub(crate) fn begin() {
    SHARED.set((0..2 * POOL).map(|_| Modelled::new(0)).collect());
    USED.set(0);
}

/// A fence, of loom.
pub(crate) fn fence(ordering: Ordering) {
    modelled_fence(ordering);
    if ordering == Ordering::SeqCst {
        WROTE.with(|wrote| wrote.set(false));
    }
}

/// Comes before each access with this ordering.
fn before(ordering: Ordering) {
    if ordering == Ordering::SeqCst && WROTE.with(Cell::get) {
        fence(ordering);
    }
}

/// Comes after each write with this ordering.
fn after_write(ordering: Ordering) {
    if ordering == Ordering::SeqCst {
        WROTE.with(|wrote| wrote.set(true));
    }
}

/// Which of the pool an atomic has; zero before its first use.
#[derive(Debug, Default)]
struct Place(Cell<u32>);

/// An atomic of the pool.
struct Raw(Rc<[Modelled]>, usize);

impl Deref for Raw {
    type Target = Modelled;

    fn deref(&self) -> &Modelled {
        &self.0[self.1]
    }
}

impl Place {
    fn raw(&self) -> Raw {
        if self.0.get() == 0 {
            USED.set(USED.get() + 1);
            self.0.set(USED.get());
        }
        let at = self.0.get();
        assert!(at <= POOL, "the model uses more than {POOL} atomics: raise POOL");
        let pool = SHARED.with_borrow(Rc::clone);
        pool[(POOL + at) as usize - 1].fetch_or(0, Ordering::Relaxed);
        Raw(pool, at as usize - 1)
    }
}

/// What every type of atomic has.
macro_rules! modelled {
    ($(#[$doc:meta])* $name:ident [$($param:ident)?] of $value:ty, $to:expr, $from:expr) => {
        $(#[$doc])*
        #[allow(unreachable_pub, reason = "the same for every type")]
        #[derive(Debug)]
        pub struct $name $(<$param>)? {
            place: Place,
            first: $value,
        }

        // SAFETY: the threads of a model are coroutines on one thread of the system.
        unsafe impl $(<$param>)? Send for $name $(<$param>)? {}
        // SAFETY: as above.
        unsafe impl $(<$param>)? Sync for $name $(<$param>)? {}

        #[allow(dead_code, missing_docs, unreachable_pub, reason = "the same for every type")]
        impl $(<$param>)? $name $(<$param>)? {
            pub const fn new(value: $value) -> Self {
                Self { place: Place(Cell::new(0)), first: value }
            }

            fn encode(&self, value: $value) -> u64 {
                $to(value) ^ $to(self.first)
            }

            fn decode(&self, raw: u64) -> $value {
                $from(raw ^ $to(self.first))
            }

            pub fn load(&self, ordering: Ordering) -> $value {
                before(ordering);
                self.decode(self.place.raw().load(ordering))
            }

            pub fn store(&self, value: $value, ordering: Ordering) {
                before(ordering);
                self.place.raw().swap(self.encode(value), ordering);
                after_write(ordering);
            }

            pub fn swap(&self, value: $value, ordering: Ordering) -> $value {
                before(ordering);
                let old = self.place.raw().swap(self.encode(value), ordering);
                after_write(ordering);
                self.decode(old)
            }

            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                before(success);
                let (current, new) = (self.encode(current), self.encode(new));
                let old = self.place.raw().compare_exchange(current, new, success, failure);
                if old.is_ok() {
                    after_write(success);
                }
                old.map(|raw| self.decode(raw)).map_err(|raw| self.decode(raw))
            }

            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, success, failure)
            }

            pub fn fetch_update(
                &self,
                success: Ordering,
                failure: Ordering,
                mut update: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                before(success);
                let new = |raw| Some(self.encode(update(self.decode(raw))?));
                let old = self.place.raw().fetch_update(success, failure, new);
                if old.is_ok() {
                    after_write(success);
                }
                old.map(|raw| self.decode(raw)).map_err(|raw| self.decode(raw))
            }
        }
    };
}

/// What the numbers have besides.
macro_rules! number {
    ($name:ident of $value:ty; $($op:ident => $apply:expr;)*) => {
        #[allow(dead_code, missing_docs, unreachable_pub, reason = "the same for every type")]
        impl $name {
            $(
                pub fn $op(&self, by: $value, ordering: Ordering) -> $value {
                    if self.first != 0 {
                        let update = |value| Some($apply(value, by));
                        let old = self.fetch_update(ordering, Ordering::Relaxed, update);
                        return old.unwrap_or_else(|_| unreachable!("always updated"));
                    }
                    before(ordering);
                    let old = self.place.raw().$op(self.encode(by), ordering);
                    after_write(ordering);
                    self.decode(old)
                }
            )*
        }
    };
    ($name:ident of $value:ty) => {
        modelled! {
            /// As std's.
            $name [] of $value,
            |value: $value| value as u64,
            |raw: u64| <$value>::try_from(raw).unwrap_or_else(|_| panic!("{raw} has wrapped"))
        }
        number! { $name of $value;
            fetch_add => <$value>::wrapping_add;
            fetch_sub => <$value>::wrapping_sub;
            fetch_or => |a: $value, b: $value| a | b;
            fetch_and => |a: $value, b: $value| a & b;
        }
    };
}

number!(AtomicU32 of u32);
number!(AtomicU64 of u64);
number!(AtomicUsize of usize);
modelled! {
    /// As std's.
    AtomicBool [] of bool, u64::from, |raw: u64| raw != 0
}
modelled! {
    /// As std's.
    AtomicPtr [T] of *mut T,
    |value: *mut T| value.expose_provenance() as u64,
    |raw: u64| core::ptr::with_exposed_provenance_mut(raw as usize)
}

impl AtomicU32 {
    /// What the kernel reads when a thread goes to sleep on the word: the newest value.
    pub(crate) fn newest(&self) -> u32 {
        // A read-modify-write never reads an older value.
        self.decode(self.place.raw().fetch_or(0, Ordering::Relaxed))
    }
}
