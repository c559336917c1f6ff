//! Jobs of sockets.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use gort::net::{TcpListener, TcpStream};

use crate::jobs::Dice;

/// What `f` makes once there is a port: a closed connection keeps its port for a minute, and others on
/// the machine may have the rest.
fn with_port<T>(f: impl Fn() -> std::io::Result<T>) -> T {
    let begun = Instant::now();
    loop {
        match f() {
            Err(error)
                if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable)
                    && begun.elapsed() < Duration::from_secs(90) =>
            {
                gort::sleep(Duration::from_millis(100));
            }
            made => return made.expect("a port"),
        }
    }
}

/// The two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = with_port(|| TcpListener::bind("127.0.0.1:0"));
    let address = listener.local_addr().expect("bound");
    let client = gort::spawn(move || with_port(|| TcpStream::connect(address)));
    let (server, _) = listener.accept().expect("a client");
    (client.join().expect("no panic"), server)
}

/// The byte at a place of a stream.
fn byte(seed: u64, at: usize) -> u8 {
    (seed.rotate_left(at as u32 % 64) as u8) ^ at as u8
}

/// Bytes there and back, each once and in order.
pub(crate) fn echo(seed: u64) -> u64 {
    let (client, server) = pair();
    let bytes = 1 + (seed % 300_000) as usize;
    let mut reads = client.try_clone().expect("a descriptor");
    let mut writes = client;
    let sender = gort::spawn(move || {
        let mut dice = Dice::new(seed);
        let mut at = 0;
        while at < bytes {
            let part = (1 + dice.below(20_000) as usize).min(bytes - at);
            let data: Vec<u8> = (at..at + part).map(|at| byte(seed, at)).collect();
            writes.write_all(&data).expect("read");
            at += part;
        }
        writes.shutdown(std::net::Shutdown::Write).expect("connected");
    });
    let echo = gort::spawn(move || {
        let mut server = server;
        let mut buffer = vec![0; 8192];
        loop {
            match server.read(&mut buffer).expect("connected") {
                0 => return,
                n => server.write_all(&buffer[..n]).expect("read"),
            }
        }
    });
    let mut all = Vec::new();
    reads.read_to_end(&mut all).expect("connected");
    assert_eq!(all.len(), bytes, "bytes are lost or twice there");
    assert!(all.iter().enumerate().all(|(at, &read)| read == byte(seed, at)));
    sender.join().expect("no panic");
    echo.join().expect("no panic");
    bytes as u64
}

/// The other end goes away with bytes unread: those who wait are told.
pub(crate) fn reset(seed: u64) -> u64 {
    let (mut client, server) = pair();
    let waiting = client.try_clone().expect("a descriptor");
    let reader = gort::spawn(move || {
        let mut waiting = waiting;
        waiting.read(&mut [0; 16])
    });
    client.write_all(&[1; 64]).expect("connected");
    gort::sleep(Duration::from_micros(seed % 300));
    drop(server);
    match reader.join().expect("no panic") {
        Ok(n) => assert_eq!(n, 0, "nobody sent anything"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    let broken = loop {
        if let Err(error) = client.write(&[1; 4096]) {
            break error.kind();
        }
    };
    assert!([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&broken), "{broken}");
    1
}

/// A timeout that comes, and one that does not.
pub(crate) fn timeout(seed: u64) -> u64 {
    let (client, mut server) = pair();
    let mut client = client;
    let time = Duration::from_micros(200 + seed % 2000);
    client.set_read_timeout(Some(time)).expect("a time");
    let start = Instant::now();
    let error = client.read(&mut [0]).expect_err("nobody has sent anything");
    assert!([ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()), "{error}");
    assert!(start.elapsed() >= time, "a timeout came early");
    client.set_read_timeout(Some(Duration::from_secs(3600))).expect("a time");
    let writer = gort::spawn(move || server.write_all(&[7]).expect("connected"));
    let mut read = [0];
    assert_eq!(client.read(&mut read).expect("connected"), 1);
    assert_eq!(read, [7]);
    writer.join().expect("no panic");
    2
}
