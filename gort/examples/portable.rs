//! A program for hosted and freestanding systems, here as a hosted one. What it does stands in a file
//! that `freestanding/` compiles as well, without std.

#[path = "../../freestanding/src/portable.rs"]
mod portable;

fn main() {
    gort::run(|| {
        println!("primes: {:?}", Vec::from_iter(portable::primes(25)));
        println!("sleepers: {:?}", Vec::from_iter(portable::sleepers(&[30, 10, 20])));
    });
}
