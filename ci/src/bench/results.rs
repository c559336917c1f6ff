//! Medians, the table of a workload, and its file.

use std::fmt;

use serde_json::{Value, json};
use xshell::cmd;

use super::workloads::Workload;
use crate::Error;
use crate::command::Project;

/// Where it was measured, and what.
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) kernel: String,
    pub(super) commit: String,
    pub(super) date: String,
    /// What else ran, before the first workload.
    pub(super) load: String,
}

impl Machine {
    pub(super) fn read(project: &Project) -> Result<Machine, Error> {
        let sh = &project.sh;
        let cpus = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
        let load = std::fs::read_to_string("/proc/loadavg")?;
        Ok(Machine {
            processor: format!("{count} x {}", model.map_or("unknown", |(_, model)| model)),
            kernel: cmd!(sh, "uname -sr").quiet().read()?,
            commit: cmd!(sh, "git describe --always --dirty").quiet().read()?,
            date: cmd!(sh, "date -u +%Y-%m-%d").quiet().read()?,
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "processor": self.processor, "kernel": self.kernel, "commit": self.commit,
            "date": self.date, "load": self.load,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, kernel, commit, date, load } = self;
        write!(f, "{processor}, {kernel}, commit {commit}, {date}, load {load}")
    }
}

/// What one peer needed, each time.
pub(super) struct Entry {
    pub(super) procs: usize,
    pub(super) label: String,
    /// Of each figure the values, the first figure's first.
    figures: Vec<(String, Vec<f64>)>,
}

impl Entry {
    /// The median of a figure.
    pub(super) fn median(&self, figure: &str) -> Option<f64> {
        self.figures.iter().find(|(name, _)| name == figure).and_then(|(_, it)| median(it))
    }
}

/// What was measured of one workload.
pub(super) struct Results {
    pub(super) workload: &'static Workload,
    pub(super) unit: String,
    pub(super) entries: Vec<Entry>,
    /// Who could not do it, and why.
    pub(super) failed: Vec<String>,
}

impl Results {
    pub(super) fn of(workload: &'static Workload) -> Results {
        Results { workload, unit: String::new(), entries: Vec::new(), failed: Vec::new() }
    }

    /// Adds what one run printed.
    pub(super) fn add(&mut self, procs: usize, lines: Vec<(String, Value)>) {
        for (label, line) in lines {
            line["unit"].as_str().unwrap_or_default().clone_into(&mut self.unit);
            let known = self.entries.iter().position(|e| e.procs == procs && e.label == label);
            let at = known.unwrap_or_else(|| {
                self.entries.push(Entry { procs, label, figures: Vec::new() });
                self.entries.len() - 1
            });
            let more = line["more"].as_object().into_iter().flatten();
            let all = more.map(|(name, value)| (name.as_str(), value));
            for (name, value) in std::iter::once(("value", &line["value"])).chain(all) {
                let Some(value) = value.as_f64() else { continue };
                let figures = &mut self.entries[at].figures;
                match figures.iter_mut().find(|(known, _)| known == name) {
                    Some((_, values)) => values.push(value),
                    None => figures.push((name.to_owned(), vec![value])),
                }
            }
        }
    }

    /// Notes a run without a result.
    pub(super) fn fail(&mut self, procs: usize, label: &str, why: &str) {
        let sentence = format!("{label}, procs {procs}: {why}");
        if !self.failed.contains(&sentence) {
            self.failed.push(sentence);
        }
    }

    /// Of the file `bench/results/ROW.json`.
    pub(super) fn json(&self, machine: &Machine, quick: bool) -> Result<String, Error> {
        let entries: Vec<_> = self
            .entries
            .iter()
            .map(|entry| {
                let figures: Vec<_> = entry.figures.iter().map(|(name, values)| {
                json!({ "name": name, "median": median(values), "values": values })
            }).collect();
                json!({ "procs": entry.procs, "peer": entry.label, "figures": figures })
            })
            .collect();
        let text = serde_json::to_string_pretty(&json!({
            "row": self.workload.row, "unit": self.unit, "quick": quick,
            "also": self.workload.also, "floor": self.workload.floor,
            "machine": machine.json(), "entries": entries, "failed": self.failed,
        }))?;
        Ok(text + "\n")
    }
}

/// The one in the middle; of two the mean.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted[half - 1] + upper) / 2.0 })
}

/// Labels that are no peers, because they do less than a runtime must.
pub(super) fn is_limit(label: &str) -> bool {
    ["floor", "c", "corosensei", "exit"].contains(&label)
}

/// A figure with three digits or so.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        v if v < 10.0 => format!("{value:.2}"),
        v if v < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// How many times as much one is as the other, if that can be said.
fn ratio(ours: f64, other: f64) -> String {
    if other > 0.0 { format!("{}x", short(ours / other)) } else { "-".to_owned() }
}

impl fmt::Display for Results {
    /// A row for each number of processors and each figure: gort's medians, the others', and the ratios
    /// of gort's better one to the best peer and to the floor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for procs in self.workload.procs {
            for figure in std::iter::once(&"value").chain(self.workload.also) {
                let mut medians: Vec<(&str, f64)> = Vec::new();
                for entry in self.entries.iter().filter(|entry| entry.procs == *procs) {
                    medians.extend(entry.median(figure).map(|it| (entry.label.as_str(), it)));
                }
                let least = |kind: &dyn Fn(&str) -> bool| {
                    let some = medians.iter().filter(|(label, _)| kind(label));
                    some.copied().min_by(|a, b| a.1.total_cmp(&b.1))
                };
                let Some((_, ours)) = least(&|label| label.starts_with("gort")) else { continue };
                let unit = if *figure == "value" { self.unit.as_str() } else { figure };
                write!(f, "{:<15} p{procs} {unit:<13}", self.workload.row)?;
                if let Some((label, best)) = least(&|it| !it.starts_with("gort") && !is_limit(it)) {
                    write!(f, " {:>5} of {label:<6}", ratio(ours, best))?;
                }
                if let Some((label, floor)) = least(&|label| label == self.workload.floor) {
                    write!(f, " {:>5} of {label:<6}", ratio(ours, floor))?;
                }
                for (label, median) in &medians {
                    write!(f, "  {label} {}", short(*median))?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::workloads::WORKLOADS;
    use super::*;

    #[test]
    fn the_middle_counts() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_row_compares_with_the_best_peer_and_the_floor() {
        let mut results = Results::of(&WORKLOADS[0]);
        for (label, value) in [
            ("gort", 5.0),
            ("gort", 4.0),
            ("gort", 9.0),
            ("go", 100.0),
            ("may", 20.0),
            ("floor", 2.5),
        ] {
            let line = json!({ "value": value, "unit": "ns/switch", "more": {} });
            results.add(1, vec![(label.to_owned(), line)]);
        }
        let row = results.to_string();
        assert!(row.contains("0.25x of may") && row.contains("2.00x of floor"), "{row}");
        assert!(row.contains("gort 5.00  go 100"), "{row}");
    }
}
