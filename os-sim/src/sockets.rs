//! Sockets as the loop sees them: calls of threads, arrivals, and who is told of them.
#![forbid(unsafe_code)]

use core::net::SocketAddr;

use rt_core::{Direction, Event as Readiness, OsResult, Poll, Shutdown, SocketOption};

use crate::errno::EXISTS;
use crate::faults::Scarce;
use crate::gate::Reply;
use crate::network::{Network, Way};
use crate::run::{Failure, Run};
use crate::socket::{Added, Ready, Role};
use crate::threads::State;
use crate::trace::Event;

/// What a virtual thread asks of a socket.
#[derive(Debug)]
pub(crate) enum Ask {
    Bind(SocketAddr),
    Listen(u32),
    /// Answers a socket and its peer's name.
    Accept,
    Connect(SocketAddr),
    /// Answers the bytes.
    Receive {
        limit: usize,
        peek: bool,
    },
    /// Answers how many of the bytes were sent.
    Send(Vec<u8>),
    Shutdown(Shutdown),
    /// Answers the value.
    Option(SocketOption),
    SetOption(SocketOption, u32),
    /// Answers the name.
    LocalName,
    /// Answers the name.
    PeerName,
    Close,
    /// Answers a socket.
    Duplicate,
    /// To sleep until it may be ready, or the deadline.
    Sleep {
        direction: Direction,
        until: u64,
    },
    Add {
        poll: Poll,
        token: u64,
    },
    Remove(Poll),
}

/// The network and the handles to its sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) network: Network,
    /// By number: the place of the socket. None: the handle is closed. Numbers are not used again.
    handles: Vec<Option<usize>>,
}

impl Sockets {
    pub(crate) fn new(buffer: usize) -> Sockets {
        Sockets { network: Network::new(buffer), handles: Vec::new() }
    }

    /// A handle to the socket at this place.
    fn handle(&mut self, at: usize) -> usize {
        self.network.sockets[at].handles += 1;
        self.handles.push(Some(at));
        self.handles.len() - 1
    }

    fn place(&self, handle: usize) -> Option<usize> {
        self.handles.get(handle).copied().flatten()
    }
}

