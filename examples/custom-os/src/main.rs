//! Goroutines on the platform of this crate, and what they asked it for.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use custom_os::{NET, OS, POLLER};
use gort::net::{TcpListener, TcpStream};

const CLIENTS: usize = 10;

fn main() -> std::io::Result<()> {
    let echoed = gort::Builder::new().procs(2).run(echo)??;
    assert_eq!(echoed, CLIENTS * 5);
    assert_eq!(gort::runtime::backend(), "custom");
    let count = |calls: &AtomicU64| calls.load(Ordering::Relaxed);
    println!("{echoed} bytes went to and fro on two workers. What that took:");
    println!(
        "{} threads, {} sleeps, {} wakes, {} looks at the clock",
        count(&OS.start),
        count(&OS.wait),
        count(&OS.wake),
        count(&OS.now),
    );
    println!(
        "{} pollers, {} polls, {} receives, {} sends",
        count(&POLLER.open),
        count(&POLLER.poll),
        count(&NET.recv),
        count(&NET.send),
    );
    // Everybody on the way was asked, and whatever was opened is closed.
    for calls in [&OS.reserve, &OS.start, &POLLER.open, &POLLER.add, &NET.accept, &NET.connect] {
        assert_ne!(count(calls), 0, "{OS:?} {POLLER:?} {NET:?}");
    }
    assert_eq!(count(&OS.start), count(&OS.join));
    assert_eq!(count(&POLLER.open), count(&POLLER.close));
    let opened = count(&NET.open) + count(&NET.accept) + count(&NET.duplicate);
    assert!(count(&NET.close) <= opened, "{NET:?}");
    Ok(())
}

/// A server, and clients that each send it five bytes. Returns how many came back.
fn echo() -> std::io::Result<usize> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let name = listener.local_addr()?;
    gort::go(move || {
        for stream in listener.incoming().take(CLIENTS) {
            gort::go(move || {
                let Ok(mut stream) = stream else { return };
                let mut data = [0; 5];
                if stream.read_exact(&mut data).is_ok() {
                    // A client that has gone wants no answer.
                    let _ = stream.write_all(&data);
                }
            });
        }
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            gort::spawn(move || -> std::io::Result<usize> {
                let mut stream = TcpStream::connect(name)?;
                stream.write_all(b"hello")?;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer)
            })
        })
        .collect();
    let mut echoed = 0;
    for client in clients {
        echoed += client.join().map_err(|_| std::io::Error::other("a client panicked"))??;
    }
    Ok(echoed)
}
