//! `gort::net`: on one processor and on four, with goroutines that stay and that migrate, and on
//! plain threads.

mod data;
mod modes;
mod runtimes;
mod sharing;
mod waiting;

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use gort::net::{SocketAddr, TcpListener, TcpStream};

/// How much later than asked a timeout may come on a busy machine.
const SLACK: Duration = Duration::from_millis(250);

/// Runs `f` in each kind of runtime.
fn everywhere(f: fn()) {
    for procs in [1, 4] {
        gort::Builder::new().procs(procs).run(f).unwrap();
    }
    // SAFETY: the tests keep nothing that is bound to a thread over a wait, and `f` is `Send`.
    let migratory = unsafe { gort::Builder::new().procs(4).migratory() };
    migratory.run(f).unwrap();
}

/// Also on the plain thread of the test.
fn everywhere_and_outside(f: fn()) {
    f();
    everywhere(f);
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Two ends of a connection. The listener's queue takes it, so that nobody has to wait.
fn connected() -> (TcpStream, TcpStream) {
    let (listener, address) = listen();
    let client = TcpStream::connect(address).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
    (client, server)
}

/// Sends back what comes until the end.
fn echo(mut stream: TcpStream) -> io::Result<u64> {
    let mut buffer = [0; 4096];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(total),
            n => stream.write_all(&buffer[..n])?,
        }
        total += 1;
    }
}

fn ask(stream: &mut TcpStream, question: &[u8]) {
    stream.write_all(question).unwrap();
    let mut answer = vec![0; question.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, question);
}

fn took(at_least: Duration, f: impl FnOnce()) {
    let start = Instant::now();
    f();
    let elapsed = start.elapsed();
    assert!(elapsed >= at_least, "{elapsed:?} is less than {at_least:?}");
    assert!(elapsed < at_least + SLACK, "{elapsed:?} is much more than {at_least:?}");
}
