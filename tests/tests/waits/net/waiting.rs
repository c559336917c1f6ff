//! Waits that end: by a timeout, by a refusal, by the other side.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use gort::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use super::{SLACK, connected, everywhere, everywhere_and_outside, listen, took};

#[test]
fn a_read_times_out() {
    everywhere_and_outside(|| {
        let (mut client, mut server) = connected();
        let time = Duration::from_millis(30);
        assert_eq!(client.read_timeout().unwrap(), None);
        client.set_read_timeout(Some(time)).unwrap();
        assert_eq!(client.read_timeout().unwrap(), Some(time));
        for _ in 0..3 {
            took(time, || {
                let error = client.read(&mut [0; 10]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                assert!(error.raw_os_error().is_some());
            });
            took(time, || {
                assert_eq!(client.peek(&mut [0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
            });
        }
        // Afterwards it works as before, with and without one.
        server.write_all(b"a").unwrap();
        client.read_exact(&mut [0]).unwrap();
        client.set_read_timeout(None).unwrap();
        let late = gort::spawn(move || {
            gort::sleep(Duration::from_millis(60));
            server.write_all(b"b").unwrap();
        });
        client.read_exact(&mut [0]).unwrap();
        late.join().unwrap();
    });
}

#[test]
fn a_write_times_out() {
    everywhere_and_outside(|| {
        let (mut client, _server) = connected();
        let time = Duration::from_millis(50);
        client.set_write_timeout(Some(time)).unwrap();
        assert_eq!(client.write_timeout().unwrap(), Some(time));
        let chunk = [0; 65_536];
        let mut last = Instant::now();
        let error = loop {
            match client.write(&chunk) {
                Ok(written) => {
                    assert!(written > 0);
                    last = Instant::now();
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(last.elapsed() >= time && last.elapsed() < time + SLACK, "{:?}", last.elapsed());
    });
}

#[test]
fn a_timeout_of_zero_is_refused() {
    let (client, _server) = connected();
    let zero = Some(Duration::ZERO);
    assert_eq!(client.set_read_timeout(zero).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(client.set_write_timeout(zero).unwrap_err().kind(), ErrorKind::InvalidInput);
    let address = client.peer_addr().unwrap();
    let error = TcpStream::connect_timeout(&address, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    client.set_read_timeout(Some(Duration::MAX)).unwrap();
    client.set_read_timeout(Some(Duration::from_nanos(1))).unwrap();
    assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn timeouts_are_accurate() {
    everywhere(|| {
        let streams: Vec<_> = (0..40).map(|_| connected()).collect();
        let handles: Vec<_> = streams
            .into_iter()
            .enumerate()
            .map(|(i, (mut client, server))| {
                gort::spawn(move || {
                    let time = Duration::from_millis(10 + 2 * i as u64);
                    client.set_read_timeout(Some(time)).unwrap();
                    took(time, || {
                        client.read(&mut [0]).unwrap_err();
                    });
                    drop(server);
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn connecting_is_refused() {
    everywhere_and_outside(|| {
        let (listener, address) = listen();
        drop(listener);
        let refused = ErrorKind::ConnectionRefused;
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), refused);
        let time = Duration::from_secs(5);
        assert_eq!(TcpStream::connect_timeout(&address, time).unwrap_err().kind(), refused);
        // The first address that answers is taken; else the last one's error.
        let (_listener, open) = listen();
        let stream = TcpStream::connect(&[address, open][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        let none: &[SocketAddr] = &[];
        assert_eq!(TcpStream::connect(none).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(TcpListener::bind(open).unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn connecting_times_out() {
    everywhere_and_outside(|| {
        // A queue for one connection which nobody takes: the next ones are not answered.
        let socket = full_listener();
        let address = std::net::TcpListener::from(socket.try_clone().unwrap());
        let address = address.local_addr().unwrap();
        let time = Duration::from_millis(100);
        let mut queued = Vec::new();
        let error = loop {
            assert!(queued.len() < 10, "the queue is never full");
            let start = Instant::now();
            match TcpStream::connect_timeout(&address, time) {
                Ok(stream) => queued.push(stream),
                Err(error) => {
                    assert!(start.elapsed() >= time && start.elapsed() < time + SLACK);
                    break error;
                }
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

/// A listening socket whose queue is the shortest that there is.
fn full_listener() -> OwnedFd {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: the descriptor is open; a second `listen` sets the length of the queue.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    listener.into()
}

#[test]
fn a_shutdown_wakes_the_reader() {
    everywhere_and_outside(|| {
        for how in [Shutdown::Read, Shutdown::Both] {
            let (client, _server) = connected();
            let mut reader = client.try_clone().unwrap();
            let reading = gort::spawn(move || reader.read(&mut [0; 8]).unwrap());
            gort::sleep(Duration::from_millis(20));
            assert!(!reading.is_finished());
            client.shutdown(how).unwrap();
            assert_eq!(reading.join().unwrap(), 0);
        }
    });
}

#[test]
fn the_peers_end_wakes_the_reader() {
    everywhere_and_outside(|| {
        let (mut client, server) = connected();
        let closing = gort::spawn(move || {
            gort::sleep(Duration::from_millis(20));
            drop(server);
        });
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        closing.join().unwrap();

        // Unread data makes it a reset.
        let (mut client, server) = connected();
        client.write_all(b"never read").unwrap();
        server.peek(&mut [0]).unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        let error = client.write(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "and no signal");
    });
}
