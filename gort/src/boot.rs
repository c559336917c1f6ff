//! Starting a program that has neither std nor libc: from the kernel's first instruction to `main`,
//! which is a goroutine like any other. The stages are Go's.
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//!
//! gort::entry!(main);
//!
//! fn main() {
//!     gort::boot::print("hello\n");
//! }
//! ```
//!
//! The program is linked with `-nostartfiles -nostdlib -static -no-pie`, and built with
//! `panic = "abort"`. Its allocator is [`os_linux::Heap`]; a panic says where and what, and ends it.

use core::convert::Infallible;
use core::fmt;
use core::panic::{Location, PanicInfo};

use os_linux::start::{self, Auxv, Start};
use rt_core::boot::tls::{self, Argc, Halt, Machine, Slot, Tls};
use rt_core::boot::{Boot, Stage};
use rt_core::{OsResult, os, report};

use crate::builder::{returned, run_on};
use crate::platform::processor::Cpu;
use crate::platform::processor::tls::LINUX;
use crate::{Builder, debug};

pub use crate::platform::processor::rt0;
pub use os_linux::start::{Texts, args, auxv, var, vars};

/// The status of a program that could not start, or whose main failed: Go's.
const FAILED: i32 = 2;

#[global_allocator]
static HEAP: os_linux::Heap = os_linux::Heap::new();

/// Makes `$main` the program: `fn() -> T`, where `T` is a [`Status`]. A second argument is the
/// [`Builder`] that it runs on.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        $crate::entry!($main, $crate::Builder::new());
    };
    ($main:path, $builder:expr) => {
        const _: () = {
            unsafe extern "C" fn rt0_go(stack: *const usize) -> ! {
                // SAFETY: `_start` calls it with the kernel's stack pointer, once.
                unsafe { $crate::boot::rt0_go(stack, || $builder, $main) }
            }
            $crate::boot::rt0!(rt0_go);
        };
    };
}

/// What `main` may return: the number that the process ends with.
pub trait Status {
    /// That number.
    fn status(self) -> i32;
}

impl Status for () {
    fn status(self) -> i32 {
        0
    }
}

impl Status for i32 {
    fn status(self) -> i32 {
        self
    }
}

/// An error is reported.
impl<T: Status, E: fmt::Debug> Status for Result<T, E> {
    fn status(self) -> i32 {
        match self {
            Ok(value) => value.status(),
            Err(error) => {
                report(format_args!("error: {error:?}"));
                FAILED
            }
        }
    }
}

/// The second stage of a start, on the kernel's stack. Called by `_start`.
///
/// # Safety
/// - `stack` is what the stack pointer was when the kernel started this process; called once.
#[inline(always)]
pub unsafe fn rt0_go<T: Status>(
    stack: *const usize,
    builder: fn() -> Builder,
    main: fn() -> T,
) -> ! {
    let boot = Boot::new();
    boot.done(Stage::Rt0, "the kernel started this program");
    // SAFETY: the caller's contract.
    let start = unsafe { Start::new(stack) };
    let mut machine = ThisMachine { start, auxv: start.auxv(), cpu: None };
    if let Err(halt) = tls::rt0_go(&LINUX, &mut machine, &boot) {
        cannot_start(halt);
    }
    let main = || -> Infallible {
        let status = main().status();
        returned(&boot, debug::asks_for("boot"));
        os::exit(status)
    };
    let runtime = builder().start(&boot);
    let Err(error) = runtime.and_then(|runtime| run_on(&runtime, Location::caller(), &boot, main));
    report(format_args!("fatal: {error}"));
    os::exit(FAILED)
}

/// The machine that the kernel started this program on.
struct ThisMachine {
    start: Start,
    auxv: Auxv,
    cpu: Option<Cpu>,
}

impl Machine for ThisMachine {
    fn arguments(&mut self, _argc: Argc) {
        self.start.keep();
    }

    fn processor(&mut self) -> &'static str {
        let cpu = Cpu::ask(self.auxv.features);
        self.cpu = Some(cpu);
        cpu.about()
    }

    fn host_hook(&mut self, _host: &'static str) {}

    fn reserve_slot(&mut self) -> OsResult<()> {
        Ok(())
    }

    fn set_tls(&mut self, _call: &'static str, _g: Slot) -> OsResult<()> {
        // SAFETY: asked for once, by `rt0_go`, before anything that asks which thread it is.
        unsafe { start::set_tls(&self.auxv) }
    }

    fn store(&mut self, _g: Slot, word: usize) {
        os::set_local(core::ptr::without_provenance_mut(word));
    }

    fn found(&mut self) -> usize {
        start::first_word().unwrap_or(0)
    }

    /// Its bounds are those of [`Start::stack`], which nobody has to keep.
    fn bind(&mut self) {}

    fn check(&mut self) -> bool {
        self.cpu.is_some_and(|cpu| cpu.has_basics())
    }

    fn args(&mut self) -> OsResult<()> {
        start::keep_auxv(&self.auxv);
        start::set_signal_stack()?;
        start::open_standard_streams()
    }
}

/// Ends a program that can't be started.
#[cold]
fn cannot_start(halt: Halt) -> ! {
    let error = match halt {
        Halt::Tls(error) | Halt::Args(error) => Some(error),
        Halt::NotFound | Halt::Processor => None,
    };
    let why = WhyNot(halt);
    match error.map(|error| crate::io::Error::from_raw_os_error(error.0)) {
        Some(error) => report(format_args!("fatal: {why}: {error}")),
        None => report(format_args!("fatal: {why}")),
    }
    os::exit(FAILED)
}

/// Why it can't be started, in words.
struct WhyNot(Halt);

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Halt::Tls(_) => {
                let (Tls::Set(how) | Tls::Skip(how)) = LINUX.tls;
                write!(f, "the thread-local storage can't be set ({how})")
            }
            Halt::NotFound => {
                f.write_str("what is written to thread-local storage is not found there")
            }
            Halt::Processor => write!(f, "this processor is no {}", Cpu::KIND),
            Halt::Args(_) => {
                f.write_str("a stack for fault handlers or a standard stream is not to be had")
            }
        }
    }
}

/// Writes to the standard output, as far as it goes.
pub fn print(text: impl AsRef<[u8]>) {
    start::print(text.as_ref());
}

/// Writes a line to the standard output. Takes what `format!` takes.
#[macro_export]
macro_rules! println {
    ($($arg:tt)*) => { $crate::boot::print_line(format_args!($($arg)*)) };
}

/// Writes a line to the standard output, in one piece.
pub fn print_line(line: fmt::Arguments<'_>) {
    let mut text = alloc::fmt::format(line);
    text.push('\n');
    print(text);
}

/// Says where and what, and ends the process: nothing can unwind here.
#[cfg(not(test))]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let message = info.message();
    match (rt_core::current_id(), info.location()) {
        (Some(id), Some(at)) => report(format_args!("goroutine {id} panicked at {at}: {message}")),
        (None, Some(at)) => report(format_args!("a thread panicked at {at}: {message}")),
        (_, None) => report(format_args!("panicked: {message}")),
    }
    os::abort()
}

/// What the compiled core refers to where it could unwind, if it could.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> ! {
    rt_core::fatal!("something unwinds, in a program without unwinding")
}

/// As [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    rust_eh_personality()
}
