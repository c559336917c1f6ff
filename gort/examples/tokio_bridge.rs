//! Goroutines and async code in one program, joined by channels: tokio on one side.
//!
//! ```text
//!   tokio tasks --requests--> goroutines that compute --replies--> tokio tasks
//! ```
//!
//! Tasks await a `&Receiver` and a `JoinHandle`; a goroutine blocks on a future of tokio's.
//!
//! ```text
//! cargo run --release --example tokio_bridge
//! ```

use gort::chan::{self, Receiver, Sender};

const REQUESTS: u64 = 100;

struct Request {
    number: u64,
    reply: Sender<u64>,
}

/// A goroutine: plain code that blocks.
fn square(requests: &Receiver<Request>) -> usize {
    requests.iter().filter(|r| r.reply.send(r.number * r.number).is_ok()).count()
}

/// A task: asks, and awaits the answer.
async fn ask(requests: Sender<Request>, number: u64) -> u64 {
    let (reply, answer) = chan::bounded(1);
    // The channel has room for all, so this never waits.
    requests.send(Request { number, reply }).expect("someone computes");
    drop(requests);
    (&answer).await.expect("an answer")
}

fn main() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let tokio = tokio.expect("a runtime of tokio's");
    let (requests, work) = chan::unbounded();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let work = work.clone();
            gort::spawn(move || square(&work))
        })
        .collect();

    let tasks: Vec<_> =
        (1..=REQUESTS).map(|number| tokio.spawn(ask(requests.clone(), number))).collect();
    drop(requests);
    // A goroutine waits for tasks.
    let sum = gort::spawn(move || {
        tasks.into_iter().map(|task| gort::block_on(task).expect("no panic")).sum::<u64>()
    });
    // A task waits for goroutines.
    let (sum, served) = tokio.block_on(async {
        let mut served = 0;
        for worker in workers {
            served += worker.await.expect("no panic");
        }
        (sum.await.expect("no panic"), served)
    });
    assert_eq!(
        (sum, served as u64),
        (REQUESTS * (REQUESTS + 1) * (2 * REQUESTS + 1) / 6, REQUESTS)
    );
    println!("{served} requests, and the squares make {sum}");
}
