//! The simulation suite: the real core on virtual threads, one schedule a seed.
//!
//! `cargo ci sim`; its options are in `options.rs`.

mod asleep;
mod combined;
mod duties;
mod fair;
mod held_up;
mod locks;
mod looked;
mod options;
mod plain;
mod programs;
mod refused;
mod resized;
mod select;
mod threads;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use options::{Options, USAGE};
use os_linux::Linux;
use os_sim::{Config, Faults, Outcome, Strategy, check};
use programs::{Program, Setting};

/// One run in two thousand of `fair_pair` takes half of it, and of the others none.
const STEP_LIMIT: u64 = 60_000;

/// A program that failed under a seed.
struct Failure {
    program: &'static Program,
    outcome: Outcome,
}

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("sim: {error}");
            eprintln!("usage: {USAGE}");
            return ExitCode::from(2);
        }
    };
    if options.brief {
        // Panics are counted, and would tear the lines of the report apart.
        std::panic::set_hook(Box::new(|_| ()));
    } else {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // `left_scopes` makes thousands of these, and expects them.
            let lost = info.payload_as_str().is_some_and(|text| text.starts_with(threads::LOST));
            if !lost {
                report(info);
            }
        }));
    }
    let mut passed = 0;
    let mut all = 0;
    let mut failures = Vec::new();
    for program in options.programs() {
        print!("sim {:<12} ", program.name);
        // For whoever wants to know where it crashed.
        let _ = std::io::stdout().flush();
        let (hash, mut failed) = seeds(program, options);
        print!("{} seeds, traces {hash:016x}", options.seeds);
        match failed.len() {
            0 => println!(),
            n => println!(", {n} failed"),
        }
        all ^= hash;
        passed += options.seeds - failed.len() as u64;
        failures.append(&mut failed);
    }
    for failure in failures.iter().take(if options.brief { 0 } else { 5 }) {
        report(failure, options);
    }
    println!("{} seeds, hash of all traces {all:016x}", options.seeds);
    let ok = if failures.is_empty() { "ok" } else { "FAILED" };
    println!("test result: {ok}. {passed} passed; {} failed", failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one program under every seed, on all processors of the machine.
fn seeds(program: &'static Program, options: Options) -> (u64, Vec<Failure>) {
    let next = AtomicU64::new(0);
    let hash = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= options.seeds {
                return;
            }
            let outcome = one(program, options.first + i, options);
            // Rotated by the seed, so that two seeds with exchanged traces don't cancel out.
            let rotated = outcome.hash.rotate_left((outcome.seed % 64) as u32);
            hash.fetch_xor(rotated, Ordering::Relaxed);
            if outcome.failure.is_some() {
                let mut failures = failures.lock().unwrap_or_else(|e| e.into_inner());
                failures.push(Failure { program, outcome });
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|s| {
        for _ in 0..threads {
            s.spawn(work);
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(|e| e.into_inner());
    failures.sort_by_key(|failure| failure.outcome.seed);
    (hash.into_inner(), failures)
}

/// Runs one program under one seed. What the options leave open, the seed decides.
fn one(program: &Program, seed: u64, options: Options) -> Outcome {
    let faults = options.faults.map_or_else(|| faults(seed), |faults| faults.value);
    let setting = Setting {
        procs: options.procs.unwrap_or(1 + (seed % 5) as usize),
        migratory: options.mode.map_or(seed / 5 % 2 == 1, |mode| mode.value),
        punctual: faults.late == 0 && faults.clock_step == 0,
    };
    let config = Config {
        seed,
        procs: setting.procs,
        strategy: options.strategy.map_or(Strategy::Mixed, |strategy| strategy.value),
        faults,
        trace: options.trace,
        step_limit: STEP_LIMIT,
        ..Config::default()
    };
    let special = refused::any(&config, program, setting)
        .or_else(|| resized::one(&config, program, setting))
        .or_else(|| asleep::one(&config, program, setting));
    if let Some(outcome) = special {
        return outcome;
    }
    check::<Linux>(&config, || (program.run)(setting))
}

/// One seed in three meets every fault that programs are not told about.
fn faults(seed: u64) -> Faults {
    if seed % 3 == 2 { Faults::SILENT } else { Faults::default() }
}

/// How many of the last events a failure shows.
const EVENTS_SHOWN: usize = 60;

/// Says how a program failed, and runs it again for its events.
fn report(failure: &Failure, options: Options) {
    let Failure { program, outcome } = failure;
    let (name, seed, steps) = (program.name, outcome.seed, outcome.steps);
    let text = outcome.failure.as_deref().unwrap_or_default();
    println!("\n{name} fails under seed {seed} after {steps} steps: {text}");
    println!("replay: {}", options.replay(program, seed));
    let again = one(program, seed, Options { trace: true, ..options });
    if again.hash != outcome.hash {
        println!("not deterministic: the same seed has now gone another way");
    }
    for event in &again.trace[again.trace.len().saturating_sub(EVENTS_SHOWN)..] {
        println!("  {event}");
    }
}
