//! One socket in several hands.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gort::net::{Shutdown, TcpListener, TcpStream};

use super::{ask, connected, echo, everywhere, everywhere_and_outside, listen};

#[test]
fn clones_read_and_write() {
    everywhere_and_outside(|| {
        let (client, server) = connected();
        let echoing = gort::spawn(move || echo(server).unwrap());
        let mut writer = client.try_clone().unwrap();
        let writing = gort::spawn(move || {
            for i in 0..20_000u32 {
                writer.write_all(&i.to_le_bytes()).unwrap();
            }
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut reader = client;
        let mut number = [0; 4];
        for i in 0..20_000u32 {
            reader.read_exact(&mut number).unwrap();
            assert_eq!(u32::from_le_bytes(number), i);
        }
        assert_eq!(reader.read(&mut number).unwrap(), 0);
        writing.join().unwrap();
        echoing.join().unwrap();
    });
}

#[test]
fn clones_share_their_modes() {
    let (client, _server) = connected();
    let clone = client.try_clone().unwrap();
    client.set_read_timeout(Some(Duration::from_millis(7))).unwrap();
    client.set_ttl(77).unwrap();
    client.set_nodelay(true).unwrap();
    assert_eq!(clone.read_timeout().unwrap(), Some(Duration::from_millis(7)));
    assert_eq!(clone.ttl().unwrap(), 77);
    assert!(clone.nodelay().unwrap());
    clone.set_nonblocking(true).unwrap();
    let start = Instant::now();
    assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(start.elapsed() < Duration::from_millis(7));
    drop(client);
    assert!(clone.peer_addr().is_ok(), "closed with the other handle");
}

#[test]
fn one_stream_is_shared() {
    everywhere(|| {
        let (client, server) = connected();
        let client = &client;
        gort::scope(|scope| {
            scope.spawn(|| echo(server).unwrap());
            scope.spawn(move || {
                let mut writer = client;
                for _ in 0..1000 {
                    writer.write_all(&[1; 1000]).unwrap();
                }
                writer.shutdown(Shutdown::Write).unwrap();
            });
            let mut reader = client;
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            assert_eq!(all.len(), 1_000_000);
        });
    });
}

#[test]
fn between_threads_and_goroutines() {
    everywhere(|| {
        let (listener, address) = listen();
        let thread = std::thread::spawn(move || {
            // Of ours and of std, on a plain thread: both wait there.
            let (stream, _) = listener.accept().unwrap();
            echo(stream).unwrap();
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(b"from std").unwrap();
            listener
        });
        let mut stream = TcpStream::connect(address).unwrap();
        for i in 0..100u32 {
            ask(&mut stream, &i.to_le_bytes());
        }
        drop(stream);
        let listener = gort::blocking(|| thread.join().unwrap());
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, "from std");
        // A thread aside of a goroutine is a plain thread, too.
        let (mut client, server) = connected();
        let echoing = gort::spawn(|| echo(server));
        gort::blocking(|| ask(&mut client, b"aside"));
        drop(client);
        echoing.join().unwrap().unwrap();
    });
}

#[test]
fn several_accept_from_one_listener() {
    everywhere(|| {
        let (listener, address) = listen();
        let listener = Arc::new(listener);
        let acceptors: Vec<_> = (0..8)
            .map(|i| {
                let own = if i % 2 == 0 { None } else { Some(listener.try_clone().unwrap()) };
                let listener = Arc::clone(&listener);
                gort::spawn(move || {
                    for _ in 0..25 {
                        let listener = own.as_ref().unwrap_or(&listener);
                        let (mut stream, _) = listener.accept().unwrap();
                        stream.write_all(b"!").unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..200 {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
        acceptors.into_iter().for_each(|acceptor| acceptor.join().unwrap());
    });
}

#[test]
fn types_are_fit_to_be_shared() {
    fn fit<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    fit::<TcpStream>();
    fit::<TcpListener>();
    fit::<gort::net::Incoming<'static>>();
}
