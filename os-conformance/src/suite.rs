//! What there is to check with, besides the backend.
#![forbid(unsafe_code)]

use std::fmt;
use std::time::Duration;

use rt_core::{GuardKind, Os};

/// What there is to check a backend with. [`Suite::default`] serves a real system.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// Whether time and threads are the machine's.
    pub time: Time,
    /// How long a check looks out for what must happen until it says that it did not. Much more
    /// than a loaded machine takes; by the backend's clock under [`Time::Virtual`].
    pub patience: Duration,
    /// Says, without a fault, whether the byte at an address can be read. `None`: guards are not
    /// looked at. The default on Unix asks the kernel by writing that byte into a pipe.
    pub probe: Option<fn(*const u8) -> bool>,
    /// Whether there is a network: false skips every clause that is about sockets.
    pub sockets: bool,
    /// The name of the calling test, as the test harness of std knows it, from the root of its
    /// binary: `Some("module::conforms")`. Clauses about the end of the process are checked in
    /// processes that run only this test, and play their part as soon as it calls [`crate::run`].
    /// `None`: they are skipped.
    pub again: Option<&'static str>,
    /// Only clauses whose ids begin with one of these are checked: `&["Os::wait/", "Net::"]`. All
    /// of them are if there is none.
    pub only: &'static [&'static str],
    /// Clauses with these ids are skipped: those that a machine can't be asked, such as an emulator
    /// that keeps a record of each page that was ever reserved.
    pub without: &'static [&'static str],
}

/// Whose time a backend lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// The machine's. Each check runs on a thread of std, and must end within `limit`.
    Real {
        /// How long one check may take. Longer than all that it may have to be patient for.
        limit: Duration,
    },
    /// A simulation's. The checks run on the calling thread, use no threads but the backend's, and
    /// let time pass by `Os::wait`. To end one that hangs is the simulation's affair.
    Virtual,
}

impl Default for Suite {
    /// Real time, a limit of 20 s and a patience of 2 s, sockets, and all clauses but those about
    /// the end of the process.
    fn default() -> Suite {
        Suite {
            time: Time::Real { limit: Duration::from_secs(20) },
            patience: Duration::from_secs(2),
            probe: crate::tools::probe::DEFAULT,
            sockets: true,
            again: None,
            only: &[],
            without: &[],
        }
    }
}

/// What a check may need besides the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Guards that exist, and a [`Suite::probe`] that sees them.
    Guards,
    /// [`Suite::sockets`].
    Sockets,
    /// [`Time::Real`].
    RealTime,
    /// [`Suite::again`].
    Again,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Need::Guards => "needs real guards, and `Suite::probe` to see them",
            Need::Sockets => "needs sockets, which `Suite::sockets` says there are none of",
            Need::RealTime => "needs real threads and time",
            Need::Again => "needs processes of its own: `Suite::again` has the name of no test",
        })
    }
}

impl Suite {
    /// Whether a clause of this id is to be checked.
    pub(crate) fn includes(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|beginning| id.starts_with(beginning))
    }

    /// Whether there is what a check needs.
    pub(crate) fn has<O: Os>(&self, need: Need) -> bool {
        match need {
            Need::Guards => self.probe.is_some() && O::guard_kind() != GuardKind::Simulated,
            Need::Sockets => self.sockets,
            Need::RealTime => self.time != Time::Virtual,
            Need::Again => self.again.is_some(),
        }
    }

    /// Whether the byte at `at` can be read, as far as anybody can tell.
    pub(crate) fn readable(&self, at: *const u8) -> bool {
        self.probe.is_none_or(|probe| probe(at))
    }

    /// How often to repeat what is worth `times` repetitions of a real system. A simulation takes
    /// many steps for each, and finds in few what chance has to find there.
    pub(crate) fn rounds(&self, times: u32) -> u32 {
        if self.time == Time::Virtual { times.div_ceil(20) } else { times }
    }
}
