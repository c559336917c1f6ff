//! "We were wrong": the end of the process with a sentence, without memory and without unwinding.

use core::fmt::{self, Write};

use crate::os;

/// A line of text on the stack; what doesn't fit is cut.
struct Line {
    text: [u8; 512],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = &mut self.text[self.len..];
        let n = room.len().min(s.len());
        room[..n].copy_from_slice(&s.as_bytes()[..n]);
        self.len += n;
        Ok(())
    }
}

/// Writes one line to the error stream. Allocates nothing: callable from a fault handler.
pub fn report(message: fmt::Arguments<'_>) {
    let mut line = Line { text: [0; 512], len: 0 };
    // `write_str` above never fails, so neither does this.
    let _ = line.write_fmt(message);
    let end = line.len.min(511);
    line.text[end] = b'\n';
    os::write_error(&line.text[..=end]);
}

/// Writes `fatal: message` and ends the process as a crash.
#[doc(alias = "throw")]
#[cold]
pub fn fatal(message: fmt::Arguments<'_>) -> ! {
    report(format_args!("fatal: {message}"));
    os::abort()
}

/// Ends the process because the runtime itself is wrong. Takes what `format!` takes.
#[macro_export]
macro_rules! fatal {
    ($($arg:tt)*) => { $crate::fatal(format_args!($($arg)*)) };
}
