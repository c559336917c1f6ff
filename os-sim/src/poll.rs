//! Simulated pollers.
#![forbid(unsafe_code)]

use rt_core::{Event as Readiness, OsResult, Poll, Poller, Socket};

use crate::Sim;
use crate::faults::Scarce;
use crate::gate::{Call, Reply, inside};
use crate::net::ask;
use crate::run::{Failure, Run};
use crate::sockets::Ask;
use crate::threads::State;
use crate::trace::Event;

/// A simulated poller.
#[derive(Debug)]
struct Queue {
    open: bool,
    /// A notify came that has not ended a poll.
    notified: bool,
    /// What has become ready and was not shown, one for each handle.
    events: Vec<(usize, Readiness)>,
}

/// The pollers of a check, by number.
#[derive(Debug, Default)]
pub(crate) struct Polls(Vec<Queue>);

impl Polls {
    /// Fails the check if there is no such poller open.
    pub(crate) fn get(&self, caller: usize, poll: usize) -> Result<(), Failure> {
        match self.0.get(poll) {
            Some(queue) if queue.open => Ok(()),
            _ => Err(format!("thread {caller} uses poller {poll}, which is not open")),
        }
    }

    /// Adds an event, merged with one that is not shown yet.
    pub(crate) fn report(&mut self, poll: Poll, handle: usize, event: Readiness) {
        let events = &mut self.0[poll.0].events;
        match events.iter_mut().find(|(of, _)| *of == handle) {
            Some((_, there)) => {
                there.readable |= event.readable;
                there.writable |= event.writable;
                there.ended |= event.ended;
            }
            None => events.push((handle, event)),
        }
    }

    /// Drops the event of a handle that is not added any more.
    pub(crate) fn forget(&mut self, poll: Poll, handle: usize) {
        self.0[poll.0].events.retain(|(of, _)| *of != handle);
    }
}

impl Run<'_> {
    pub(crate) fn open(&mut self, caller: usize) {
        if self.refuse(caller, Scarce::Descriptor) {
            return;
        }
        let number = self.polls.0.len() as u64;
        self.polls.0.push(Queue { open: true, notified: false, events: Vec::new() });
        self.threads.answer(caller, Ok(Reply::Number(number)));
    }

    pub(crate) fn close(&mut self, caller: usize, poll: usize) -> Result<(), Failure> {
        self.polls.get(caller, poll)?;
        self.polls.0[poll].open = false;
        for socket in &mut self.sockets.network.sockets {
            socket.added.retain(|added| added.poll.0 != poll);
        }
        match self.poller_of(poll) {
            Some(other) => Err(format!("thread {caller} closes poller {poll} under {other}")),
            None => Ok(()),
        }
    }

    /// Sleeps until there is something to show.
    pub(crate) fn poll(&mut self, caller: usize, poll: usize, until: u64) -> Result<(), Failure> {
        self.polls.get(caller, poll)?;
        if until != 0
            && let Some(other) = self.poller_of(poll)
        {
            return Err(format!("thread {caller} polls poller {poll} while thread {other} does"));
        }
        let queue = &mut self.polls.0[poll];
        // Who does not sleep leaves a notification to who does.
        let notified = until != 0 && core::mem::take(&mut queue.notified);
        if notified || !queue.events.is_empty() {
            return Ok(());
        }
        if let Some(until) = self.interrupted(caller, until) {
            self.note(caller, Event::Polls, until);
            self.threads.sleep(caller, State::Polling { poll, until });
        }
        Ok(())
    }

    /// Shows up to `room` events, in any order.
    pub(crate) fn show(&mut self, caller: usize, poll: usize, room: usize) -> Result<(), Failure> {
        self.polls.get(caller, poll)?;
        let events = &mut self.polls.0[poll].events;
        let mut shown = Vec::new();
        while shown.len() < room && !events.is_empty() {
            let (_, event) = events.swap_remove(self.chance.index(events.len()));
            shown.push(event);
        }
        self.note(caller, Event::Shown, shown.len() as u64);
        self.threads.answer(caller, Ok(Reply::Events(shown)));
        Ok(())
    }

    pub(crate) fn notify(&mut self, caller: usize, poll: usize) -> Result<(), Failure> {
        self.polls.get(caller, poll)?;
        let sleeper = self.poller_of(poll);
        self.polls.0[poll].notified = sleeper.is_none();
        if let Some(number) = sleeper {
            self.note(number, Event::Woken, caller as u64);
            self.ready(number);
        }
        Ok(())
    }

    /// The thread that sleeps on this poller: one at a time may.
    pub(crate) fn poller_of(&self, poll: usize) -> Option<usize> {
        let polls_it = |state| matches!(state, State::Polling { poll: on, .. } if on == poll);
        self.threads.live().find(|&(_, state)| polls_it(state)).map(|(number, _)| number)
    }
}

impl<H: Poller> Poller for Sim<H> {
    fn open() -> OsResult<Poll> {
        let simulated = inside(|gate| {
            gate.point(Event::Open);
            gate.ask(Call::Open).map(|reply| Poll(reply.number() as usize))
        });
        simulated.unwrap_or_else(H::open)
    }

    fn close(poll: Poll) {
        let simulated = inside(|gate| {
            gate.point(Event::Close);
            // A close that goes wrong ends the check, so an answer says nothing.
            let _ = gate.ask(Call::Close(poll.0));
        });
        if simulated.is_none() {
            H::close(poll);
        }
    }

    fn add(poll: Poll, socket: Socket, token: u64) -> OsResult<()> {
        match ask(socket, Event::Add, Ask::Add { poll, token }) {
            Some(reply) => reply.map(|_| ()),
            None => H::add(poll, socket, token),
        }
    }

    fn remove(poll: Poll, socket: Socket) {
        // Inside a check nothing is answered, and a socket of the host was not added.
        if ask(socket, Event::Remove, Ask::Remove(poll)).is_none() {
            H::remove(poll, socket);
        }
    }

    fn poll(poll: Poll, events: &mut [Readiness], until: u64) -> usize {
        let simulated = inside(|gate| {
            gate.point(Event::Poll);
            // Whatever ended the sleep, what there is to show is asked for next.
            let _ = gate.ask(Call::Poll { poll: poll.0, until });
            let Ok(Reply::Events(shown)) =
                gate.ask(Call::Show { poll: poll.0, room: events.len() })
            else {
                return 0;
            };
            events[..shown.len()].copy_from_slice(&shown);
            shown.len()
        });
        simulated.unwrap_or_else(|| H::poll(poll, events, until))
    }

    fn notify(poll: Poll) {
        let simulated = inside(|gate| {
            gate.point(Event::Notify);
            // As for `close`.
            let _ = gate.ask(Call::Notify(poll.0));
        });
        if simulated.is_none() {
            H::notify(poll);
        }
    }
}
