//! Sockets and the ends of runtimes.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gort::net::TcpStream;
use tests::alone;

use super::{SLACK, ask, connected, echo, listen};

#[test]
fn a_socket_outlives_its_runtime() {
    for procs in [1, 4] {
        let runtime = || gort::Builder::new().procs(procs);
        let (listener, mut client, mut server) = runtime()
            .run(|| {
                let (listener, address) = listen();
                let client = gort::spawn(move || TcpStream::connect(address).unwrap());
                let (server, _) = listener.accept().unwrap();
                let mut client = client.join().unwrap();
                // Both are known to a poller of this runtime.
                client.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
                client.read(&mut [0]).unwrap_err();
                client.set_read_timeout(None).unwrap();
                let echoing = gort::spawn(move || {
                    let mut server = server;
                    let mut byte = [0];
                    server.read_exact(&mut byte).unwrap();
                    server.write_all(&byte).unwrap();
                    server
                });
                ask(&mut client, b"1");
                (listener, client, echoing.join().unwrap())
            })
            .unwrap();
        for _ in 0..3 {
            (client, server) = runtime()
                .run(move || {
                    let mut byte = [0];
                    let asking = gort::spawn(move || {
                        gort::sleep(Duration::from_millis(5));
                        ask(&mut client, b"2");
                        client
                    });
                    server.read_exact(&mut byte).unwrap();
                    server.write_all(&byte).unwrap();
                    (asking.join().unwrap(), server)
                })
                .unwrap();
        }
        // And outside of any.
        let echoing = std::thread::spawn(move || echo(server).unwrap());
        ask(&mut client, b"3");
        drop(client);
        echoing.join().unwrap();
        drop(listener);
    }
}

#[test]
fn runtimes_end_under_a_waiting_reader() {
    // The goroutine of one runtime waits for a socket that another one's poller knows, when that
    // other runtime ends: it has to be told, and look elsewhere.
    for round in 0..50 {
        let (client, server) = connected();
        let server = Arc::new(server);
        let known = Arc::new(AtomicBool::new(false));
        let reader = {
            let (server, known) = (Arc::clone(&server), Arc::clone(&known));
            std::thread::spawn(move || {
                gort::run(|| {
                    while !known.load(Ordering::Relaxed) {
                        gort::sleep(Duration::from_micros(100));
                    }
                    let mut byte = [0];
                    (&*server).read_exact(&mut byte).unwrap();
                    byte[0]
                })
            })
        };
        gort::Builder::new()
            .procs(2)
            .run(|| {
                server.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
                (&*server).read(&mut [0]).unwrap_err();
                server.set_read_timeout(None).unwrap();
                known.store(true, Ordering::Relaxed);
                gort::sleep(Duration::from_micros(200 * (round % 5)));
            })
            .unwrap();
        std::thread::sleep(Duration::from_millis(1));
        (&client).write_all(&[round as u8]).unwrap();
        assert_eq!(reader.join().unwrap(), round as u8);
    }
}

#[test]
fn a_runtime_that_can_not_end_keeps_no_reader_waiting() {
    // As above, but something in the other runtime goes on blocking after its end.
    let (client, server) = connected();
    let server = Arc::new(server);
    let (known, waits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let reader = {
        let (server, known, waits) = (Arc::clone(&server), Arc::clone(&known), Arc::clone(&waits));
        std::thread::spawn(move || {
            gort::run(|| {
                while !known.load(Ordering::Relaxed) {
                    gort::sleep(Duration::from_millis(1));
                }
                waits.store(true, Ordering::Relaxed);
                (&*server).read_exact(&mut [0]).unwrap();
            })
        })
    };
    gort::run(|| {
        gort::go(|| gort::blocking(|| std::thread::sleep(Duration::from_secs(2))));
        server.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        (&*server).read(&mut [0]).unwrap_err();
        server.set_read_timeout(None).unwrap();
        known.store(true, Ordering::Relaxed);
        while !waits.load(Ordering::Relaxed) {
            gort::sleep(Duration::from_millis(1));
        }
        gort::sleep(Duration::from_millis(20));
    });
    let start = Instant::now();
    (&client).write_all(b"!").unwrap();
    reader.join().unwrap();
    assert!(start.elapsed() < SLACK, "read only after {:?}", start.elapsed());
}

/// Serves a hundred connections on as many goroutines, and waits for all of them.
fn serve_a_hundred() {
    gort::run(|| {
        let (listener, address) = listen();
        let serving = gort::spawn(move || {
            let streams = listener.incoming().take(100);
            streams.map(|stream| gort::spawn(|| echo(stream.unwrap()))).collect::<Vec<_>>()
        });
        let clients: Vec<_> = (0..100u32)
            .map(|i| {
                gort::spawn(move || ask(&mut TcpStream::connect(address).unwrap(), &[i as u8]))
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        for served in serving.join().unwrap() {
            served.join().unwrap().unwrap();
        }
    });
}

#[test]
fn nothing_stays_open() {
    // In a process of its own, for the other tests of this one have descriptors, too.
    alone("net::runtimes::nothing_stays_open", || {
        let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = open();
        for _ in 0..10 {
            serve_a_hundred();
            assert_eq!(open(), before);
        }
    });
}
