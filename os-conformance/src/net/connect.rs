//! Connections over the loopback interface, and the addresses of both ends.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use rt_core::{Net, Os, SocketKind, SocketOption};

use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::Suite;
use crate::tools::socket::{LOOPBACK, Owned, accepted, client, connected, listener, received};
use crate::tools::time::eventually;

pub(super) fn clauses<O: Os + Net + 'static>() -> Vec<Clause> {
    vec![
        Clause::new(
            "Net::accept/would-block",
            "No call sleeps: where one would, it reports `Net::would_block`.",
            nobody_to_accept::<O>,
        ),
        Clause::new(
            "Net::accept/peer",
            "Takes one queued connection and its peer's address.",
            peer::<O>,
        ),
        Clause::new(
            "Net::listen/queues",
            "Starts to queue up to `backlog` connections.",
            queues::<O>,
        ),
        Clause::new("Net::connect/connects", "`Ok(true)`: connected", connects::<O>),
        Clause::new(
            "Net::connect/refused",
            "and then `SocketOption::Error` says how.",
            nobody_listens::<O>,
        ),
        Clause::new("Net::bind/own-address", "Gives the socket its own address.", bound::<O>),
        Clause::new("Net::bind/taken", "Gives the socket its own address.", taken::<O>),
        Clause::new("Net::local_name/both-ends", "The socket's own address.", names::<O>),
        Clause::new("Net::peer_name/both-ends", "The peer's address.", peers::<O>),
        Clause::new("Net::peer_name/unconnected", "The peer's address.", no_peer::<O>),
        Clause::new("Net::open/family", "A new socket of `address`'s family.", version_six::<O>),
    ]
}

fn nobody_to_accept<O: Net>(_: &Suite) -> Verdict {
    let (listener, _) = listener::<O>()?;
    let result = O::accept(listener.socket);
    holds!(result == Err(O::would_block()), "with nobody to accept, the answer was {result:?}");
    Ok(())
}

fn peer<O: Os + Net>(suite: &Suite) -> Verdict {
    let (listener, name) = listener::<O>()?;
    let client = client::<O>(suite, name)?;
    let (_server, peer) = accepted(suite, &listener)?;
    let expected = client.name()?;
    holds!(peer == expected, "accepted was {peer}, and the one who connected is {expected}");
    Ok(())
}

fn queues<O: Os + Net>(suite: &Suite) -> Verdict {
    let (listener, name) = listener::<O>()?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(client::<O>(suite, name)?);
    }
    for _ in 0..3 {
        let (server, peer) = accepted(suite, &listener)?;
        let mut found = None;
        for client in &clients {
            if client.name()? == peer {
                found = Some(client);
            }
        }
        let client = found.ok_or("a connection was accepted that nobody made")?;
        server.send(b"hello").map_err(refused("sending"))?;
        let data = received(suite, client)?;
        holds!(data == b"hello", "sent was a word, received was {data:?}");
    }
    Ok(())
}

fn connects<O: Os + Net>(suite: &Suite) -> Verdict {
    let (_listener, name) = listener::<O>()?;
    let client = client::<O>(suite, name)?;
    let error = O::option(client.socket, SocketOption::Error);
    holds!(error == Ok(0), "connected to a listener, and its error is {error:?}");
    Ok(())
}

/// Nobody listens on a port that is only bound. A system may say so at once.
fn nobody_listens<O: Os + Net>(suite: &Suite) -> Verdict {
    let bound = Owned::<O>::bound(SocketKind::Stream, LOOPBACK)?;
    let name = bound.name()?;
    let client = Owned::<O>::new(O::open(SocketKind::Stream, &name).map_err(refused("a socket"))?);
    match O::connect(client.socket, &name) {
        Ok(true) => return Err("it connected to a port that nobody listens on".to_owned()),
        Ok(false) => {}
        Err(error) => {
            let again = error == O::would_block();
            holds!(!again, "a connection that nobody takes is to be tried again");
            return Ok(());
        }
    }
    let error = || match O::option(client.socket, SocketOption::Error) {
        Ok(0) => None,
        decided => Some(decided),
    };
    let error = eventually::<O, _>(suite, error).ok_or("nobody listens, and that is no error")?;
    error.map_err(refused("the error"))?;
    let after = O::option(client.socket, SocketOption::Error);
    holds!(after == Ok(0), "the error was read, and then it was {after:?} again");
    Ok(())
}

fn bound<O: Net>(_: &Suite) -> Verdict {
    let name = Owned::<O>::bound(SocketKind::Stream, LOOPBACK)?.name()?;
    holds!(name.ip() == LOOPBACK.ip(), "bound to {LOOPBACK}, it is called {name}");
    holds!(name.port() != 0, "bound to a port of the system's choice, it is called {name}");
    Ok(())
}

fn taken<O: Net>(_: &Suite) -> Verdict {
    let (_listener, name) = listener::<O>()?;
    let other = Owned::<O>::bound(SocketKind::Stream, name);
    holds!(other.is_err(), "two sockets were bound to {name}");
    Ok(())
}

fn names<O: Os + Net>(suite: &Suite) -> Verdict {
    let (client, server) = connected::<O>(suite)?;
    let (client, server) = (client.name()?, server.name()?);
    holds!(client.port() != 0, "who connected is called {client}");
    holds!(client != server, "both ends are called {client}");
    Ok(())
}

fn peers<O: Os + Net>(suite: &Suite) -> Verdict {
    let (client, server) = connected::<O>(suite)?;
    for (end, peer) in [(&client, &server), (&server, &client)] {
        let name = O::peer_name(end.socket).map_err(refused("the peer's name"))?;
        let expected = peer.name()?;
        holds!(name == expected, "the peer of {}, {expected}, is called {name}", end.name()?);
    }
    Ok(())
}

fn no_peer<O: Net>(_: &Suite) -> Verdict {
    let bound = Owned::<O>::bound(SocketKind::Stream, LOOPBACK)?;
    let peer = O::peer_name(bound.socket);
    holds!(peer.is_err(), "a socket that is not connected has the peer {peer:?}");
    Ok(())
}

/// Not every machine has the other family. One that has does as with the first.
fn version_six<O: Net>(_: &Suite) -> Verdict {
    let here = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0);
    for kind in [SocketKind::Stream, SocketKind::Datagram] {
        if let Ok(socket) = Owned::<O>::bound(kind, here) {
            let name = socket.name()?;
            holds!(name.ip() == here.ip(), "bound to {here}, it is called {name}");
        }
        let name = Owned::<O>::bound(kind, LOOPBACK)?.name()?;
        holds!(name.ip() == LOOPBACK.ip(), "bound to {LOOPBACK}, it is called {name}");
    }
    Ok(())
}
