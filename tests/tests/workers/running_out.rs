//! Running out of threads, descriptors and mappings: whoever asks is told what ran out, how many
//! there were and what to raise; nothing is left half-made; what was running goes on; and it works
//! again when there is room.

use std::io::{self, ErrorKind, Read, Write};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use tests::{Footprint, MODES, Mode, alone, filter, spin_until, thread_id};

/// Sets what this process may use of a resource, up to its hard limit.
fn limit(resource: i64, most: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is writable.
    assert_eq!(unsafe { libc::getrlimit(resource as _, &mut limit) }, 0);
    limit.rlim_cur = most.min(limit.rlim_max);
    // SAFETY: the limit is readable.
    let set = unsafe { libc::setrlimit(resource as _, &limit) };
    assert_eq!(set, 0, "setrlimit: {}", io::Error::last_os_error());
}

/// Becomes a user whom the limit of processes concerns: root it does not.
fn be_nobody() {
    // SAFETY: asks only.
    if unsafe { libc::getuid() } != 0 {
        return;
    }
    // SAFETY: changes rights, no memory.
    assert_eq!(unsafe { libc::setuid(54_321) }, 0);
    // So that /proc/self stays ours to read.
    // SAFETY: sets a flag.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) }, 0);
}

fn no_more_threads() {
    limit(libc::RLIMIT_NPROC.into(), 1);
}

fn threads_again() {
    limit(libc::RLIMIT_NPROC.into(), u64::MAX);
}

fn is_told_of_threads(error: &io::Error) {
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    tells_of_threads(&error.to_string());
}

fn tells_of_threads(text: &str) {
    for part in ["could not be started", "threads of at most 1", "ulimit -u", "pids.max"] {
        assert!(text.contains(part), "{text}");
    }
}

/// Two goroutines that answer each other as long as this lives.
struct Running {
    ask: chan::Sender<u64>,
    answers: chan::Receiver<u64>,
    answerer: gort::JoinHandle<()>,
}

impl Running {
    fn start() -> Running {
        let (ask, asked) = chan::bounded(0);
        let (answer, answers) = chan::bounded(0);
        let answering = move || asked.iter().for_each(|n: u64| answer.send(n + 1).unwrap());
        let running = Running { ask, answers, answerer: gort::spawn(answering) };
        running.goes_on();
        running
    }

    fn goes_on(&self) {
        for n in 0..100 {
            self.ask.send(n).unwrap();
            assert_eq!(self.answers.recv(), Ok(n + 1));
            gort::sleep(Duration::from_micros(1));
        }
    }

    fn ends(self) {
        drop(self.ask);
        self.answerer.join().unwrap();
    }
}

#[test]
fn the_first_worker_is_refused_its_thread() {
    alone("running_out::the_first_worker_is_refused_its_thread", || {
        be_nobody();
        for mode in MODES.into_iter().filter(|mode| matches!(mode, Mode::Migrates(_))) {
            let before = Footprint::now();
            no_more_threads();
            for _ in 0..3 {
                is_told_of_threads(&mode.builder().run(|| ()).unwrap_err());
            }
            before.comes_back(Footprint::NOISE);
            threads_again();
            assert_eq!(mode.run(|| gort::spawn(|| 5).join().unwrap()), 5);
            before.comes_back(Footprint::NOISE);
        }
    });
}

#[test]
fn the_process_wide_runtime_is_refused_its_first_thread() {
    alone("running_out::the_process_wide_runtime_is_refused_its_first_thread", || {
        be_nobody();
        no_more_threads();
        let dropped = Arc::new(());
        for _ in 0..3 {
            let kept = Arc::clone(&dropped);
            let refused = gort::thread::Builder::new().spawn(move || drop(kept)).unwrap_err();
            is_told_of_threads(&refused);
        }
        assert_eq!(Arc::strong_count(&dropped), 1, "a closure that never runs is kept");
        std::panic::set_hook(Box::new(|_| ()));
        let panics: [fn(); 2] = [|| gort::go(|| ()), || drop(gort::spawn(|| ()))];
        for panics in panics {
            let panic = catch_unwind(panics).unwrap_err();
            tells_of_threads(panic.downcast_ref::<String>().unwrap());
        }
        let footprint = Footprint::now();
        threads_again();
        assert_eq!(gort::spawn(|| 5).join().unwrap(), 5);
        footprint.comes_back(Footprint { threads: 8, ..Footprint::ANY });
    });
}

