//! On which processors of the machine threads run.

use rustix::io::Errno;
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// Those that the calling thread may run on, by number.
pub fn cpus() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

/// Keeps a thread, unless it has ended, or the calling one on those.
pub fn keep_on(cpus: &[usize], thread: Option<i32>) {
    let mut set = CpuSet::new();
    cpus.iter().for_each(|&cpu| set.set(cpu));
    let kept = sched_setaffinity(thread.and_then(Pid::from_raw), &set);
    assert!(matches!(kept, Ok(()) | Err(Errno::SRCH)), "{kept:?}");
}
