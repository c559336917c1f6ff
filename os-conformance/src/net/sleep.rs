//! Sleeping until a socket may be ready.
#![forbid(unsafe_code)]

use rt_core::{Direction, Net, Os};

use crate::clause::{Clause, Verdict, holds, refused};
use crate::suite::Suite;
use crate::tools::socket::{Owned, pair};
use crate::tools::thread::Thread;
use crate::tools::time::{MILLI, TRIES, Watch, ends, late, naps, pass};

pub(super) fn clauses<O: Os + Net + 'static>() -> Vec<Clause> {
    const SLEEP: &str = "Makes the calling *thread* sleep until the socket may be ready in this \
                         direction or the clock reaches `until`";
    vec![
        Clause::new("Net::sleep_until_ready/sleeps", SLEEP, sleeps::<O>),
        Clause::new("Net::sleep_until_ready/deadline", SLEEP, deadline::<O>),
        Clause::new("Net::sleep_until_ready/until-data-comes", SLEEP, data::<O>),
        Clause::new("Net::sleep_until_ready/until-there-is-room", SLEEP, room::<O>),
        Clause::new("Net::sleep_until_ready/ready-already", SLEEP, ready_already::<O>),
    ]
}

fn sleeps<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, _b) = pair::<O>()?;
    let sleep = |until| O::sleep_until_ready(a.socket, Direction::Read, until);
    holds!(naps::<O>(suite, sleep), "{TRIES} sleeps of 2 ms ended early, with nothing to receive");
    Ok(())
}

fn deadline<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, _b) = pair::<O>()?;
    let sleep = |until| O::sleep_until_ready(a.socket, Direction::Read, until);
    holds!(ends::<O>(suite, sleep), "a sleep of 2 ms took {:?} at least", suite.patience);
    Ok(())
}

/// Sleeps until `look` is true, while `act` makes it so a little later. False: too late. Sleeps at
/// least once, which ends at once if `act` was faster.
fn ends_sleep<O: Os + Net>(
    suite: &Suite,
    (socket, direction): (&Owned<O>, Direction),
    look: impl Fn() -> bool,
    act: impl Fn() + Sync,
) -> Result<bool, String> {
    let body = || {
        pass::<O>(suite, 2 * MILLI);
        act();
    };
    let thread = Thread::<O>::start(&body)?;
    let watch = Watch::<O>::new(suite);
    loop {
        O::sleep_until_ready(socket.socket, direction, late::<O>(suite));
        if watch.is_late() || look() {
            break;
        }
    }
    let in_time = !watch.is_late();
    drop(thread);
    Ok(in_time)
}

fn data<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    let look = || O::recv(a.socket, &mut [0], false).is_ok();
    let in_time = ends_sleep(suite, (&a, Direction::Read), look, || _ = b.send(b"x"))?;
    holds!(in_time, "data came, and the thread slept on");
    Ok(())
}

fn room<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    let data = vec![0; 1 << 16];
    while a.send(&data).is_ok() {}
    let drain = || while O::recv(b.socket, &mut [0; 4096], false).is_ok() {};
    let look = || a.send(b"x").is_ok();
    let in_time = ends_sleep(suite, (&a, Direction::Write), look, drain)?;
    holds!(in_time, "there was room to send, and the thread slept on");
    Ok(())
}

fn ready_already<O: Os + Net>(suite: &Suite) -> Verdict {
    let (a, b) = pair::<O>()?;
    b.send(b"x").map_err(refused("sending"))?;
    for direction in [Direction::Read, Direction::Write] {
        let watch = Watch::<O>::new(suite);
        O::sleep_until_ready(a.socket, direction, late::<O>(suite));
        holds!(!watch.is_late(), "it slept, and {direction:?} was ready before");
    }
    Ok(())
}
