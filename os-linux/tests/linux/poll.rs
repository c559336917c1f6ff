//! What epoll says of tokens and of sockets that are there.

use os_linux::Linux;
use rt_core::{Net, OsError, Poller};

#[test]
fn a_token_is_reserved_and_a_socket_is_added_once() {
    let poller = <Linux as Poller>::open().expect("a poller");
    let (a, b) = Linux::pair().expect("a pair");
    assert!(Linux::add(poller, a, u64::MAX).is_err());
    assert_eq!(Linux::add(poller, a, 0), Ok(()));
    assert_eq!(Linux::add(poller, a, 0), Err(OsError(libc::EEXIST)));
    <Linux as Poller>::close(poller);
    <Linux as Net>::close(a);
    <Linux as Net>::close(b);
}
