//! Sockets of the backend, and what becomes of them.
#![forbid(unsafe_code)]

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rt_core::{Net, Os, OsError, OsResult, Socket, SocketKind};

use crate::clause::refused;
use crate::suite::Suite;
use crate::tools::time::eventually;

/// A port of the loopback interface that the system chooses.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A socket that is closed in the end.
pub(crate) struct Owned<O: Net> {
    pub(crate) socket: Socket,
    _backend: PhantomData<fn() -> O>,
}

impl<O: Net> Owned<O> {
    pub(crate) fn new(socket: Socket) -> Owned<O> {
        Owned { socket, _backend: PhantomData }
    }

    /// A socket with an address of its own.
    pub(crate) fn bound(kind: SocketKind, at: SocketAddr) -> Result<Owned<O>, String> {
        let socket = Owned::new(O::open(kind, &at).map_err(refused("a socket"))?);
        O::bind(socket.socket, &at).map_err(refused("a port"))?;
        Ok(socket)
    }

    /// Its own address.
    pub(crate) fn name(&self) -> Result<SocketAddr, String> {
        O::local_name(self.socket).map_err(refused("its name"))
    }

    pub(crate) fn send(&self, data: &[u8]) -> OsResult<usize> {
        O::send(self.socket, data)
    }

    /// Another handle. Refused if it is the same, for it would be closed twice.
    pub(crate) fn duplicate(&self) -> Result<Owned<O>, String> {
        match O::duplicate(self.socket).map_err(refused("a second handle"))? {
            same if same == self.socket => Err("the second handle is the first".to_owned()),
            socket => Ok(Owned::new(socket)),
        }
    }
}

impl<O: Net> Drop for Owned<O> {
    fn drop(&mut self) {
        O::close(self.socket);
    }
}

/// Two connected sockets.
pub(crate) fn pair<O: Net>() -> Result<(Owned<O>, Owned<O>), String> {
    let (a, b) = O::pair().map_err(refused("a pair"))?;
    Ok((Owned::new(a), Owned::new(b)))
}

/// A listener on the loopback interface, and its address.
pub(crate) fn listener<O: Net>() -> Result<(Owned<O>, SocketAddr), String> {
    let socket = Owned::bound(SocketKind::Stream, LOOPBACK)?;
    O::listen(socket.socket, 16).map_err(refused("a queue"))?;
    let name = socket.name()?;
    Ok((socket, name))
}

/// A socket that is connected to a listener.
pub(crate) fn client<O: Os + Net>(suite: &Suite, to: SocketAddr) -> Result<Owned<O>, String> {
    let client = Owned::<O>::new(O::open(SocketKind::Stream, &to).map_err(refused("a socket"))?);
    if O::connect(client.socket, &to).map_err(refused("a connection"))? {
        return Ok(client);
    }
    let connected = eventually::<O, _>(suite, || O::peer_name(client.socket).ok());
    connected.ok_or("a connection to a listener was not made")?;
    Ok(client)
}

/// Both ends of a connection over the loopback interface: who connected, and who accepted.
pub(crate) fn connected<O: Os + Net>(suite: &Suite) -> Result<(Owned<O>, Owned<O>), String> {
    let (listener, name) = listener::<O>()?;
    let client = client::<O>(suite, name)?;
    let (server, _) = accepted::<O>(suite, &listener)?;
    Ok((client, server))
}

/// A connection that is queued, or will be soon.
pub(crate) fn accepted<O: Os + Net>(
    suite: &Suite,
    listener: &Owned<O>,
) -> Result<(Owned<O>, SocketAddr), String> {
    let accept = || unless_blocked::<O, _>(O::accept(listener.socket));
    let accepted = eventually::<O, _>(suite, accept).ok_or("a connection was not accepted")?;
    let (socket, peer) = accepted.map_err(refused("accepting"))?;
    Ok((Owned::new(socket), peer))
}

/// What is received next, up to 64 bytes; nothing is the end of the stream.
pub(crate) fn received<O: Os + Net>(suite: &Suite, from: &Owned<O>) -> Result<Vec<u8>, String> {
    let mut buffer = [0; 64];
    let recv = || unless_blocked::<O, _>(O::recv(from.socket, &mut buffer, false));
    let count = eventually::<O, _>(suite, recv).ok_or("nothing was received")?;
    let count = count.map_err(refused("receiving"))?;
    Ok(buffer[..count].to_vec())
}

/// The result of a call, unless it is to be tried again.
fn unless_blocked<O: Net, T>(result: OsResult<T>) -> Option<Result<T, OsError>> {
    match result {
        Err(error) if error == O::would_block() => None,
        result => Some(result),
    }
}
