//! What has run out when the kernel refuses: which of the limits, and how much of it is in use.
//!
//! It is asked when a goroutine, a thread or a poller has just been refused, so it gets along with
//! a few hundred bytes of stack, without memory, and without a descriptor where those ran out.

use rt_core::{OsError, Shortage};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// So close to the limit of mappings, mappings are what ran out: one call may need a few, and the
/// last of them may have been made while we counted.
const NEAR: u64 = 64;

/// As `Os::shortage`.
pub(crate) fn shortage(error: OsError) -> Option<Shortage> {
    match Errno::from_raw_os_error(error.0) {
        Errno::NOMEM => Some(memory()),
        Errno::AGAIN => Some(Shortage {
            of: "threads",
            used: threads(),
            most: getrlimit(Resource::Nproc).current,
            raise: "the limit of the user's processes (ulimit -u, pids.max, kernel.threads-max)",
        }),
        Errno::MFILE => {
            let most = getrlimit(Resource::Nofile).current;
            let raise = "the limit of open descriptors (ulimit -n)";
            Some(Shortage { of: "descriptors", used: most, most, raise })
        }
        Errno::NFILE => {
            let raise = "the system's limit of open files (fs.file-max)";
            Some(Shortage { of: "open files of the system", used: None, most: None, raise })
        }
        Errno::NOSPC => {
            let raise = "the user's limit of watched descriptors (fs.epoll.max_user_watches)";
            Some(Shortage { of: "watched descriptors", used: None, most: None, raise })
        }
        _ => None,
    }
}

/// How many threads the process has.
pub(crate) fn threads() -> Option<u64> {
    field("/proc/self/stat", 17)
}

/// The kernel has one error for three shortages.
fn memory() -> Shortage {
    let most = field("/proc/sys/vm/max_map_count", 0);
    let used = lines("/proc/self/maps");
    if used.zip(most).is_some_and(|(used, most)| used + NEAR >= most) {
        let raise = "the limit of mappings (vm.max_map_count)";
        return Shortage { of: "mappings", used, most, raise };
    }
    let page = crate::memory::page_size() as u64;
    if let Some(most) = getrlimit(Resource::As).current {
        let used = field("/proc/self/statm", 0).map(|pages| (pages * page) >> 10);
        let raise = "the limit of addresses (ulimit -v), or lower Builder::stack_size";
        return Shortage { of: "KiB of addresses", used, most: Some(most >> 10), raise };
    }
    let used = field("/proc/self/statm", 1).map(|pages| (pages * page) >> 10);
    let raise = "the memory of the machine or container (vm.overcommit_memory, memory.max)";
    Shortage { of: "KiB of memory", used, most: None, raise }
}

/// The number in the field of this index, of the first line: fields are separated by spaces, and
/// counted from behind the name in parentheses if there is one.
fn field(path: &str, index: usize) -> Option<u64> {
    let mut line = [0; 512];
    let mut len = 0;
    read(path, |part| {
        for (room, byte) in line.iter_mut().skip(len).zip(part) {
            *room = *byte;
            len += 1;
        }
    })?;
    let line = line.get(..len)?;
    let start = line.iter().rposition(|&byte| byte == b')').map_or(0, |at| at + 2);
    let fields = line.get(start..)?.split(u8::is_ascii_whitespace);
    let field = fields.filter(|field| !field.is_empty()).nth(index)?;
    // By hand, for std's way brings much code into small programs.
    field.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(digit.into()) }
    })
}

fn lines(path: &str) -> Option<u64> {
    let mut lines = 0;
    read(path, |part| lines += part.iter().filter(|&&byte| byte == b'\n').count() as u64)?;
    Some(lines)
}

/// Reads a file part by part; none if it can't be read.
fn read(path: &str, mut part: impl FnMut(&[u8])) -> Option<()> {
    let file = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut buffer = [0; 1024];
    loop {
        match rustix::io::read(&file, &mut buffer) {
            Ok(0) => return Some(()),
            Ok(n) => part(&buffer[..n]),
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}
