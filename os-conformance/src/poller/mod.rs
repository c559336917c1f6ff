//! The clauses of `Poller`.
#![forbid(unsafe_code)]

mod edges;
mod notify;
mod ready;
mod sleep;

use std::marker::PhantomData;

use rt_core::{Event, Net, Os, Poll, Poller};

use crate::clause::{Clause, refused};
use crate::suite::Suite;
use crate::tools::socket::Owned;
use crate::tools::time::{MILLI, eventually, pass};

pub(crate) fn clauses<O: Os + Poller + Net + 'static>() -> Vec<Clause> {
    let mut all = sleep::clauses::<O>();
    all.extend(notify::clauses::<O>());
    all.extend(edges::clauses::<O>());
    all.extend(ready::clauses::<O>());
    all
}

/// A poller that is closed in the end.
struct Polled<O: Poller> {
    poll: Poll,
    _backend: PhantomData<fn() -> O>,
}

impl<O: Poller> Polled<O> {
    fn open() -> Result<Polled<O>, String> {
        let poll = O::open().map_err(refused("a poller"))?;
        Ok(Polled { poll, _backend: PhantomData })
    }

    /// Sleeps until the deadline at the latest.
    fn poll(&self, until: u64) -> Vec<Event> {
        let mut events = [Event::default(); 16];
        let count = O::poll(self.poll, &mut events, until);
        events[..count].to_vec()
    }
}

impl<O: Os + Poller + Net> Polled<O> {
    fn add(&self, socket: &Owned<O>, token: u64) -> Result<(), String> {
        O::add(self.poll, socket.socket, token).map_err(refused("adding a socket"))
    }

    /// Looks until there is an event like this one.
    fn sees(&self, suite: &Suite, wanted: impl Fn(&Event) -> bool) -> Result<(), String> {
        let mut seen = Vec::new();
        let found = eventually::<O, _>(suite, || {
            seen.extend(self.poll(0));
            seen.iter().any(&wanted).then_some(())
        });
        found.ok_or_else(|| format!("there was no such event among {seen:?}"))
    }

    /// Takes what events there are, until there are none for a while.
    fn settle(&self, suite: &Suite) {
        for _ in 0..20 {
            pass::<O>(suite, MILLI / 5);
            if self.poll(0).is_empty() {
                return;
            }
        }
    }

    /// The events of a while.
    fn events(&self, suite: &Suite) -> Vec<Event> {
        let looks = (0..5).flat_map(|_| {
            pass::<O>(suite, MILLI / 5);
            self.poll(0)
        });
        looks.collect()
    }
}

impl<O: Poller> Drop for Polled<O> {
    fn drop(&mut self) {
        O::close(self.poll);
    }
}

/// Whether it is an event of this token that says that reading may go on.
fn readable(token: u64) -> impl Fn(&Event) -> bool {
    move |event| event.token == token && event.readable
}

/// Whether it is an event of this token that says that writing may go on.
fn writable(token: u64) -> impl Fn(&Event) -> bool {
    move |event| event.token == token && event.writable
}
