//! The smallest program: one line, from `main`, which is a goroutine.
#![no_std]
#![no_main]

gort::entry!(main, gort::Builder::new().procs(1));

fn main() {
    gort::boot::print("hello from a goroutine\n");
}
