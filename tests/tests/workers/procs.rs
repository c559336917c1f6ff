//! The number of processors: it follows the affinity mask and the quota of the control group, unless
//! it was set by hand. In processes of their own, for a mask and a group are a process's.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use gort::runtime;
use tests::{alone, compute_for, cpus, keep_on, ms, thread_id};

/// A runtime whose number nobody has set.
fn builder(migratory: bool) -> gort::Builder {
    let builder = gort::Builder::new();
    // SAFETY: the tests below keep nothing that is bound to a thread over a wait, and what they run
    // is `Send`.
    if migratory { unsafe { builder.migratory() } } else { builder }
}

/// Sleeps until there are so many processors.
fn wait_for(procs: usize, why: &str) {
    let start = Instant::now();
    while runtime::procs() != procs {
        // A look a second, and a machine that may be busy with other things.
        assert!(start.elapsed() < ms(20_000), "{why}: {} processors", runtime::procs());
        gort::sleep(ms(10));
    }
}

/// Keeps every thread of this process on those processors of the machine, as `taskset -a` does.
fn keep_all_on(cpus: &[usize]) {
    // Twice: a thread may be born of one that has the old mask still.
    for _ in 0..2 {
        for task in fs::read_dir("/proc/self/task").unwrap() {
            let id = task.unwrap().file_name().into_string().unwrap().parse().unwrap();
            keep_on(cpus, Some(id));
        }
    }
}

/// The threads that run `n` goroutines which begin now and compute for a moment.
fn threads_of(n: usize) -> HashSet<i32> {
    let compute = || {
        compute_for(200);
        gort::yield_now();
        thread_id()
    };
    let handles: Vec<_> = (0..n).map(|_| gort::spawn(compute)).collect();
    handles.into_iter().map(|handle| handle.join().unwrap()).collect()
}

/// Sees to it that as many goroutines run at the same moment as there are processors.
fn run_at_once(procs: usize) {
    let running = AtomicUsize::new(0);
    let start = Instant::now();
    gort::scope(|s| {
        for _ in 0..procs {
            s.spawn(|| {
                running.fetch_add(1, Ordering::AcqRel);
                while running.load(Ordering::Acquire) < procs {
                    assert!(start.elapsed() < ms(20_000), "{procs} don't run at once");
                    std::hint::spin_loop();
                }
            });
        }
    });
}

/// Who lives for long, waits on a socket or a timer, and must not notice.
fn long_lived(run: impl FnOnce() + Send) {
    use std::io::{Read, Write};

    let listener = gort::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stop = AtomicUsize::new(0);
    gort::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                let (mut server, _) = listener.accept().unwrap();
                let mut byte = [0];
                while server.read(&mut byte).unwrap() == 1 {
                    server.write_all(&byte).unwrap();
                }
            });
        }
        for _ in 0..8 {
            s.spawn(|| {
                let mut client = gort::net::TcpStream::connect(address).unwrap();
                while stop.load(Ordering::Acquire) == 0 {
                    let start = Instant::now();
                    gort::sleep(ms(5));
                    client.write_all(&[1]).unwrap();
                    client.read_exact(&mut [0]).unwrap();
                    assert!(start.elapsed() < ms(5000), "held up for {:?}", start.elapsed());
                }
            });
        }
        run();
        stop.store(1, Ordering::Release);
    });
}

#[test]
fn they_follow_the_affinity_mask() {
    alone("procs::they_follow_the_affinity_mask", || {
        for migratory in [false, true] {
            let run = builder(migratory).run(|| {
                let all = cpus();
                let most = runtime::procs();
                long_lived(|| {
                    for n in [1, most, most.div_ceil(2), most] {
                        keep_all_on(&all[..n]);
                        // A quota of the machine's may be tighter, and was by the start.
                        wait_for(n, "after a change of the mask");
                        gort::sleep(ms(50));
                        let threads = threads_of(100);
                        let begin_elsewhere = !migratory && threads.len() > n;
                        assert!(!begin_elsewhere, "{threads:?} for {n} processors");
                        run_at_once(n);
                    }
                });
            });
            run.unwrap();
        }
    });
}

#[test]
fn those_set_by_hand_stay() {
    alone("procs::those_set_by_hand_stay", || {
        gort::Builder::new()
            .procs(3)
            .run(|| {
                keep_all_on(&cpus()[..1]);
                // Three looks would have been made.
                for _ in 0..330 {
                    gort::sleep(ms(10));
                    assert_eq!(runtime::procs(), 3);
                }
            })
            .unwrap();
    });
}

/// Where a control group of our own can be made: its directory, and how a quota is written there.
struct Group {
    path: PathBuf,
    /// The file that the quota goes into, and what stands behind the number.
    quota: (&'static str, &'static str),
    none: &'static str,
}

impl Group {
    /// A new group that this process is in; none where the machine doesn't let us.
    fn new() -> Option<Group> {
        let name = format!("gort-test-{}", std::process::id());
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let below = |prefix: &str| {
            let line = own.lines().find_map(|line| line.split_once(prefix))?;
            Some(line.1.trim_start_matches('/').to_owned())
        };
        let one = below(":cpu:").or_else(|| below(":cpu,cpuacct:"));
        let (above, own, quota, none) = match one {
            Some(own) => ("/sys/fs/cgroup/cpu", own, ("cpu.cfs_quota_us", ""), "-1"),
            None => ("/sys/fs/cgroup", below("0::")?, ("cpu.max", " 100000"), "max"),
        };
        let path = Path::new(above).join(own).join(name);
        fs::create_dir(&path).ok()?;
        let group = Group { path, quota, none };
        let joined = group.path.join("cgroup.procs");
        let ready = group.path.join(group.quota.0).exists()
            && fs::write(joined, std::process::id().to_string()).is_ok();
        ready.then_some(group)
    }

    fn set(&self, processors: Option<usize>) {
        let number = processors.map_or(self.none.to_owned(), |n| (n * 100_000).to_string());
        fs::write(self.path.join(self.quota.0), number + self.quota.1).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that is still in it keeps it: this one goes where it came from.
        let above = self.path.parent().unwrap().join("cgroup.procs");
        fs::write(above, std::process::id().to_string()).unwrap();
        fs::remove_dir(&self.path).unwrap();
    }
}

#[test]
fn they_follow_the_quota() {
    // Darwin has none, so its backend asks for none here either.
    if cfg!(feature = "os-darwin-stub") {
        return;
    }
    alone("procs::they_follow_the_quota", || {
        // Where no group can be made, what is read from given files is tested in `os-linux`.
        let Some(group) = Group::new() else { return };
        for migratory in [false, true] {
            let run = builder(migratory).run(|| {
                let most = runtime::procs();
                // One processor's worth is two processors: one alone could not use it up.
                for (quota, procs) in [(Some(1), 2), (Some(3), 3), (Some(2), 2), (None, most)] {
                    group.set(quota);
                    wait_for(procs.min(most), "after a change of the quota");
                    run_at_once(procs.min(most));
                }
            });
            run.unwrap();
        }
    });
}
