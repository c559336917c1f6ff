//! What it answers.

use std::fs;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::{Server, big, response, status};

#[test]
fn serves_files() {
    let server = Server::start();
    assert_eq!(server.get("/"), (200, "<p>index</p>".into()));
    assert_eq!(server.get("/index.html?query#fragment").0, 200);
    assert_eq!(server.get("/sub"), (200, "sub".into()));
    assert_eq!(server.get("/./sub//"), (200, "sub".into()));
    assert_eq!(server.get("/a%20b.txt"), (200, "blank".into()));
    assert_eq!(server.get("/in.txt"), (200, "blank".into()));
    assert_eq!(server.get("http://a.example/in.txt"), (200, "blank".into()));
    for missing in ["/none", "/none/a", "/empty", "/index.html/", "/loop", "/in.txt/a"] {
        assert_eq!(server.get(missing).0, 404, "{missing}");
    }
    assert_eq!(server.get(&format!("/{}", "a".repeat(5000))).0, 404);
    let answer = server.ask("GET / HTTP/1.1\r\nhost:a\r\nconnection: Close\r\n\r\n");
    assert!(answer.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"), "{answer}");
    assert!(answer.contains("\r\nContent-Length: 12\r\n"), "{answer}");
    assert!(answer.contains("\r\nDate: "), "{answer}");
    assert!(answer.contains("\r\nLast-Modified: "), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
}

#[test]
fn serves_what_has_changed() {
    let server = Server::start();
    assert_eq!(server.get("/sub").1, "sub");
    fs::write(server.site.root().join("sub/index.html"), "changed").unwrap();
    let start = Instant::now();
    while server.get("/sub").1 != "changed" {
        assert!(start.elapsed() < Duration::from_secs(5), "the old content is served for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
    fs::remove_file(server.site.root().join("sub/index.html")).unwrap();
    while server.get("/sub").0 != 404 {
        assert!(start.elapsed() < Duration::from_secs(10), "a removed file is served for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn large_files_arrive_whole() {
    let server = Server::start();
    let big = big();
    let mut stream = server.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let (head, body) = response(&mut stream, false).unwrap();
        assert_eq!(status(&head), 200);
        assert!(body == big, "the content is not what was written");
    }
}

#[test]
fn nothing_leads_out_of_the_directory() {
    let server = Server::start();
    for target in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E./secret.txt",
        "/..%2fsecret.txt",
        "/sub/../../secret.txt",
        "/sub/..",
        "/out.txt",
        "/up/secret.txt",
        "//../secret.txt",
    ] {
        let (status, body) = server.get(target);
        assert_eq!(status, 403, "{target}");
        assert!(!body.contains("secret"), "{target}");
    }
}

#[test]
fn refuses_what_it_can_not_read() {
    let server = Server::start();
    let head = |request: &str| status(&server.ask(request));
    for bad in [
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ] {
        assert_eq!(head(bad), 400, "{bad:?}");
    }
    assert_eq!(head("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(head(chunked), 411);
    assert_eq!(head("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"), 501);
    assert_eq!(head("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"), 413);
    let long = "x".repeat(20_000);
    assert_eq!(head(&format!("GET / HTTP/1.1\r\nHost: a\r\nLong: {long}\r\n\r\n")), 431);
    assert_eq!(head(&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")), 414);
    let many = "A: b\r\n".repeat(100);
    assert_eq!(head(&format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")), 431);
}

#[test]
fn other_methods_and_bodies() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    stream.write_all(b"345HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let (head, _) = response(&mut stream, false).unwrap();
    assert_eq!(status(&head), 405);
    assert!(head.contains("\r\nAllow: GET, HEAD\r\n"), "{head}");
    let (head, _) = response(&mut stream, true).unwrap();
    assert_eq!(status(&head), 200);
    assert!(head.contains("\r\nContent-Length: 12\r\n"), "{head}");

    // One who waits to be told that the body is wanted.
    let expects = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(expects.as_bytes()).unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").unwrap();
    assert_eq!(response(&mut stream, false).unwrap().1, b"<p>index</p>");
}

#[test]
fn keeps_connections_as_asked() {
    let server = Server::start();
    let mut stream = server.connect();
    for _ in 0..20 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let (head, body) = response(&mut stream, false).unwrap();
        assert!(!head.contains("Connection:"), "{head}");
        assert_eq!(body, b"<p>index</p>");
    }
    let old = server.ask("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    assert_eq!(old.matches("<p>index</p>").count(), 1, "{old}");
    let kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let old = server.ask(&format!("{kept}{kept}GET / HTTP/1.0\r\n\r\n"));
    assert_eq!(old.matches("<p>index</p>").count(), 3, "{old}");
    assert_eq!(old.matches("\r\nConnection: keep-alive\r\n").count(), 2, "{old}");
}

#[test]
fn a_known_file_is_not_sent_again() {
    let server = Server::start();
    let get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let answer = server.ask(&format!("{get}\r\n"));
    let modified = answer.lines().find_map(|l| l.strip_prefix("Last-Modified: ")).unwrap();
    let again = server.ask(&format!("{get}If-Modified-Since: {modified}\r\n\r\n"));
    assert_eq!(status(&again), 304, "{again}");
    assert!(again.ends_with("\r\n\r\n"), "{again}");
    let old = server.ask(&format!("{get}If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n\r\n"));
    assert_eq!(status(&old), 200);
}

#[test]
fn a_hundred_requests_in_one_write() {
    let server = Server::start();
    let mut stream = server.connect();
    let requests: String = (0..100)
        .map(|i| match i % 4 {
            0 => "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            1 => "GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
            2 => "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            _ => "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        })
        .collect();
    stream.write_all(requests.as_bytes()).unwrap();
    for i in 0..100 {
        let (head, _) = response(&mut stream, i % 4 == 3).unwrap();
        assert_eq!(status(&head), [200, 404, 405, 200][i % 4], "response {i}");
    }
}
