//! The workloads on may, with as many workers as processors.
//!
//! Its channels have no bounds, so it has no part in `chan_buf`, `mpmc` and `select`, and what should
//! be a rendezvous is a queue. Its stacks have the size that they have by default.

use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use may::coroutine::{self, JoinHandle, yield_now};
use may::go;
use may::net::{TcpListener, TcpStream};
use may::sync::{Mutex, mpmc, mpsc};
use peers::{Figures, Given, Lateness, cpu_seconds, nap, spin, used};

const WORKLOADS: peers::Workloads = &[
    ("switch", |given| on(given, switch)),
    ("crowd", |given| on(given, crowd)),
    ("spawn_join", |given| on(given, spawn_join)),
    ("spawn_tree", |given| on(given, spawn_tree)),
    ("skynet", |given| on(given, skynet)),
    ("pingpong_unbuf", |given| on(given, pingpong_unbuf)),
    ("ring", |given| on(given, ring)),
    ("mutex", |given| on(given, mutex)),
    ("mutex_8", |given| on(given, mutex_8)),
    ("timers", |given| on(given, timers)),
    ("sleep_50us", |given| on(given, sleep_50us)),
    ("mem", |given| on(given, mem)),
    ("wakeup", |given| on(given, wakeup)),
    ("hog", |given| on(given, hog)),
    ("blocking_call", |given| on(given, blocking_call)),
    ("idle", |given| on(given, idle)),
    ("tcp_echo", |given| on(given, |_| serve(echo))),
    ("httpd", |given| on(given, |_| serve(answer))),
];

fn main() {
    peers::main("may", WORKLOADS);
}

fn on(given: Given, body: fn(Given) -> Figures) -> Figures {
    may::config().set_workers(given.procs);
    go!(move || body(given)).join().unwrap()
}

fn switch(given: Given) -> Figures {
    let half = given.n / 2;
    let body = move || {
        (0..half).for_each(|_| yield_now());
        half
    };
    let start = Instant::now();
    let other = go!(body);
    let both = body() + other.join().unwrap();
    assert_eq!(both, half * 2);
    Figures::per(start, both, "ns/switch")
}

fn crowd(given: Given) -> Figures {
    let rounds = (2_000_000 / given.n).max(10);
    let (open, gate) = mpmc::channel::<()>();
    let mut handles = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let gate = gate.clone();
        handles.push(go!(move || {
            gate.recv().unwrap_err();
            (0..rounds).for_each(|_| yield_now());
            rounds
        }));
        if i % 256 == 255 {
            yield_now();
        }
    }
    (0..3).for_each(|_| yield_now());
    drop(open);
    let start = Instant::now();
    let sum: u64 = handles.into_iter().map(|handle| handle.join().unwrap()).sum();
    assert_eq!(sum, given.n * rounds);
    Figures::per(start, sum, "ns/switch")
}

fn spawn_join(given: Given) -> Figures {
    let mut handles = Vec::with_capacity(1000);
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..given.n.div_ceil(1000) {
        handles.extend((0..1000).map(|_| go!(|| black_box(1u64))));
        sum += handles.drain(..).map(|handle| handle.join().unwrap()).sum::<u64>();
    }
    let figures = Figures::per(start, sum, "ns/task");
    assert_eq!(sum, given.n.div_ceil(1000) * 1000);
    figures
}

fn leaves(depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    let left: JoinHandle<u64> = go!(move || leaves(depth - 1));
    leaves(depth - 1) + left.join().unwrap()
}

fn spawn_tree(given: Given) -> Figures {
    let depth = given.n.ilog2();
    let start = Instant::now();
    let sum = leaves(depth);
    let figures = Figures::per(start, sum, "ns/task");
    assert_eq!(sum, 1 << depth);
    figures
}

