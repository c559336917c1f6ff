//! Options, modes, names, and conversions from and to std.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use gort::net::{TcpListener, TcpStream};

use super::{connected, everywhere_and_outside, listen, took};

#[test]
fn non_blocking_calls_do_not_wait() {
    everywhere_and_outside(|| {
        let (listener, address) = listen();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut client = TcpStream::connect(address).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.set_nonblocking(true).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let error = loop {
            if let Err(error) = client.write(&[0; 65_536]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        server.write_all(b"now").unwrap();
        client.set_nonblocking(false).unwrap();
        client.read_exact(&mut [0; 3]).unwrap();
    });
}

/// Also by one who had received all that was there before.
#[test]
fn non_blocking_reads_see_what_is_there() {
    everywhere_and_outside(|| {
        let (mut near, mut far) = connected();
        // It waits for the first, so that a poller knows it from then on.
        let first = gort::spawn(move || {
            gort::sleep(Duration::from_millis(1));
            far.write_all(b"first").unwrap();
            far
        });
        assert_eq!(near.read(&mut [0; 64]).unwrap(), 5);
        let mut far = first.join().unwrap();
        for i in 0..100 {
            near.set_nonblocking(i % 2 == 0).unwrap();
            far.write_all(&[i; 3]).unwrap();
            let mut buffer = [0; 64];
            assert_eq!(near.read(&mut buffer).unwrap(), 3);
            assert_eq!(buffer[..3], [i; 3]);
        }
    });
}

/// Whether the descriptor itself is non-blocking.
fn is_non_blocking(descriptor: &impl AsRawFd) -> bool {
    // SAFETY: asks for the flags of an open descriptor.
    let flags = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_GETFL) };
    flags & libc::O_NONBLOCK != 0
}

#[test]
fn converts_from_and_to_std() {
    everywhere_and_outside(|| {
        let listener = TcpListener::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let time = Some(Duration::from_millis(40));
        client.set_read_timeout(time).unwrap();
        let mut client = TcpStream::from(client);
        assert!(is_non_blocking(&client));
        assert_eq!(client.read_timeout().unwrap(), time);
        took(Duration::from_millis(40), || {
            assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        });
        let (mut server, _) = listener.accept().unwrap();

        // Out, and the mode and the timeouts with it.
        let mut client = std::net::TcpStream::from(client);
        assert!(!is_non_blocking(&client));
        assert_eq!(client.read_timeout().unwrap(), time);
        server.write_all(b"a").unwrap();
        client.read_exact(&mut [0]).unwrap();

        // Not while another handle relies on it.
        let clone = server.try_clone().unwrap();
        let server = std::net::TcpStream::from(server);
        assert!(is_non_blocking(&server));
        drop(server);
        clone.set_nonblocking(true).unwrap();
        assert!(is_non_blocking(&std::net::TcpStream::from(clone)));
        let listener = std::net::TcpListener::from(listener);
        assert!(!is_non_blocking(&listener));
        assert_eq!(listener.local_addr().unwrap(), address);
    });
}

#[test]
fn converts_from_and_to_descriptors() {
    let (client, mut server) = connected();
    let number = client.as_raw_fd();
    assert_eq!(client.as_fd().as_raw_fd(), number);
    let raw = client.into_raw_fd();
    assert_eq!(raw, number);
    // SAFETY: `into_raw_fd` gave it away.
    let client = unsafe { TcpStream::from_raw_fd(raw) };
    let mut client = TcpStream::from(OwnedFd::from(client));
    assert!(is_non_blocking(&client));
    server.write_all(b"a").unwrap();
    client.read_exact(&mut [0]).unwrap();
    let (listener, address) = listen();
    let listener = TcpListener::from(OwnedFd::from(listener));
    let _client = TcpStream::connect(address).unwrap();
    listener.accept().unwrap();
    assert_eq!(
        format!("{listener:?}"),
        format!("TcpListener {{ addr: {address}, fd: {} }}", listener.as_raw_fd())
    );
    let text = format!("{client:?}");
    assert!(text.starts_with("TcpStream { addr: 127.0.0.1:"), "{text}");
    assert!(text.contains(", peer: 127.0.0.1:"), "{text}");
}

#[test]
fn options_and_errors() {
    let (client, server) = connected();
    assert!(!client.nodelay().unwrap());
    client.set_nodelay(true).unwrap();
    assert!(client.nodelay().unwrap());
    assert!(client.take_error().unwrap().is_none());
    (&client).write_all(b"x").unwrap();
    server.peek(&mut [0]).unwrap();
    drop(server);
    std::thread::sleep(Duration::from_millis(10));
    let pending = client.take_error().unwrap().map(|error| error.kind());
    assert_eq!(pending, Some(ErrorKind::ConnectionReset));
    assert!(client.take_error().unwrap().is_none());
    assert_eq!(client.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
    let (listener, _) = listen();
    listener.set_ttl(33).unwrap();
    assert_eq!(listener.ttl().unwrap(), 33);
    assert!(listener.take_error().unwrap().is_none());
}

#[test]
fn listens_on_version_six_and_by_name() {
    if let Ok(listener) = TcpListener::bind("[::1]:0") {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(client.peer_addr().unwrap().is_ipv6());
        assert!(listener.accept().unwrap().1.is_ipv6());
    }
    gort::run(|| {
        let listener = TcpListener::bind(("localhost", 0)).unwrap();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    });
    let error = TcpStream::connect("no port here").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
