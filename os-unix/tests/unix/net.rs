//! Sockets on the loopback interface, and pairs.

use super::System;
use rt_core::{Direction, FOREVER, Net, Os, OsError, Shutdown, Socket, SocketKind, SocketOption};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A socket that is closed in the end.
pub(crate) struct Owned(pub(crate) Socket);

impl Drop for Owned {
    fn drop(&mut self) {
        System::close(self.0);
    }
}

pub(crate) fn pair() -> (Owned, Owned) {
    let (a, b) = System::pair().expect("a pair");
    (Owned(a), Owned(b))
}

/// A listener on a port that the system chose, and its address.
pub(crate) fn listener(at: SocketAddr) -> (Owned, SocketAddr) {
    let socket = Owned(System::open(SocketKind::Stream, &at).expect("a socket"));
    System::bind(socket.0, &at).expect("a port");
    System::listen(socket.0, 16).expect("a queue");
    let name = System::local_name(socket.0).expect("a name");
    (socket, name)
}

/// Connects to a listener; both ends.
fn connected(at: SocketAddr) -> (Owned, Owned) {
    let (listener, name) = listener(at);
    let client = Owned(System::open(SocketKind::Stream, &name).expect("a socket"));
    if !System::connect(client.0, &name).expect("a connection") {
        System::sleep_until_ready(client.0, Direction::Write, FOREVER);
    }
    assert_eq!(System::option(client.0, SocketOption::Error), Ok(0));
    System::sleep_until_ready(listener.0, Direction::Read, FOREVER);
    let (server, peer) = System::accept(listener.0).expect("a connection");
    assert_eq!(Ok(peer), System::local_name(client.0));
    assert_eq!(Ok(name), System::peer_name(client.0));
    (client, Owned(server))
}

fn talk(a: &Owned, b: &Owned) {
    let mut buffer = [0; 16];
    assert_eq!(System::recv(b.0, &mut buffer, false), Err(System::would_block()));
    assert_eq!(System::send(a.0, b"ab"), Ok(2));
    assert_eq!(System::send_vectored(a.0, &[b"", b"c", b"", b"de"]), Ok(3));
    System::sleep_until_ready(b.0, Direction::Read, FOREVER);
    assert_eq!(System::recv(b.0, &mut buffer, true), Ok(5), "a look takes nothing");
    assert_eq!(System::recv(b.0, &mut buffer, false), Ok(5));
    assert_eq!(&buffer[..5], b"abcde");
    System::shutdown(a.0, Shutdown::Write).expect("an end");
    System::sleep_until_ready(b.0, Direction::Read, FOREVER);
    assert_eq!(System::recv(b.0, &mut buffer, false), Ok(0), "the end of the stream");
}

#[test]
fn a_pair_talks() {
    let (a, b) = pair();
    talk(&a, &b);
    assert_eq!(System::local_name(a.0), Err(OsError(libc::EAFNOSUPPORT)));
}

#[test]
fn tcp_talks() {
    let (client, server) = connected(LOOPBACK);
    talk(&client, &server);
    talk(&server, &client);
}

#[test]
fn tcp_talks_over_version_six() {
    let at = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0);
    // A machine may have no address of that version.
    let socket = System::open(SocketKind::Stream, &at).map(Owned);
    if socket.is_ok_and(|socket| System::bind(socket.0, &at).is_ok()) {
        let (client, server) = connected(at);
        talk(&client, &server);
    }
}

#[test]
fn an_empty_queue_would_block() {
    let (listener, _) = listener(LOOPBACK);
    assert_eq!(System::accept(listener.0).err(), Some(System::would_block()));
}

#[test]
fn nobody_listens() {
    let at = listener(LOOPBACK).1;
    let client = Owned(System::open(SocketKind::Stream, &at).expect("a socket"));
    match System::connect(client.0, &at) {
        Ok(false) => {
            System::sleep_until_ready(client.0, Direction::Write, FOREVER);
            let pending = System::option(client.0, SocketOption::Error);
            assert_eq!(pending, Ok(libc::ECONNREFUSED as u32));
            assert_eq!(System::option(client.0, SocketOption::Error), Ok(0), "reading clears it");
        }
        refused => assert_eq!(refused, Err(OsError(libc::ECONNREFUSED))),
    }
}

