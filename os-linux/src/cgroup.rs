//! How many processors there are and what control groups let us use of them, read from the texts that
//! the kernel shows.
//!
//! A group's quota binds everything below it, so the tightest of our own group and those above it,
//! as far as they are mounted, is ours. (Go looks at our own only.)
#![forbid(unsafe_code)]

use alloc::vec::Vec;

/// Which generation of control groups has the processors.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The processors that the quota buys, rounded up; `None`: no limit. `groups` is the text of
/// `/proc/self/cgroup` and `mounts` of `/proc/self/mountinfo`; `read` reads a file.
pub(crate) fn quota(
    groups: &[u8],
    mounts: &[u8],
    read: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Option<usize> {
    let (version, group) = own_group(groups)?;
    let (mut path, mounted) = directory(mounts, version, group)?;
    let mut least = None;
    loop {
        let limit = match version {
            Version::One => limit_one(&path, &read),
            Version::Two => limit_two(&path, &read),
        };
        least = least.into_iter().chain(limit).min();
        if path.len() <= mounted {
            return least;
        }
        let above = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        path.truncate(above.max(mounted));
    }
}

/// The group that we are in. Lines read `4:cpu,cpuacct:/path`, or `0::/path` for version 2. The
/// controller is in one version only, and a line of version 1 that names it says which.
fn own_group(groups: &[u8]) -> Option<(Version, &[u8])> {
    let mut found = None;
    for line in lines(groups) {
        let mut fields = line.splitn(3, |&byte| byte == b':');
        let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        if names_cpu(controllers) {
            return Some((Version::One, path));
        }
        if id == b"0" && controllers.is_empty() {
            found = Some((Version::Two, path));
        }
    }
    found
}

/// The group's directory, and how many bytes of that are the mount point. Lines of mounts read
/// `31 23 0:28 /root /mount/point rw,.. [more] - cgroup source rw,cpu`.
fn directory(mounts: &[u8], version: Version, group: &[u8]) -> Option<(Vec<u8>, usize)> {
    for line in lines(mounts) {
        let mut fields = line.split(|&byte| byte == b' ');
        let (Some(root), Some(point)) = (fields.nth(3), fields.next()) else { continue };
        let mut fields = fields.skip_while(|&field| field != b"-").skip(1);
        let (Some(kind), Some(options)) = (fields.next(), fields.nth(1)) else { continue };
        let fits = match version {
            Version::One => kind == b"cgroup" && names_cpu(options),
            Version::Two => kind == b"cgroup2",
        };
        if fits && let Some(below) = strip_root(group, &unescape(root)) {
            let mut path = unescape(point);
            let mounted = path.len();
            path.extend_from_slice(below);
            return Some((path, mounted));
        }
    }
    None
}

/// What is left of `group` below the directory that is mounted, with its slash, or nothing.
fn strip_root<'a>(group: &'a [u8], root: &[u8]) -> Option<&'a [u8]> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let below = group.strip_prefix(root)?;
    match below {
        b"" | b"/" => Some(b""),
        // A path that climbs out of what we may see.
        [b'/', b'.', b'.', ..] => None,
        [b'/', ..] => Some(below),
        _ => None,
    }
}

/// Version 1: two files, with -1 for no quota.
fn limit_one(path: &[u8], read: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<usize> {
    let quota = read(&[path, b"/cpu.cfs_quota_us"].concat())?;
    let period = read(&[path, b"/cpu.cfs_period_us"].concat())?;
    ratio(quota.trim_ascii(), period.trim_ascii())
}

/// Version 2: one file, `max 100000` or `150000 100000`.
fn limit_two(path: &[u8], read: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<usize> {
    let limit = read(&[path, b"/cpu.max"].concat())?;
    let mut fields = limit.trim_ascii().split(|&byte| byte == b' ');
    ratio(fields.next()?, fields.next()?)
}

/// Quota through period, rounded up, if both are numbers above zero.
fn ratio(quota: &[u8], period: &[u8]) -> Option<usize> {
    let number = |text| str::from_utf8(text).ok()?.parse::<usize>().ok().filter(|&n| n > 0);
    Some(number(quota)?.div_ceil(number(period)?))
}

/// The last of a list of processors such as `0-3,8-11`.
pub(crate) fn last(list: &[u8]) -> Option<usize> {
    let number = list.trim_ascii().rsplit(|byte| b"-,".contains(byte)).next()?;
    str::from_utf8(number).ok()?.parse().ok()
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

/// Whether a list with commas has `cpu`.
fn names_cpu(list: &[u8]) -> bool {
    list.split(|&byte| byte == b',').any(|name| name == b"cpu")
}

/// A path of a line of mounts, where `\040` and the like stand for blanks.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, after @ ..] = rest {
        rest = after;
        plain.push(match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', more @ ..]) => {
                rest = more;
                (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')
            }
            _ => *first,
        });
    }
    plain
}
