//! Names, listeners, connecting, options, handles, and pollers with sockets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rt_core::{
    Direction, Event, FOREVER, OsError, OsResult, Poll, Shutdown, Socket, SocketKind, SocketOption,
    net, os, poller,
};

use crate::{Config, Faults, MS, exact, fail, pass, sleep, spawn};

/// An address of the loopback.
pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

pub(crate) fn stream() -> Socket {
    net::open(SocketKind::Stream, &local(0)).expect("no socket")
}

/// A socket that listens, and where.
pub(crate) fn listener(backlog: u32) -> (Socket, SocketAddr) {
    let socket = stream();
    net::bind(socket, &local(0)).expect("not bound");
    net::listen(socket, backlog).expect("not listening");
    (socket, net::local_name(socket).expect("no name"))
}

/// What a call answers when it does not have to wait any more.
pub(crate) fn when_ready<T>(
    socket: Socket,
    direction: Direction,
    mut call: impl FnMut() -> OsResult<T>,
) -> OsResult<T> {
    loop {
        match call() {
            Err(error) if error == net::would_block() => {
                net::sleep_until_ready(socket, direction, FOREVER);
            }
            other => return other,
        }
    }
}

/// Connects and waits for what comes of it.
pub(crate) fn connect(to: &SocketAddr) -> Result<Socket, u32> {
    let socket = stream();
    assert_eq!(net::connect(socket, to), Ok(false));
    while net::peer_name(socket).is_err() {
        net::sleep_until_ready(socket, Direction::Write, FOREVER);
        let error = net::option(socket, SocketOption::Error).expect("no option");
        if error != 0 {
            net::close(socket);
            return Err(error);
        }
    }
    Ok(socket)
}

/// Two ends of a connection: the client's and the server's.
pub(crate) fn connection() -> (Socket, Socket) {
    let (door, at) = listener(1);
    let client = connect(&at).expect("refused");
    let accept = || net::accept(door);
    let (server, _) = when_ready(door, Direction::Read, accept).expect("no connection");
    net::close(door);
    (client, server)
}

#[test]
fn a_connection_has_two_ends_with_names() {
    for seed in 0..50 {
        pass(&exact(seed), || {
            let (door, at) = listener(5);
            assert_eq!(net::accept(door).map(|_| ()), Err(net::would_block()));
            let thread = spawn(move || {
                let client = connect(&at).expect("refused");
                assert_eq!(net::peer_name(client), Ok(at));
                assert_ne!(net::local_name(client).expect("no name").port(), 0);
                net::close(client);
            });
            let accepted = when_ready(door, Direction::Read, || net::accept(door));
            let (server, peer) = accepted.expect("no connection");
            assert_eq!(net::peer_name(server), Ok(peer));
            assert_eq!(net::local_name(server), Ok(at));
            assert_eq!(peer.ip(), at.ip());
            thread.join();
            net::close(server);
            net::close(door);
        });
    }
}

#[test]
fn nobody_listens_and_that_is_refused() {
    let outcome = pass(&exact(0), || assert_eq!(connect(&local(7)).err(), Some(111)));
    assert!(outcome.virtual_time > 10_000, "an answer takes two ways");
}

#[test]
fn a_full_queue_lets_clients_wait_or_give_up() {
    pass(&exact(0), || {
        let (_door, at) = listener(1);
        assert!(connect(&at).is_ok());
        let before = os::now();
        assert_eq!(connect(&at).err(), Some(110));
        assert!(os::now() - before > 60_000 * MS);
    });
    pass(&exact(1), || {
        let (door, at) = listener(1);
        assert!(connect(&at).is_ok());
        let thread = spawn(move || assert!(connect(&at).is_ok()));
        sleep(100 * MS);
        assert!(net::accept(door).is_ok());
        thread.join();
    });
}

