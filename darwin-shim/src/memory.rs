//! What Linux limits and counts of a process's memory. Nothing here takes any: it is asked when there
//! is none left.

use std::fs::File;
use std::io::Read;

/// How many mappings the process has and how many it may have: Darwin limits none.
pub fn mappings() -> Option<(u64, u64)> {
    let mut lines = 0;
    parts("/proc/self/maps", |part| {
        lines += part.iter().filter(|&&byte| byte == b'\n').count() as u64;
    })?;
    Some((lines, number("/proc/sys/vm/max_map_count", "")?))
}

/// How many KiB of addresses the process has: `pti_virtual_size` there.
pub fn address_kib() -> Option<u64> {
    number("/proc/self/status", "VmSize:")
}

/// How many threads the process has: what `task_threads` counts there.
pub fn threads() -> usize {
    number("/proc/self/status", "Threads:").map_or(0, |threads| threads as usize)
}

/// The number behind the first `name` in a small file.
pub(crate) fn number(path: &str, name: &str) -> Option<u64> {
    let (mut text, mut len) = ([0; 4096], 0);
    parts(path, |part| {
        let n = part.len().min(text.len() - len);
        text[len..len + n].copy_from_slice(&part[..n]);
        len += n;
    })?;
    let text = str::from_utf8(&text[..len]).ok()?;
    let (_, behind) = text.split_once(name)?;
    behind.split_ascii_whitespace().next()?.parse().ok()
}

/// Reads a file part by part; none if it can't be read.
fn parts(path: &str, mut part: impl FnMut(&[u8])) -> Option<()> {
    let mut file = File::open(path).ok()?;
    let mut buffer = [0; 1024];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(()),
            n => part(&buffer[..n]),
        }
    }
}
