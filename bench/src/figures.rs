//! What a workload measured, and the two ways to say it: a line for a reader, and one of JSON for
//! `cargo ci bench`.

use std::fmt;
use std::fmt::Write as _;
use std::time::Instant;

/// What a workload is to do.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    /// How many operations.
    pub(crate) n: u64,
    /// How many processors the runtime has.
    pub(crate) procs: usize,
}

/// The figure of a workload, of which less is better, and others beside it.
pub(crate) struct Figures {
    value: f64,
    unit: &'static str,
    more: Vec<(&'static str, f64)>,
}

impl Figures {
    pub(crate) fn new(value: f64, unit: &'static str) -> Figures {
        Figures { value, unit, more: Vec::new() }
    }

    /// The nanoseconds since `start`, for each of `n` operations.
    pub(crate) fn per(start: Instant, n: u64, unit: &'static str) -> Figures {
        Figures::new(start.elapsed().as_nanos() as f64 / n as f64, unit)
    }

    /// The milliseconds since `start`.
    pub(crate) fn millis(start: Instant) -> Figures {
        Figures::new(start.elapsed().as_secs_f64() * 1e3, "ms")
    }

    /// One more figure.
    pub(crate) fn with(mut self, key: &'static str, value: f64) -> Figures {
        self.more.push((key, value));
        self
    }

    /// As one line of JSON. Every name in it is one of ours, with nothing to escape.
    pub(crate) fn json(&self, workload: &str, mode: &str, given: Given) -> String {
        let mut more = String::new();
        for (key, value) in &self.more {
            let comma = if more.is_empty() { "" } else { "," };
            // Writing to a String can't fail.
            let _ = write!(more, "{comma}\"{key}\":{value:.3}");
        }
        format!(
            "{{\"peer\":\"gort\",\"mode\":\"{mode}\",\"workload\":\"{workload}\",\"procs\":{},\
             \"n\":{},\"value\":{:.4},\"unit\":\"{}\",\"more\":{{{more}}}}}",
            given.procs, given.n, self.value, self.unit
        )
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} {}", self.value, self.unit)?;
        self.more.iter().try_for_each(|(key, value)| write!(f, " {key}={value:.1}"))
    }
}
