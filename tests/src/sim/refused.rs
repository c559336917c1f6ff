//! A program that is refused memory, threads and descriptors, at each call in turn: it is told, what
//! was running goes on, it may try again, and in the end nothing is left.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use gort::sim::{Faults, Refusal, Scarce};
use os_linux::Linux;
use os_sim::{Config, Outcome, check};
use rt_core::os;

use crate::held_up::block;
use crate::programs::{Program, Setting};

pub(crate) const NAME: &str = "refused";

/// A program that has goroutines offered to workers that are refused their threads.
pub(crate) const CROWDED: &str = "few_threads";

/// A program that has processors taken from workers when there may be no thread for another.
pub(crate) const RELIEVED: &str = "few_heirs";

/// `EMFILE`.
const NO_DESCRIPTOR: i32 = 24;

/// How often anything is tried. No refusal lasts for so many calls.
const ATTEMPTS: usize = 40;

/// Runs one of the three under one seed, if it is one of them.
pub(crate) fn any(config: &Config, program: &Program, setting: Setting) -> Option<Outcome> {
    match program.name {
        NAME => Some(one(config.clone(), setting)),
        CROWDED => Some(few_threads(config.clone(), setting, 0, crowded)),
        RELIEVED => Some(few_threads(config.clone(), setting, 3, relieved)),
        _ => None,
    }
}

/// As [`one`], but when there are so many threads, or a few more, there are few or none to be had for a
/// while.
fn few_threads(config: Config, setting: Setting, least: u64, program: fn(Setting)) -> Outcome {
    let seed = config.seed / 10;
    let count = [1, 5, 1000][seed as usize / 4 % 3];
    let refuse = Refusal { of: Scarce::Thread, first: least + seed % 4, count };
    let setting = Setting { procs: setting.procs.max(2), ..setting };
    let faults = Faults { refuse: Some(refuse), ..config.faults };
    // A worker that is refused its thread looks as if it slept while there is work.
    let config = Config { faults, inspect: false, ..config };
    check::<Linux>(&config, || program(setting))
}

/// A worker is home to so many that others are offered what it spawns.
pub(crate) fn crowded(setting: Setting) {
    let run = setting.builder().run(|| {
        let (tx, rx) = chan::bounded::<()>(0);
        let handles: Vec<_> = (0..90)
            .map(|i| {
                let rx = rx.clone();
                let handle = gort::spawn(move || rx.recv().is_err());
                if i % 8 == 0 {
                    gort::yield_now();
                }
                handle
            })
            .collect();
        drop(tx);
        handles.into_iter().all(|handle| handle.join().expect("no panic"))
    });
    match run {
        Ok(all) => assert!(all, "a message that nobody sent"),
        // A migratory one needs a thread to begin with.
        Err(error) => is_told("a runtime", &error),
    }
}

