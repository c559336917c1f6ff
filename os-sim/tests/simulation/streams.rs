//! The bytes of a connection.

use rt_core::{Direction, OsError, OsResult, Shutdown, Socket, net, os};

use crate::sockets::{connection, when_ready};
use crate::{Config, Faults, MS, exact, pass, sleep, spawn};

fn receive(socket: Socket, buffer: &mut [u8]) -> OsResult<usize> {
    when_ready(socket, Direction::Read, || net::recv(socket, buffer, false))
}

fn send_all(socket: Socket, mut data: &[u8]) -> OsResult<()> {
    while !data.is_empty() {
        let sent = when_ready(socket, Direction::Write, || net::send(socket, data))?;
        data = &data[sent..];
    }
    Ok(())
}

fn receive_all(socket: Socket) -> OsResult<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = [0; 1000];
    loop {
        match receive(socket, &mut buffer)? {
            0 => return Ok(all),
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

/// More bytes than a buffer takes, not all equal.
fn many() -> Vec<u8> {
    (0..10_000_u32).map(|i| (i * i / 7) as u8).collect()
}

/// Sends many bytes both ways, and checks that they arrive.
fn exchange() {
    let (client, server) = connection();
    let echo = spawn(move || {
        let all = receive_all(server).expect("broken");
        send_all(server, &all).expect("broken");
        net::close(server);
    });
    send_all(client, &many()).expect("broken");
    assert_eq!(net::shutdown(client, Shutdown::Write), Ok(()));
    assert_eq!(receive_all(client), Ok(many()));
    net::close(client);
    echo.join();
}

#[test]
fn all_bytes_arrive_in_order() {
    for seed in 0..50 {
        let config = Config { socket_buffer: 700, ..exact(seed) };
        let outcome = pass(&config, exchange);
        assert_eq!(outcome.hash, pass(&config, exchange).hash);
    }
    for seed in 0..50 {
        let config = Config { socket_buffer: 700, faults: Faults::SILENT, ..exact(seed) };
        pass(&config, exchange);
    }
}

#[test]
fn a_buffer_has_a_limit() {
    pass(&Config { socket_buffer: 10, ..exact(0) }, || {
        let (one, other) = net::pair().expect("no pair");
        assert_eq!(net::send(one, &[1; 7]), Ok(7));
        assert_eq!(net::send_vectored(one, &[&[2; 2], &[], &[3; 2]]), Ok(3));
        assert_eq!(net::send(one, &[4]), Err(net::would_block()));
        let mut buffer = [0; 4];
        assert_eq!(receive(other, &mut buffer), Ok(4));
        // The room comes back, one way later.
        assert_eq!(when_ready(one, Direction::Write, || net::send(one, &[4; 9])), Ok(4));
        net::close(one);
        assert_eq!(receive_all(other), Ok(vec![1, 1, 1, 2, 2, 3, 4, 4, 4, 4]));
    });
}

#[test]
fn a_peek_takes_nothing() {
    pass(&exact(0), || {
        let (one, other) = net::pair().expect("no pair");
        assert_eq!(net::recv(other, &mut [0; 2], true), Err(net::would_block()));
        assert_eq!(net::send(one, b"abc"), Ok(3));
        let mut buffer = [0; 2];
        let peeked = when_ready(other, Direction::Read, || net::recv(other, &mut buffer, true));
        assert_eq!((peeked, &buffer), (Ok(2), b"ab"));
        assert_eq!(net::recv(other, &mut [0; 8], false), Ok(3));
    });
}

#[test]
fn empty_calls_do_nothing() {
    pass(&exact(0), || {
        let (one, other) = net::pair().expect("no pair");
        assert_eq!(net::send(one, &[]), Ok(0));
        assert_eq!(net::recv(other, &mut [], false), Ok(0));
    });
}

#[test]
fn bytes_take_time() {
    let outcome = pass(&exact(0), || {
        let (one, other) = net::pair().expect("no pair");
        assert_eq!(net::send(one, b"x"), Ok(1));
        let sent = os::now();
        assert_eq!(receive(other, &mut [0]), Ok(1));
        assert!(os::now() - sent > 3_000);
    });
    assert!(outcome.virtual_time < MS);
}

#[test]
fn halves_end_apart() {
    pass(&exact(0), || {
        let (client, server) = connection();
        assert_eq!(net::shutdown(client, Shutdown::Write), Ok(()));
        assert_eq!(net::send(client, b"x"), Err(OsError(32)));
        assert_eq!(receive(server, &mut [0]), Ok(0));
        assert_eq!(net::send(server, b"y"), Ok(1));
        assert_eq!(receive(client, &mut [0]), Ok(1));
        assert_eq!(net::shutdown(client, Shutdown::Read), Ok(()));
        assert_eq!(net::recv(client, &mut [0], false), Ok(0));
        net::close(client);
        net::close(server);
    });
}

#[test]
fn a_shutdown_wakes_who_waits() {
    for seed in 0..30 {
        pass(&Config { socket_buffer: 1, ..exact(seed) }, || {
            let (client, server) = connection();
            let reader = spawn(move || assert_eq!(receive(client, &mut [0]), Ok(0)));
            let writer = spawn(move || {
                assert_eq!(send_all(client, &[0; 2]), Err(OsError(32)));
            });
            sleep(MS);
            assert_eq!(net::shutdown(client, Shutdown::Both), Ok(()));
            reader.join();
            writer.join();
            net::close(client);
            net::close(server);
        });
    }
}

#[test]
fn a_peer_that_is_gone_is_noticed() {
    pass(&exact(0), || {
        let (client, server) = connection();
        net::close(server);
        assert_eq!(receive(client, &mut [0]), Ok(0));
        // The first one goes out, and is answered with a reset.
        assert_eq!(net::send(client, b"x"), Ok(1));
        sleep(MS);
        assert_eq!(net::send(client, b"x"), Err(OsError(104)));
        assert_eq!(net::send(client, b"x"), Err(OsError(32)));
        assert_eq!(net::recv(client, &mut [0], false), Ok(0));
        assert_eq!(net::peer_name(client), Err(OsError(107)));
        net::close(client);
    });
}

#[test]
fn unconnected_sockets_say_so() {
    pass(&exact(0), || {
        let socket = crate::sockets::stream();
        assert_eq!(net::send(socket, b"x"), Err(OsError(32)));
        assert_eq!(net::recv(socket, &mut [0], false), Err(OsError(107)));
        assert_eq!(net::shutdown(socket, Shutdown::Both), Err(OsError(107)));
        assert_eq!(net::peer_name(socket), Err(OsError(107)));
    });
}

#[test]
fn connections_may_break_and_transfers_split() {
    let count = |faults| {
        let broke = |seed: &u64| {
            let mut broke = false;
            pass(&Config { faults, ..exact(*seed) }, || {
                let (one, other) = net::pair().expect("no pair");
                broke = match send_all(one, &[0; 100]) {
                    Ok(()) => {
                        net::close(one);
                        receive_all(other).map(|all| all.len()) != Ok(100)
                    }
                    Err(error) => {
                        // The other end learns it too.
                        assert_eq!(error, OsError(104));
                        let learned = receive_all(other);
                        assert_eq!(learned, Err(OsError(104)));
                        true
                    }
                };
            });
            broke
        };
        (0..100).filter(broke).count()
    };
    assert_eq!(count(Faults::NONE), 0);
    assert!((20..80).contains(&count(Faults { reset: 5, ..Faults::NONE })));
    assert_eq!(count(Faults { reset: 1, ..Faults::NONE }), 100);

    let short = Config { faults: Faults { short: 1, ..Faults::NONE }, ..exact(0) };
    pass(&short, || {
        let (one, other) = net::pair().expect("no pair");
        let sent = net::send(one, &[0; 100]).expect("refused");
        assert!((1..100).contains(&sent));
        let received = receive(other, &mut [0; 100]).expect("broken");
        assert!((1..=sent).contains(&received));
    });
}
