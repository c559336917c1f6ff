//! The workloads that threads of std can do, on as many of the machine's processors as asked for.

use std::hint::black_box;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use peers::{Figures, Given, spin};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

fn main() {
    peers::main(
        "std",
        &[
            ("mutex", |given| on(given, mutex)),
            ("mutex_8", |given| on(given, mutex_8)),
            ("wakeup", |given| on(given, wakeup)),
            ("sleep_50us", |given| on(given, sleep_50us)),
        ],
    );
}

/// Leaves the process so many of its processors.
fn on(given: Given, body: fn(Given) -> Figures) -> Figures {
    let all = sched_getaffinity(None).unwrap();
    let mut some = CpuSet::new();
    let allowed = (0..CpuSet::MAX_CPU).filter(|&cpu| all.is_set(cpu));
    allowed.take(given.procs).for_each(|cpu| some.set(cpu));
    sched_setaffinity(None, &some).unwrap();
    body(given)
}

fn mutex(given: Given) -> Figures {
    let count = black_box(Mutex::new(0));
    let start = Instant::now();
    for _ in 0..given.n {
        *count.lock().unwrap() += 1;
    }
    let figures = Figures::per(start, given.n, "ns/lock");
    assert_eq!(count.into_inner().unwrap(), given.n);
    figures
}

fn mutex_8(given: Given) -> Figures {
    let each = given.n / 8;
    let count = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let contenders = [(); 8].map(|()| {
        let count = Arc::clone(&count);
        thread::spawn(move || (0..each).for_each(|_| *count.lock().unwrap() += 1))
    });
    contenders.into_iter().for_each(|contender| contender.join().unwrap());
    assert_eq!(*count.lock().unwrap(), 8 * each);
    Figures::per(start, 8 * each, "ns/lock")
}

fn wakeup(given: Given) -> Figures {
    let (tx, rx) = mpsc::sync_channel::<Instant>(1);
    let woken = thread::spawn(move || rx.iter().map(|sent| sent.elapsed()).collect::<Vec<_>>());
    for _ in 0..given.n {
        thread::sleep(Duration::from_millis(1));
        tx.send(Instant::now()).unwrap();
        spin(Duration::from_micros(500));
    }
    drop(tx);
    let took = woken.join().unwrap();
    assert_eq!(took.len() as u64, given.n);
    Figures::wakeups(took)
}

fn sleep_50us(given: Given) -> Figures {
    let start = Instant::now();
    (0..given.n).for_each(|_| thread::sleep(Duration::from_micros(50)));
    Figures::new(start.elapsed().as_secs_f64() * 1e6 / given.n as f64, "us/sleep")
}
