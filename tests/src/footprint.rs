//! What this process holds of the system, as `/proc/self` tells it.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Threads, the caller's included.
    pub threads: usize,
    /// Open descriptors.
    pub descriptors: usize,
    /// Lines of `maps`.
    pub mappings: usize,
    /// The size of all mappings, in KiB.
    pub address_kib: usize,
    /// Memory in use, in KiB, but for pages of files: how many of its own code a process has there is the
    /// system's choice.
    pub resident_kib: usize,
}

impl Footprint {
    /// What it holds at this moment.
    ///
    /// # Panics
    /// Without `/proc`.
    pub fn now() -> Footprint {
        Footprint {
            threads: entries("/proc/self/task"),
            descriptors: entries("/proc/self/fd"),
            mappings: lines("/proc/self/maps"),
            address_kib: status("VmSize:"),
            resident_kib: status("RssAnon:"),
        }
    }

    /// Waits until the process holds no more than this again, but for `slack`'s mappings and sizes.
    ///
    /// A joined thread is listed for a moment after its end, hence the wait.
    ///
    /// # Panics
    /// When it still holds more after ten seconds.
    pub fn comes_back(&self, slack: Footprint) {
        let start = Instant::now();
        loop {
            let now = Footprint::now();
            if self.covers(&now, &slack) {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "before: {self:?}\nnow:    {now:?}\nslack:  {slack:?}"
            );
            sleep(Duration::from_millis(5));
        }
    }

    /// Whether `now` is no more than this, but for `slack`.
    pub fn covers(&self, now: &Footprint, slack: &Footprint) -> bool {
        now.threads <= self.threads + slack.threads
            && now.descriptors <= self.descriptors + slack.descriptors
            && now.mappings <= self.mappings + slack.mappings
            && now.address_kib <= self.address_kib + slack.address_kib
            && now.resident_kib <= self.resident_kib + slack.resident_kib
    }

    /// The median of each number; none of no footprints.
    pub fn median(all: &[Footprint]) -> Option<Footprint> {
        let median = |number: fn(&Footprint) -> usize| {
            let mut numbers: Vec<_> = all.iter().map(number).collect();
            numbers.sort_unstable();
            numbers.get(numbers.len() / 2).copied()
        };
        Some(Footprint {
            threads: median(|one| one.threads)?,
            descriptors: median(|one| one.descriptors)?,
            mappings: median(|one| one.mappings)?,
            address_kib: median(|one| one.address_kib)?,
            resident_kib: median(|one| one.resident_kib)?,
        })
    }

    /// More than any process holds, for what a test doesn't look at.
    pub const ANY: Footprint = Footprint {
        threads: 1 << 30,
        descriptors: 1 << 30,
        mappings: 1 << 30,
        address_kib: 1 << 50,
        resident_kib: 1 << 50,
    };

    /// What malloc and the kernel's books may take or leave, without any leak.
    pub const NOISE: Footprint =
        Footprint { threads: 0, descriptors: 0, mappings: 2, address_kib: 512, resident_kib: 2048 };

    /// As [`Footprint::NOISE`], where workers that had nothing to do before may start: at most four,
    /// each with the mapping of a thread.
    pub const WORKERS: Footprint = Footprint {
        threads: 4,
        descriptors: 0,
        mappings: 2 + 4 * 4,
        address_kib: 512 + 4 * (3 << 10),
        resident_kib: 2048,
    };
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Footprint { threads, descriptors, mappings, address_kib, resident_kib } = self;
        write!(
            f,
            "{threads} threads, {descriptors} descriptors, {mappings} mappings, {} MiB of \
             addresses, {resident_kib} KiB in use",
            address_kib >> 10
        )
    }
}

/// The number of lines, without memory for the text: it may be megabytes, and none to be had.
fn lines(path: &str) -> usize {
    let count = || -> io::Result<usize> {
        let mut file = fs::File::open(path)?;
        let mut buffer = [0; 8 << 10];
        let mut lines = 0;
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(lines),
                n => lines += buffer[..n].iter().filter(|&&byte| byte == b'\n').count(),
            }
        }
    };
    count().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The number of entries of a directory, without memory, which `opendir` takes.
fn entries(path: &str) -> usize {
    let count = || -> io::Result<usize> {
        /// Where a record of the kernel's has its length, and its name.
        const LENGTH: usize = 16;
        const NAME: usize = 19;
        let directory = fs::File::open(path)?;
        let mut buffer = [0_u8; 4 << 10];
        let mut entries = 0;
        loop {
            let (fd, room) = (directory.as_raw_fd(), buffer.len());
            // SAFETY: writes to the buffer, which has so much room.
            let read =
                unsafe { libc::syscall(libc::SYS_getdents64, fd, buffer.as_mut_ptr(), room) };
            let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
            if read == 0 {
                return Ok(entries);
            }
            let mut rest = &buffer[..read];
            while !rest.is_empty() {
                let length = usize::from(u16::from_ne_bytes([rest[LENGTH], rest[LENGTH + 1]]));
                let name = rest[NAME..].split(|&byte| byte == 0).next();
                entries += usize::from(!matches!(name, Some(b"." | b"..")));
                rest = &rest[length..];
            }
        }
    };
    count().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A number of `/proc/self/status`, without memory for the text.
fn status(key: &str) -> usize {
    let number = || -> io::Result<Option<usize>> {
        let mut file = fs::File::open("/proc/self/status")?;
        let mut buffer = [0; 8 << 10];
        let mut len = 0;
        loop {
            match file.read(&mut buffer[len..])? {
                0 => break,
                n => len += n,
            }
        }
        let text = str::from_utf8(&buffer[..len]).map_err(io::Error::other)?;
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        Ok(line.and_then(|line| line.split_whitespace().next()?.parse().ok()))
    };
    match number() {
        Ok(number) => number.unwrap_or_else(|| panic!("/proc/self/status has no {key}")),
        Err(error) => panic!("/proc/self/status: {error}"),
    }
}
