//! The workloads on smol's executor, run by as many threads as processors.
//!
//! It has no rendezvous channels: where gort has one, there is room for one message.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender, bounded};
use async_executor::{Executor, Task};
use async_lock::Mutex;
use futures_lite::future::{or, yield_now};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use peers::{Figures, Given, Lateness, cpu_seconds, nap, spin, sum_below, used};
use smol::Timer;
use smol::net::{TcpListener, TcpStream};

const WORKLOADS: peers::Workloads = &[
    ("switch", |given| on(given, switch(given))),
    ("crowd", |given| on(given, crowd(given))),
    ("spawn_join", |given| on(given, spawn_join(given))),
    ("spawn_tree", |given| on(given, spawn_tree(given))),
    ("skynet", |given| on(given, skynet(given))),
    ("pingpong_unbuf", |given| on(given, pingpong_unbuf(given))),
    ("chan_buf", |given| on(given, chan_buf(given))),
    ("mpmc", |given| on(given, mpmc(given))),
    ("ring", |given| on(given, ring(given))),
    ("select", |given| on(given, select(given))),
    ("mutex", |given| on(given, mutex(given))),
    ("mutex_8", |given| on(given, mutex_8(given))),
    ("timers", |given| on(given, timers(given))),
    ("sleep_50us", |given| on(given, sleep_50us(given))),
    ("mem", |given| on(given, mem(given))),
    ("wakeup", |given| on(given, wakeup(given))),
    ("hog", |given| on(given, hog(given))),
    ("blocking_call", |given| on(given, blocking_call(given))),
    ("idle", |given| on(given, idle(given))),
    ("tcp_echo", |given| on(given, serve(echo))),
    ("httpd", |given| on(given, serve(answer))),
];

static EXECUTOR: Executor<'static> = Executor::new();

fn main() {
    peers::main("smol", WORKLOADS);
}

/// Runs the workload as a task of the threads.
fn on(given: Given, body: impl Future<Output = Figures> + Send + 'static) -> Figures {
    for _ in 1..given.procs {
        std::thread::spawn(|| smol::block_on(EXECUTOR.run(std::future::pending::<()>())));
    }
    smol::block_on(EXECUTOR.run(spawn(body)))
}

fn spawn<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> Task<T> {
    EXECUTOR.spawn(body)
}

async fn switch(given: Given) -> Figures {
    let half = given.n / 2;
    let body = move || async move {
        for _ in 0..half {
            yield_now().await;
        }
        half
    };
    let start = Instant::now();
    let other = spawn(body());
    let both = body().await + other.await;
    assert_eq!(both, half * 2);
    Figures::per(start, both, "ns/switch")
}

async fn crowd(given: Given) -> Figures {
    let rounds = (2_000_000 / given.n).max(10);
    let (open, gate) = bounded::<()>(1);
    let mut tasks = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let gate = gate.clone();
        tasks.push(spawn(async move {
            gate.recv().await.unwrap_err();
            for _ in 0..rounds {
                yield_now().await;
            }
            rounds
        }));
        if i % 256 == 255 {
            yield_now().await;
        }
    }
    for _ in 0..3 {
        yield_now().await;
    }
    drop(open);
    let start = Instant::now();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    assert_eq!(sum, given.n * rounds);
    Figures::per(start, sum, "ns/switch")
}