impl Run<'_> {
    pub(crate) fn open_socket(&mut self, caller: usize, is_v6: bool) {
        if self.refuse(caller, Scarce::Descriptor) {
            return;
        }
        let at = self.sockets.network.add(Role::Idle, is_v6);
        let handle = self.sockets.handle(at);
        self.threads.answer(caller, Ok(Reply::Number(handle as u64)));
    }

    pub(crate) fn pair(&mut self, caller: usize) {
        if self.refuse(caller, Scarce::Descriptor) {
            return;
        }
        let (one, other) = self.sockets.network.pair();
        let pair = Reply::Pair(self.sockets.handle(one), self.sockets.handle(other));
        self.threads.answer(caller, Ok(pair));
    }

    /// Does what a thread asked of a socket.
    pub(crate) fn socket(&mut self, caller: usize, handle: usize, ask: Ask) -> Result<(), Failure> {
        let Some(at) = self.sockets.place(handle) else {
            return Err(format!("thread {caller} uses socket {handle}, which is not open"));
        };
        let answer = match ask {
            Ask::Sleep { direction, until } => {
                self.sleep_for(caller, at, direction, until);
                return Ok(());
            }
            Ask::Add { poll, token } => {
                self.add(caller, poll, Added { poll, handle, token }, at)?
            }
            Ask::Remove(poll) => {
                self.remove(caller, poll, handle, at)?;
                Ok(Reply::Nothing)
            }
            Ask::Close => {
                self.close_handle(handle, at);
                Ok(Reply::Nothing)
            }
            Ask::Accept | Ask::Duplicate if self.refuse(caller, Scarce::Descriptor) => {
                return Ok(());
            }
            Ask::Receive { limit, peek } => self.receive(caller, at, limit, peek),
            Ask::Send(bytes) => self.send(caller, at, bytes),
            other => self.ask(at, other),
        };
        self.threads.answer(caller, answer);
        self.tell();
        Ok(())
    }

    /// The calls that the network answers by itself.
    fn ask(&mut self, at: usize, ask: Ask) -> OsResult<Reply> {
        let (network, mut way) = self.network();
        let nothing = |()| Reply::Nothing;
        match ask {
            Ask::Bind(address) => network.bind(at, &address).map(nothing),
            Ask::Listen(backlog) => network.listen(at, backlog as usize).map(nothing),
            Ask::Connect(address) => network.connect(at, &address, &mut way).map(nothing),
            Ask::Shutdown(how) => network.shutdown(at, how, &mut way).map(nothing),
            Ask::Option(option) => Ok(Reply::Number(network.option(at, option).into())),
            Ask::SetOption(option, value) => network.set_option(at, option, value).map(nothing),
            Ask::LocalName => network.local_name(at).map(Reply::Name),
            Ask::PeerName => network.peer_name(at).map(Reply::Name),
            Ask::Accept => Ok(match network.accept(at)? {
                Some((server, peer)) => Reply::Peer(self.sockets.handle(server), peer),
                None => Reply::NotYet,
            }),
            Ask::Duplicate => Ok(Reply::Number(self.sockets.handle(at) as u64)),
            _ => unreachable!("a call that `socket` answers"),
        }
    }

    /// The network, and how long its ways take.
    fn network(&mut self) -> (&mut Network, Way<'_>) {
        let way = Way { now: self.gate.clock.get(), chance: &mut self.chance };
        (&mut self.sockets.network, way)
    }

    fn receive(&mut self, caller: usize, at: usize, limit: usize, peek: bool) -> OsResult<Reply> {
        self.may_break(caller, at)?;
        let there = self.sockets.network.sockets[at].data.len();
        // Without data, the limit only tells an empty buffer from another.
        let most = limit.min(there);
        let limit = if there > 0 { self.short(most) } else { limit };
        let (network, mut way) = self.network();
        let received = network.receive(at, limit, peek, &mut way)?;
        if limit < most {
            // As if the rest had come only now.
            network.changes.push((at, Ready::READ));
        }
        let count = received.as_ref().map_or(0, Vec::len);
        self.note(caller, Event::Moved, count as u64);
        Ok(received.map_or(Reply::NotYet, Reply::Data))
    }

    fn send(&mut self, caller: usize, at: usize, mut bytes: Vec<u8>) -> OsResult<Reply> {
        self.may_break(caller, at)?;
        let Some(room) = self.sockets.network.room(at)? else { return Ok(Reply::NotYet) };
        let count = self.short(room.min(bytes.len()));
        bytes.truncate(count);
        if count > 0 {
            let (network, mut way) = self.network();
            network.send(at, bytes, &mut way);
        }
        self.note(caller, Event::Moved, count as u64);
        Ok(Reply::Number(count as u64))
    }

    /// Fewer of so many bytes, one in so many times; never none of some.
    fn short(&mut self, count: usize) -> usize {
        if count > 1 && self.chance.one_in(self.config.faults.short) {
            1 + self.chance.index(count - 1)
        } else {
            count
        }
    }

    /// Resets a connection, one in so many times.
    fn may_break(&mut self, caller: usize, at: usize) -> OsResult<()> {
        let socket = &self.sockets.network.sockets[at];
        let is_connected = socket.role == Role::Connected && !socket.is_reset;
        if is_connected && self.chance.one_in(self.config.faults.reset) {
            self.note(caller, Event::Refused, 0);
            let (network, mut way) = self.network();
            let error = network.break_off(at, &mut way);
            return Err(error);
        }
        Ok(())
    }

    fn close_handle(&mut self, handle: usize, at: usize) {
        self.sockets.handles[handle] = None;
        let socket = &mut self.sockets.network.sockets[at];
        for added in socket.added.extract_if(.., |added| added.handle == handle) {
            self.polls.forget(added.poll, handle);
        }
        socket.handles -= 1;
        if socket.handles == 0 {
            let (network, mut way) = self.network();
            network.close(at, &mut way);
        }
    }

    fn add(
        &mut self,
        caller: usize,
        poll: Poll,
        added: Added,
        at: usize,
    ) -> Result<OsResult<Reply>, Failure> {
        self.polls.get(caller, poll.0)?;
        let socket = &mut self.sockets.network.sockets[at];
        if socket.added.iter().any(|a| (a.poll, a.handle) == (added.poll, added.handle)) {
            return Ok(Err(EXISTS));
        }
        socket.added.push(added);
        let (ready, ended) = (socket.ready(), socket.has_ended());
        self.report(added, ready, ended);
        Ok(Ok(Reply::Nothing))
    }

    fn remove(
        &mut self,
        caller: usize,
        poll: Poll,
        handle: usize,
        at: usize,
    ) -> Result<(), Failure> {
        self.polls.get(caller, poll.0)?;
        let socket = &mut self.sockets.network.sockets[at];
        socket.added.retain(|added| (added.poll, added.handle) != (poll, handle));
        self.polls.forget(poll, handle);
        Ok(())
    }

    fn sleep_for(&mut self, caller: usize, at: usize, direction: Direction, until: u64) {
        if self.sockets.network.sockets[at].ready().is(direction) {
            return;
        }
        if let Some(until) = self.interrupted(caller, until) {
            self.note(caller, Event::Sleeps, until);
            self.threads.sleep(caller, State::ForSocket { at, direction, until });
        }
    }

    /// When the next parcel arrives, if any is under way.
    pub(crate) fn next_arrival(&self) -> Option<u64> {
        self.sockets.network.wire.next()
    }

    /// Delivers what has arrived.
    pub(crate) fn deliver(&mut self) {
        let now = self.gate.clock.get();
        while let Some(parcel) = self.sockets.network.wire.take(now) {
            let (network, mut way) = self.network();
            let at = network.arrive(parcel, &mut way);
            self.note(self.last, Event::Arrived, at as u64);
            self.tell();
        }
    }

    /// Tells pollers and sleeping threads which sockets have become ready.
    fn tell(&mut self) {
        for (at, ready) in core::mem::take(&mut self.sockets.network.changes) {
            let socket = &self.sockets.network.sockets[at];
            let (added, ended) = (socket.added.clone(), socket.has_ended());
            added.into_iter().for_each(|added| self.report(added, ready, ended));
            self.wake_sleepers(at, ready);
        }
    }

    fn wake_sleepers(&mut self, at: usize, ready: Ready) {
        let sleeps = |state| match state {
            State::ForSocket { at: on, direction, .. } => on == at && ready.is(direction),
            _ => false,
        };
        let live = self.threads.live();
        let sleepers: Vec<usize> =
            live.filter(|&(_, state)| sleeps(state)).map(|(number, _)| number).collect();
        for number in sleepers {
            self.note(number, Event::Woken, at as u64);
            self.ready(number);
        }
    }

    /// Reports a socket to one poller.
    fn report(&mut self, added: Added, ready: Ready, ended: bool) {
        if ready == Ready::default() {
            return;
        }
        let (readable, writable) = (ready.read, ready.write);
        let event = Readiness { token: added.token, readable, writable, ended };
        self.polls.report(added.poll, added.handle, event);
        if let Some(number) = self.poller_of(added.poll.0) {
            self.note(number, Event::Woken, added.handle as u64);
            self.ready(number);
        }
    }
}
