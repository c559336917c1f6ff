//! gort on x86-64: a context is a stack pointer, and this is what lies there.
//!
//! ```text
//!   prepare                          switch
//!   top ->  +------------------+     +------------------+
//!   +32     |  goexit + 1      |     |                  |
//!   +24     |  entry           |     |  caller's frame  |
//!           +------------------+     +------------------+
//!   +16     |  gostart         |     |  where to resume |
//!   +8      |  rbp = 0         |     |  rbp             |
//!   sp ->   |  rbx = arg       |     |  rbx             |
//!           +------------------+     +------------------+
//! ```
//!
//! `switch` is inline assembly that clobbers every register but the two that the compiler doesn't
//! let it: what is live across it, the compiler has saved by then, and it is usually little. It is
//! no function, so that no `call` puts an entry on the processor's return predictor that no `ret`
//! takes off: with one, each return of the goroutine that comes up is predicted one level off, and
//! a yield costs 17 ns instead of 8 (Zen 5, `bench switch`).
//!
//! MXCSR and the x87 control word are shared by all goroutines of a thread: code that changes the
//! rounding mode has to restore it before it parks (saving both costs 3.7 ns a round trip, and
//! hardly anyone changes them).
//!
//! On another processor there is only the table of [`tls`], which is data.
#![no_std]

#[cfg(target_arch = "x86_64")]
mod access;
#[cfg(target_arch = "x86_64")]
mod context;
#[cfg(target_arch = "x86_64")]
mod cpu;
#[cfg(target_arch = "x86_64")]
pub mod rt0;
pub mod tls;
#[cfg(all(target_arch = "x86_64", feature = "valgrind"))]
mod valgrind;

#[cfg(target_arch = "x86_64")]
pub use access::Word;
#[cfg(target_arch = "x86_64")]
pub use context::Amd64;
#[cfg(target_arch = "x86_64")]
pub use cpu::Cpu;
