//! How long the machine has kept this process's threads from running: for tests of how long the
//! runtime takes, which must not answer for that.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// A tick of `/proc/stat`, in nanoseconds: the kernel shows hundredths of a second everywhere.
const TICK: u64 = 10_000_000;

/// For how long a thread was ready and did not run.
fn ready(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.split_whitespace().nth(1)?.parse().ok()
}

/// A moment to count from.
#[derive(Debug)]
pub struct Withheld {
    /// For each thread, by its number, for how long it was ready and did not run, in nanoseconds.
    ready: HashMap<String, u64>,
    /// What another machine on the same processors had of them, in nanoseconds.
    stolen: u64,
}

impl Withheld {
    /// From now on.
    ///
    /// # Panics
    /// Without `/proc`.
    pub fn now() -> Withheld {
        let tasks = fs::read_dir("/proc/self/task").expect("a process has threads");
        let ready = tasks.filter_map(|task| {
            let name = task.ok()?.file_name().into_string().ok()?;
            // A thread that has just ended has none; and kernels that count nothing withhold nothing.
            let nanoseconds = ready(&format!("/proc/self/task/{name}/schedstat"))?;
            Some((name, nanoseconds))
        });
        let all = fs::read_to_string("/proc/stat").expect("a machine has processors");
        let steal = all.split_whitespace().nth(8).and_then(|ticks| ticks.parse::<u64>().ok());
        Withheld { ready: ready.collect(), stolen: steal.unwrap_or(0) * TICK }
    }

    /// How long the calling thread was kept off since its start.
    pub fn from_this_thread() -> Duration {
        Duration::from_nanos(ready("/proc/thread-self/schedstat").unwrap_or(0))
    }

    /// How long the thread that was kept off most was kept off since then, of those that are still
    /// there, and all that was stolen.
    pub fn since(&self) -> Duration {
        let now = Withheld::now();
        let before = |name| self.ready.get(name).copied().unwrap_or(0);
        let most = now.ready.iter().map(|(name, ready)| ready.saturating_sub(before(name))).max();
        Duration::from_nanos(most.unwrap_or(0) + now.stolen.saturating_sub(self.stolen))
    }
}
