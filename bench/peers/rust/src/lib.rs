//! What the peers that are Rust programs share: their command line, their line of result, and what
//! they read of themselves.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What a workload is to do: `PEER WORKLOAD [--procs N] [--n COUNT]`.
#[derive(Clone, Copy)]
pub struct Given {
    pub n: u64,
    pub procs: usize,
}

/// The figure of a workload, of which less is better, and others beside it.
pub struct Figures {
    value: f64,
    unit: &'static str,
    more: Vec<(&'static str, f64)>,
}

impl Figures {
    pub fn new(value: f64, unit: &'static str) -> Figures {
        Figures { value, unit, more: Vec::new() }
    }

    /// The nanoseconds since `start`, for each of `n` operations.
    pub fn per(start: Instant, n: u64, unit: &'static str) -> Figures {
        Figures::new(start.elapsed().as_nanos() as f64 / n as f64, unit)
    }

    pub fn millis(start: Instant) -> Figures {
        Figures::new(start.elapsed().as_secs_f64() * 1e3, "ms")
    }

    pub fn with(mut self, key: &'static str, value: f64) -> Figures {
        self.more.push((key, value));
        self
    }

    /// Of wake-ups that took so long each, in any order.
    pub fn wakeups(mut took: Vec<Duration>) -> Figures {
        took.sort_unstable();
        let micros = |percent: usize| took[took.len() * percent / 100].as_nanos() as f64 / 1e3;
        Figures::new(micros(50), "us").with("p90_us", micros(90)).with("p99_us", micros(99))
    }
}

/// The workloads of a peer, by name.
pub type Workloads = &'static [(&'static str, fn(Given) -> Figures)];

/// Does what the command line says, and prints the line.
pub fn main(peer: &str, workloads: Workloads) {
    let mut given = Given { n: 100_000, procs: 1 };
    let mut name = String::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse().ok()).expect("a number follows");
        match arg.as_str() {
            "--n" => given.n = number(),
            "--procs" => given.procs = number() as usize,
            _ => name = arg,
        }
    }
    let Some((_, run)) = workloads.iter().find(|row| row.0 == name) else {
        let names: Vec<_> = workloads.iter().map(|row| row.0).collect();
        eprintln!("{peer} has no workload `{name}`; it has: {}", names.join(" "));
        std::process::exit(2);
    };
    let figures = run(given);
    let mut more = String::new();
    for (key, value) in &figures.more {
        let comma = if more.is_empty() { "" } else { "," };
        // Writing to a String can't fail.
        let _ = write!(more, "{comma}\"{key}\":{value:.3}");
    }
    println!(
        "{{\"peer\":\"{peer}\",\"workload\":\"{name}\",\"procs\":{},\"n\":{},\"value\":{:.4},\
         \"unit\":\"{}\",\"more\":{{{more}}}}}",
        given.procs, given.n, figures.value, figures.unit
    );
}

/// The sum of all numbers below `n`, as it wraps.
pub fn sum_below(n: u64) -> u64 {
    (0..n).fold(0, u64::wrapping_add)
}

/// Holds the thread so long.
pub fn spin(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// Resident memory and page tables, in bytes.
pub fn used() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let figure = |key| {
        let line = text.lines().find_map(|line: &str| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    (figure("VmRSS:") + figure("VmPTE:")) * 1024
}

/// The processor time that this process has used, in seconds.
pub fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    // Fields 14 and 15 of the whole, in hundredths of a second.
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// How late sleepers woke, in steps of 20 µs up to two seconds.
pub struct Lateness(Vec<AtomicU32>);

impl Default for Lateness {
    fn default() -> Lateness {
        Lateness((0..100_000).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Lateness {
    const STEP: Duration = Duration::from_micros(20);

    pub fn note(&self, late: Duration) {
        let step = (late.as_nanos() / Self::STEP.as_nanos()) as usize;
        self.0[step.min(self.0.len() - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// The milliseconds that so many percent of them were late at most.
    fn at_most(&self, percent: u64) -> f64 {
        let counts = || self.0.iter().map(|count| u64::from(count.load(Ordering::Relaxed)));
        let (rank, mut seen) = (counts().sum::<u64>() * percent / 100, 0);
        let step = counts().position(|count| {
            seen += count;
            seen > rank
        });
        (step.unwrap_or(self.0.len()) as f64 + 0.5) * Self::STEP.as_secs_f64() * 1e3
    }

    pub fn figures(&self, cpu_seconds: f64, started_ms: f64, wall_ms: f64) -> Figures {
        Figures::new(cpu_seconds, "cpu-s")
            .with("p50_late_ms", self.at_most(50))
            .with("p99_late_ms", self.at_most(99))
            .with("started_ms", started_ms)
            .with("wall_ms", wall_ms)
    }
}

/// How long sleeper `i` of the workload `timers` sleeps.
pub fn nap(i: u64) -> Duration {
    Duration::from_millis(1 + i * 7919 % 1000)
}

/// What a request to the workload `httpd` ends with.
pub const END: &[u8] = b"\r\n\r\n";

/// What it is answered with.
pub const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!";

/// How many bytes of the buffer the first request takes, if all of it is there.
pub fn request(buffer: &[u8]) -> Option<usize> {
    let at = buffer.windows(END.len()).position(|part| part == END)?;
    assert!(buffer.starts_with(b"GET / HTTP/1.1\r\n"));
    Some(at + END.len())
}
