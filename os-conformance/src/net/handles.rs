//! Handles of a socket: the last one that is closed closes the socket.
#![forbid(unsafe_code)]

use rt_core::{Net, Os};

use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::Suite;
use crate::tools::socket::{connected, pair, received};

pub(super) fn clauses<O: Os + Net + 'static>() -> Vec<Clause> {
    const SECOND: &str = "A second handle to the same socket";
    vec![
        Clause::new("Net::close/peer-sees-the-end", "Closes the socket.", closes::<O>),
        Clause::new("Net::duplicate/second-handle", SECOND, second_handle::<O>),
        Clause::new("Net::duplicate/same-socket", SECOND, same_socket::<O>),
        Clause::new("Net::duplicate/outlives-the-original", SECOND, outlives::<O>),
    ]
}

fn closes<O: Os + Net>(suite: &Suite) -> Verdict {
    for (a, b) in [pair::<O>()?, connected::<O>(suite)?] {
        drop(a);
        let data = received(suite, &b)?;
        holds!(data.is_empty(), "the peer was closed, and came {data:?}");
    }
    Ok(())
}

fn second_handle<O: Net>(_: &Suite) -> Verdict {
    let (a, _b) = pair::<O>()?;
    drop(a.duplicate()?);
    Ok(())
}

fn same_socket<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    let other = a.duplicate()?;
    a.send(b"one").map_err(refused("sending"))?;
    let data = received(suite, &b)?;
    holds!(data == b"one", "sent was \"one\", received was {data:?}");
    b.send(b"two").map_err(refused("sending"))?;
    let data = received(suite, &other)?;
    holds!(data == b"two", "sent was \"two\", received by the second handle was {data:?}");
    Ok(())
}

fn outlives<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    let other = a.duplicate()?;
    drop(a);
    other.send(b"still here").map_err(refused("sending by the second handle"))?;
    let data = received(suite, &b)?;
    holds!(data == b"still here", "after the first handle was closed came {data:?}");
    drop(other);
    let data = received(suite, &b)?;
    holds!(data.is_empty(), "both handles were closed, and came {data:?}");
    Ok(())
}
