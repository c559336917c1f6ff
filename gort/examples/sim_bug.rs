//! A bug that ten thousand runs don't show, and the simulation finds, names and replays.
//!
//! A goroutine keeps the balance of an account, and others ask it: `Get` for the balance, `Set` to
//! change it. A payment does one and then the other, and between its two channel operations
//! somebody else's may come: then one of them is lost. But payments take microseconds, and a
//! second one comes 20 ms after the first, so it takes a thread that is held up for that long at
//! the one wrong moment: a machine that swaps, a virtual one that is moved to another host. On a
//! developer's machine it does not happen.
//!
//! ```console
//! $ cargo run --release --example sim_bug --features sim
//! 10000 native runs: no update was lost
//! the simulation fails under seed 11 after 166 steps: the program panicked: ...
//! replay: GORT_SIM_SEED=11
//! $ GORT_SIM_SEED=11 cargo run --release --example sim_bug --features sim
//! ```
//!
//! The second command runs that seed alone, prints what happened, step by step, and fails in the
//! same way, each time and on every machine. The remedy is one message that adds; `--fixed` takes
//! it, and no seed fails.

use std::time::Duration;

use gort::chan::{self, Sender};
use gort::sim;

/// What an account is asked.
enum Ask {
    Get(Sender<u64>),
    Set(u64),
    Add(u64),
}

/// Starts the keeper of a balance.
fn account() -> Sender<Ask> {
    let (asks, asked) = chan::bounded(0);
    gort::go(move || {
        let mut balance = 0;
        for ask in asked {
            match ask {
                // Who asked may be gone; then nobody misses the answer.
                Ask::Get(reply) => _ = reply.send(balance),
                Ask::Set(amount) => balance = amount,
                Ask::Add(amount) => balance += amount,
            }
        }
    });
    asks
}

fn balance(account: &Sender<Ask>) -> u64 {
    let (reply, replied) = chan::bounded(0);
    account.send(Ask::Get(reply)).expect("the keeper is gone");
    replied.recv().expect("the keeper is gone")
}

/// Pays in, wrongly or as it should be.
fn pay(account: &Sender<Ask>, amount: u64, fixed: bool) {
    if fixed {
        return account.send(Ask::Add(amount)).expect("the keeper is gone");
    }
    let before = balance(account);
    account.send(Ask::Set(before + amount)).expect("the keeper is gone");
}

/// Two payments to one account, 20 ms apart. Returns the balance, which should be 30.
fn two_payments(fixed: bool) -> u64 {
    let account = account();
    let payments = [(10, 0), (20, 20)].map(|(amount, after)| {
        let account = account.clone();
        gort::spawn(move || {
            if after > 0 {
                gort::sleep(Duration::from_millis(after));
            }
            pay(&account, amount, fixed);
        })
    });
    payments.into_iter().for_each(|payment| payment.join().expect("a payment panicked"));
    balance(&account)
}

fn main() {
    let fixed = std::env::args().any(|arg| arg == "--fixed");
    if std::env::var_os("GORT_SIM_SEED").is_none() {
        let lost = gort::run(|| native(fixed));
        println!("10000 native runs: {}", if lost == 0 { "no update was lost" } else { "LOST" });
    }
    simulate(&config(0, 10_000), fixed);
    println!("the simulation found nothing");
}

fn config(first: u64, seeds: u64) -> sim::Config {
    // A thread may be held up for as long as the payments are apart.
    let faults = sim::Faults { late_by: 50_000_000, ..sim::Faults::SILENT };
    sim::Config { first, seeds, faults, ..sim::Config::default() }
}

fn simulate(config: &sim::Config, fixed: bool) {
    sim::check(config, || assert_eq!(two_payments(fixed), 30, "an update was lost"));
}

/// How many of ten thousand real runs lose an update; a hundred at a time, to save time.
fn native(fixed: bool) -> usize {
    let batch = || {
        let runs: Vec<_> = (0..100).map(|_| gort::spawn(move || two_payments(fixed))).collect();
        runs.into_iter().filter_map(|run| run.join().ok()).filter(|&balance| balance != 30).count()
    };
    (0..100).map(|_| batch()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message of the check's failure.
    fn failure(config: &sim::Config) -> Option<String> {
        let payload = std::panic::catch_unwind(|| simulate(config, false)).err()?;
        payload.downcast::<String>().ok().map(|message| *message)
    }

    #[test]
    fn the_bug_is_found_and_replayed() {
        let found = failure(&config(0, 10_000)).expect("no seed fails");
        assert!(found.contains("an update was lost"), "{found}");
        let (_, seed) = found.split_once("replay: GORT_SIM_SEED=").expect("no seed in the message");
        let seed = seed.lines().next().and_then(|seed| seed.parse().ok()).expect("no number");
        assert_eq!(failure(&config(seed, 1)), Some(found));
    }

    #[test]
    fn the_remedy_holds() {
        simulate(&config(0, 2000), true);
    }
}
