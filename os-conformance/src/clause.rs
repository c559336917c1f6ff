//! A clause: a sentence of a contract, and the check of it.
#![forbid(unsafe_code)]

use crate::suite::{Need, Suite};

/// What a check found: nothing, or what it saw in place of what the clause says.
pub(crate) type Verdict = Result<(), String>;

/// A sentence of a contract, and the check of it.
#[derive(Clone, Copy, Debug)]
pub struct Clause {
    /// `Trait::function/what`.
    pub id: &'static str,
    /// What the documentation says, word for word.
    pub sentence: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) check: fn(&Suite) -> Verdict,
}

impl Clause {
    /// A clause whose check needs nothing but the backend.
    pub(crate) const fn new(
        id: &'static str,
        sentence: &'static str,
        check: fn(&Suite) -> Verdict,
    ) -> Clause {
        Clause { id, sentence, needs: &[], check }
    }

    /// The same clause, checked only where there is what its check needs.
    pub(crate) const fn needs(self, needs: &'static [Need]) -> Clause {
        Clause { needs, ..self }
    }
}

/// Ends a check with a violation, described by the format arguments, unless the condition holds.
macro_rules! holds {
    ($condition:expr, $($seen:tt)+) => {
        if !$condition {
            return Err(format!($($seen)+));
        }
    };
}
pub(crate) use holds;

/// For `map_err`: the violation that `what` was refused.
pub(crate) fn refused<E: std::fmt::Debug>(what: &str) -> impl FnOnce(E) -> String {
    move |error| format!("{what} was refused: {error:?}")
}
