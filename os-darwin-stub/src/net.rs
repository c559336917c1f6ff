//! How sockets are made here: Darwin says in calls of their own that they don't block, are closed on
//! exec and raise no signal. A program that forks between two of the calls leaves its child the
//! socket.
#![forbid(unsafe_code)]

use os_unix::net::Sockets;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::net::{self, AddressFamily, SendFlags, SocketAddrAny, SocketFlags, SocketType};

use crate::{Darwin, system};

/// The socket as all of ours are.
fn ours(socket: OwnedFd) -> Result<OwnedFd, Errno> {
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&socket, true)?;
    system::silence(&socket)?;
    Ok(socket)
}

impl Sockets for Darwin {
    const SEND: SendFlags = system::SEND;

    fn socket(family: AddressFamily, kind: SocketType) -> Result<OwnedFd, Errno> {
        net::socket(family, kind, None).and_then(ours)
    }

    fn socket_pair() -> Result<(OwnedFd, OwnedFd), Errno> {
        let none = SocketFlags::empty();
        let (a, b) = net::socketpair(AddressFamily::UNIX, SocketType::STREAM, none, None)?;
        Ok((ours(a)?, ours(b)?))
    }

    fn take_connection(
        listener: BorrowedFd<'_>,
    ) -> Result<(OwnedFd, Option<SocketAddrAny>), Errno> {
        let (socket, peer) = net::acceptfrom(listener)?;
        // One whose peer has gone in the meantime has no address there.
        let peer = peer.ok_or(Errno::CONNABORTED)?;
        Ok((ours(socket)?, Some(peer)))
    }
}
