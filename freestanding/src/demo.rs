//! What a program without libc can do: its arguments, environment and auxv; 100 000 goroutines on
//! two workers; the prime sieve; sleepers; an echo through the poller; a status of its own.
#![no_std]
#![no_main]

extern crate alloc;

mod portable;

use alloc::string::String;
use alloc::vec::Vec;

use gort::boot::{args, auxv, vars};
use gort::io::{self, Read, Write};
use gort::net::{Shutdown, UnixStream};
use gort::println;
use gort::sync::atomic::{AtomicU64, Ordering};
use gort::sync::{Arc, Mutex, WaitGroup};

gort::entry!(main, gort::Builder::new().procs(2));

const GOROUTINES: u64 = 100_000;

/// Returns the number that the first argument is, or 0: that is the process's status.
fn main() -> io::Result<i32> {
    start();
    crowd();
    let primes: Vec<_> = portable::primes(25).collect();
    println!("primes: {primes:?}");
    let woken: Vec<_> = portable::sleepers(&[30, 10, 20]).iter().collect();
    println!("sleepers: {woken:?}");
    println!("echo: {}", echo("round and back")?);
    let status = args().nth(1).and_then(|arg| arg.to_str().ok()?.parse().ok());
    Ok(status.unwrap_or(0))
}

/// What the kernel has told.
fn start() {
    for (index, arg) in args().enumerate() {
        println!("arg {index}: {}", arg.to_string_lossy());
    }
    let (count, bytes) =
        vars().fold((0, 0), |(count, bytes), var| (count + 1, bytes + var.to_bytes().len() + 1));
    println!("environment: {count} variables, {bytes} bytes");
    for var in vars().take(3) {
        let text = var.to_string_lossy();
        println!("  {}", text.get(..60).unwrap_or(&text));
    }
    let auxv = auxv();
    println!("auxv: {} entries, page size {}", auxv.entries, auxv.page_size);
    println!("  platform {:?}, {} ticks a second", auxv.platform, auxv.clock_ticks);
    println!("  features {:#x} {:#x}", auxv.features, auxv.more_features);
    println!("  clock of the kernel's: {}", auxv.vdso != 0);
    println!("  secure: {}, random: {}", auxv.secure, auxv.random != 0);
}

/// Many goroutines that all take the same lock, and count.
fn crowd() {
    let (counted, sum) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(0)));
    let all = Arc::new(WaitGroup::new());
    all.add(GOROUTINES as usize);
    for number in 0..GOROUTINES {
        let (counted, sum, all) = (Arc::clone(&counted), Arc::clone(&sum), Arc::clone(&all));
        gort::go(move || {
            gort::yield_now();
            counted.fetch_add(1, Ordering::Relaxed);
            if let Ok(mut sum) = sum.lock() {
                *sum += number;
            }
            all.done();
        });
        if number % 1000 == 0 {
            // Lets them run, so that their stacks can be used again.
            gort::yield_now();
        }
    }
    all.wait();
    let sum = sum.lock().map_or(0, |sum| *sum);
    println!("goroutines: {}, sum {sum}", counted.load(Ordering::Relaxed));
}

/// Sends a text to a goroutine over a pair of sockets, which sends it back.
fn echo(text: &str) -> io::Result<String> {
    let (mut here, there) = UnixStream::pair()?;
    let server = gort::spawn(move || -> io::Result<()> {
        let mut chunk = [0; 64];
        loop {
            match (&there).read(&mut chunk)? {
                0 => return there.shutdown(Shutdown::Write),
                n => (&there).write_all(&chunk[..n])?,
            }
        }
    });
    // The server has to wait for this, and so do we for it.
    gort::sleep(gort::time::Duration::from_millis(1));
    here.write_all(text.as_bytes())?;
    here.shutdown(Shutdown::Write)?;
    let mut back = String::new();
    here.read_to_string(&mut back)?;
    match server.join() {
        Ok(result) => result.map(|()| back),
        Err(_) => Err(io::Error::other("the server has not ended")),
    }
}
