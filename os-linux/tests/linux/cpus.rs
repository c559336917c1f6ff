//! The number of processors, and the texts it comes from.

// The crate does not export its parser.
#[path = "../../src/cgroup.rs"]
mod cgroup;

use os_linux::Linux;
use rt_core::Os;

/// The quota that a made-up machine with these files shows.
fn quota(groups: &str, mounts: &str, files: &[(&str, &str)]) -> Option<usize> {
    cgroup::quota(groups.as_bytes(), mounts.as_bytes(), |path| {
        let found = files.iter().find(|(name, _)| name.as_bytes() == path)?;
        Some(found.1.as_bytes().to_vec())
    })
}

const TWO: &str = "\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
31 22 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
";

const ONE: &str = "\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
33 31 0:30 /docker/1 /mnt/with\\040blank rw - cgroup cgroup rw,cpu,cpuacct
";

#[test]
fn version_two_has_one_file() {
    let file = |text| [("/sys/fs/cgroup/a/b/cpu.max", text)];
    assert_eq!(quota("0::/a/b\n", TWO, &file("300000 100000\n")), Some(3));
    assert_eq!(quota("0::/a/b\n", TWO, &file("150000 100000\n")), Some(2), "rounded up");
    assert_eq!(quota("0::/a/b\n", TWO, &file("10000 100000\n")), Some(1));
    assert_eq!(quota("0::/a/b\n", TWO, &file("max 100000\n")), None);
    assert_eq!(quota("0::/a/b\n", TWO, &file("nonsense\n")), None);
    assert_eq!(quota("0::/a/b\n", TWO, &[]), None);
}

#[test]
fn the_tightest_group_above_counts() {
    let files = [
        ("/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n"),
        ("/sys/fs/cgroup/a/cpu.max", "200000 100000\n"),
        ("/sys/fs/cgroup/cpu.max", "max 100000\n"),
    ];
    assert_eq!(quota("0::/a/b\n", TWO, &files), Some(2));
    assert_eq!(quota("0::/\n", TWO, &[("/sys/fs/cgroup/cpu.max", "500000 100000")]), Some(5));
}

#[test]
fn version_one_has_two_files_below_a_mounted_root() {
    let groups = "5:cpuset:/\n4:cpu,cpuacct:/docker/1/x\n0::/y\n";
    let files = [
        ("/mnt/with blank/x/cpu.cfs_quota_us", "-1\n"),
        ("/mnt/with blank/x/cpu.cfs_period_us", "100000\n"),
        ("/mnt/with blank/cpu.cfs_quota_us", "250000\n"),
        ("/mnt/with blank/cpu.cfs_period_us", "100000\n"),
    ];
    assert_eq!(quota(groups, ONE, &files), Some(3));
    let outside = "4:cpu,cpuacct:/docker/12\n";
    assert_eq!(quota(outside, ONE, &files), None, "not below what is mounted");
}

#[test]
fn a_quota_is_read_anew() {
    let root = std::env::temp_dir().join(format!("gort-quota-{}", std::process::id()));
    std::fs::create_dir(&root).expect("a folder of our own");
    let mounts = format!("31 22 0:28 / {} rw - cgroup2 cgroup2 rw\n", root.display());
    let read = |path: &[u8]| {
        let path = str::from_utf8(path).expect("a name of ours");
        std::fs::read(path).ok()
    };
    let quota = || cgroup::quota(b"0::/\n", mounts.as_bytes(), read);
    for (text, expected) in [("max 100000", None), ("300000 100000", Some(3)), ("max 5", None)] {
        std::fs::write(root.join("cpu.max"), text).expect("a file of our own");
        assert_eq!(quota(), expected, "{text}");
    }
    std::fs::remove_dir_all(&root).expect("it is our own");
}

#[test]
fn the_last_processor_is_found() {
    let lists: [(&[u8], _); 6] = [
        (b"0-3\n", Some(3)),
        (b"0\n", Some(0)),
        (b"0-3,8-11\n", Some(11)),
        (b"0,2\n", Some(2)),
        (b"", None),
        (b"0-x", None),
    ];
    for (list, last) in lists {
        assert_eq!(cgroup::last(list), last, "{list:?}");
    }
}

#[test]
fn there_are_at_least_as_many_as_we_may_use() {
    assert!(Linux::most_cpus() >= Linux::cpus());
}

#[test]
fn strange_texts_are_no_quota() {
    assert_eq!(quota("", "", &[]), None);
    assert_eq!(quota("0::/a\n", "x - y\n1 2 3 / /p - cgroup2\n", &[]), None);
    assert_eq!(quota("0::/../a\n", TWO, &[("/sys/fs/cgroup/cpu.max", "100000 100000")]), None);
    assert_eq!(quota("cpu\n", TWO, &[]), None);
}

#[test]
fn no_more_than_the_affinity_mask() {
    let cpus = Linux::cpus();
    assert!(cpus >= 1);
    if std::env::var_os("OS_LINUX_CPUS").is_none() {
        let test = "cpus::no_more_than_the_affinity_mask";
        let ended = std::process::Command::new(std::env::current_exe().expect("our own path"))
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env("OS_LINUX_CPUS", "one")
            .output()
            .expect("a child");
        assert!(ended.status.success(), "{ended:?}");
        return;
    }
    let mut mask = rustix::thread::sched_getaffinity(None).expect("a mask");
    let first = (0..).find(|&cpu| mask.is_set(cpu)).expect("a processor");
    mask.clear();
    mask.set(first);
    rustix::thread::sched_setaffinity(None, &mask).expect("a smaller mask");
    assert_eq!(Linux::cpus(), 1);
}
