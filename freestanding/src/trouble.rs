//! What a program without libc says when it goes wrong, and where a debugger stops: the first
//! argument chooses.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use gort::boot::args;
use gort::println;
use gort::thread::Builder;

gort::entry!(main, gort::Builder::new().procs(2));

fn main() -> i32 {
    match args().nth(1).map(|arg| arg.to_bytes()) {
        Some(b"overflow") => {
            let deep = gort::spawn(|| deeper(1));
            println!("not reached: {:?}", deep.join().is_ok());
            0
        }
        Some(b"panic") => {
            let failed = gort::spawn(|| assert_eq!(1 + 1, 3, "the sum is wrong"));
            println!("not reached: {:?}", failed.join().is_ok());
            0
        }
        Some(b"threads") => threads(),
        Some(b"memory") => memory(),
        Some(b"stop") => gort::spawn(|| stop_here(7)).join().unwrap_or(1),
        _ => {
            println!("usage: trouble overflow | panic | threads | memory | stop");
            2
        }
    }
}

/// Uses up the stack.
#[inline(never)]
fn deeper(level: u64) -> u64 {
    let frame = core::hint::black_box([level; 64]);
    if level == u64::MAX { 0 } else { deeper(level + 1) + frame[0] }
}

/// Blocking calls, which want threads and get along without, and a runtime that can't: the status is
/// 0 when it was refused.
fn threads() -> i32 {
    let calls: Vec<_> =
        (0..8).map(|number| gort::spawn(move || gort::blocking(move || number))).collect();
    let sum: i32 = calls.into_iter().filter_map(|call| call.join().ok()).sum();
    println!("blocking calls: {sum}");
    // All of its goroutines run on other threads than this one.
    // SAFETY: what runs there is a constant, and bound to no thread.
    let other = unsafe { gort::Builder::new().procs(1).migratory() };
    match other.run(|| 1) {
        Ok(one) => {
            println!("another runtime: {one}");
            1
        }
        Err(error) => {
            println!("{error}");
            0
        }
    }
}

/// Goroutines until there is no memory for another one.
fn memory() -> i32 {
    let mut all = Vec::new();
    loop {
        match Builder::new().stack_size(64 << 20).spawn(gort::yield_now) {
            Ok(handle) => all.push(handle),
            Err(error) => {
                println!("after {} goroutines: {error}", all.len());
                return 0;
            }
        }
    }
}

/// Where a debugger's breakpoint is.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn stop_here(number: i32) -> i32 {
    println!("stopped at {}", core::hint::black_box(number));
    0
}
