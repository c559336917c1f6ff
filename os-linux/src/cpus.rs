//! How many processors we may use: the affinity mask, limited by the quota of our control groups.
//!
//! All of it is read anew each time: the mask, the quota and our place among the groups can change.
#![forbid(unsafe_code)]

use crate::cgroup;
use alloc::vec::Vec;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::thread::{CpuSet, sched_getaffinity};

/// The lesser of what the mask has and the quota buys, as Go counts: the quota rounded up, but at
/// least 2, for one thread alone could not use up a quota between one and two processors.
pub(crate) fn cpus() -> usize {
    let mask = match sched_getaffinity(None) {
        Ok(mask) => mask.count() as usize,
        // More processors than the mask has bits for.
        Err(_) => CpuSet::MAX_CPU,
    };
    let quota = quota().map_or(usize::MAX, |cpus| cpus.max(2));
    mask.min(quota).max(1)
}

/// As many as the machine can ever have, mask and quota or not.
pub(crate) fn most_cpus() -> usize {
    let possible = read(b"/sys/devices/system/cpu/possible");
    possible.and_then(|list| cgroup::last(&list)).map_or_else(cpus, |last| last + 1)
}

/// The processors that our control groups may use, rounded up; `None`: all.
fn quota() -> Option<usize> {
    let groups = read(b"/proc/self/cgroup")?;
    let mounts = read(b"/proc/self/mountinfo")?;
    cgroup::quota(&groups, &mounts, read)
}

/// The contents of a file, if it can be read.
fn read(path: &[u8]) -> Option<Vec<u8>> {
    let file = retry(|| rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()))?;
    let mut contents = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match retry(|| rustix::io::read(&file, &mut chunk))? {
            0 => return Some(contents),
            bytes => contents.extend_from_slice(&chunk[..bytes]),
        }
    }
}

/// The result of a call that may be interrupted.
fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Option<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result.ok(),
        }
    }
}
