//! What a thread is called, and whether it waits.
#![forbid(unsafe_code)]

use core::ffi::CStr;
use core::fmt::{self, Write};
use core::mem;

use rustix::fs::{Mode, OFlags};

/// As `Os::thread`: the system's number of the thread.
pub(crate) fn name() -> usize {
    rustix::thread::gettid().as_raw_nonzero().get() as usize
}

/// As `Os::is_blocked`: the state in `/proc/self/task/N/stat`, which stands behind the thread's name
/// in parentheses. (Its CPU clock would be cheaper to read, but stands still as well for one that
/// waits for its turn on a busy machine.)
pub(crate) fn is_blocked(thread: usize) -> bool {
    let mut path = [0; 48];
    let mut stat = [0; 256];
    let mut unwritten = &mut path[..];
    if write!(Text(&mut unwritten), "/proc/self/task/{thread}/stat\0").is_err() {
        return false;
    }
    let Ok(path) = CStr::from_bytes_until_nul(&path) else { return false };
    let Ok(file) = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else {
        return false;
    };
    let Ok(read) = rustix::io::read(&file, &mut stat) else { return false };
    // A name may hold any character, and parentheses.
    let behind = stat[..read].iter().rposition(|&byte| byte == b')');
    matches!(behind.and_then(|at| stat.get(at + 2)), Some(b'S' | b'D'))
}

/// Text that goes into bytes, as much as there is room for.
struct Text<'a, 'b>(&'a mut &'b mut [u8]);

impl Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some((here, rest)) = mem::take(self.0).split_at_mut_checked(text.len()) else {
            return Err(fmt::Error);
        };
        here.copy_from_slice(text.as_bytes());
        *self.0 = rest;
        Ok(())
    }
}