/// Workers come back from calls that block while their processors are taken from them, and there may
/// be no thread for another worker.
pub(crate) fn relieved(setting: Setting) {
    let setting = Setting { migratory: true, procs: setting.procs.clamp(2, 3), ..setting };
    let begin = os::now();
    let run = setting.builder().run(|| {
        let handles: Vec<_> = (0..2 * setting.procs as u64)
            .map(|i| {
                gort::spawn(move || {
                    for round in 0..12 {
                        block(Duration::from_micros(20 + (7 * i + 13 * round) % 60));
                        gort::yield_now();
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().expect("no panic"));
    });
    run.unwrap_or_else(|error| is_told("a runtime", &error));
    assert!(os::now() - begin < 5_000_000_000, "somebody has slept with a processor");
}

/// Runs it under one seed, which says what is refused, from which call on and how often.
fn one(config: Config, setting: Setting) -> Outcome {
    // The first ten decide on processors and mode.
    let seed = config.seed / 10;
    let of = [Scarce::Memory, Scarce::Thread, Scarce::Descriptor][(seed % 3) as usize];
    let first = seed / 3 % 34;
    let refuse = Some(Refusal { of, first, count: [1, 3, 9][(first % 3) as usize] });
    let config = Config { faults: Faults { refuse, ..config.faults }, ..config };
    let mut outcome = check::<Linux>(&config, || program(setting));
    if outcome.failure.is_none() && outcome.kept_bytes != 0 {
        outcome.failure = Some(format!("{} bytes are left behind", outcome.kept_bytes));
    }
    if outcome.failure.is_none() && outcome.refusals == 0 && first == 0 {
        outcome.failure = Some(format!("nothing asks for {of:?}"));
    }
    outcome
}

/// Tries until it is not refused any more.
fn insist<T>(what: &str, mut attempt: impl FnMut() -> io::Result<T>) -> T {
    for _ in 0..ATTEMPTS {
        match attempt() {
            Ok(value) => return value,
            Err(error) => is_told(what, &error),
        }
    }
    panic!("{what} is refused for ever");
}

/// The error says what ran out and what to do about it; what std has in the same words does not.
fn is_told(what: &str, error: &io::Error) {
    if error.raw_os_error() == Some(NO_DESCRIPTOR) {
        return;
    }
    let text = error.to_string();
    assert!(text.contains("could not be started"), "{what}: {text}");
    assert!(text.contains(". Raise the "), "{what}: {text}");
    let thread_or_memory = [ErrorKind::WouldBlock, ErrorKind::OutOfMemory].contains(&error.kind());
    assert!(thread_or_memory || text.contains("descriptors"), "{what}: {text}");
}

pub(crate) fn program(setting: Setting) {
    let sum = insist("a runtime", || setting.builder().run(body));
    assert_eq!(sum, 6 * 7 / 2 + 3);
}

fn body() -> u64 {
    // A pair that goes on all the while.
    let (ping, pinged) = chan::bounded::<u64>(0);
    let (pong, ponged) = chan::bounded::<u64>(1);
    let echo = insist("the echo", || {
        let (pinged, pong) = (pinged.clone(), pong.clone());
        gort::thread::Builder::new().spawn(move || {
            pinged.iter().for_each(|n| pong.send(n).expect("received"));
        })
    });
    let round = |n| {
        ping.send(n).expect("received");
        assert_eq!(ponged.recv(), Ok(n));
    };
    round(0);

    // Stacks of six sizes, each with mappings of its own.
    let sum = Arc::new(AtomicU64::new(0));
    let sizes: Vec<_> = (1..=6)
        .map(|n| {
            round(n);
            insist("a goroutine", || {
                let sum = Arc::clone(&sum);
                let builder = gort::thread::Builder::new().stack_size(16 << (10 + n));
                builder.spawn(move || {
                    gort::yield_now();
                    sum.fetch_add(n, Ordering::Relaxed);
                })
            })
        })
        .collect();
    sizes.into_iter().for_each(|handle| handle.join().expect("no panic"));

    // Threads for blocking calls, one of which spawns from outside of the workers.
    for n in 10..13 {
        let other = insist("a goroutine that blocks", || {
            let sum = Arc::clone(&sum);
            gort::thread::Builder::new().spawn(move || {
                gort::blocking(|| sum.fetch_add(1, Ordering::Relaxed));
            })
        });
        round(n);
        other.join().expect("no panic");
    }
    gort::blocking(|| insist("a spawn from aside", || gort::thread::Builder::new().spawn(|| ())))
        .join()
        .expect("no panic");
    sockets(&round);
    drop(ping);
    echo.join().expect("no panic");
    sum.load(Ordering::Relaxed)
}

/// Sends back what comes; whether anything did.
fn serve(stream: &mut TcpStream) -> bool {
    let (mut served, mut byte) = (false, [0]);
    loop {
        let read = insist("the server's wait", || match stream.read(&mut byte) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset && !served => Ok(0),
            other => other,
        });
        if read == 0 {
            return served;
        }
        stream.write_all(&byte).expect("sent");
        served = true;
    }
}

/// A connection, each end of which has to wait for the other.
fn sockets(round: &dyn Fn(u64)) {
    let listener = insist("a listener", || TcpListener::bind("127.0.0.1:0"));
    let address = listener.local_addr().expect("bound");
    let server = insist("the server", || {
        let listener = insist("a clone", || listener.try_clone());
        gort::thread::Builder::new().spawn(move || {
            // Who is refused while it connects leaves a connection behind that says nothing.
            while !serve(&mut insist("accept", || listener.accept()).0) {}
        })
    });
    let mut stream = insist("connect", || TcpStream::connect(address));
    for n in 20..24 {
        stream.write_all(&[n]).expect("sent");
        round(n.into());
        let mut byte = [0];
        assert_eq!(insist("the client's wait", || stream.read(&mut byte)), 1);
        assert_eq!(byte, [n]);
    }
    drop(stream);
    server.join().expect("no panic");
}