fn node(up: mpsc::Sender<u64>, first: u64, leaves: u64) {
    if leaves == 1 {
        return up.send(first).unwrap();
    }
    let (tx, rx) = mpsc::channel();
    let each = leaves / 10;
    for i in 0..10 {
        let tx = tx.clone();
        go!(move || node(tx, first + i * each, each));
    }
    up.send((0..10).map(|_| rx.recv().unwrap()).sum()).unwrap();
}

fn skynet(given: Given) -> Figures {
    let leaves = 10_u64.pow(given.n.ilog10());
    let (tx, rx) = mpsc::channel();
    let start = Instant::now();
    go!(move || node(tx, 0, leaves));
    let sum = rx.recv().unwrap();
    let figures = Figures::millis(start);
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    figures
}

fn pingpong_unbuf(given: Given) -> Figures {
    let (there, theirs) = mpsc::channel();
    let (back, mine) = mpsc::channel();
    let other = go!(move || theirs.iter().for_each(|v: u64| back.send(v + 1).unwrap()));
    let mut v = 0;
    let start = Instant::now();
    for _ in 0..given.n {
        there.send(v).unwrap();
        v = mine.recv().unwrap();
    }
    let figures = Figures::per(start, given.n, "ns/roundtrip");
    assert_eq!(v, given.n);
    drop(there);
    other.join().unwrap();
    figures
}

fn ring(given: Given) -> Figures {
    let (first, mut rx) = mpsc::channel::<u64>();
    for _ in 1..1000 {
        let (next, after) = mpsc::channel();
        let before = std::mem::replace(&mut rx, after);
        go!(move || before.iter().for_each(|v| next.send(v + 1).unwrap()));
    }
    let mut v = 0;
    let start = Instant::now();
    for _ in 0..given.n.div_ceil(1000) {
        first.send(v + 1).unwrap();
        v = rx.recv().unwrap();
    }
    assert_eq!(v, given.n.div_ceil(1000) * 1000);
    Figures::per(start, v, "ns/hop")
}

fn mutex(given: Given) -> Figures {
    let count = black_box(Mutex::new(0));
    let start = Instant::now();
    for _ in 0..given.n {
        *count.lock().unwrap() += 1;
    }
    let figures = Figures::per(start, given.n, "ns/lock");
    assert_eq!(count.into_inner().unwrap(), given.n);
    figures
}

fn mutex_8(given: Given) -> Figures {
    let each = given.n / 8;
    let count = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let contenders = [(); 8].map(|()| {
        let count = Arc::clone(&count);
        go!(move || (0..each).for_each(|_| *count.lock().unwrap() += 1))
    });
    contenders.into_iter().for_each(|contender| contender.join().unwrap());
    assert_eq!(*count.lock().unwrap(), 8 * each);
    Figures::per(start, 8 * each, "ns/lock")
}

fn timers(given: Given) -> Figures {
    let (lateness, awake) = (Arc::new(Lateness::default()), Arc::new(AtomicU64::new(0)));
    let (cpu, start) = (cpu_seconds(), Instant::now());
    let mut handles = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let (lateness, awake) = (Arc::clone(&lateness), Arc::clone(&awake));
        handles.push(go!(move || {
            let before = Instant::now();
            coroutine::sleep(nap(i));
            // Some wake some microseconds early.
            lateness.note(before.elapsed().saturating_sub(nap(i)));
            awake.fetch_add(1, Ordering::Relaxed);
        }));
        if i % 256 == 255 {
            yield_now();
        }
    }
    let started = start.elapsed();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    assert_eq!(awake.load(Ordering::Relaxed), given.n);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    lateness.figures(cpu_seconds() - cpu, millis(started), millis(start.elapsed()))
}

fn sleep_50us(given: Given) -> Figures {
    let start = Instant::now();
    (0..given.n).for_each(|_| coroutine::sleep(Duration::from_micros(50)));
    Figures::new(start.elapsed().as_secs_f64() * 1e6 / given.n as f64, "us/sleep")
}

