//! Text that goes out whatever the state of the process.

use rustix::fd::BorrowedFd;
use rustix::io::Errno;

/// Writes all of `text` to descriptor 2, or as much as it takes. Callable from a fault handler.
pub fn write_error(text: &[u8]) {
    // SAFETY: the descriptor is used for this call only; a closed one is an error that is ignored.
    write(unsafe { rustix::stdio::stderr() }, text);
}

/// Writes all of `text`, or as much as the descriptor takes.
pub fn write(to: BorrowedFd<'_>, mut text: &[u8]) {
    while !text.is_empty() {
        match rustix::io::write(to, text) {
            Ok(0) => return,
            Ok(written) => text = &text[written..],
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
