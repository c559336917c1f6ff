//! Changes are reported, each once.
#![forbid(unsafe_code)]

use rt_core::{Net, Os, OsError, Poller};

use super::{Polled, readable, writable};
use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::{Need, Suite};
use crate::tools::socket::{connected, pair, received};
use crate::tools::time::eventually;

pub(super) fn clauses<O: Os + Poller + Net + 'static>() -> Vec<Clause> {
    const EDGES: &str = "reported on each *change* to ready (edge-triggered)";
    let all = vec![
        Clause::new(
            "Poller::add/ready-at-this-moment",
            "once for what is ready at this moment.",
            ready_at_add::<O>,
        ),
        Clause::new("Poller::add/each-change", EDGES, each_change::<O>),
        Clause::new(
            "Net::recv/less-than-room",
            "what comes later is a change, as of `Poller::add`.",
            after_all::<O>,
        ),
        Clause::new("Poller::add/only-changes", EDGES, only_changes::<O>),
        Clause::new(
            "Poller::add/both-directions",
            "Adds a socket for both directions",
            both_directions::<O>,
        ),
        Clause::new("Poller::add/token", "The token given to `Poller::add`.", token::<O>),
        Clause::new(
            "Poller::remove/no-later-event",
            "No event of it is reported by a `poll` that starts later.",
            removed::<O>,
        ),
        Clause::new("Poller::remove/takes-out", "Takes a socket out.", added_again::<O>),
        Clause::new(
            "Poller::poll/how-many",
            "Fills `events` and returns how many",
            little_room::<O>,
        ),
    ];
    all.into_iter().map(|clause| clause.needs(&[Need::Sockets])).collect()
}

fn ready_at_add<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    let room = polled.sees(suite, writable(7));
    room.map_err(|seen| format!("a socket with room to write was added, and {seen}"))?;
    a.send(b"x").map_err(refused("sending"))?;
    polled.add(&b, 8)?;
    let data = polled.sees(suite, readable(8));
    data.map_err(|seen| format!("a socket with data was added, and {seen}"))
}

fn each_change<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    for time in 1..=3 {
        polled.settle(suite);
        b.send(b"x").map_err(refused("sending"))?;
        let seen = polled.sees(suite, readable(7));
        seen.map_err(|seen| format!("data came for the {time}. time, and {seen}"))?;
        received(suite, &a)?;
    }
    Ok(())
}

/// Whoever has received less than there was room for waits for a change, and by that misses nothing.
fn after_all<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    for (a, b) in [pair::<O>()?, connected::<O>(suite)?] {
        let polled = Polled::<O>::open()?;
        polled.add(&a, 7)?;
        for round in 0..20 {
            let sent = b.send(&[1; 80][..60 + round]).map_err(refused("sending"))?;
            let mut got = 0;
            while got < sent {
                let seen = polled.sees(suite, readable(7));
                seen.map_err(|seen| format!("{sent} bytes had been sent, {got} come, and {seen}"))?;
                // Nothing is there only if that is what the change before has told of already.
                while let Ok(count) = O::recv(a.socket, &mut [0; 64], false) {
                    got += count;
                    if count < 64 {
                        break;
                    }
                }
            }
        }
    }
    Ok(())
}

fn only_changes<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    b.send(b"x").map_err(refused("sending"))?;
    polled.sees(suite, readable(7))?;
    polled.settle(suite);
    let events = polled.events(suite);
    holds!(
        events.is_empty(),
        "nothing changed on a socket with data and room, and came {events:?}"
    );
    Ok(())
}

/// Sends until there is no more room.
fn fill<O: Net>(socket: &crate::tools::socket::Owned<O>) -> Result<usize, OsError> {
    let mut sent = 0;
    loop {
        match socket.send(&[1; 4096]) {
            Ok(count) => sent += count,
            Err(error) if error == O::would_block() => return Ok(sent),
            Err(error) => return Err(error),
        }
    }
}

fn both_directions<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    let mut left = fill(&a).map_err(refused("sending"))?;
    polled.settle(suite);
    b.send(b"x").map_err(refused("sending"))?;
    let data = polled.sees(suite, readable(7));
    data.map_err(|seen| format!("data came, and {seen}"))?;
    let mut buffer = [0; 4096];
    let drained = eventually::<O, _>(suite, || {
        while let Ok(count) = O::recv(b.socket, &mut buffer, false) {
            left = left.saturating_sub(count);
        }
        (left == 0).then_some(())
    });
    drained.ok_or("not all that was sent was received")?;
    let room = polled.sees(suite, writable(7));
    room.map_err(|seen| format!("there is room to write again, and {seen}"))
}

fn token<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let polled = Polled::<O>::open()?;
    for token in [0, 1, 1 << 31, 1 << 32, 1 << 63, u64::MAX - 1] {
        let (a, _b) = pair::<O>()?;
        polled.add(&a, token)?;
        let seen = polled.sees(suite, writable(token));
        O::remove(polled.poll, a.socket);
        seen.map_err(|seen| format!("a socket was added as {token:#x}, and {seen}"))?;
        polled.settle(suite);
    }
    Ok(())
}

fn removed<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, (a, b)) = (Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    polled.settle(suite);
    // One event is there already, and one comes after.
    b.send(b"x").map_err(refused("sending"))?;
    O::remove(polled.poll, a.socket);
    b.send(b"x").map_err(refused("sending"))?;
    let events = polled.events(suite);
    holds!(events.is_empty(), "of a socket that was taken out came {events:?}");
    Ok(())
}

fn added_again<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let (polled, other, (a, b)) = (Polled::<O>::open()?, Polled::<O>::open()?, pair::<O>()?);
    polled.add(&a, 7)?;
    O::remove(polled.poll, a.socket);
    polled.add(&a, 8)?;
    b.send(b"x").map_err(refused("sending"))?;
    polled.sees(suite, readable(8))?;
    O::remove(polled.poll, a.socket);
    other.add(&a, 9)?;
    other.sees(suite, readable(9))
}

/// Eight sockets are ready, and there is room for the report of one at a time.
fn little_room<O: Os + Poller + Net>(suite: &Suite) -> Verdict {
    let polled = Polled::<O>::open()?;
    let pairs: Result<Vec<_>, _> = (0..8).map(|_| pair::<O>()).collect();
    let pairs = pairs?;
    for (token, (a, _)) in pairs.iter().enumerate() {
        polled.add(a, token as u64)?;
    }
    let (mut seen, mut too_many) = ([false; 8], None);
    let all = eventually::<O, _>(suite, || {
        let mut events = [rt_core::Event::default()];
        let count = O::poll(polled.poll, &mut events, 0);
        if count > 1 {
            too_many = Some(count);
            return Some(());
        }
        for event in &events[..count] {
            if let Some(seen) = seen.get_mut(event.token as usize) {
                *seen |= event.writable;
            }
        }
        (seen == [true; 8]).then_some(())
    });
    holds!(too_many.is_none(), "there was room for one event, and the answer was {too_many:?}");
    holds!(all.is_some(), "eight sockets were reported one by one: {seen:?}");
    Ok(())
}
