//! The contracts of a platform as checks: one for each clause of the traits' documentation.
//!
//! A backend implements `Os`, `Poller`, `Net` and `Arch` of [`rt_core`]. Whether it does so as
//! their documentation says is what a test of five lines beside it finds out:
//!
//! ```no_run
//! rt_core::platform!(os = os_linux::Linux, arch = arch_amd64::Amd64);
//!
//! #[test]
//! fn conforms() {
//!     let suite = os_conformance::Suite { again: Some("conforms"), ..Default::default() };
//!     os_conformance::check::<os_linux::Linux, arch_amd64::Amd64>(&suite);
//! }
//! # fn main() {}
//! ```
//!
//! [`check`] panics with a list of the violated clauses. Each has an id, such as
//! `Os::wait/atomic-with-wake`, the sentence of the documentation that it stands for, and what was
//! seen instead. A check that does not end within [`Time::Real`]'s limit is such a violation too.
//!
//! # How a check is written
//!
//! - *Every wait may return for no reason.* So no check asks that one sleep is not cut short; it
//!   asks that of many sleeps not all are.
//! - What a check needs in passing it does not take from the backend if std has it: it sleeps by
//!   std's clock and looks for data by trying. So a broken function is named by its own clauses,
//!   and drags few others along.
//! - A check may be wrong in one direction only: a race that it looks for and does not meet.
//! - Some clauses need more than a backend: [`Suite`] says what there is. What could not be checked
//!   is listed in [`Report::skipped`].
//!
//! # What is not checked
//!
//! That no huge pages are used, that memory is really given back and that sockets are closed on
//! exec, because only the system's own tools can tell. That sending raises no signal, in a program
//! of std: it ignores the signal from the start. That calls of `Os::at_thread_end` come before the
//! destructors of thread-locals. That backtraces end under an entry.

mod arch;
mod clause;
mod net;
mod os;
mod poller;
mod report;
mod run;
mod suite;
mod tools;

pub use clause::Clause;
pub use report::{Report, Skipped, Violation};
pub use run::{check, clauses, run};
pub use suite::{Suite, Time};