#[test]
fn addresses_are_one_hosts() {
    pass(&exact(0), || {
        let (door, at) = listener(1);
        let other = stream();
        assert_eq!(net::bind(other, &at), Err(OsError(98)));
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, at.port()));
        assert_eq!(net::bind(other, &any), Err(OsError(98)));
        assert_eq!(net::bind(other, &(Ipv6Addr::LOCALHOST, 1).into()), Err(OsError(97)));
        // An address of its own, whichever it is.
        let far = SocketAddr::from(([10, 1, 2, 3], at.port()));
        assert_eq!(net::bind(other, &far), Ok(()));
        assert_eq!(net::bind(other, &far), Err(OsError(22)));
        assert_eq!(net::local_name(other), Ok(far));
        assert_eq!(net::listen(other, 1), Ok(()));
        assert!(connect(&far).is_ok());
        net::close(door);
        let again = stream();
        assert_eq!(net::bind(again, &at), Ok(()));

        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, 80));
        let door = net::open(SocketKind::Stream, &six).expect("no socket");
        assert_eq!(net::bind(door, &six), Ok(()));
        assert_eq!(net::listen(door, 1), Ok(()));
        assert_eq!(net::local_name(door), Ok(six));
    });
}

#[test]
fn options_are_kept() {
    pass(&exact(0), || {
        let socket = stream();
        for (option, first, second) in [
            (SocketOption::NoDelay, 0, 1),
            (SocketOption::Ttl, 64, 9),
            (SocketOption::ReuseAddress, 0, 1),
        ] {
            assert_eq!(net::option(socket, option), Ok(first));
            assert_eq!(net::set_option(socket, option, second), Ok(()));
            assert_eq!(net::option(socket, option), Ok(second));
        }
        assert_eq!(net::option(socket, SocketOption::Error), Ok(0));
        assert!(net::set_option(socket, SocketOption::Error, 1).is_err());
        assert!(net::set_option(socket, SocketOption::Ttl, 0).is_err());
        assert_eq!(net::open(SocketKind::Datagram, &local(0)), Err(OsError(93)));
    });
}

#[test]
fn handles_share_a_socket() {
    pass(&exact(0), || {
        let (one, other) = net::pair().expect("no pair");
        let twin = net::duplicate(one).expect("no twin");
        assert_ne!(one, twin);
        net::close(one);
        assert_eq!(net::send(twin, b"x"), Ok(1));
        let mut buffer = [0; 4];
        let received = when_ready(other, Direction::Read, || net::recv(other, &mut buffer, false));
        assert_eq!(received, Ok(1));
        net::close(twin);
        let received = when_ready(other, Direction::Read, || net::recv(other, &mut buffer, false));
        assert_eq!(received, Ok(0));
        assert_eq!(net::local_name(other), Err(OsError(97)));
        assert_eq!(net::peer_name(other), Err(OsError(97)));
    });
    let failure = fail(&exact(0), || {
        let (one, _) = net::pair().expect("no pair");
        net::close(one);
        net::close(one);
    });
    assert_eq!(failure, "thread 0 uses socket 0, which is not open");
}

#[test]
fn a_hosts_socket_is_refused_and_closed() {
    let (one, other) = net::pair().expect("no pair");
    pass(&exact(0), move || {
        assert_eq!(net::send(one, b"x"), Err(OsError(38)));
        net::close(one);
    });
    // The other end sees it, outside.
    assert_eq!(net::recv(other, &mut [0], false), Ok(0));
    net::close(other);
}

#[test]
fn a_deadlock_names_sockets() {
    let failure = fail(&exact(0), || {
        let (one, _other) = net::pair().expect("no pair");
        net::sleep_until_ready(one, Direction::Read, FOREVER);
    });
    assert!(failure.ends_with("\n  thread 0 waits to read from socket 0"), "{failure}");
    pass(&exact(0), || {
        let (one, _other) = net::pair().expect("no pair");
        let until = os::now() + MS;
        net::sleep_until_ready(one, Direction::Read, until);
        assert!(os::now() >= until);
        net::sleep_until_ready(one, Direction::Write, FOREVER);
    });
}

