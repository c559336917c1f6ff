//! What the sanitizers and valgrind are told of our stacks; nothing in an ordinary build.
//!
//! They follow one stack a thread. A program that changes stacks by itself has to say so: the
//! address sanitizer keeps each frame's variables apart, by the stack's bounds; the thread sanitizer
//! keeps a clock and a call stack; valgrind tells a switch from a large frame.
//!
//! 1. `begin`: a goroutine was laid out on a stack. `adopt_thread`: a thread became a worker.
//! 2. `leave`: the next thing is the switch. Nothing between it and
//!    `arch::switch` is a function of its own, for the thread sanitizer counts calls and returns.
//! 3. `arrive`: the switch has come up on this stack.
//! 4. `end`: this stack was left for good, and may be used again.
//!
//! Features choose: `sanitize-address`, `sanitize-thread`, `valgrind`. The functions are the
//! sanitizer's own, so such a build links only with that sanitizer (`cargo ci sanitize`).

#[cfg(feature = "sanitize-address")]
mod address;
#[cfg(not(any(feature = "sanitize-address", feature = "sanitize-thread")))]
mod nothing;
#[cfg(all(feature = "sanitize-thread", not(feature = "sanitize-address")))]
mod thread;
#[cfg(feature = "valgrind")]
mod valgrind;

#[cfg(all(feature = "sanitize-address", feature = "sanitize-thread"))]
compile_error!("a program has one sanitizer: `sanitize-address` or `sanitize-thread`");

#[cfg(feature = "sanitize-address")]
pub(crate) use address::{Fiber, Mapping};
#[cfg(not(any(feature = "sanitize-address", feature = "sanitize-thread")))]
pub(crate) use nothing::Fiber;
#[cfg(not(any(feature = "sanitize-address", feature = "valgrind")))]
pub(crate) use nothing_mapped::Mapping;
#[cfg(all(feature = "sanitize-thread", not(feature = "sanitize-address")))]
pub(crate) use thread::Fiber;
#[cfg(all(feature = "valgrind", not(feature = "sanitize-address")))]
pub(crate) use valgrind::Mapping;

/// Whether a sanitizer watches: the record has a field more then, and even the last switch of a
/// goroutine saves where it left.
pub(crate) const WATCHED: bool =
    cfg!(any(feature = "sanitize-address", feature = "sanitize-thread"));

#[cfg(not(any(feature = "sanitize-address", feature = "valgrind")))]
mod nothing_mapped {
    /// A mapping of stacks that nobody watches.
    #[derive(Debug)]
    pub(crate) struct Mapping;

    impl Mapping {
        pub(crate) fn new(_base: *mut u8, _bytes: usize) -> Mapping {
            Mapping
        }

        pub(crate) fn add_stack(&mut self, _low: *mut u8, _bytes: usize) {}

        pub(crate) fn end(self) {}
    }
}