#[test]
fn a_gone_peer_is_an_error_and_no_signal() {
    let (a, b) = pair();
    drop(b);
    assert_eq!(System::send(a.0, b"x"), Err(OsError(libc::EPIPE)));
    assert_eq!(System::send_vectored(a.0, &[b"x"]), Err(OsError(libc::EPIPE)));
}

#[test]
fn a_full_socket_would_block() {
    let (a, _b) = pair();
    let data = vec![1; 1 << 16];
    while let Ok(sent) = System::send(a.0, &data) {
        assert!(sent > 0);
    }
    assert_eq!(System::send(a.0, &data), Err(System::would_block()));
    let many = vec![&data[..1]; 1000];
    assert_eq!(System::send_vectored(a.0, &many), Err(System::would_block()));
}

#[test]
fn more_buffers_than_fit_are_left_out() {
    let (a, b) = pair();
    let mut many: Vec<&[u8]> = vec![b""; 3000];
    many.extend(vec![b"x" as &[u8]; 200]);
    let sent = System::send_vectored(a.0, &many).expect("room");
    assert!((1..=200).contains(&sent));
    let mut buffer = [0; 256];
    assert_eq!(System::recv(b.0, &mut buffer, false), Ok(sent));
}

#[test]
fn options_are_kept() {
    let socket = Owned(System::open(SocketKind::Stream, &LOOPBACK).expect("a socket"));
    for (option, value) in
        [(SocketOption::NoDelay, 1), (SocketOption::Ttl, 33), (SocketOption::ReuseAddress, 1)]
    {
        assert_ne!(System::option(socket.0, option), Ok(value), "not by itself");
        assert_eq!(System::set_option(socket.0, option, value), Ok(()));
        assert_eq!(System::option(socket.0, option), Ok(value), "{option:?}");
    }
    assert!(System::set_option(socket.0, SocketOption::Error, 0).is_err());
}

#[test]
fn a_duplicate_is_the_same_socket() {
    let (a, b) = pair();
    let twin = Owned(System::duplicate(a.0).expect("a descriptor"));
    drop(a);
    assert_eq!(System::send(twin.0, b"x"), Ok(1));
    assert_eq!(System::recv(b.0, &mut [0; 4], false), Ok(1));
    let flags = rustix::io::fcntl_getfd(borrow(&twin)).expect("flags");
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    drop(twin);
    assert_eq!(System::recv(b.0, &mut [0; 4], false), Ok(0));
}

#[test]
fn datagrams_keep_their_borders() {
    let open = || Owned(System::open(SocketKind::Datagram, &LOOPBACK).expect("a socket"));
    let (a, b) = (open(), open());
    System::bind(b.0, &LOOPBACK).expect("a port");
    let name = System::local_name(b.0).expect("a name");
    assert_eq!(System::connect(a.0, &name), Ok(true));
    assert_eq!(System::send(a.0, b"one"), Ok(3));
    assert_eq!(System::send(a.0, b"four"), Ok(4));
    let mut buffer = [0; 16];
    System::sleep_until_ready(b.0, Direction::Read, FOREVER);
    assert_eq!(System::recv(b.0, &mut buffer, false), Ok(3));
    assert_eq!(System::recv(b.0, &mut buffer, false), Ok(4));
}

#[test]
fn a_sleep_for_a_socket_ends_in_time() {
    let (a, _b) = pair();
    let until = System::now() + 5 * super::MILLI;
    while System::now() < until {
        System::sleep_until_ready(a.0, Direction::Read, until);
    }
    let late = System::now() - until;
    assert!(late < 500 * super::MILLI, "{late} ns late");
    System::sleep_until_ready(a.0, Direction::Write, FOREVER);
}

fn borrow(socket: &Owned) -> rustix::fd::BorrowedFd<'_> {
    // SAFETY: open as long as it is borrowed.
    unsafe { rustix::fd::BorrowedFd::borrow_raw(socket.0.0 as i32) }
}
