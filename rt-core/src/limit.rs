//! A deadline for all that a goroutine does meanwhile: what `timeout` of the facade stands on.
//!
//! An operation that can be cancelled waits by [`park_limited`](crate::wait::park_limited), and ends
//! its wait at the limit if that comes first. It has left every queue by then; and as it has nothing
//! to return, it unwinds, by a function of the facade's, to where the limit was set. It doesn't while
//! its goroutine unwinds already: then a limit is nothing.
//!
//! A goroutine keeps its limit in its record, a plain thread in its word, marked by a bit.

use core::fmt;
use core::ptr::NonNull;

use crate::goroutine::GoroutineRef;
use crate::locked;
use crate::os;
use crate::worker::Local;

/// A deadline, and how to unwind when it has come.
#[repr(align(64))]
pub struct Limit {
    deadline: u64,
    cancel: fn() -> !,
    unwinding: fn() -> bool,
    /// The thread's word under this one, if this is a plain thread's.
    word: *mut (),
}

impl Limit {
    /// A limit at this time of the platform's clock. `cancel` unwinds; `unwinding` says whether the
    /// calling thread does.
    pub fn new(deadline: u64, cancel: fn() -> !, unwinding: fn() -> bool) -> Limit {
        Limit { deadline, cancel, unwinding, word: core::ptr::null_mut() }
    }

    pub(crate) fn deadline(&self) -> u64 {
        self.deadline
    }

    pub(crate) fn word(&self) -> *mut () {
        self.word
    }

    /// The limit of the caller, if it comes before `deadline`.
    #[inline(always)]
    pub(crate) fn before(deadline: u64, g: Option<GoroutineRef>) -> Option<Limited> {
        let limit = match g {
            Some(g) => g.limit()?,
            None => match Local::locked() {
                Some(g) => g.limit()?,
                None => Local::limit()?,
            },
        };
        Limited::sooner(limit, deadline)
    }

    /// The deadline of the caller's limit; `FOREVER` if there is none.
    pub fn current() -> u64 {
        let limit = match locked::current() {
            Some(g) => g.limit(),
            None => Local::limit(),
        };
        // SAFETY: it lies in a frame below, of a `with_limit` that has not returned.
        limit.map_or(crate::FOREVER, |limit| unsafe { limit.as_ref() }.deadline)
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limit({})", self.deadline)
    }
}

/// A limit that cuts a wait short.
#[derive(Clone, Copy)]
pub(crate) struct Limited(NonNull<Limit>);

impl Limited {
    #[cold]
    fn sooner(limit: NonNull<Limit>, deadline: u64) -> Option<Limited> {
        // SAFETY: it lies in a frame below, of a `with_limit` that has not returned.
        let limit_ref = unsafe { limit.as_ref() };
        (limit_ref.deadline < deadline && !(limit_ref.unwinding)()).then_some(Limited(limit))
    }

    pub(crate) fn deadline(self) -> u64 {
        // SAFETY: as in `sooner`: the wait that it cuts short is a call of the same frame.
        unsafe { self.0.as_ref() }.deadline()
    }

    /// Unwinds to where the limit was set.
    #[cold]
    pub(crate) fn cancel(self) -> ! {
        // SAFETY: as above.
        (unsafe { self.0.as_ref() }.cancel)()
    }
}

/// Calls `f`, which must not unwind, under a limit.
pub fn with_limit<R>(mut limit: Limit, f: impl FnOnce() -> R) -> R {
    match locked::current() {
        Some(g) => {
            let outer = g.limit();
            g.set_limit(Some(NonNull::from(&limit)));
            let result = f();
            g.set_limit(outer);
            result
        }
        None => {
            limit.word = os::local();
            Local::during(Local::limited(&limit), f)
        }
    }
}
