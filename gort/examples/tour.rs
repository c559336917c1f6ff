//! A tour of gort: what it found on this machine, then one line for each of five programs.
//!
//! - the prime sieve: a chain of goroutines over rendezvous channels
//! - a tree of a million goroutines, ten to a node, summed over channels
//! - a hundred thousand goroutines that wait, and what each costs in memory
//! - a hundred thousand sleepers, and how late they wake
//! - an echo server on loopback with a thousand clients
//!
//! Run it with `cargo run --release --example tour`. It takes no arguments.

use std::error::Error;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gort::chan::{self, Receiver, Sender};
use gort::net::{TcpListener, TcpStream};

type Outcome = Result<String, Box<dyn Error + Send + Sync>>;

type Stop = fn() -> Outcome;

const STOPS: &[(&str, Stop)] = &[
    ("prime sieve", sieve),
    ("tree of goroutines", tree),
    ("parked goroutines", parked),
    ("sleepers", sleepers),
    ("echo server", echo),
];

fn main() -> ExitCode {
    if let Some(argument) = std::env::args().nth(1) {
        eprintln!("tour: there are no arguments, and {argument:?} is one");
        return ExitCode::from(2);
    }
    let platform = gort::runtime::platform();
    println!(
        "gort on {}: {} CPUs, pages of {} bytes, stack guards by {:?}",
        gort::runtime::backend(),
        platform.cpus,
        platform.page_size,
        platform.guard
    );
    for (name, stop) in STOPS {
        let start = Instant::now();
        match gort::run(stop) {
            Ok(line) => println!("{name:<20} {line} [{:.2} s]", start.elapsed().as_secs_f64()),
            Err(error) => {
                eprintln!("tour: {name}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Each prime gets a goroutine that lets pass what it doesn't divide.
fn sieve() -> Outcome {
    const PRIMES: usize = 1_000;
    let (tx, mut numbers) = chan::bounded(0);
    gort::go(move || {
        // Ends when the last filter is gone.
        let _ = (2u64..).try_for_each(|n| tx.send(n));
    });
    let mut last = 0;
    for _ in 0..PRIMES {
        let prime = numbers.recv()?;
        last = prime;
        let (tx, rest) = chan::bounded(0);
        gort::go(move || {
            let _ = numbers.iter().filter(|n| n % prime != 0).try_for_each(|n| tx.send(n));
        });
        numbers = rest;
    }
    if last != 7919 {
        return Err(format!("prime number {PRIMES} came out as {last}, and it is 7919").into());
    }
    Ok(format!("prime number {PRIMES} is {last}"))
}

/// Skynet: ten children each, six levels deep; every goroutine sends its parent a sum.
fn tree() -> Outcome {
    const LEAVES: u64 = 1_000_000;
    fn node(parent: Sender<u64>, number: u64, leaves: u64) {
        if leaves == 1 {
            // The parent waits for all of its children.
            let _ = parent.send(number);
            return;
        }
        let (tx, rx) = chan::bounded(10);
        let below = leaves / 10;
        for child in 0..10 {
            let tx = tx.clone();
            gort::go(move || node(tx, number + child * below, below));
        }
        let _ = parent.send(rx.iter().take(10).sum());
    }
    let (tx, rx) = chan::bounded(1);
    let start = Instant::now();
    gort::go(move || node(tx, 0, LEAVES));
    let sum = rx.recv()?;
    let took = start.elapsed();
    if sum != LEAVES * (LEAVES - 1) / 2 {
        return Err(format!("{LEAVES} numbers sum up to {sum}").into());
    }
    Ok(format!("{LEAVES} leaves sum up to {sum} in {} ms", took.as_millis()))
}

/// Resident memory and page tables of this process, in bytes.
fn memory() -> Result<u64, Box<dyn Error + Send + Sync>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib = |key: &str| -> Result<u64, Box<dyn Error + Send + Sync>> {
        let line = status.lines().find(|line| line.starts_with(key)).ok_or("no such figure")?;
        Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
    };
    Ok((kib("VmRSS:")? + kib("VmPTE:")?) * 1024)
}

fn parked() -> Outcome {
    const GOROUTINES: u64 = 100_000;
    let waiting = Arc::new(AtomicU64::new(0));
    let (tx, rx) = chan::bounded::<()>(0);
    let before = memory()?;
    let start = Instant::now();
    for _ in 0..GOROUTINES {
        let (rx, waiting): (Receiver<()>, _) = (rx.clone(), waiting.clone());
        gort::go(move || {
            waiting.fetch_add(1, Ordering::Relaxed);
            // Nothing is ever sent: it ends when the sender goes.
            let _ = rx.recv();
            waiting.fetch_sub(1, Ordering::Relaxed);
        });
    }
    while waiting.load(Ordering::Relaxed) < GOROUTINES {
        gort::yield_now();
    }
    let took = start.elapsed();
    let each = memory()?.saturating_sub(before) / GOROUTINES;
    drop(tx);
    while waiting.load(Ordering::Relaxed) > 0 {
        gort::yield_now();
    }
    Ok(format!("{GOROUTINES} wait, {each} bytes each, spawned in {} ms", took.as_millis()))
}

fn sleepers() -> Outcome {
    const SLEEPERS: u64 = 100_000;
    let (tx, rx) = chan::unbounded();
    for i in 0..SLEEPERS {
        let tx = tx.clone();
        gort::go(move || {
            let nap = Duration::from_millis(500 + i % 500);
            let start = Instant::now();
            gort::sleep(nap);
            // The receiver is there until all have sent.
            let _ = tx.send(start.elapsed().saturating_sub(nap));
        });
    }
    drop(tx);
    let mut late: Vec<Duration> = rx.iter().collect();
    late.sort_unstable();
    if late.len() as u64 != SLEEPERS {
        return Err(format!("{} of {SLEEPERS} sleepers woke", late.len()).into());
    }
    let at = |part: f64| late[((late.len() - 1) as f64 * part) as usize].as_micros();
    Ok(format!("{SLEEPERS} woke, late by {} µs (median), {} µs (p99)", at(0.5), at(0.99)))
}

fn echo() -> Outcome {
    const CLIENTS: usize = 1_000;
    const LASTS: Duration = Duration::from_secs(2);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    gort::go(move || {
        while let Ok((connection, _)) = listener.accept() {
            gort::go(move || {
                // A client that is gone is no news here.
                let _ = serve(connection);
            });
        }
    });
    let stop = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let stop = stop.clone();
            gort::spawn(move || ask(TcpStream::connect(address)?, &stop))
        })
        .collect();
    gort::sleep(LASTS);
    stop.store(true, Ordering::Relaxed);
    let mut requests = 0;
    for client in clients {
        requests += client.join().map_err(|_| "a client panicked")??;
    }
    let rate = requests as f64 / start.elapsed().as_secs_f64();
    Ok(format!("{CLIENTS} clients, {requests} requests, {rate:.0} a second"))
}

fn serve(mut connection: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 256];
    loop {
        match connection.read(&mut buffer)? {
            0 => return Ok(()),
            n => connection.write_all(&buffer[..n])?,
        }
    }
}

/// Sends and receives until told to stop; the number of requests that were answered.
fn ask(mut connection: TcpStream, stop: &AtomicBool) -> std::io::Result<u64> {
    let question = [7; 64];
    let mut answer = [0; 64];
    let mut requests = 0;
    while !stop.load(Ordering::Relaxed) {
        connection.write_all(&question)?;
        connection.read_exact(&mut answer)?;
        if answer != question {
            return Err(std::io::Error::other("the echo differs"));
        }
        requests += 1;
    }
    Ok(requests)
}
