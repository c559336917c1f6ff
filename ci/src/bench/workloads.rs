//! The rows of the comparison, as data. What each workload does: `bench/peers/README.md`.

use super::peers::WITHOUT;

/// How a workload is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The program measures itself, and prints its line.
    Itself,
    /// The program is a server, and a client with so many connections measures it.
    Serving(usize, &'static str),
    /// The program rests, and we count its system calls.
    Resting,
    /// One program starts all the others.
    Starting,
}

/// One row.
pub(super) struct Workload {
    /// What the row is called.
    pub(super) row: &'static str,
    /// What the programs call the workload.
    pub(super) name: &'static str,
    pub(super) how: How,
    /// How many operations, and how many when time is short.
    pub(super) n: u64,
    pub(super) quick: u64,
    pub(super) procs: &'static [usize],
    /// Rounds, where the usual number is too many or too few.
    pub(super) rounds: Option<usize>,
    /// Figures beside the first that are compared as well; of all of them less is better.
    pub(super) also: &'static [&'static str],
    /// Who can do it, beside gort.
    pub(super) peers: &'static [&'static str],
    /// Those among `also` or the first figure that gort is measured against, if it is not a peer's.
    pub(super) floor: &'static str,
}

const BOTH: &[usize] = &[1, 2];

/// What a row has unless it says otherwise.
const USUAL: Workload = Workload {
    row: "",
    name: "",
    how: How::Itself,
    n: 1_000_000,
    quick: 200_000,
    procs: BOTH,
    rounds: None,
    also: &[],
    peers: &["go", "tokio", "smol", "may"],
    floor: "floor",
};

const fn usual(name: &'static str) -> Workload {
    Workload { row: name, name, ..USUAL }
}

const SERVERS: &[&str] = &["go", "tokio", "smol", "may", "c"];

const fn serving(row: &'static str, name: &'static str, connections: usize) -> Workload {
    let protocol = if matches!(name.as_bytes(), b"httpd") { "http" } else { "echo" };
    Workload {
        row,
        name,
        how: How::Serving(connections, protocol),
        // Milliseconds.
        n: 3_000,
        quick: 800,
        also: &["p99_us", "wall_us"],
        peers: SERVERS,
        floor: "c",
        ..USUAL
    }
}

/// All rows, in the order in which they are run.
pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        n: 5_000_000,
        quick: 1_000_000,
        peers: &["go", "tokio", "smol", "may", "boost", "corosensei", "floor"],
        ..usual("switch")
    },
    Workload {
        row: "crowd_1k",
        n: 1_000,
        quick: 1_000,
        peers: &["go", "tokio", "smol", "may", "floor"],
        ..usual("crowd")
    },
    Workload {
        row: "crowd_many",
        quick: 100_000,
        peers: &["go", "tokio", "smol", "floor"],
        ..usual("crowd")
    },
    Workload { peers: &["go", "tokio", "smol", "may", "boost", "floor"], ..usual("spawn_join") },
    Workload { n: 1 << 20, quick: 1 << 16, peers: &["go", "tokio", "smol"], ..usual("spawn_tree") },
    Workload { quick: 100_000, peers: &["go", "tokio", "smol"], ..usual("skynet") },
    Workload {
        peers: &["go", "tokio", "smol", "may", "boost", "floor"],
        ..usual("pingpong_unbuf")
    },
    Workload {
        row: "crowd_chan_1k",
        n: 1_000,
        quick: 1_000,
        peers: &["go", "tokio"],
        ..usual("crowd_chan")
    },
    Workload {
        row: "crowd_chan_many",
        quick: 100_000,
        rounds: Some(3),
        peers: &["go", "tokio"],
        ..usual("crowd_chan")
    },
    Workload {
        row: "guard",
        n: 5_000_000,
        quick: 1_000_000,
        procs: &[1],
        rounds: Some(11),
        peers: WITHOUT,
        floor: "",
        ..usual("pingpong_unbuf")
    },
    Workload {
        n: 5_000_000,
        quick: 1_000_000,
        peers: &["go", "tokio", "smol", "boost", "floor"],
        ..usual("chan_buf")
    },
    Workload { n: 5_000_000, quick: 1_000_000, peers: &["go", "smol", "boost"], ..usual("mpmc") },
    Workload {
        quick: 100_000,
        peers: &["go", "tokio", "smol", "may", "boost", "floor"],
        ..usual("ring")
    },
    Workload { peers: &["go", "tokio", "smol"], ..usual("select") },
    Workload {
        n: 10_000_000,
        quick: 2_000_000,
        procs: &[1],
        peers: &["go", "tokio", "smol", "may", "boost", "std"],
        ..usual("mutex")
    },
    Workload {
        n: 5_000_000,
        quick: 1_000_000,
        peers: &["go", "tokio", "smol", "may", "boost", "std"],
        ..usual("mutex_8")
    },
    Workload {
        quick: 100_000,
        also: &["p99_late_ms"],
        peers: &["go", "tokio", "smol"],
        ..usual("timers")
    },
    Workload {
        n: 5_000,
        quick: 1_000,
        peers: &["go", "tokio", "smol", "may", "std"],
        ..usual("sleep_50us")
    },
    Workload {
        quick: 100_000,
        also: &["spawn_ns"],
        peers: &["go", "tokio", "smol", "floor"],
        ..usual("mem")
    },
    Workload {
        n: 500,
        quick: 200,
        procs: &[2],
        also: &["p99_us"],
        peers: &["go", "tokio", "smol", "may", "std"],
        floor: "std",
        ..usual("wakeup")
    },
    Workload { n: 1_000, quick: 300, ..usual("hog") },
    Workload { n: 100, quick: 50, ..usual("blocking_call") },
    Workload { how: How::Resting, n: 1_000, quick: 100, rounds: Some(1), ..usual("idle") },
    serving("tcp_echo_50", "tcp_echo", 50),
    serving("tcp_echo_1000", "tcp_echo", 1_000),
    serving("httpd_50", "httpd", 50),
    Workload {
        how: How::Starting,
        n: 2_000,
        quick: 200,
        procs: &[1],
        rounds: Some(1),
        also: &["p50_us"],
        peers: &[],
        floor: "exit",
        ..usual("start")
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_names_of_their_own_and_work_to_do() {
        for (i, row) in WORKLOADS.iter().enumerate() {
            assert!(!row.name.is_empty() && row.quick > 0 && row.quick <= row.n, "{}", row.row);
            assert!(WORKLOADS[..i].iter().all(|other| other.row != row.row), "{}", row.row);
            assert!(!row.procs.is_empty());
        }
    }
}
