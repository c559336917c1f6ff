//! The workloads on tokio, with as many worker threads as processors.
//!
//! It has no rendezvous channels: where gort has one, there is room for one message.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use peers::{Figures, Given, Lateness, cpu_seconds, nap, spin, sum_below, used};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::yield_now;

const WORKLOADS: peers::Workloads = &[
    ("switch", |given| on(given, switch(given))),
    ("crowd", |given| on(given, crowd(given))),
    ("crowd_chan", |given| on(given, crowd_chan(given))),
    ("spawn_join", |given| on(given, spawn_join(given))),
    ("spawn_tree", |given| on(given, spawn_tree(given))),
    ("skynet", |given| on(given, skynet(given))),
    ("pingpong_unbuf", |given| on(given, pingpong_unbuf(given))),
    ("chan_buf", |given| on(given, chan_buf(given))),
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

fn main() {
    peers::main("tokio", WORKLOADS);
}

/// Runs the workload as a task of the workers.
fn on(given: Given, body: impl Future<Output = Figures> + Send + 'static) -> Figures {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(given.procs).enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(body).await.unwrap() })
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
    let other = tokio::spawn(body());
    let both = body().await + other.await.unwrap();
    assert_eq!(both, half * 2);
    Figures::per(start, both, "ns/switch")
}

async fn crowd(given: Given) -> Figures {
    let rounds = (2_000_000 / given.n).max(10);
    let gate = Arc::new(Semaphore::new(0));
    let mut handles = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let gate = Arc::clone(&gate);
        handles.push(tokio::spawn(async move {
            gate.acquire().await.unwrap_err();
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
    gate.close();
    let start = Instant::now();
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.unwrap();
    }
    assert_eq!(sum, given.n * rounds);
    Figures::per(start, sum, "ns/switch")
}

async fn spawn_join(given: Given) -> Figures {
    let mut handles = Vec::with_capacity(1000);
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..given.n.div_ceil(1000) {
        handles.extend((0..1000).map(|_| tokio::spawn(async { black_box(1u64) })));
        for handle in handles.drain(..) {
            sum += handle.await.unwrap();
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
        let left = tokio::spawn(leaves(depth - 1));
        leaves(depth - 1).await + left.await.unwrap()
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

fn node(up: mpsc::Sender<u64>, first: u64, leaves: u64) -> Boxed<()> {
    Box::pin(async move {
        if leaves == 1 {
            return up.send(first).await.unwrap();
        }
        let (tx, mut rx) = mpsc::channel(10);
        let each = leaves / 10;
        for i in 0..10 {
            tokio::spawn(node(tx.clone(), first + i * each, each));
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
    let (tx, mut rx) = mpsc::channel(1);
    let start = Instant::now();
    tokio::spawn(node(tx, 0, leaves));
    let sum = rx.recv().await.unwrap();
    let figures = Figures::millis(start);
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    figures
}

async fn pingpong_unbuf(given: Given) -> Figures {
    let (there, mut theirs) = mpsc::channel(1);
    let (back, mut mine) = mpsc::channel(1);
    let other = tokio::spawn(async move {
        while let Some(v) = theirs.recv().await {
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
    other.await.unwrap();
    figures
}

async fn crowd_chan(given: Given) -> Figures {
    let (pairs, rounds) = (given.n / 2, (1_000_000 / given.n).max(30));
    let gate = Arc::new(Semaphore::new(0));
    let mut handles = Vec::with_capacity(pairs as usize);
    for i in 0..pairs {
        let (there, mut theirs) = mpsc::channel(1);
        let (back, mut mine) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(v) = theirs.recv().await {
                back.send(v + 1).await.unwrap();
            }
        });
        let gate = Arc::clone(&gate);
        handles.push(tokio::spawn(async move {
            gate.acquire().await.unwrap_err();
            let mut v = 0;
            for _ in 0..rounds {
                there.send(v).await.unwrap();
                v = mine.recv().await.unwrap();
            }
            v
        }));
        if i % 128 == 127 {
            yield_now().await;
        }
    }
    for _ in 0..3 {
        yield_now().await;
    }
    let start = Instant::now();
    gate.close();
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.unwrap();
    }
    assert_eq!(sum, pairs * rounds);
    Figures::per(start, sum, "ns/roundtrip")
}

async fn chan_buf(given: Given) -> Figures {
    let (tx, mut rx) = mpsc::channel(128);
    let start = Instant::now();
    tokio::spawn(async move {
        for i in 0..given.n {
            tx.send(i).await.unwrap();
        }
    });
    let (mut count, mut sum) = (0, 0_u64);
    while let Some(v) = rx.recv().await {
        count += 1;
        sum = sum.wrapping_add(v);
    }
    let figures = Figures::per(start, count, "ns/item");
    assert_eq!((count, sum), (given.n, sum_below(given.n)));
    figures
}

async fn ring(given: Given) -> Figures {
    let (first, mut rx) = mpsc::channel(1);
    for _ in 1..1000 {
        let (next, after) = mpsc::channel(1);
        let mut before = std::mem::replace(&mut rx, after);
        tokio::spawn(async move {
            while let Some(v) = before.recv().await {
                next.send(v + 1).await.unwrap();
            }
        });
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
    let mut ends = [(); 4].map(|()| {
        let (tx, rx) = mpsc::channel(1);
        tokio::spawn(async move {
            for i in 0..each {
                tx.send(i).await.unwrap();
            }
            // Closed, it would be ready for ever.
            tx.closed().await;
        });
        rx
    });
    let [a, b, c, d] = &mut ends;
    let mut sum = 0_u64;
    let start = Instant::now();
    for _ in 0..4 * each {
        let v = tokio::select! {
            v = a.recv() => v,
            v = b.recv() => v,
            v = c.recv() => v,
            v = d.recv() => v,
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
        tokio::spawn(async move {
            for _ in 0..each {
                *count.lock().await += 1;
            }
        })
    });
    for contender in contenders {
        contender.await.unwrap();
    }
    assert_eq!(*count.lock().await, 8 * each);
    Figures::per(start, 8 * each, "ns/lock")
}

async fn timers(given: Given) -> Figures {
    let (lateness, awake) = (Arc::new(Lateness::default()), Arc::new(AtomicU64::new(0)));
    let (cpu, start) = (cpu_seconds(), Instant::now());
    let mut handles = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let (lateness, awake) = (Arc::clone(&lateness), Arc::clone(&awake));
        handles.push(tokio::spawn(async move {
            let before = Instant::now();
            tokio::time::sleep(nap(i)).await;
            lateness.note(before.elapsed().checked_sub(nap(i)).unwrap());
            awake.fetch_add(1, Ordering::Relaxed);
        }));
        if i % 256 == 255 {
            yield_now().await;
        }
    }
    let started = start.elapsed();
    for handle in handles {
        handle.await.unwrap();
    }
    assert_eq!(awake.load(Ordering::Relaxed), given.n);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    lateness.figures(cpu_seconds() - cpu, millis(started), millis(start.elapsed()))
}

async fn sleep_50us(given: Given) -> Figures {
    let start = Instant::now();
    for _ in 0..given.n {
        tokio::time::sleep(Duration::from_micros(50)).await;
    }
    Figures::new(start.elapsed().as_secs_f64() * 1e6 / given.n as f64, "us/sleep")
}

async fn mem(given: Given) -> Figures {
    let started = Arc::new(AtomicU64::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let before = used();
    let start = Instant::now();
    let mut handles = Vec::with_capacity(given.n as usize);
    for i in 0..given.n {
        let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
        handles.push(tokio::spawn(async move {
            started.fetch_add(1, Ordering::Relaxed);
            gate.acquire().await.is_err()
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
    gate.close();
    for handle in handles {
        assert!(handle.await.unwrap());
    }
    Figures::new(each, "B/task").with("spawn_ns", spawn_ns)
}

async fn wakeup(given: Given) -> Figures {
    let (tx, mut rx) = mpsc::channel::<Instant>(1);
    let started = Arc::new(AtomicBool::new(false));
    let woken = tokio::spawn({
        let started = Arc::clone(&started);
        async move {
            started.store(true, Ordering::Release);
            let mut took = Vec::new();
            while let Some(sent) = rx.recv().await {
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
        tokio::time::sleep(Duration::from_millis(1)).await;
        tx.send(Instant::now()).await.unwrap();
        spin(Duration::from_micros(500));
    }
    drop(tx);
    let took = woken.await.unwrap();
    assert_eq!(took.len() as u64, given.n);
    Figures::wakeups(took)
}

async fn hog(given: Given) -> Figures {
    let done = Arc::new(AtomicU64::new(0));
    for _ in 0..given.procs {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            spin(Duration::from_millis(given.n));
            done.fetch_add(1, Ordering::Release);
        });
    }
    let (mut last, mut gap, mut ticks) = (Instant::now(), Duration::ZERO, 0);
    while done.load(Ordering::Acquire) < given.procs as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        gap = gap.max(last.elapsed());
        last = Instant::now();
        ticks += 1;
    }
    Figures::new(gap.as_secs_f64() * 1e3, "ms").with("ticks", f64::from(ticks))
}

async fn blocking_call(given: Given) -> Figures {
    let start = Instant::now();
    let long = Duration::from_millis(given.n);
    let callers = [(); 8].map(|()| tokio::spawn(async move { std::thread::sleep(long) }));
    for caller in callers {
        caller.await.unwrap();
    }
    Figures::millis(start)
}

async fn idle(given: Given) -> Figures {
    let gate = Arc::new(Semaphore::new(0));
    for _ in 0..given.n {
        let gate = Arc::clone(&gate);
        tokio::spawn(async move { gate.acquire().await.map(drop).unwrap() });
        tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    println!("{{\"ready\":true}}");
    tokio::time::sleep(Duration::from_secs(3600)).await;
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
        tokio::spawn(each(stream));
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
