//! Workers that have nothing of their own: what they leave to others, and whether they sleep.

#[cfg(not(debug_assertions))]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use gort::chan;
use rt_core::Runtime;
use tests::{Mode, compute_for, cpus, keep_on, spin_until, thread_id};

/// What comes and goes within a tenth of a microsecond isn't worth being taken to another processor:
/// once that was learned, a thief comes once in a millisecond. (Without optimization they take longer, and
/// are worth it.)
#[cfg(not(debug_assertions))]
#[test]
fn short_goroutines_are_left_alone() {
    const BATCHES: u64 = 400;
    for mode in [Mode::Stays(2), Mode::Migrates(2)] {
        mode.run(|| {
            let elsewhere = Arc::new(AtomicU64::new(0));
            let start = Instant::now();
            for _ in 0..BATCHES {
                let here = thread_id();
                let batch: Vec<_> = (0..1000)
                    .map(|_| {
                        let elsewhere = elsewhere.clone();
                        gort::spawn(move || {
                            if thread_id() != here {
                                elsewhere.fetch_add(1, Ordering::Relaxed);
                            }
                        })
                    })
                    .collect();
                batch.into_iter().for_each(|handle| handle.join().unwrap());
            }
            let elsewhere = elsewhere.load(Ordering::Relaxed);
            let attempts = 10 + start.elapsed().as_millis() as u64;
            // What is taken at once, and taken back in between.
            let most = attempts * 300;
            assert!(elsewhere < most, "{mode:?}: {elsewhere} of {} ran elsewhere", BATCHES * 1000);
        });
    }
}

/// But one that waits behind a goroutine that goes on for long is taken, whatever was learned before.
#[test]
fn one_that_waits_is_taken_soon() {
    Mode::Stays(2).run(|| {
        let mut soonest = Duration::MAX;
        for _ in 0..20 {
            // To learn that nothing is worth being taken.
            for _ in 0..50 {
                let batch: Vec<_> = (0..200).map(|_| gort::spawn(|| ())).collect();
                batch.into_iter().for_each(|handle| handle.join().unwrap());
            }
            let runs = Arc::new(AtomicBool::new(false));
            let theirs = runs.clone();
            let start = Instant::now();
            let other = gort::spawn(move || theirs.store(true, Ordering::Relaxed));
            while !runs.load(Ordering::Relaxed) {
                assert!(start.elapsed() < Duration::from_secs(60), "nobody takes it");
            }
            soonest = soonest.min(start.elapsed());
            other.join().unwrap();
        }
        assert!(soonest < Duration::from_millis(2), "taken after {soonest:?} at the soonest");
    });
}

/// A runtime's second worker doesn't take what its first goroutine spawns and then waits for: in default
/// mode the two would be apart for good.
#[test]
fn a_pair_is_kept_together() {
    const RUNS: usize = 60;
    let together = || {
        let (there, theirs) = chan::bounded::<()>(0);
        let other = gort::spawn(move || {
            theirs.recv().unwrap();
            thread_id()
        });
        // It has a little to do before it waits.
        compute_for(20);
        there.send(()).unwrap();
        other.join().unwrap() == thread_id()
    };
    let together = (0..RUNS).filter(|_| Mode::Stays(2).run(together)).count();
    // The first may have been held up meanwhile.
    assert!(together > RUNS * 3 / 4, "{together} of {RUNS} were together");
}

/// How often this process's threads have gone to sleep.
fn sleeps() -> i64 {
    // SAFETY: an `rusage` is numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: takes a place for the answer.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) }, 0);
    usage.ru_nvcsw
}

/// The processors of the machine that this process may use.
static CPUS: LazyLock<Vec<usize>> = LazyLock::new(cpus);

/// A goroutine on another worker, which answers.
struct Partner {
    there: chan::Sender<i64>,
    mine: chan::Receiver<i64>,
    handle: gort::JoinHandle<i32>,
}

impl Partner {
    fn new() -> Partner {
        Partner::begin(|| ())
    }

    /// On another processor of the machine than the caller, each kept on its own: Linux likes to have two threads
    /// that wake each other on the same one, and there they can only take turns.
    fn apart() -> Partner {
        let [first, .., last] = CPUS[..] else { panic!("it takes two processors") };
        keep_on(&[first], None);
        Partner::begin(move || keep_on(&[last], None))
    }

    fn begin(elsewhere: impl FnOnce() + Send + 'static) -> Partner {
        let (there, theirs) = chan::bounded::<i64>(0);
        let (back, mine) = chan::bounded::<i64>(0);
        let begun = Arc::new(AtomicBool::new(false));
        let begins = begun.clone();
        let handle = gort::spawn(move || {
            elsewhere();
            begins.store(true, Ordering::Relaxed);
            theirs.iter().for_each(|n| back.send(n + 1).unwrap());
            thread_id()
        });
        // This worker goes on, so that the other one takes it.
        spin_until("the other goroutine begins", || begun.load(Ordering::Relaxed));
        Partner { there, mine, handle }
    }

    fn answers(&self, trips: i64) {
        let answers = (0..trips).filter(|&n| {
            self.there.send(n).unwrap();
            self.mine.recv() == Ok(n + 1)
        });
        assert_eq!(answers.count() as i64, trips);
    }

    fn leaves(self) {
        drop(self.there);
        assert_ne!(self.handle.join().unwrap(), thread_id());
    }
}

/// Two goroutines on two workers that answer each other make none of these sleep each time.
#[test]
fn who_hands_to_and_fro_stays_awake() {
    const TRIPS: i64 = 20_000;
    let slept = || {
        let partner = Partner::apart();
        let before = sleeps();
        partner.answers(TRIPS);
        let slept = sleeps() - before;
        partner.leaves();
        slept
    };
    // The machine may have no processor for one of the two; then it is right to sleep.
    let mut seen = Vec::new();
    while seen.last().is_none_or(|&slept| slept > TRIPS / 4) {
        assert!(seen.len() < 20, "slept so often in {TRIPS} round trips: {seen:?}");
        seen.push(Mode::Stays(2).run(slept));
    }
}

/// A worker that has learned to stay awake doesn't do so for its own deadlines, one every 25 µs.
#[test]
fn deadlines_keep_no_worker_awake() {
    const MILLISECONDS: u64 = 50;
    const RUNS: usize = 10;
    // Once that it is in vain, and for what a run's end hands over.
    const MOST: u64 = 10;
    let stayed_awake = || -> u64 {
        let runtime = Runtime::current().expect("inside of a runtime");
        runtime.stats().map(|worker| worker.stayed_awake).sum()
    };
    let run = || {
        let partner = Partner::new();
        partner.answers(2_000);
        let (start, learned) = (Instant::now(), stayed_awake());
        let naps = |i: u64| {
            move || {
                for k in 0..MILLISECONDS {
                    let end = start + Duration::from_micros(1000 * k + 25 * i);
                    gort::sleep(end.saturating_duration_since(Instant::now()));
                }
            }
        };
        let napping: Vec<_> = (0..40).map(|i| gort::spawn_local(naps(i))).collect();
        napping.into_iter().for_each(|one| one.join().unwrap());
        let meanwhile = stayed_awake() - learned;
        partner.leaves();
        (learned, meanwhile)
    };
    let seen: Vec<_> = (0..RUNS).map(|_| Mode::Stays(2).run(run)).collect();
    assert!(seen.iter().any(|&(learned, _)| learned > MOST), "none has learned it: {seen:?}");
    let most = seen.iter().map(|&(_, meanwhile)| meanwhile).max();
    assert!(most <= Some(MOST), "before the deadlines, and meanwhile: {seen:?}");
}
