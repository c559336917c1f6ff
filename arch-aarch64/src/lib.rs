//! gort on 64-bit Arm: a context is a stack pointer, and this is what lies there.
//!
//! ```text
//!   prepare                          switch
//!   top ->  +------------------+     +------------------+
//!   +40     |  goexit + 4      |     |                  |
//!   +32     |  entry           |     |  caller's frame  |
//!           +------------------+     +------------------+
//!   +24     |  0               |     |  nothing         |
//!   +16     |  gostart         |     |  where to resume |
//!   +8      |  x29 = 0         |     |  x29             |
//!   sp ->   |  x19 = arg       |     |  x19             |
//!           +------------------+     +------------------+
//! ```
//!
//! The stack pointer is a multiple of 16 whenever something is reached through it, hence the gap.
//!
//! `switch` is inline assembly that clobbers every register but the two that the compiler doesn't
//! let it, x19 and the frame pointer: of x20 to x28, the link register and d8 to d15, which a
//! function would have to store whether they are in use or not, the compiler has saved those that
//! are live. It is no function, so that no `bl` puts an entry on the processor's return predictor
//! that no `ret` takes off.
//!
//! FPCR is shared by all goroutines of a thread, as MXCSR is on x86-64: code that changes the
//! rounding mode has to restore it before it parks. The platform's own register, x18, is nobody's to
//! change where a system has a use for it, and scratch elsewhere.
//!
//! On another processor there is only the table of [`tls`], which is data.
#![no_std]

#[cfg(target_arch = "aarch64")]
mod context;
#[cfg(target_arch = "aarch64")]
mod cpu;
#[cfg(target_arch = "aarch64")]
pub mod rt0;
pub mod tls;

#[cfg(target_arch = "aarch64")]
pub use context::Aarch64;
#[cfg(target_arch = "aarch64")]
pub use cpu::Cpu;
