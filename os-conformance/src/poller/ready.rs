//! What counts as ready.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

use rt_core::{Net, Os, Poller, Shutdown, SocketKind};

use super::{Polled, readable, writable};
use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::{Need, Suite};
use crate::tools::socket::{LOOPBACK, Owned, client, listener, pair, received};
use crate::tools::thread::Thread;
use crate::tools::time::{MILLI, Watch, late, pass};

pub(super) fn clauses<O: Os + Poller + Net + 'static>() -> Vec<Clause> {
    const READABLE: &str =
        "Reading may go on: data, end of stream, an error, or a connection to accept.";
    const ENDED: &str = "the stream has ended, or has an error.";
    const WRITABLE: &str = "Writing may go on: room, or an error.";
    let all = vec![
        Clause::new("Poller::poll/until-one-comes", "sleeps until one comes", until_one::<O>),
        Clause::new("Poller::poll/closed-peer-is-readable", READABLE, closed_peer::<O>),
        Clause::new("Poller::poll/end-of-stream-is-readable", READABLE, end_of_stream::<O>),
        Clause::new("Poller::poll/end-of-stream-is-the-end", ENDED, says_the_end::<O>),
        Clause::new("Poller::poll/connection-is-readable", READABLE, connection::<O>),
        Clause::new("Poller::poll/connected-is-writable", WRITABLE, connected::<O>),
        Clause::new("Poller::poll/refused-is-writable", WRITABLE, is_refused::<O>),
        Clause::new(
            "Poller::close/no-socket",
            "Closes it; sockets that are still added are not closed.",
            no_socket::<O>,
        ),
    ];
    all.into_iter().map(|clause| clause.needs(&[Need::Sockets])).collect()
}

fn until_one<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    polled.settle(suite);
    let sent = AtomicBool::new(false);
    let body = || {
        pass::<O>(suite, 2 * MILLI);
        sent.store(b.send(b"x").is_ok(), Ordering::Relaxed);
    };
    let thread = Thread::<O>::start(&body)?;
    let (watch, mut events) = (Watch::<O>::new(suite), Vec::new());
    while !events.iter().any(readable(7)) && !watch.is_late() {
        events = polled.poll(late::<O>(suite));
    }
    drop(thread);
    holds!(sent.into_inner(), "sending failed");
    holds!(!watch.is_late(), "data came, and the poll slept on");
    Ok(())
}

fn closed_peer<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    polled.settle(suite);
    drop(b);
    let seen = polled.sees(suite, readable(7));
    seen.map_err(|seen| format!("the peer was closed, and {seen}"))
}

fn end_of_stream<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    polled.settle(suite);
    O::shutdown(b.socket, Shutdown::Write).map_err(refused("a shutdown"))?;
    let seen = polled.sees(suite, readable(7));
    seen.map_err(|seen| format!("the stream ended, and {seen}"))
}

/// Also where there is data before the end, which may be all that is received at first.
fn says_the_end<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    polled.settle(suite);
    b.send(b"last").map_err(refused("sending"))?;
    O::shutdown(b.socket, Shutdown::Write).map_err(refused("a shutdown"))?;
    let seen = polled.sees(suite, |event| event.token == 7 && event.readable && event.ended);
    seen.map_err(|seen| format!("the stream ended after some data, and {seen}"))
}

fn connection<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (listener, name)) = (Polled::<O>::open()?, listener::<O>()?);
    polled.add(&listener, 7)?;
    polled.settle(suite);
    let _client = client::<O>(suite, name)?;
    let seen = polled.sees(suite, readable(7));
    seen.map_err(|seen| format!("there is a connection to accept, and {seen}"))
}

fn connected<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (_listener, name)) = (Polled::<O>::open()?, listener::<O>()?);
    let socket = <O as Net>::open(SocketKind::Stream, &name).map_err(refused("a socket"))?;
    let socket = Owned::<O>::new(socket);
    O::connect(socket.socket, &name).map_err(refused("a connection"))?;
    polled.add(&socket, 7)?;
    let seen = polled.sees(suite, writable(7));
    seen.map_err(|seen| format!("a socket is connected, and {seen}"))
}

/// Nobody listens on a port that is only bound. It may be refused at once, which is nothing to see.
fn is_refused<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, bound) = (Polled::<O>::open()?, Owned::<O>::bound(SocketKind::Stream, LOOPBACK)?);
    let name = bound.name()?;
    let socket = <O as Net>::open(SocketKind::Stream, &name).map_err(refused("a socket"))?;
    let socket = Owned::<O>::new(socket);
    if O::connect(socket.socket, &name).is_err() {
        return Ok(());
    }
    polled.add(&socket, 7)?;
    let seen = polled.sees(suite, writable(7));
    seen.map_err(|seen| format!("a connection was refused, and {seen}"))
}

fn no_socket<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    drop(polled);
    b.send(b"x").map_err(refused("sending to a socket of a closed poller"))?;
    let data = received(suite, &a)?;
    holds!(data == b"x", "sent was one byte, received were {data:?}");
    Ok(())
}
