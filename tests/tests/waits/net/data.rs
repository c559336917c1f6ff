//! What is sent arrives, whole and in order.

use std::io::{IoSlice, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gort::net::{Shutdown, SocketAddr, TcpStream};

use super::{ask, connected, echo, everywhere, everywhere_and_outside, listen};

/// Echoes each connection on a goroutine of its own.
fn echo_server() -> SocketAddr {
    let (listener, address) = listen();
    gort::go(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            gort::go(move || drop(echo(stream)));
        }
    });
    address
}

/// Byte number `i` of a stream that shows loss, doubling and disorder.
fn pattern(seed: u64, i: u64) -> u8 {
    (i.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

#[test]
fn echoes() {
    everywhere_and_outside(|| {
        let address = echo_server();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        for i in 0..200u32 {
            ask(&mut stream, format!("question {i}").as_bytes());
        }
    });
}

#[test]
fn many_connections_come_and_go() {
    everywhere(|| {
        let address = echo_server();
        let clients: Vec<_> = (0..50)
            .map(|i: u32| {
                gort::spawn(move || {
                    for j in 0..20u32 {
                        let mut stream = TcpStream::connect(address).unwrap();
                        ask(&mut stream, format!("{i} {j}").as_bytes());
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
    });
}

#[test]
fn a_thousand_connections_at_once() {
    everywhere(|| {
        let address = echo_server();
        let arrived = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..1000usize)
            .map(|i| {
                let arrived = Arc::clone(&arrived);
                gort::spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    ask(&mut stream, &i.to_le_bytes());
                    arrived.fetch_add(1, Ordering::Relaxed);
                    while arrived.load(Ordering::Relaxed) < 1000 {
                        gort::sleep(Duration::from_millis(1));
                    }
                    ask(&mut stream, &i.to_be_bytes());
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
    });
}

#[test]
fn one_half_is_closed() {
    everywhere_and_outside(|| {
        let (mut client, mut server) = connected();
        let answering = gort::spawn(move || {
            let mut question = String::new();
            server.read_to_string(&mut question).unwrap();
            server.write_all(question.to_uppercase().as_bytes()).unwrap();
        });
        client.write_all(b"what goes on").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(client.write(b"x").is_err(), "written after its end");
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "WHAT GOES ON");
        answering.join().unwrap();
    });
}

/// One edge tells of both, and what is received first is less than there was room for.
#[test]
fn the_end_comes_with_the_last_bytes() {
    everywhere_and_outside(|| {
        for waits_first in [false, true] {
            let (mut near, mut far) = connected();
            let reader = gort::spawn(move || {
                let mut buffer = [0; 64];
                [(); 4].map(|()| near.read(&mut buffer).unwrap())
            });
            if waits_first {
                gort::sleep(Duration::from_millis(1));
            }
            far.write_all(b"so far").unwrap();
            if waits_first {
                gort::sleep(Duration::from_millis(1));
            }
            far.write_all(b"the last").unwrap();
            far.shutdown(Shutdown::Write).unwrap();
            let counts = reader.join().unwrap();
            assert_eq!(counts.iter().sum::<usize>(), 14, "{counts:?}");
            assert_eq!(counts[2..], [0, 0], "{counts:?}");
        }
    });
}

/// A read stops at urgent data: it gets less than there is.
#[test]
fn urgent_data_hides_nothing() {
    fn urgent(stream: &TcpStream) {
        let byte = b"!".as_ptr();
        // SAFETY: one byte is read, of an array that lives for ever.
        let sent = unsafe { libc::send(stream.as_raw_fd(), byte.cast(), 1, libc::MSG_OOB) };
        assert_eq!(sent, 1, "{}", std::io::Error::last_os_error());
    }

    everywhere_and_outside(|| {
        let (mut near, mut far) = connected();
        let (tx, rx) = gort::chan::bounded(0);
        gort::go(move || {
            for _ in 0..10 {
                let mut all = Vec::new();
                while all.len() < 6 {
                    let mut buffer = [0; 64];
                    let count = near.read(&mut buffer).unwrap();
                    all.extend_from_slice(&buffer[..count]);
                }
                tx.send(all).unwrap();
            }
        });
        for _ in 0..10 {
            gort::sleep(Duration::from_millis(1));
            far.write_all(b"abc").unwrap();
            urgent(&far);
            far.write_all(b"def").unwrap();
            // Before the next: of two urgent bytes the first would be data.
            assert_eq!(rx.recv().unwrap(), b"abcdef");
        }
    });
}

#[test]
fn peeking_takes_nothing() {
    everywhere_and_outside(|| {
        let (mut client, mut server) = connected();
        let late = gort::spawn(move || {
            gort::sleep(Duration::from_millis(10));
            server.write_all(b"abcdef").unwrap();
            server
        });
        let mut buffer = [0; 4];
        for _ in 0..3 {
            assert_eq!(client.peek(&mut buffer).unwrap(), 4);
            assert_eq!(&buffer, b"abcd");
        }
        let mut all = [0; 6];
        client.read_exact(&mut all).unwrap();
        assert_eq!(&all, b"abcdef");
        drop(late.join().unwrap());
        assert_eq!(client.peek(&mut buffer).unwrap(), 0);
    });
}

#[test]
fn much_in_both_directions() {
    const BYTES: u64 = 64 << 20;
    fn send(mut stream: &TcpStream, seed: u64) {
        let mut sent = 0;
        let mut chunk = vec![0; 100_003];
        while sent < BYTES {
            let n = chunk.len().min((BYTES - sent) as usize);
            for (i, byte) in chunk[..n].iter_mut().enumerate() {
                *byte = pattern(seed, sent + i as u64);
            }
            stream.write_all(&chunk[..n]).unwrap();
            sent += n as u64;
        }
        stream.shutdown(Shutdown::Write).unwrap();
    }
    fn receive(mut stream: &TcpStream, seed: u64) {
        let mut received = 0;
        let mut chunk = vec![0; 77_777];
        loop {
            let n = stream.read(&mut chunk).unwrap();
            if n == 0 {
                break;
            }
            let right = |i: usize| chunk[i] == pattern(seed, received + i as u64);
            assert!((0..n).all(right), "wrong data after {received} bytes");
            received += n as u64;
        }
        assert_eq!(received, BYTES);
    }
    everywhere(|| {
        let (client, server) = connected();
        let (client, server) = (&client, &server);
        gort::scope(|scope| {
            scope.spawn(move || send(client, 1));
            scope.spawn(move || send(server, 2));
            scope.spawn(move || receive(server, 1));
            receive(client, 2);
        });
    });
}

#[test]
fn vectored_writes_keep_their_order() {
    everywhere_and_outside(|| {
        let (mut client, mut server) = connected();
        let texts: Vec<String> = (0..100).map(|i| format!("{i};")).collect();
        let empty = IoSlice::new(&[]);
        let mut slices = vec![empty; 3];
        slices.extend(texts.iter().flat_map(|text| [IoSlice::new(text.as_bytes()), empty]));
        let written = client.write_vectored(&slices).unwrap();
        assert!(written > 0);
        client.flush().unwrap();
        let mut read = vec![0; written];
        server.read_exact(&mut read).unwrap();
        assert!(texts.concat().as_bytes().starts_with(&read));
        assert_eq!(client.write_vectored(&[empty, empty]).unwrap(), 0);
        assert_eq!(client.write(&[]).unwrap(), 0);
    });
}
