//! What the process uses, as the kernel says.

/// A figure of `/proc/self/status` in bytes.
fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|n| n.parse().ok());
    kib.unwrap_or(0) * 1024
}

/// Resident memory and page tables, in bytes.
pub(crate) fn used() -> u64 {
    status("VmRSS:") + status("VmPTE:")
}
