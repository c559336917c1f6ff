//! `std::net`'s parts that core has not. There is no resolver here, so names of hosts are errors.
#![forbid(unsafe_code)]

pub use core::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6,
};

use core::iter::{Copied, Once, once};
use core::slice::Iter;

use super::io;

/// Which part of a connection to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// No more receiving.
    Read,
    /// No more sending; the peer sees the end of the stream.
    Write,
    /// Both.
    Both,
}

/// What stands for addresses: in numbers, as there is no resolver.
pub trait ToSocketAddrs {
    /// Its addresses.
    type Iter: Iterator<Item = SocketAddr>;

    /// The addresses.
    ///
    /// # Errors
    /// `InvalidInput` when a text is no address in numbers.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

impl ToSocketAddrs for SocketAddr {
    type Iter = Once<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Once<SocketAddr>> {
        Ok(once(*self))
    }
}

impl ToSocketAddrs for (IpAddr, u16) {
    type Iter = Once<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Once<SocketAddr>> {
        Ok(once(SocketAddr::from(*self)))
    }
}

impl ToSocketAddrs for str {
    type Iter = Once<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Once<SocketAddr>> {
        self.parse().map(once).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = Copied<Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().copied())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<T::Iter> {
        (**self).to_socket_addrs()
    }
}
