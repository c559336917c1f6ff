//! The kinds of runtime that there are.

/// A kind of runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The default: started goroutines stay on their thread. With so many processors.
    Stays(usize),
    /// Migratory, with so many processors.
    Migrates(usize),
}

/// Every mode that the tests run in, from the simplest to debug to the hardest.
pub const MODES: [Mode; 6] = [
    Mode::Stays(1),
    Mode::Stays(2),
    Mode::Stays(4),
    Mode::Migrates(1),
    Mode::Migrates(2),
    Mode::Migrates(4),
];

impl Mode {
    /// The number of processors.
    pub fn procs(self) -> usize {
        match self {
            Mode::Stays(procs) | Mode::Migrates(procs) => procs,
        }
    }

    /// A builder of such a runtime.
    pub fn builder(self) -> gort::Builder {
        let builder = gort::Builder::new().procs(self.procs());
        match self {
            Mode::Stays(_) => builder,
            // SAFETY: the tests hold nothing that is bound to a thread over a wait, and `run` takes
            // only what is `Send`.
            Mode::Migrates(_) => unsafe { builder.migratory() },
        }
    }

    /// Runs `f` on such a runtime.
    ///
    /// # Panics
    /// When the runtime can't be started, and when `f` panics.
    pub fn run<T: Send>(self, f: impl FnOnce() -> T + Send) -> T {
        match self.builder().run(f) {
            Ok(value) => value,
            Err(error) => panic!("{self:?}: {error}"),
        }
    }
}

/// Runs `test` on a runtime of each mode, one after the other.
pub fn everywhere(test: impl Fn(Mode) + Sync) {
    for mode in MODES {
        // Shown only if the test fails, and then it says where.
        println!("in {mode:?}");
        mode.run(|| test(mode));
    }
}
