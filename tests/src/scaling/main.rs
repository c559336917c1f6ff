//! The tables of docs/scaling.md: what the core does on many processors, in the simulation.
//!
//! Virtual threads run at the same time there (`os_sim::Strategy::Parallel`), and every number is
//! the same on every machine. `cargo ci scaling` compares them with the document.

use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gort::chan;
use gort::sync::WaitGroup;
use os_linux::Linux;
use os_sim::{Config, Faults, Outcome, Strategy, check};
use rt_core::{Runtime, WorkerStats};

/// How many processors there are.
const PROCS: [usize; 4] = [2, 8, 32, 128];

/// A program and what it does.
struct Program {
    name: &'static str,
    run: fn(),
}

const PROGRAMS: [Program; 3] = [
    Program { name: "skynet", run: || assert_eq!(skynet(0, 10_000), 49_995_000) },
    Program { name: "fan-out", run: fan_out },
    Program { name: "ping-pong", run: ping_pong },
];

/// A tree of goroutines, ten below each, whose 10 000 leaves work for a microsecond.
fn skynet(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        work(1000);
        return first;
    }
    let part = leaves / 10;
    let below: Vec<_> =
        (0..10).map(|i| gort::spawn(move || skynet(first + i * part, part))).collect();
    below.into_iter().map(|handle| handle.join().expect("no panic")).sum()
}

/// One spawner, and 10 000 goroutines that work for two microseconds.
fn fan_out() {
    let group = Arc::new(WaitGroup::new());
    group.add(10_000);
    for _ in 0..10_000 {
        let group = group.clone();
        gort::go(move || {
            work(2000);
            group.done();
        });
    }
    group.wait();
}

/// 256 pairs, each with 50 round trips over two channels without buffers, and 200 ns of work at
/// either end.
fn ping_pong() {
    let pairs = (0..256).map(|_| {
        gort::spawn(|| {
            let (ping, pinged) = chan::bounded(0);
            let (pong, ponged) = chan::bounded(0);
            gort::go(move || {
                for i in pinged {
                    work(200);
                    pong.send(i).expect("received");
                }
            });
            for i in 0..50_u32 {
                work(200);
                ping.send(i).expect("received");
                assert_eq!(ponged.recv(), Ok(i));
            }
        })
    });
    let pairs: Vec<_> = pairs.collect();
    pairs.into_iter().for_each(|pair| pair.join().expect("no panic"));
}

/// Computes for so many virtual nanoseconds.
fn work(nanoseconds: u64) {
    os_sim::advance(Duration::from_nanos(nanoseconds));
}

/// Runs a program, and returns what the workers did as well.
fn measure(program: &Program, procs: usize) -> Result<(Outcome, Vec<WorkerStats>), String> {
    let config = Config {
        procs,
        strategy: Strategy::Parallel,
        faults: Faults::NONE,
        step_limit: 100_000_000,
        inspect: false,
        ..Config::default()
    };
    let stats = RefCell::new(Vec::new());
    let outcome = check::<Linux>(&config, || {
        let main = || {
            (program.run)();
            let runtime = Runtime::current().expect("inside of a runtime");
            *stats.borrow_mut() = runtime.stats().collect();
        };
        gort::Builder::new().procs(procs).run(main).expect("nothing is refused");
    });
    match outcome.failure {
        Some(failure) => Err(format!("{} on {procs}: {failure}", program.name)),
        None => Ok((outcome, stats.into_inner())),
    }
}

/// One row: the sums over all processors, and their idle time.
fn row(procs: usize, alone: u64, outcome: &Outcome, stats: &[WorkerStats]) -> String {
    let sum = |of: fn(&WorkerStats) -> u64| stats.iter().map(of).sum::<u64>();
    let time = outcome.virtual_time.max(1);
    let mut busy = outcome.busy.clone();
    // The monitor is none of the processors, and has next to nothing to do.
    busy.sort_unstable_by(|a, b| b.cmp(a));
    let idle = |at: usize| {
        let busy = busy.get(at).copied().unwrap_or(0).min(time);
        100 * (time - busy) / time
    };
    let mean = (0..procs).map(idle).sum::<u64>() / procs as u64;
    let least = (0..procs).map(idle).min().unwrap_or(0);
    let most = (0..procs).map(idle).max().unwrap_or(0);
    format!(
        "| {procs} | {} | {}.{} | {mean} ({least} to {most}) | {} / {} | {} | {} | {} / {} | {} | {} \
         | {} | {} | {} |",
        time / 1000,
        alone / time,
        alone * 10 / time % 10,
        sum(|s| s.steals_tried),
        sum(|s| s.steals),
        sum(|s| s.stolen),
        sum(|s| s.victims),
        sum(|s| s.woken),
        sum(|s| s.woken_in_vain),
        sum(|s| s.pushed),
        sum(|s| s.spilled),
        sum(|s| s.shared_taken),
        sum(|s| s.inbox_taken),
        sum(|s| s.resumed),
    )
}

const HEAD: &str = "\
| CPUs | time, µs | speed-up | idle, % | steals tried / done | taken | victims seen | wake-ups useful / in vain \
| pushes | spilled | shared queue | inbox | switches |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|";

fn tables() -> Result<(), String> {
    for program in &PROGRAMS {
        let alone = measure(program, 1)?.0.virtual_time;
        println!("### {}\n\nOn one CPU: {} µs.\n\n{HEAD}", program.name, alone / 1000);
        for procs in PROCS {
            let (outcome, stats) = measure(program, procs)?;
            println!("{}", row(procs, alone, &outcome, &stats));
        }
        println!();
    }
    Ok(())
}

fn main() -> ExitCode {
    match tables() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("scaling: {failure}");
            ExitCode::FAILURE
        }
    }
}