fn mem(given: Given) -> Figures {
    let started = Arc::new(AtomicU64::new(0));
    let (open, gate) = mpmc::channel::<()>();
    let before = used();
    let start = Instant::now();
    let mut handles = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let (started, gate) = (Arc::clone(&started), gate.clone());
        handles.push(go!(move || {
            started.fetch_add(1, Ordering::Relaxed);
            gate.recv().is_err()
        }));
        if i % 256 == 255 {
            yield_now();
        }
    }
    while started.load(Ordering::Relaxed) < given.n {
        yield_now();
    }
    let spawn_ns = start.elapsed().as_nanos() as f64 / given.n as f64;
    let each = (used() - before) as f64 / given.n as f64;
    drop(open);
    handles.into_iter().for_each(|handle| assert!(handle.join().unwrap()));
    Figures::new(each, "B/task").with("spawn_ns", spawn_ns)
}

fn wakeup(given: Given) -> Figures {
    let (tx, rx) = mpsc::channel::<Instant>();
    let started = Arc::new(AtomicBool::new(false));
    let woken = go!({
        let started = Arc::clone(&started);
        move || {
            started.store(true, Ordering::Release);
            rx.iter().map(|sent| sent.elapsed()).collect::<Vec<_>>()
        }
    });
    let since = Instant::now();
    while !started.load(Ordering::Acquire) && since.elapsed() < Duration::from_millis(100) {
        std::hint::spin_loop();
    }
    for _ in 0..given.n {
        coroutine::sleep(Duration::from_millis(1));
        tx.send(Instant::now()).unwrap();
        spin(Duration::from_micros(500));
    }
    drop(tx);
    let took = woken.join().unwrap();
    assert_eq!(took.len() as u64, given.n);
    Figures::wakeups(took)
}

fn hog(given: Given) -> Figures {
    let done = Arc::new(AtomicU64::new(0));
    for _ in 0..given.procs {
        let done = Arc::clone(&done);
        go!(move || {
            spin(Duration::from_millis(given.n));
            done.fetch_add(1, Ordering::Release);
        });
    }
    let (mut last, mut gap, mut ticks) = (Instant::now(), Duration::ZERO, 0);
    while done.load(Ordering::Acquire) < given.procs as u64 {
        coroutine::sleep(Duration::from_millis(1));
        gap = gap.max(last.elapsed());
        last = Instant::now();
        ticks += 1;
    }
    Figures::new(gap.as_secs_f64() * 1e3, "ms").with("ticks", f64::from(ticks))
}

fn blocking_call(given: Given) -> Figures {
    let start = Instant::now();
    let long = Duration::from_millis(given.n);
    let callers = [(); 8].map(|()| go!(move || std::thread::sleep(long)));
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    Figures::millis(start)
}

fn idle(given: Given) -> Figures {
    let (open, gate) = mpmc::channel::<()>();
    for _ in 0..given.n {
        let gate = gate.clone();
        go!(move || gate.recv().unwrap_err());
        go!(|| coroutine::sleep(Duration::from_secs(3600)));
    }
    coroutine::sleep(Duration::from_millis(100));
    println!("{{\"ready\":true}}");
    coroutine::sleep(Duration::from_secs(3600));
    drop(open);
    Figures::new(0.0, "calls")
}

fn serve(each: fn(TcpStream) -> std::io::Result<()>) -> Figures {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{{\"port\":{}}}", listener.local_addr().unwrap().port());
    loop {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        go!(move || drop(each(stream)));
    }
}

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 512];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut buffer, mut filled) = ([0; 2048], 0);
    loop {
        match stream.read(&mut buffer[filled..])? {
            0 => return Ok(()),
            n => filled += n,
        }
        while let Some(bytes) = peers::request(&buffer[..filled]) {
            stream.write_all(peers::ANSWER)?;
            buffer.copy_within(bytes..filled, 0);
            filled -= bytes;
        }
    }
}