async fn spawn_join(given: Given) -> Figures {
    let mut tasks = Vec::with_capacity(1000);
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..given.n.div_ceil(1000) {
        tasks.extend((0..1000).map(|_| spawn(async { black_box(1u64) })));
        for task in tasks.drain(..) {
            sum += task.await;
        }
    }
    let figures = Figures::per(start, sum, "ns/task");
    assert_eq!(sum, given.n.div_ceil(1000) * 1000);
    figures
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn leaves(depth: u32) -> Boxed<u64> {
    Box::pin(async move {
        if depth == 0 {
            return 1;
        }
        let left = spawn(leaves(depth - 1));
        leaves(depth - 1).await + left.await
    })
}

async fn spawn_tree(given: Given) -> Figures {
    let depth = given.n.ilog2();
    let start = Instant::now();
    let sum = leaves(depth).await;
    let figures = Figures::per(start, sum, "ns/task");
    assert_eq!(sum, 1 << depth);
    figures
}

fn node(up: Sender<u64>, first: u64, leaves: u64) -> Boxed<()> {
    Box::pin(async move {
        if leaves == 1 {
            return up.send(first).await.unwrap();
        }
        let (tx, rx) = bounded(10);
        let each = leaves / 10;
        for i in 0..10 {
            spawn(node(tx.clone(), first + i * each, each)).detach();
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += rx.recv().await.unwrap();
        }
        up.send(sum).await.unwrap();
    })
}

async fn skynet(given: Given) -> Figures {
    let leaves = 10_u64.pow(given.n.ilog10());
    let (tx, rx) = bounded(1);
    let start = Instant::now();
    spawn(node(tx, 0, leaves)).detach();
    let sum = rx.recv().await.unwrap();
    let figures = Figures::millis(start);
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    figures
}

async fn pingpong_unbuf(given: Given) -> Figures {
    let (there, theirs) = bounded(1);
    let (back, mine) = bounded(1);
    let other = spawn(async move {
        while let Ok(v) = theirs.recv().await {
            back.send(v + 1).await.unwrap();
        }
    });
    let mut v = 0;
    let start = Instant::now();
    for _ in 0..given.n {
        there.send(v).await.unwrap();
        v = mine.recv().await.unwrap();
    }
    let figures = Figures::per(start, given.n, "ns/roundtrip");
    assert_eq!(v, given.n);
    drop(there);
    other.await;
    figures
}

async fn drain(rx: Receiver<u64>) -> (u64, u64) {
    let (mut count, mut sum) = (0, 0_u64);
    while let Ok(v) = rx.recv().await {
        count += 1;
        sum = sum.wrapping_add(v);
    }
    (count, sum)
}

async fn fill(tx: Sender<u64>, n: u64) {
    for i in 0..n {
        tx.send(i).await.unwrap();
    }
}

async fn chan_buf(given: Given) -> Figures {
    let (tx, rx) = bounded(128);
    let start = Instant::now();
    spawn(fill(tx, given.n)).detach();
    let drained = drain(rx).await;
    let figures = Figures::per(start, drained.0, "ns/item");
    assert_eq!(drained, (given.n, sum_below(given.n)));
    figures
}

async fn mpmc(given: Given) -> Figures {
    let each = given.n / 4;
    let (tx, rx) = bounded(128);
    let start = Instant::now();
    let receivers = [(); 4].map(|()| spawn(drain(rx.clone())));
    (0..4).for_each(|_| spawn(fill(tx.clone(), each)).detach());
    drop((tx, rx));
    let (mut count, mut sum) = (0, 0_u64);
    for receiver in receivers {
        let drained = receiver.await;
        count += drained.0;
        sum = sum.wrapping_add(drained.1);
    }
    let figures = Figures::per(start, count, "ns/item");
    assert_eq!((count, sum), (4 * each, sum_below(each).wrapping_mul(4)));
    figures
}

async fn ring(given: Given) -> Figures {
    let (first, mut rx) = bounded(1);
    for _ in 1..1000 {
        let (next, after) = bounded(1);
        let before = std::mem::replace(&mut rx, after);
        let member = spawn(async move {
            while let Ok(v) = before.recv().await {
                next.send(v + 1).await.unwrap();
            }
        });
        member.detach();
    }
    let mut v = 0;
    let start = Instant::now();
    for _ in 0..given.n.div_ceil(1000) {
        first.send(v + 1).await.unwrap();
        v = rx.recv().await.unwrap();
    }
    assert_eq!(v, given.n.div_ceil(1000) * 1000);
    Figures::per(start, v, "ns/hop")
}

async fn select(given: Given) -> Figures {
    let each = given.n / 4;
    let ends = [(); 4].map(|()| {
        let (tx, rx) = bounded(1);
        // The ends stay open: a closed one would be ready for ever.
        spawn(fill(tx.clone(), each)).detach();
        (tx, rx)
    });
    let [a, b, c, d] = &ends;
    let mut sum = 0_u64;
    let start = Instant::now();
    for i in 0..4 * each {
        // `or` looks at the first one first, so the order changes each time.
        let v = match i % 2 {
            0 => or(or(a.1.recv(), b.1.recv()), or(c.1.recv(), d.1.recv())).await,
            _ => or(or(d.1.recv(), c.1.recv()), or(b.1.recv(), a.1.recv())).await,
        };
        sum = sum.wrapping_add(v.unwrap());
    }
    assert_eq!(sum, sum_below(each).wrapping_mul(4));
    Figures::per(start, 4 * each, "ns/item")
}

async fn mutex(given: Given) -> Figures {
    let count = black_box(Mutex::new(0));
    let start = Instant::now();
    for _ in 0..given.n {
        *count.lock().await += 1;
    }
    let figures = Figures::per(start, given.n, "ns/lock");
    assert_eq!(count.into_inner(), given.n);
    figures
}

async fn mutex_8(given: Given) -> Figures {
    let each = given.n / 8;
    let count = Arc::new(Mutex::new(0));
    let start = Instant::now();
    let contenders = [(); 8].map(|()| {
        let count = Arc::clone(&count);
        spawn(async move {
            for _ in 0..each {
                *count.lock().await += 1;
            }
        })
    });
    for contender in contenders {
        contender.await;
    }
    assert_eq!(*count.lock().await, 8 * each);
    Figures::per(start, 8 * each, "ns/lock")
}

async fn timers(given: Given) -> Figures {
    let (lateness, awake) = (Arc::new(Lateness::default()), Arc::new(AtomicU64::new(0)));
    let (cpu, start) = (cpu_seconds(), Instant::now());
    let mut tasks = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let (lateness, awake) = (Arc::clone(&lateness), Arc::clone(&awake));
        tasks.push(spawn(async move {
            let before = Instant::now();
            Timer::after(nap(i)).await;
            lateness.note(before.elapsed().checked_sub(nap(i)).unwrap());
            awake.fetch_add(1, Ordering::Relaxed);
        }));
        if i % 256 == 255 {
            yield_now().await;
        }
    }
    let started = start.elapsed();
    for task in tasks {
        task.await;
    }
    assert_eq!(awake.load(Ordering::Relaxed), given.n);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    lateness.figures(cpu_seconds() - cpu, millis(started), millis(start.elapsed()))
}

