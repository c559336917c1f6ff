//! Counting tests from what the test runners print, so that a green run that ran nothing is seen.

#![forbid(unsafe_code)]

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    /// Failed, ended at the time limit, or never started.
    pub(crate) failed: u64,
}

impl Counts {
    /// The sum of all summary lines in a runner's output: `test result: ...` of cargo's own tests,
    /// `Summary [...] ...` of nextest.
    pub(crate) fn parse(output: &str) -> Counts {
        output.lines().filter_map(summary).sum()
    }

    /// These counts, with at least one failure if the runner itself says that it failed.
    pub(crate) fn or_failed(self, success: bool) -> Counts {
        Counts { failed: if success { self.failed } else { self.failed.max(1) }, ..self }
    }
}

/// The numbers of one summary line; `None` for any other line.
fn summary(line: &str) -> Option<Counts> {
    // nextest indents what it repeats of a failed test, where libtest's own line stands again.
    if !(line.starts_with("test result: ") || line.trim_start().starts_with("Summary [")) {
        return None;
    }
    let words: Vec<_> =
        line.split([' ', ',', ';', '(', ')', '.']).filter(|word| !word.is_empty()).collect();
    let mut counts = Counts::default();
    for pair in words.windows(2) {
        match (pair[0].parse::<u64>(), pair[1]) {
            (Ok(n), "passed") => counts.passed += n,
            // "2 failed", "1 timed out", "1 exec failed"
            (Ok(n), "failed" | "timed" | "exec") => counts.failed += n,
            _ => {}
        }
    }
    Some(counts)
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), Add::add)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_understood_and_summed() {
        let output = "
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 9 filtered out; finished in 1.00s
     Summary [   0.006s] 9 tests run: 5 passed (1 slow), 1 failed, 2 timed out, 7 skipped
     Summary [   0.006s] 2/9 tests run: 1 passed, 1 exec failed, 0 skipped
";
        assert_eq!(Counts::parse(output), Counts { passed: 10, failed: 6 });
        assert_eq!(Counts::parse(output).to_string(), "10 passed, 6 failed");
    }

    #[test]
    fn other_lines_count_nothing() {
        let output = "1 passed\n    test result: FAILED. 3 passed; 1 failed; 0 ignored\n";
        assert_eq!(Counts::parse(output), Counts::default());
    }

    #[test]
    fn a_red_runner_has_a_failure() {
        let counts = Counts { passed: 2, failed: 0 };
        assert_eq!(counts.or_failed(true).failed, 0);
        assert_eq!(counts.or_failed(false).failed, 1);
        assert_eq!(Counts { passed: 0, failed: 4 }.or_failed(false).failed, 4);
    }
}