#[test]
fn without_further_threads_the_worker_that_there_is_does_it_all() {
    alone("running_out::without_further_threads_the_worker_that_there_is_does_it_all", || {
        be_nobody();
        for mode in MODES {
            mode.run(|| {
                let running = Running::start();
                no_more_threads();
                let start = Instant::now();
                for n in 0..200 {
                    let handle = gort::spawn(move || {
                        gort::yield_now();
                        n
                    });
                    assert_eq!(handle.join().unwrap(), n);
                    running.goes_on();
                }
                let (one, other) = (gort::blocking(thread_id), gort::blocking(thread_id));
                assert!(one > 0 && other > 0);
                // The system is not asked again and again with patience each time.
                assert!(start.elapsed() < Duration::from_secs(20), "{mode:?}: stalled");
                threads_again();
            });
        }
    });
}

/// The two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}

/// Lets no descriptor be opened but those that are there.
fn no_more_descriptors() {
    // SAFETY: makes a copy of a descriptor, which may not be there.
    let lowest = unsafe { libc::dup(2) };
    assert!(lowest >= 0);
    // SAFETY: made above, and used by nobody.
    assert_eq!(unsafe { libc::close(lowest) }, 0);
    limit(libc::RLIMIT_NOFILE.into(), lowest as u64);
}

#[test]
fn a_poller_that_is_refused_is_an_error_of_the_wait() {
    alone("running_out::a_poller_that_is_refused_is_an_error_of_the_wait", || {
        for mode in [Mode::Stays(1), Mode::Migrates(1)] {
            // Made here, so that no goroutine has waited for a socket yet.
            let (mut here, mut there) = pair();
            let before = Footprint::now();
            mode.run(|| {
                let running = Running::start();
                no_more_descriptors();
                for _ in 0..3 {
                    let error = here.read(&mut [0]).unwrap_err();
                    let text = error.to_string();
                    for part in ["a wait for a socket", "descriptors of at most", "ulimit -n"] {
                        assert!(text.contains(part), "{text}");
                    }
                    assert!(text.contains("2 goroutines on 1 threads"), "{text}");
                    let system = error.get_ref().unwrap().source().unwrap();
                    let system = system.downcast_ref::<io::Error>().unwrap();
                    assert_eq!(system.raw_os_error(), Some(libc::EMFILE));
                    running.goes_on();
                }
                // What need not wait works all the time.
                there.write_all(b"x").unwrap();
                assert_eq!(here.read(&mut [0]).unwrap(), 1);
                limit(libc::RLIMIT_NOFILE.into(), 256);
                let writer = gort::spawn(move || {
                    gort::sleep(Duration::from_millis(2));
                    there.write_all(b"y").unwrap();
                });
                let mut byte = [0];
                assert_eq!(here.read(&mut byte).unwrap(), 1);
                assert_eq!(&byte, b"y");
                writer.join().unwrap();
                running.ends();
            });
            before.comes_back(Footprint::NOISE);
        }
    });
}

#[test]
fn a_worker_without_a_poller_uses_that_of_another() {
    alone("running_out::a_worker_without_a_poller_uses_that_of_another", || {
        for mode in [Mode::Stays(2), Mode::Migrates(2)] {
            mode.run(|| {
                // The end that was accepted has never been waited for.
                let ((mut waiting, _ends), (mut writes, mut reads)) = (pair(), pair());
                // It waits, so its worker has a poller, and nobody gets another.
                waiting.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
                assert!(waiting.read(&mut [0]).is_err());
                no_more_descriptors();
                let started = AtomicBool::new(false);
                gort::scope(|s| {
                    // On the other worker, for this one is held until it runs.
                    let other = s.spawn(|| {
                        started.store(true, Ordering::Release);
                        reads.read(&mut [0]).unwrap()
                    });
                    spin_until("the other worker", || started.load(Ordering::Acquire));
                    gort::sleep(Duration::from_millis(5));
                    writes.write_all(b"x").unwrap();
                    assert_eq!(other.join().unwrap(), 1);
                });
                limit(libc::RLIMIT_NOFILE.into(), 256);
            });
        }
    });
}

