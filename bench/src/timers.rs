//! Sleepers: a million of them, and one who sleeps for a moment again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::figures::{Figures, Given};

/// How late sleepers woke, in steps of 20 µs up to two seconds.
struct Lateness(Vec<AtomicU32>);

impl Lateness {
    const STEP: Duration = Duration::from_micros(20);

    fn new() -> Lateness {
        Lateness((0..100_000).map(|_| AtomicU32::new(0)).collect())
    }

    fn note(&self, late: Duration) {
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
}

/// The processor time that this process has used, in seconds.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    // Fields 14 and 15 of the whole, in hundredths of a second.
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Goroutines that sleep once, for 1 to 1000 ms.
pub(crate) fn timers(given: Given) -> Figures {
    let lateness = Arc::new(Lateness::new());
    let awake = Arc::new(AtomicU64::new(0));
    let (cpu, start) = (cpu_seconds(), Instant::now());
    let mut handles = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let (lateness, awake) = (Arc::clone(&lateness), Arc::clone(&awake));
        handles.push(gort::spawn(move || {
            let duration = Duration::from_millis(1 + i * 7919 % 1000);
            let before = Instant::now();
            gort::sleep(duration);
            let slept = before.elapsed();
            lateness.note(slept.checked_sub(duration).expect("nobody wakes too early"));
            awake.fetch_add(1, Ordering::Relaxed);
        }));
        if i % 256 == 255 {
            gort::yield_now();
        }
    }
    let started_ms = start.elapsed().as_secs_f64() * 1e3;
    handles.into_iter().for_each(|handle| handle.join().expect("it sleeps and returns"));
    let figures = Figures::new(cpu_seconds() - cpu, "cpu-s");
    assert_eq!(awake.load(Ordering::Relaxed), given.n);
    figures
        .with("p50_late_ms", lateness.at_most(50))
        .with("p99_late_ms", lateness.at_most(99))
        .with("started_ms", started_ms)
        .with("wall_ms", start.elapsed().as_secs_f64() * 1e3)
}

/// One goroutine that sleeps 50 µs, again and again.
pub(crate) fn sleep_50us(given: Given) -> Figures {
    let duration = Duration::from_micros(50);
    let start = Instant::now();
    (0..given.n).for_each(|_| gort::sleep(duration));
    let slept = start.elapsed();
    assert!(slept >= duration * given.n as u32);
    Figures::new(slept.as_secs_f64() * 1e6 / given.n as f64, "us/sleep")
}
