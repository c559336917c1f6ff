//! How connections and the server end: slow clients, clients that go, signals, wrong arguments.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::{SHORT, Server, Site, big, example, response, status};

#[test]
fn slow_clients_are_let_go() {
    let server = Server::with_timeout(SHORT);
    let limit = Duration::from_secs_f64(SHORT);
    let within = |start: Instant, times: u32| {
        let elapsed = start.elapsed();
        assert!(elapsed >= limit.mul_f64(0.9), "let go after {elapsed:?} already");
        assert!(elapsed < limit * times + Duration::from_secs(1), "let go after {elapsed:?} only");
    };
    // Silent from the start.
    let start = Instant::now();
    assert_eq!(server.ask(""), "");
    within(start, 1);

    // A byte now and then does not help.
    let start = Instant::now();
    let mut stream = server.connect();
    let mut sent = 0;
    while start.elapsed() < 4 * limit && stream.write_all(b"G").is_ok() {
        sent += 1;
        stream.set_read_timeout(Some(limit / 8)).unwrap();
        match stream.peek(&mut [0]) {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    within(start, 1);
    assert!(sent > 3);
    stream.set_read_timeout(None).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert_eq!(status(&answer), 408);

    // One that promises a body, and one that takes no response.
    let start = Instant::now();
    server.ask("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
    within(start, 1);
    let mut stream = server.connect();
    stream.write_all(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    std::thread::sleep(limit * 3);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.len() < 16 << 20, "the server waited for one who does not read");
}

#[test]
fn clients_that_go_leak_nothing() {
    let server = Server::start();
    // Each of the two workers opens two more, when it first has to wait for a socket. What stands in
    // for a kqueue has four.
    let each = if cfg!(feature = "os-darwin-stub") { 4 } else { 2 };
    let before = server.descriptors() + 2 * each;
    for _ in 0..4 {
        let mut streams: Vec<_> = (0..50).map(|_| server.connect()).collect();
        for stream in &mut streams {
            stream.write_all(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 1000]).unwrap();
        }
    }
    let start = Instant::now();
    while server.descriptors() > before {
        let now = server.descriptors();
        assert!(start.elapsed() < Duration::from_secs(10), "{before} descriptors, then {now}");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.get("/").0, 200);
}

/// Asks the server to end while it sends a large file and reads a request.
fn ends_in_good_order(signal: i32) {
    let mut server = Server::start();
    let _idle = server.connect();
    let mut loading = server.connect();
    loading.write_all(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut first = [0; 1000];
    loading.read_exact(&mut first).unwrap();
    let mut asking = server.connect();
    asking.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    server.signal(signal);
    let start = Instant::now();
    while TcpStream::connect(server.address).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(2), "it still accepts");
        std::thread::sleep(Duration::from_millis(5));
    }
    asking.write_all(b"Host: a\r\n\r\n").unwrap();
    let (head, body) = response(&mut asking, false).unwrap();
    assert_eq!((status(&head), &body[..]), (200, &b"<p>index</p>"[..]));
    assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
    let big = big();
    let head = first.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let mut rest = vec![0; big.len() - (first.len() - head)];
    loading.read_exact(&mut rest).unwrap();
    assert!(first[head..] == big[..first.len() - head] && rest == big[first.len() - head..]);
    drop((asking, loading));
    let ended = server.process.wait().unwrap();
    assert_eq!(ended.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

#[test]
fn an_interrupt_ends_it_in_good_order() {
    ends_in_good_order(libc::SIGINT);
}

#[test]
fn a_request_to_terminate_ends_it_in_good_order() {
    ends_in_good_order(libc::SIGTERM);
}

fn fails(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = Command::new(example()).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn says_what_is_wrong() {
    let site = Site::new();
    let root = site.root().to_str().unwrap().to_owned();
    for wrong in [
        &[][..],
        &["--procs", "many", &root],
        &["--timeout", "0", &root],
        &["--nonsense", &root],
        &[&root, &root],
    ] {
        let (status, text) = fails(wrong);
        assert_eq!(status, Some(2), "{wrong:?}: {text}");
        assert!(text.starts_with("httpd: ") && text.contains("\nusage: "), "{text}");
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let file = format!("{root}/index.html");
    for (wrong, reason) in [
        (&["--addr", "127.0.0.1:0", "/no/such/directory"][..], "/no/such/directory"),
        (&["--addr", "127.0.0.1:0", &file], "index.html"),
        (&["--addr", "nowhere", &root], "nowhere"),
        (&["--addr", &taken, &root], "in use"),
        (&["--addr", "127.0.0.1:0", "--procs", "0", &root], "procs is 0"),
    ] {
        let (status, text) = fails(wrong);
        assert_eq!(status, Some(1), "{wrong:?}: {text}");
        assert!(text.starts_with("httpd: ") && text.contains(reason), "{text}");
    }
}
