//! What came of a run.
#![forbid(unsafe_code)]

use std::fmt;

use crate::clause::Clause;

/// What came of a run: each clause is in one of the lists.
#[derive(Clone, Debug, Default)]
#[must_use = "a violated clause is only told here"]
pub struct Report {
    /// The clauses that were checked and found kept.
    pub held: Vec<Clause>,
    /// The others that were checked.
    pub violations: Vec<Violation>,
    /// Those that could not be checked.
    pub skipped: Vec<Skipped>,
}

/// A clause that a backend does not keep.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The clause.
    pub clause: Clause,
    /// What was seen.
    pub seen: String,
}

/// A clause that could not be checked.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// The clause.
    pub clause: Clause,
    /// What was missing.
    pub why: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (held, violated) = (self.held.len(), self.violations.len());
        writeln!(f, "{held} clauses held, {violated} violated, {} skipped", self.skipped.len())?;
        for Violation { clause, seen } in &self.violations {
            writeln!(f, "violated: {}: \"{}\"\n    {seen}", clause.id, clause.sentence)?;
        }
        for Skipped { clause, why } in &self.skipped {
            writeln!(f, "skipped: {}: {why}", clause.id)?;
        }
        Ok(())
    }
}
