//! Options of sockets.
#![forbid(unsafe_code)]

use rt_core::{Net, Os, SocketKind, SocketOption};

use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::Suite;
use crate::tools::socket::{LOOPBACK, Owned};

pub(super) fn clauses<O: Os + Net + 'static>() -> Vec<Clause> {
    vec![
        Clause::new("Net::set_option/no-delay", "`TCP_NODELAY`, 0 or 1.", |_| {
            round_trip::<O>(SocketOption::NoDelay, &[1, 0, 1])
        }),
        Clause::new("Net::set_option/ttl", "`IP_TTL`.", |_| {
            round_trip::<O>(SocketOption::Ttl, &[42, 1, 255])
        }),
        Clause::new("Net::set_option/reuse-address", "`SO_REUSEADDR`, 0 or 1.", |_| {
            round_trip::<O>(SocketOption::ReuseAddress, &[1, 0, 1])
        }),
        Clause::new("Net::set_option/error", "Read only.", read_only::<O>),
        Clause::new("Net::option/no-error", "Reads an option.", no_error::<O>),
    ]
}

fn socket<O: Net>() -> Result<Owned<O>, String> {
    let socket = O::open(SocketKind::Stream, &LOOPBACK).map_err(refused("a socket"))?;
    Ok(Owned::new(socket))
}

fn round_trip<O: Net>(option: SocketOption, values: &[u32]) -> Verdict {
    let socket = socket::<O>()?;
    for value in values {
        O::set_option(socket.socket, option, *value).map_err(refused("setting"))?;
        let read = O::option(socket.socket, option);
        holds!(read == Ok(*value), "{option:?} was set to {value}, and is {read:?}");
    }
    Ok(())
}

fn read_only<O: Net>(_: &Suite) -> Verdict {
    let set = O::set_option(socket::<O>()?.socket, SocketOption::Error, 0);
    holds!(set.is_err(), "the pending error was set");
    Ok(())
}

fn no_error<O: Net>(_: &Suite) -> Verdict {
    let error = O::option(socket::<O>()?.socket, SocketOption::Error);
    holds!(error == Ok(0), "the error of a new socket is {error:?}");
    Ok(())
}
