//! Datagrams.
#![forbid(unsafe_code)]

use rt_core::{Net, Os, SocketKind};

use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::Suite;
use crate::tools::socket::{LOOPBACK, Owned, received};

pub(super) fn clauses<O: Os + Net + 'static>() -> Vec<Clause> {
    const DATAGRAM: &str = "UDP, of the family of this address.";
    vec![
        Clause::new("Net::open/datagram", DATAGRAM, whole_messages::<O>),
        Clause::new("Net::open/datagram-non-blocking", DATAGRAM, non_blocking::<O>),
    ]
}

/// Two sockets that send to each other.
fn two<O: Net>() -> Result<(Owned<O>, Owned<O>), String> {
    let a = Owned::<O>::bound(SocketKind::Datagram, LOOPBACK)?;
    let b = Owned::<O>::bound(SocketKind::Datagram, LOOPBACK)?;
    for (from, to) in [(&a, &b), (&b, &a)] {
        let done = O::connect(from.socket, &to.name()?).map_err(refused("a peer"))?;
        holds!(done, "naming a peer to send to takes time");
    }
    Ok((a, b))
}

fn whole_messages<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = two::<O>()?;
    let messages: [&[u8]; 3] = [b"one", b"", b"three"];
    for message in messages {
        let sent = a.send(message).map_err(refused("sending"))?;
        holds!(sent == message.len(), "of {} bytes, {sent} were sent", message.len());
    }
    for message in messages {
        let data = received(suite, &b)?;
        holds!(data == message, "sent was {message:?}, received was {data:?}");
    }
    Ok(())
}

fn non_blocking<O: Net>(_: &Suite) -> Verdict {
    let (a, _b) = two::<O>()?;
    let result = O::recv(a.socket, &mut [0; 4], false);
    holds!(result == Err(O::would_block()), "with nothing to receive, the answer was {result:?}");
    Ok(())
}
