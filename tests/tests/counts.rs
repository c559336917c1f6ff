//! What costs nothing: warm operations make no system call and no heap allocation, and a runtime
//! without work makes none either. Counts are stable where times are not, so CI checks these.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gort::chan;
use gort::sync::{Mutex, WaitGroup};
use tests::{Heap, Mode, Section, mark, ms, trace};

#[global_allocator]
static HEAP: Heap = Heap::new();

/// Something that is done so many times.
type Work = (&'static str, Box<dyn FnMut(usize) + Send>);

/// How often each is done before it counts, and while it counts.
const WARM: usize = 2000;
const COUNTED: usize = 10_000;

fn work(name: &'static str, body: impl FnMut(usize) + Send + 'static) -> Work {
    (name, Box::new(body))
}

/// Starts the partner of the goroutine that counts, on the same worker.
fn beside(body: impl FnOnce() + 'static) {
    drop(gort::spawn_local(body));
}

/// Everything that is to cost nothing on one worker.
fn on_one_worker() -> Vec<Work> {
    let mut all = vec![spawn_and_join(), spawn_many(), go_and_wait()];

    beside(|| while gort_yields() {});
    all.push(work("switch", |n| (0..n).for_each(|_| gort::yield_now())));

    for (name, capacity) in [("rendezvous", 0), ("bounded", 16)] {
        let (tx, rx) = chan::bounded(capacity);
        let (back, reply) = chan::bounded(capacity);
        beside(move || rx.iter().for_each(|n: usize| back.send(n).unwrap()));
        all.push(work(name, move |n| {
            for i in 0..n / 16 {
                (0..16).for_each(|_| {
                    if capacity > 0 {
                        tx.send(i).unwrap()
                    }
                });
                (0..16).for_each(|_| {
                    if capacity == 0 {
                        tx.send(i).unwrap();
                    }
                    assert_eq!(reply.recv(), Ok(i));
                });
            }
        }));
    }

    let (tx, rx) = chan::unbounded();
    let (back, reply) = chan::unbounded();
    beside(move || rx.iter().for_each(|n: usize| back.send(n).unwrap()));
    all.push(work("unbounded", move |n| {
        // A channel that is drained keeps two blocks of 31 messages.
        for i in 0..n / 50 {
            (0..50).for_each(|_| tx.send(i).unwrap());
            (0..50).for_each(|_| assert_eq!(reply.recv(), Ok(i)));
        }
    }));

    let (tx, rx) = chan::bounded(0);
    let hour = Duration::from_secs(3600);
    beside(move || while rx.recv_timeout(hour).is_ok() {});
    all.push(work("with a limit", move |n| {
        (0..n).for_each(|i| tx.send_timeout(i, hour).unwrap());
    }));

    all.extend([select_of(2), select_of(8)]);

    let mutex = Arc::new(Mutex::new(0));
    all.push(work("mutex", {
        let mutex = Arc::clone(&mutex);
        move |n| (0..n).for_each(|_| *mutex.lock().unwrap() += 1)
    }));
    beside({
        let mutex = Arc::clone(&mutex);
        move || {
            loop {
                let guard = mutex.lock().unwrap();
                gort::yield_now();
                drop(guard);
                gort::yield_now();
            }
        }
    });
    all.push(work("contended mutex", move |n| {
        for _ in 0..n {
            let guard = mutex.lock().unwrap();
            gort::yield_now();
            drop(guard);
        }
    }));
    all
}

/// A select that waits in so many channels, for one of two who select as well.
fn select_of(channels: usize) -> Work {
    let ends: Vec<_> = (0..channels).map(|_| chan::bounded::<usize>(0)).collect();
    for sides in ends.chunks(channels / 2).map(<[_]>::to_vec) {
        beside(move || {
            loop {
                let mut sending = chan::Select::new();
                for (tx, _) in &sides {
                    sending.send(tx);
                }
                let chosen = sending.select();
                let tx = &sides[chosen.index()].0;
                chosen.send(tx, 1).unwrap();
            }
        });
    }
    work(if channels == 2 { "select of 2" } else { "select of 8" }, move |n| {
        for _ in 0..n / 4 {
            let mut receiving = chan::Select::new();
            for (_, rx) in &ends {
                receiving.recv(rx);
            }
            let chosen = receiving.select_timeout(Duration::from_secs(3600)).unwrap();
            let rx = &ends[chosen.index()].1;
            assert_eq!(chosen.recv(rx), Ok(1));
        }
    })
}

/// Yields, for ever.
fn gort_yields() -> bool {
    gort::yield_now();
    true
}

fn spawn_and_join() -> Work {
    work("spawn and join", |n| {
        (0..n).for_each(|i| assert_eq!(gort::spawn(move || i).join().unwrap(), i));
    })
}

fn spawn_many() -> Work {
    work("spawn many, join many", |n| {
        for i in 0..n / 50 {
            let handles = [(); 50].map(|()| gort::spawn(move || i));
            handles.into_iter().for_each(|handle| assert_eq!(handle.join().unwrap(), i));
        }
    })
}

fn go_and_wait() -> Work {
    let group = Arc::new(WaitGroup::new());
    work("go and wait", move |n| {
        for _ in 0..n / 50 {
            group.add(50);
            for _ in 0..50 {
                let group = Arc::clone(&group);
                gort::go(move || group.done());
            }
            group.wait();
        }
    })
}

/// What is done by workers that share the work.
fn on_many_workers() -> Vec<Work> {
    vec![spawn_and_join(), spawn_many(), go_and_wait()]
}

/// Does each work, on a runtime of that mode in a traced process, and returns the system calls. The number
/// of allocations is asserted on the way.
fn sections_of(test: &str, mode: Mode, all: fn() -> Vec<Work>, most_taken: usize) -> Vec<Section> {
    trace(test, || {
        mode.run(|| {
            if matches!(mode, Mode::Migrates(_)) {
                // The thread that called `run` may still be on its way to sleep, by a system call.
                gort::sleep(ms(100));
            }
            for (number, (name, mut work)) in all().into_iter().enumerate() {
                work(WARM);
                let before = HEAP.taken();
                mark(number, COUNTED);
                work(COUNTED);
                mark(number, COUNTED);
                let taken = HEAP.taken() - before;
                assert!(taken <= most_taken, "{name}: {taken} allocations");
            }
        });
    })
}

/// As [`sections_of`], and returns how many system calls each operation took.
fn count(test: &str, mode: Mode, all: fn() -> Vec<Work>, most_taken: usize) -> Vec<usize> {
    let sections = sections_of(test, mode, all, most_taken);
    sections.iter().for_each(|section| {
        println!("section {} made {} calls", section.number, section.calls.len());
    });
    // Where there is one processor, another thread's call is no part of the work: the monitor's.
    let all = |section: &Section| section.calls.len() + section.others.len();
    let own = |section: &Section| section.calls.len();
    sections.iter().map(if mode.procs() == 1 { own } else { all }).collect()
}

#[test]
fn warm_operations_of_one_processor_cost_nothing() {
    let test = "warm_operations_of_one_processor_cost_nothing";
    let calls = count(test, Mode::Stays(1), on_one_worker, 0);
    assert_eq!(calls, [0; 12]);
}

#[test]
fn warm_operations_of_one_migratory_processor_cost_nothing() {
    let test = "warm_operations_of_one_migratory_processor_cost_nothing";
    let calls = count(test, Mode::Migrates(1), on_one_worker, 0);
    assert_eq!(calls, [0; 12]);
}

#[test]
fn warm_operations_of_many_processors_cost_little() {
    let test = "warm_operations_of_many_processors_cost_little";
    let calls = count(test, Mode::Stays(4), on_many_workers, COUNTED / 100);
    // A worker that is asleep may be woken for new work, and goes to sleep again.
    assert!(calls.len() == 3 && calls.iter().all(|&calls| calls <= COUNTED), "{calls:?}");
}

#[test]
fn warm_operations_of_many_migratory_processors_cost_little() {
    let test = "warm_operations_of_many_migratory_processors_cost_little";
    // Main moves, and what it takes from one worker's cache it gives to another's.
    let calls = count(test, Mode::Migrates(4), on_many_workers, COUNTED / 5);
    // A worker that is asleep may be woken for new work, and goes to sleep again.
    assert!(calls.len() == 3 && calls.iter().all(|&calls| calls <= COUNTED), "{calls:?}");
}

/// A connection over which a request and an answer go, again and again.
fn asking() -> Vec<Work> {
    let listener = gort::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut near = gort::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    beside(move || {
        let mut buffer = [0; 64];
        loop {
            match far.read(&mut buffer).unwrap() {
                0 => return,
                n => far.write_all(&buffer[..n]).unwrap(),
            }
        }
    });
    vec![work("ask", move |n| {
        let mut buffer = [0; 64];
        (0..n).for_each(|_| {
            near.write_all(&[1; 8]).unwrap();
            assert_eq!(near.read(&mut buffer).unwrap(), 8);
        });
    })]
}

/// Each side sends once and receives once: that nothing is there yet it need not be told.
#[test]
fn a_request_asks_the_system_for_nothing_twice() {
    let test = "a_request_asks_the_system_for_nothing_twice";
    let sections = sections_of(test, Mode::Stays(1), asking, 0);
    let count = |number| sections[0].calls.iter().filter(|&&call| call == number as u64).count();
    assert_eq!(count(libc::SYS_sendto), 2 * COUNTED);
    // A kqueue can't tell that all was received.
    let twice = if cfg!(feature = "os-darwin-stub") { 2 } else { 1 };
    assert_eq!(count(libc::SYS_recvfrom), twice * 2 * COUNTED);
}

/// A worker that sleeps often, beside one that queues nothing, leaves that one alone.
#[test]
fn who_sleeps_often_makes_nobody_fence() {
    let test = "who_sleeps_often_makes_nobody_fence";
    let sections = trace(test, || {
        Mode::Stays(2).run(|| {
            let slept = Arc::new(AtomicUsize::new(0));
            let sleeper = Arc::clone(&slept);
            gort::go(move || {
                while sleeper.fetch_add(1, Ordering::Relaxed) < 500 {
                    gort::sleep(Duration::from_micros(200));
                }
            });
            // It is the other worker that runs it, for this one is busy.
            while slept.load(Ordering::Relaxed) < 100 {
                std::hint::spin_loop();
            }
            mark(0, 1);
            while slept.load(Ordering::Relaxed) < 500 {
                std::hint::spin_loop();
            }
            mark(0, 1);
        });
    });
    let calls = sections[0].others.iter().filter(|&&call| call == libc::SYS_membarrier as u64);
    assert!(calls.count() <= 2, "{:?}", sections[0].others);
    assert!(sections[0].others.len() >= 300, "{:?}", sections[0].others);
}

/// Counts the system calls of a runtime in which everybody waits.
fn idle(test: &str, builder: &gort::Builder) {
    let sections = trace(test, || {
        let run = builder.run(|| {
            let (end, ended) = chan::bounded::<()>(0);
            for _ in 0..100 {
                let ended = ended.clone();
                gort::go(move || assert!(ended.recv().is_err()));
                gort::go(|| gort::sleep(Duration::from_secs(3600)));
            }
            let listener = gort::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            gort::go(move || while listener.accept().is_ok() {});
            let client = gort::net::TcpStream::connect(address).unwrap();
            gort::go(move || {
                let _ = (&client).read(&mut [0]);
            });
            // Something has run everywhere, and has left threads and stacks in pools.
            let handles = [(); 200].map(|()| gort::spawn(gort::yield_now));
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            gort::blocking(|| ());

            let watcher = thread::spawn(move || {
                // Stacks that nobody has needed for a second have been given back by then.
                thread::sleep(ms(3_000));
                mark(0, 1);
                thread::sleep(ms(1500));
                mark(0, 1);
                drop(end);
            });
            assert!(ended.recv().is_err());
            watcher.join().unwrap();
        });
        run.unwrap();
    });
    assert_eq!(sections.len(), 1);
    // The watcher's own sleep is the only one.
    assert_eq!(sections[0].calls, [libc::SYS_clock_nanosleep as u64], "of {builder:?}");
    assert_eq!(sections[0].others, [0; 0], "of {builder:?}");
}

/// Counts the system calls of a runtime in which everybody waits for a plain thread, from when it has
/// stopped to ask whether there is one; `disturb` is done on that thread meanwhile.
fn idle_beside_a_thread(test: &str, mode: Mode, disturb: fn(&chan::Sender<()>)) -> Vec<u64> {
    let mut sections = trace(test, || {
        let (tx, rx) = chan::bounded::<()>(0);
        let watcher = thread::spawn(move || {
            thread::sleep(ms(1500));
            mark(0, 1);
            disturb(&tx);
            mark(0, 1);
        });
        mode.run(|| rx.iter().for_each(|()| ()));
        watcher.join().unwrap();
    });
    sections.remove(0).calls
}

#[test]
fn an_idle_runtime_beside_a_thread_makes_no_call() {
    let test = "an_idle_runtime_beside_a_thread_makes_no_call";
    let calls = idle_beside_a_thread(test, Mode::Stays(2), |_| thread::sleep(ms(1500)));
    assert_eq!(calls, [libc::SYS_clock_nanosleep as u64]);
}

#[test]
fn short_rests_beside_a_thread_make_no_call() {
    // Each message wakes the runtime, which rests for some milliseconds then.
    let test = "short_rests_beside_a_thread_make_no_call";
    let calls = idle_beside_a_thread(test, Mode::Stays(2), |tx| {
        for _ in 0..100 {
            tx.send(()).unwrap();
            thread::sleep(ms(2));
        }
    });
    let allowed = [libc::SYS_futex, libc::SYS_clock_nanosleep, libc::SYS_membarrier];
    let other = calls.iter().find(|&&call| !allowed.contains(&(call as i64)));
    // A machine that is busy may let one rest be longer.
    let looks = calls.iter().filter(|&&call| call == libc::SYS_openat as u64).count();
    assert!(other.is_none() || looks <= 3, "{calls:?}");
}

#[test]
fn an_idle_runtime_makes_no_call() {
    idle("an_idle_runtime_makes_no_call", &Mode::Stays(4).builder());
}

#[test]
fn an_idle_migratory_runtime_makes_no_call() {
    idle("an_idle_migratory_runtime_makes_no_call", &Mode::Migrates(4).builder());
}

#[test]
fn an_idle_runtime_does_not_look_at_the_quota() {
    // Its number of processors follows the system's, of which it is told nothing.
    idle("an_idle_runtime_does_not_look_at_the_quota", &gort::Builder::new());
}
