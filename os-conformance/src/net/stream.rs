//! Streams of bytes.
#![forbid(unsafe_code)]

use rt_core::{Net, Os, Shutdown};

use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::Suite;
use crate::tools::socket::{Owned, connected, pair, received};
use crate::tools::time::eventually;

pub(super) fn clauses<O: Os + Net + 'static>() -> Vec<Clause> {
    const NO_SLEEP: &str = "No call sleeps: where one would, it reports `Net::would_block`.";
    const SHUTDOWN: &str = "Ends one or both directions of a connection.";
    vec![
        Clause::new("Net::pair/connected", "Two connected stream sockets.", talks::<O>),
        Clause::new("Net::recv/would-block", NO_SLEEP, nothing_to_receive::<O>),
        Clause::new("Net::send/would-block", NO_SLEEP, no_room::<O>),
        Clause::new("Net::recv/in-pieces", "Receives into `buffer`", in_pieces::<O>),
        Clause::new("Net::recv/peek", "With `peek` the data stays queued.", peek::<O>),
        Clause::new("Net::recv/end-of-stream", "0 is the end of the stream.", end::<O>),
        Clause::new(
            "Net::send/gone-peer",
            "Raises no signal when the peer is gone, but reports it.",
            gone_peer::<O>,
        ),
        Clause::new(
            "Net::send_vectored/in-order",
            "Sends from several buffers, in order, as one call",
            vectored::<O>,
        ),
        Clause::new(
            "Net::send_vectored/many",
            "more than the system takes are left out.",
            many_buffers::<O>,
        ),
        Clause::new("Net::shutdown/write", SHUTDOWN, shutdown_write::<O>),
        Clause::new("Net::shutdown/read", SHUTDOWN, shutdown_read::<O>),
        Clause::new("Net::shutdown/both", SHUTDOWN, shutdown_both::<O>),
    ]
}

/// Sends all of `data` to the peer, which receives just that.
fn arrives<O: Os + Net>(suite: &Suite, from: &Owned<O>, to: &Owned<O>, data: &[u8]) -> Verdict {
    let sent = from.send(data).map_err(refused("sending"))?;
    holds!(sent == data.len(), "of {} bytes, {sent} were sent", data.len());
    expect(suite, to, data)
}

/// The bytes that come next are these.
fn expect<O: Os + Net>(suite: &Suite, at: &Owned<O>, data: &[u8]) -> Verdict {
    let mut all = Vec::new();
    while all.len() < data.len() {
        let some = received(suite, at)?;
        holds!(!some.is_empty(), "the stream ended after {} of {} bytes", all.len(), data.len());
        all.extend(some);
    }
    holds!(all == data, "received were {all:?} where {data:?} was sent");
    Ok(())
}

/// Nothing is queued, and nothing will be.
fn blocks<O: Net>(at: &Owned<O>, peek: bool) -> Verdict {
    let result = O::recv(at.socket, &mut [0; 4], peek);
    holds!(result == Err(O::would_block()), "with nothing to receive, the answer was {result:?}");
    Ok(())
}

fn talks<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    arrives(suite, &a, &b, b"there")?;
    arrives(suite, &b, &a, b"and back")
}

fn nothing_to_receive<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    blocks(&a, false)?;
    blocks(&a, true)?;
    arrives(suite, &b, &a, b"x")?;
    blocks(&a, false)?;
    let (client, server) = connected::<O>(suite)?;
    blocks(&client, false)?;
    blocks(&server, false)
}

/// More than any system queues.
fn no_room<O: Net>(_: &Suite) -> Verdict {
    let (a, _b) = pair::<O>()?;
    let data = vec![0; 1 << 16];
    for _ in 0..10_000 {
        match a.send(&data) {
            Ok(sent) => holds!(sent > 0, "a send of 64 KiB sent nothing, and was no error"),
            Err(error) => {
                let blocked = error == O::would_block();
                holds!(blocked, "with no room to send, the answer was {error:?}");
                return Ok(());
            }
        }
    }
    Err("the peer received nothing, and 600 MB were sent".to_owned())
}