async fn sleep_50us(given: Given) -> Figures {
    let start = Instant::now();
    for _ in 0..given.n {
        Timer::after(Duration::from_micros(50)).await;
    }
    Figures::new(start.elapsed().as_secs_f64() * 1e6 / given.n as f64, "us/sleep")
}

async fn mem(given: Given) -> Figures {
    let started = Arc::new(AtomicU64::new(0));
    let (open, gate) = bounded::<()>(1);
    let before = used();
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let (started, gate) = (Arc::clone(&started), gate.clone());
        tasks.push(spawn(async move {
            started.fetch_add(1, Ordering::Relaxed);
            gate.recv().await.is_err()
        }));
        if i % 256 == 255 {
            yield_now().await;
        }
    }
    while started.load(Ordering::Relaxed) < given.n {
        yield_now().await;
    }
    let spawn_ns = start.elapsed().as_nanos() as f64 / given.n as f64;
    let each = (used() - before) as f64 / given.n as f64;
    drop(open);
    for task in tasks {
        assert!(task.await);
    }
    Figures::new(each, "B/task").with("spawn_ns", spawn_ns)
}

async fn wakeup(given: Given) -> Figures {
    let (tx, rx) = bounded::<Instant>(1);
    let started = Arc::new(AtomicBool::new(false));
    let woken = spawn({
        let started = Arc::clone(&started);
        async move {
            started.store(true, Ordering::Release);
            let mut took = Vec::new();
            while let Ok(sent) = rx.recv().await {
                took.push(sent.elapsed());
            }
            took
        }
    });
    let since = Instant::now();
    while !started.load(Ordering::Acquire) && since.elapsed() < Duration::from_millis(100) {
        std::hint::spin_loop();
    }
    for _ in 0..given.n {
        Timer::after(Duration::from_millis(1)).await;
        tx.send(Instant::now()).await.unwrap();
        spin(Duration::from_micros(500));
    }
    drop(tx);
    let took = woken.await;
    assert_eq!(took.len() as u64, given.n);
    Figures::wakeups(took)
}

async fn hog(given: Given) -> Figures {
    let done = Arc::new(AtomicU64::new(0));
    for _ in 0..given.procs {
        let done = Arc::clone(&done);
        let hog = spawn(async move {
            spin(Duration::from_millis(given.n));
            done.fetch_add(1, Ordering::Release);
        });
        hog.detach();
    }
    let (mut last, mut gap, mut ticks) = (Instant::now(), Duration::ZERO, 0);
    while done.load(Ordering::Acquire) < given.procs as u64 {
        Timer::after(Duration::from_millis(1)).await;
        gap = gap.max(last.elapsed());
        last = Instant::now();
        ticks += 1;
    }
    Figures::new(gap.as_secs_f64() * 1e3, "ms").with("ticks", f64::from(ticks))
}

async fn blocking_call(given: Given) -> Figures {
    let start = Instant::now();
    let long = Duration::from_millis(given.n);
    let callers = [(); 8].map(|()| spawn(async move { std::thread::sleep(long) }));
    for caller in callers {
        caller.await;
    }
    Figures::millis(start)
}

async fn idle(given: Given) -> Figures {
    let (open, gate) = bounded::<()>(1);
    for _ in 0..given.n {
        let gate = gate.clone();
        spawn(async move { gate.recv().await.unwrap_err() }).detach();
        spawn(Timer::after(Duration::from_secs(3600))).detach();
    }
    Timer::after(Duration::from_millis(100)).await;
    println!("{{\"ready\":true}}");
    Timer::after(Duration::from_secs(3600)).await;
    drop(open);
    Figures::new(0.0, "calls")
}

async fn serve<F>(each: fn(TcpStream) -> F) -> Figures
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{{\"port\":{}}}", listener.local_addr().unwrap().port());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        spawn(each(stream)).detach();
    }
}

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 512];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut buffer, mut filled) = ([0; 2048], 0);
    loop {
        match stream.read(&mut buffer[filled..]).await? {
            0 => return Ok(()),
            n => filled += n,
        }
        while let Some(bytes) = peers::request(&buffer[..filled]) {
            stream.write_all(peers::ANSWER).await?;
            buffer.copy_within(bytes..filled, 0);
            filled -= bytes;
        }
    }
}
