//! All workloads, by name. What each does and what its figure means is in `peers/README.md`.

use crate::figures::{Figures, Given};
use crate::{channels, held, locks, memory, servers, tasks, timers};

/// A row of the table.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// How many operations unless told otherwise.
    pub(crate) n: u64,
    /// Checks its own result.
    pub(crate) run: fn(Given) -> Figures,
}

const fn row(name: &'static str, n: u64, run: fn(Given) -> Figures) -> Workload {
    Workload { name, n, run }
}

/// All workloads that run in a runtime.
pub(crate) const WORKLOADS: &[Workload] = &[
    row("switch", 20_000_000, tasks::switch),
    row("crowd", 1_000_000, tasks::crowd),
    row("spawn_join", 1_000_000, tasks::spawn_join),
    row("spawn_tree", 1 << 20, tasks::spawn_tree),
    row("skynet", 1_000_000, tasks::skynet),
    row("pingpong_unbuf", 2_000_000, channels::pingpong_unbuf),
    row("crowd_chan", 1_000_000, channels::crowd_chan),
    row("chan_buf", 10_000_000, channels::chan_buf),
    row("mpmc", 10_000_000, channels::mpmc),
    row("ring", 1_000_000, channels::ring),
    row("select", 2_000_000, channels::select),
    row("mutex", 50_000_000, locks::mutex),
    row("mutex_8", 10_000_000, locks::mutex_8),
    row("timers", 1_000_000, timers::timers),
    row("sleep_50us", 2_000, timers::sleep_50us),
    row("mem", 1_000_000, memory::mem),
    row("wakeup", 500, held::wakeup),
    row("hog", 1_000, held::hog),
    row("blocking_call", 100, held::blocking_call),
    row("idle", 1_000, held::idle),
    row("tcp_echo", 1, servers::tcp_echo),
    row("httpd", 1, servers::httpd),
];
