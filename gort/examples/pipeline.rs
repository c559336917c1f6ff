//! A pipeline: one source, a few workers, one sink, joined by channels, with `select!` wherever one
//! of them has more than one thing to wait for.
//!
//! ```text
//!   source --jobs--> workers (some are slow) --results--> sink
//! ```
//!
//! The source offers jobs and gives up on a job that nobody takes in time. A worker watches for work
//! and for the order to stop. The sink collects results, reports progress at every tick of a clock,
//! and ends when all workers have.
//!
//! ```text
//! cargo run --release --example pipeline
//! ```

use gort::chan::{self, Receiver, Sender};
use gort::time::{Duration, Instant};

const JOBS: u64 = 200;
const WORKERS: u64 = 4;
const MS: Duration = Duration::from_millis(1);

/// What the source has done.
#[derive(Debug, PartialEq, Eq)]
struct Offered {
    taken: u64,
    given_up: u64,
}

/// Offers each job for a while.
fn source(jobs: &Sender<u64>) -> Offered {
    let mut offered = Offered { taken: 0, given_up: 0 };
    for job in 1..=JOBS {
        chan::select! {
            send(jobs, job) -> sent => match sent {
                Ok(()) => offered.taken += 1,
                Err(_) => break,
            },
            default(5 * MS) => offered.given_up += 1,
        }
    }
    offered
}

/// Squares jobs until there are no more, or until it is told to stop. Returns how many it did.
fn worker(number: u64, jobs: &Receiver<u64>, stop: &Receiver<()>, results: &Sender<u64>) -> u64 {
    let mut done = 0;
    loop {
        let job = gort::select_biased! {
            recv(stop) -> _ => return done,
            recv(jobs) -> job => match job {
                Ok(job) => job,
                Err(_) => return done,
            },
        };
        // The higher its number, the slower it is.
        gort::sleep(Duration::from_micros(100 * number));
        if results.send(job * job).is_err() {
            return done;
        }
        done += 1;
    }
}

/// Adds results up until all workers are gone. Returns how many there were, and their sum.
fn sink(results: &Receiver<u64>) -> (u64, u64) {
    let start = Instant::now();
    let progress = chan::tick(2 * MS);
    let (mut count, mut sum) = (0, 0);
    loop {
        chan::select! {
            recv(results) -> result => match result {
                Ok(square) => (count, sum) = (count + 1, sum + square),
                Err(_) => return (count, sum),
            },
            recv(progress) -> _ => println!("{count} results after {:?}", start.elapsed()),
        }
    }
}

fn main() {
    let (offered, done, (count, sum)) = gort::run(|| {
        let (jobs, jobs_end) = chan::bounded(0);
        let (results, results_end) = chan::bounded(8);
        let (stop, stopped) = chan::bounded::<()>(0);

        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let (jobs, stopped) = (jobs_end.clone(), stopped.clone());
                let results = results.clone();
                gort::spawn(move || worker(number, &jobs, &stopped, &results))
            })
            .collect();
        drop((jobs_end, results));
        let sink = gort::spawn(move || sink(&results_end));

        let offered = source(&jobs);
        // All jobs are in somebody's hands: a worker that sees this has finished its last one.
        drop(stop);
        let done = workers.into_iter().map(|w| w.join().expect("no worker panics")).sum::<u64>();
        (offered, done, sink.join().expect("the sink doesn't panic"))
    });
    println!("{offered:?}; {done} jobs done; the squares' sum is {sum}");
    assert_eq!(offered.taken + offered.given_up, JOBS);
    assert_eq!((done, count), (offered.taken, offered.taken));
    let all = (1..=JOBS).map(|job| job * job).sum::<u64>();
    assert!(sum == all || offered.given_up > 0 && sum < all, "{sum} of {all}");
}