fn in_pieces<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    a.send(b"abcdefg").map_err(refused("sending"))?;
    let mut three = [0; 3];
    let first = eventually::<O, _>(suite, || O::recv(b.socket, &mut three, false).ok());
    holds!(first == Some(3), "a buffer of 3 with 7 bytes to receive took {first:?}");
    holds!(&three == b"abc", "of \"abcdefg\", {three:?} came first");
    expect(suite, &b, b"defg")
}

fn peek<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    a.send(b"abc").map_err(refused("sending"))?;
    for _ in 0..2 {
        let mut buffer = [0; 8];
        let count = eventually::<O, _>(suite, || O::recv(b.socket, &mut buffer, true).ok());
        let count = count.ok_or("there is data, and no look at it")?;
        holds!(&buffer[..count] == b"abc", "a look at \"abc\" saw {:?}", &buffer[..count]);
    }
    expect(suite, &b, b"abc").map_err(|seen| format!("after looking, {seen}"))?;
    blocks(&b, true)
}

fn end<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    a.send(b"last").map_err(refused("sending"))?;
    O::shutdown(a.socket, Shutdown::Write).map_err(refused("a shutdown"))?;
    expect(suite, &b, b"last")?;
    for _ in 0..2 {
        let data = received(suite, &b)?;
        holds!(data.is_empty(), "after the end of the stream came {data:?}");
    }
    Ok(())
}

fn gone_peer<O: Os + Net>(suite: &Suite) -> Verdict {
    for (a, b) in [pair::<O>()?, connected::<O>(suite)?] {
        drop(b);
        // The first may go out before the system hears that nobody is there.
        let error = eventually::<O, _>(suite, || a.send(b"x").err());
        let error = error.ok_or("to a peer that was closed, sending went on and on")?;
        holds!(
            error != O::would_block(),
            "to a peer that was closed, sending is to be tried again"
        );
    }
    Ok(())
}

fn vectored<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    let data: [&[u8]; 6] = [b"", b"one, ", b"two, ", b"", b"three", b"."];
    let sent = O::send_vectored(a.socket, &data).map_err(refused("sending"))?;
    let all = data.concat();
    holds!(sent == all.len(), "of {} bytes in 6 buffers, {sent} were sent", all.len());
    expect(suite, &b, &all)
}

fn many_buffers<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    let bytes: Vec<u8> = (0..5000_u32).map(|index| index as u8).collect();
    let buffers: Vec<&[u8]> = bytes.chunks(1).collect();
    let mut sent = 0;
    while sent < bytes.len() {
        let count = O::send_vectored(a.socket, &buffers[sent..]).map_err(refused("sending"))?;
        holds!(
            (1..=bytes.len() - sent).contains(&count),
            "of {} bytes, {count} were sent",
            bytes.len() - sent
        );
        expect(suite, &b, &bytes[sent..sent + count])?;
        sent += count;
    }
    Ok(())
}

fn shutdown_write<O: Os + Net>(suite: &Suite) -> Verdict {
    for (a, b) in [pair::<O>()?, connected::<O>(suite)?] {
        O::shutdown(a.socket, Shutdown::Write).map_err(refused("a shutdown"))?;
        let data = received(suite, &b)?;
        holds!(data.is_empty(), "the peer sends no more, and came {data:?}");
        let sent = a.send(b"x");
        holds!(sent.is_err(), "after the end of sending, the answer was {sent:?}");
        arrives(suite, &b, &a, b"other way")?;
    }
    Ok(())
}

fn shutdown_read<O: Os + Net>(suite: &Suite) -> Verdict {
    for (a, b) in [pair::<O>()?, connected::<O>(suite)?] {
        O::shutdown(a.socket, Shutdown::Read).map_err(refused("a shutdown"))?;
        let data = received(suite, &a)?;
        holds!(data.is_empty(), "after the end of receiving came {data:?}");
        arrives(suite, &a, &b, b"other way")?;
    }
    Ok(())
}

fn shutdown_both<O: Os + Net>(suite: &Suite) -> Verdict {
    for (a, b) in [pair::<O>()?, connected::<O>(suite)?] {
        O::shutdown(a.socket, Shutdown::Both).map_err(refused("a shutdown"))?;
        for end in [&a, &b] {
            let data = received(suite, end)?;
            holds!(data.is_empty(), "after the end of both directions came {data:?}");
        }
    }
    Ok(())
}