#[test]
fn a_listener_that_is_shut_down_says_so() {
    pass(&exact(0), || {
        let (door, at) = listener(1);
        let client = connect(&at).expect("refused");
        let thread = spawn(move || {
            sleep(MS);
            assert!(net::accept(door).is_ok());
            let next = when_ready(door, Direction::Read, || net::accept(door));
            assert_eq!(next.map(|_| ()), Err(OsError(22)));
        });
        sleep(2 * MS);
        assert_eq!(net::shutdown(door, Shutdown::Read), Ok(()));
        thread.join();
        assert_eq!(connect(&at).err(), Some(111));
        net::close(client);
    });
}

/// All that the poller shows at once.
fn shown(poll: Poll, until: u64) -> Vec<Event> {
    let mut events = [Event::default(); 8];
    let count = poller::poll(poll, &mut events, until);
    let mut shown = events[..count].to_vec();
    shown.sort_unstable_by_key(|event| event.token);
    shown
}

#[test]
fn a_poller_shows_what_is_ready_and_then_changes() {
    let event = |token, readable, writable| Event { token, readable, writable, ended: false };
    for seed in 0..50 {
        pass(&exact(seed), || {
            let poll = poller::open().expect("no poller");
            let (one, other) = net::pair().expect("no pair");
            assert_eq!(poller::add(poll, one, 7), Ok(()));
            assert_eq!(poller::add(poll, one, 8), Err(OsError(17)));
            assert_eq!(shown(poll, 0), [event(7, false, true)]);
            assert_eq!(shown(poll, 0), []);
            assert_eq!(net::send(other, b"x"), Ok(1));
            assert_eq!(shown(poll, FOREVER), [event(7, true, false)]);
            // Still ready, no change.
            assert_eq!(shown(poll, os::now() + MS), []);
            assert_eq!(net::recv(one, &mut [0], false), Ok(1));
            assert_eq!(net::send(other, b"y"), Ok(1));
            assert_eq!(shown(poll, FOREVER), [event(7, true, false)]);
            assert_eq!(poller::add(poll, other, 9), Ok(()));
            net::close(one);
            // Data that nobody received: the connection is reset.
            let mut seen = shown(poll, FOREVER);
            while !seen.iter().any(|event| event.readable) {
                seen = shown(poll, FOREVER);
            }
            assert_eq!(net::recv(other, &mut [0], false), Err(OsError(104)));
            poller::close(poll);
        });
    }
}

#[test]
fn what_is_taken_out_is_not_shown() {
    pass(&exact(0), || {
        let poll = poller::open().expect("no poller");
        let (one, other) = net::pair().expect("no pair");
        poller::add(poll, one, 1).expect("not added");
        poller::add(poll, other, 2).expect("not added");
        poller::remove(poll, one);
        assert_eq!(shown(poll, 0).len(), 1);
        assert_eq!(net::send(other, b"x"), Ok(1));
        assert_eq!(shown(poll, os::now() + MS), []);
        poller::add(poll, one, 3).expect("not added");
        let both = Event { token: 3, readable: true, writable: true, ended: false };
        assert_eq!(shown(poll, 0), [both]);
    });
}

#[test]
fn many_events_come_in_several_polls() {
    pass(&exact(0), || {
        let poll = poller::open().expect("no poller");
        for token in 0..20 {
            let (one, _) = net::pair().expect("no pair");
            poller::add(poll, one, token).expect("not added");
        }
        let mut tokens: Vec<u64> =
            (0..3).flat_map(|_| shown(poll, 0)).map(|event| event.token).collect();
        tokens.sort_unstable();
        assert_eq!(tokens, (0..20).collect::<Vec<_>>());
    });
}

#[test]
fn an_interrupted_sleep_for_a_socket_ends_early() {
    let config = Config { faults: Faults { interrupt: 1, ..Faults::NONE }, ..exact(0) };
    pass(&config, || {
        let (one, _other) = net::pair().expect("no pair");
        net::sleep_until_ready(one, Direction::Read, FOREVER);
    });
}
