//! How sockets are made here: not to block and to be closed on exec, from the first moment.
#![forbid(unsafe_code)]

use os_unix::net::Sockets;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SendFlags, SocketAddrAny, SocketFlags, SocketType};

use crate::Linux;

pub(crate) use os_unix::net::{borrow, take};

/// All of our sockets.
const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

impl Sockets for Linux {
    const SEND: SendFlags = SendFlags::NOSIGNAL;

    fn socket(family: AddressFamily, kind: SocketType) -> Result<OwnedFd, Errno> {
        net::socket_with(family, kind, FLAGS, None)
    }

    fn socket_pair() -> Result<(OwnedFd, OwnedFd), Errno> {
        net::socketpair(AddressFamily::UNIX, SocketType::STREAM, FLAGS, None)
    }

    fn take_connection(
        listener: BorrowedFd<'_>,
    ) -> Result<(OwnedFd, Option<SocketAddrAny>), Errno> {
        net::acceptfrom_with(listener, FLAGS)
    }
}