/// Mappings that fill the process's table: pages with other rights than their neighbours.
struct Filling {
    at: *mut libc::c_void,
    bytes: usize,
}

const PAGE: usize = 4096;

impl Filling {
    /// All but about so many.
    fn but(room: usize) -> Filling {
        let most = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
        let most: usize = most.trim().parse().unwrap();
        // The end of the table comes first when there is to be no room.
        let pages = most - Footprint::now().mappings + if room == 0 { 64 } else { 0 } - room;
        let (bytes, flags) = (pages * PAGE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: without an address to map at, the kernel chooses a range that nobody uses.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
        assert_ne!(at, libc::MAP_FAILED);
        for page in (1..pages).step_by(2) {
            let page = at.wrapping_byte_add(page * PAGE);
            // SAFETY: a page of the mapping made above.
            let set = unsafe { libc::mprotect(page, PAGE, libc::PROT_READ) };
            if set != 0 {
                break;
            }
        }
        Filling { at, bytes }
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, which nobody else uses.
        assert_eq!(unsafe { libc::munmap(self.at, self.bytes) }, 0);
    }
}

/// Spawns goroutines that stay until there are no mappings for one more; they all end afterwards,
/// and then there is room again.
fn until_mappings_run_out(mode: Mode, room: usize, stack_bytes: usize) {
    let running = Running::start();
    let filling = Filling::but(room);
    let (stay, end) = chan::bounded::<()>(0);
    let mut there = Vec::new();
    let spawn = |end: &chan::Receiver<()>| {
        let end = end.clone();
        let builder = gort::thread::Builder::new().stack_size(stack_bytes);
        builder.spawn(move || assert!(end.recv().is_err()))
    };
    let error = loop {
        match spawn(&end) {
            Ok(handle) => there.push(handle),
            Err(error) => break error,
        }
        assert!(there.len() < 200_000, "{mode:?}: no end of mappings");
    };
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    let text = error.to_string();
    let goroutines = format!("{} goroutines", there.len() + 2);
    for part in ["mappings of at most", "vm.max_map_count", &goroutines] {
        assert!(text.contains(part), "{text}");
    }
    let held = Footprint::now();
    for _ in 0..20 {
        running.goes_on();
        assert_eq!(spawn(&end).unwrap_err().kind(), ErrorKind::OutOfMemory);
    }
    // Each refusal counts the mappings, by a list that is several MiB of text.
    held.comes_back(Footprint { threads: 4, resident_kib: 12 << 10, ..Footprint::NOISE });
    drop(filling);
    // The next ones are there, and none of those before was harmed.
    there.extend((0..100).map(|_| spawn(&end).unwrap()));
    drop(stay);
    there.into_iter().for_each(|handle| handle.join().unwrap());
    running.goes_on();
}

#[test]
fn no_mappings_for_another_arena() {
    alone("running_out::no_mappings_for_another_arena", || {
        // A size of stack that nobody has had.
        for mode in [Mode::Stays(1), Mode::Migrates(2)] {
            mode.run(|| until_mappings_run_out(mode, 0, 32 << 20));
        }
    });
}

/// Makes the kernel look like one that has no markers: `madvise` and `process_madvise` know no such
/// advice.
fn without_markers() {
    const GUARD_INSTALL: u32 = 102;
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let argument = |n: u32| 16 + 8 * n;
    let mut program = [
        step(LOAD, 0, 0, 0),
        step(IF_EQUAL, libc::SYS_madvise as u32, 0, 2),
        step(LOAD, argument(2), 0, 0),
        step(IF_EQUAL, GUARD_INSTALL, 4, 3),
        step(IF_EQUAL, libc::SYS_process_madvise as u32, 0, 2),
        step(LOAD, argument(3), 0, 0),
        step(IF_EQUAL, GUARD_INSTALL, 1, 0),
        step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
        step(RETURN, libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32, 0, 0),
    ];
    filter(&mut program);
}

#[test]
fn no_mappings_for_another_guard() {
    alone("running_out::no_mappings_for_another_guard", || {
        without_markers();
        assert_eq!(gort::runtime::platform().guard, gort::runtime::GuardKind::Protection);
        for mode in [Mode::Stays(1), Mode::Migrates(2)] {
            mode.run(|| until_mappings_run_out(mode, 600, 16 << 10));
        }
    });
}
