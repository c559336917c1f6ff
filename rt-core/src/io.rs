//! Waiting for sockets.
//!
//! Each worker has a poller, opened when one of its goroutines first has to wait for a socket. A
//! socket is added there once, edge-triggered and for both directions, and stays: an operation is a
//! system call on the socket itself, and only one that finds it not ready comes here.
//!
//! 1. The goroutine reads how many edges there have been, tries, and is told "not ready".
//! 2. Under the source's lock: if the number has changed, it tries again. Else it queues and parks.
//! 3. The worker's poll reports an edge. Under the same lock the number goes up, and all who wait
//!    for that direction are claimed and woken. So an edge after 1 is never missed, by however many
//!    goroutines share the socket.
//!
//! Who receives less than there was room for has all that had come, and what comes later makes an edge. So
//! the next call to receive would be told "not ready" in step 1, and is not made if there was no edge since;
//! unless an edge has said that the stream ends there, for of that no other tells.
//!
//! Lock order: a source's registration, a driver's slots, a source's queues.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;
use core::mem;
use core::ptr::{self, NonNull};

use crate::limit::Limit;
use crate::lock::Protected;
use crate::processor::bump;
use crate::runtime::Shared;
use crate::seam::{AtomicBool, AtomicU32, Ordering, mutant};
use crate::switch::{Entered, enter, enter_worker};
use crate::wait::{Claimed, WaitQueue, WaitsFor, Wake, park_limited};
use crate::{Direction, Event, FOREVER, OsResult, Poll, Socket, net, os, poller};

/// Events taken by one call (Go's number).
const EVENTS: usize = 128;

/// A worker with other work looks at its sockets when it has not for so long, in nanoseconds.
const STALE_AFTER: u64 = 50_000;

/// A socket that goroutines and threads can wait for. Closed when dropped.
pub struct Io {
    socket: Socket,
    source: Box<Source>,
    /// After how many edges a call has received all there was. Written by those calls, and orders nothing: an
    /// old one is of an earlier edge.
    emptied: AtomicU32,
}

/// What the poller knows a socket by. In a box, for a driver's slot points to it.
struct Source {
    registration: Protected<Option<Registration>>,
    queues: Protected<Queues>,
    /// Written under the lock of `queues`.
    read_edges: AtomicU32,
    /// As `read_edges`.
    write_edges: AtomicU32,
    /// Whether an edge has said that the stream ends there. Written before the edge is counted.
    ended: AtomicBool,
}

/// Where a source is registered.
struct Registration {
    /// Keeps the driver's memory, not its poller.
    shared: Arc<Shared>,
    processor: usize,
    slot: usize,
    /// Which poller of that processor: it may have another by now.
    epoch: u32,
}

/// Who waits for the two directions.
struct Queues {
    readers: WaitQueue,
    writers: WaitQueue,
}

impl Queues {
    fn new() -> Queues {
        let queue = || WaitQueue::new(WaitsFor::Socket);
        Queues { readers: queue(), writers: queue() }
    }

    fn of(&mut self, direction: Direction) -> &mut WaitQueue {
        match direction {
            Direction::Read => &mut self.readers,
            Direction::Write => &mut self.writers,
        }
    }
}

impl Source {
    fn edges(&self, direction: Direction) -> &AtomicU32 {
        match direction {
            Direction::Read => &self.read_edges,
            Direction::Write => &self.write_edges,
        }
    }

    /// Step 3: hands those who wait to `wake`.
    fn edge(&self, direction: Direction, wake: &mut impl FnMut(Claimed)) {
        let mut queues = self.queues.lock();
        // Release: pairs with the Acquire in `Io::edges`: who reads the new number tries after the
        // edge.
        self.edges(direction).fetch_add(1, Ordering::Release);
        let queue = queues.of(direction);
        while let Some(claimed) = queue.claim_first() {
            mutant!("edge-wake": wake(claimed) => drop(claimed));
        }
    }
}

impl Registration {
    fn remove(&self, socket: Socket) {
        if mutant!("fork-poller": self.shared.is_inherited() => false) {
            // The poller is the parent's too, which still waits for what it holds of this socket.
            return;
        }
        self.shared.processor(self.processor).driver.remove(socket, self.slot, self.epoch);
    }

    /// Whether nobody looks at that poller any more, or not for long.
    fn is_over(&self) -> bool {
        let now = self.shared.processor(self.processor).driver.epoch.load(Ordering::Acquire);
        self.shared.is_closing() || mutant!("poller-given-up": now != self.epoch => false)
    }
}

/// How many edges a socket had had in one direction, from [`Io::edges`].
#[derive(Clone, Copy, Debug)]
pub struct Edges(u32);

/// Counts its goroutine out of those that wait at sockets, also one that a limit cuts short.
struct AtSocket;

impl Drop for AtSocket {
    fn drop(&mut self) {
        // By now it may be on another processor: what counts is the sum.
        bump(&enter_worker().processor().at_sockets, u64::MAX);
    }
}

impl Io {
    /// Takes ownership of a socket.
    pub fn new(socket: Socket) -> Io {
        Io {
            socket,
            source: Box::new(Source {
                registration: Protected::new(None),
                queues: Protected::new(Queues::new()),
                read_edges: AtomicU32::new(0),
                write_edges: AtomicU32::new(0),
                ended: AtomicBool::new(false),
            }),
            emptied: AtomicU32::new(0),
        }
    }

    /// The socket itself.
    pub fn socket(&self) -> Socket {
        self.socket
    }

    /// Gives the socket back unclosed.
    pub fn into_socket(self) -> Socket {
        let mut this = mem::ManuallyDrop::new(self);
        this.unregister();
        // The box is all else that there is to drop.
        let socket = this.socket;
        // SAFETY: `this` is never used or dropped again, so the box is taken out once.
        drop(unsafe { ptr::read(&this.source) });
        socket
    }

    /// To be asked before an operation is tried, for [`Io::wait`] after it was told "not ready".
    #[inline]
    pub fn edges(&self, direction: Direction) -> Edges {
        // Acquire: pairs with the Release in edge().
        Edges(self.source.edges(direction).load(Ordering::Acquire))
    }

    /// Takes note that a call to receive, after so many edges, got less than there was room for.
    #[inline]
    pub fn took_all(&self, edges: Edges) {
        self.emptied.store(edges.0, Ordering::Relaxed);
    }

    /// Whether there is nothing to receive, for all was taken after as many edges. (Not before the first:
    /// it is cheaper to ask than to have the socket added to a poller.)
    #[inline]
    pub fn is_empty(&self, edges: Edges) -> bool {
        let emptied = self.emptied.load(Ordering::Relaxed);
        edges.0 > 0
            && mutant!("edges-since": emptied == edges.0 => emptied > 0)
            // Relaxed: written before the edge that says so.
            && !mutant!("edges-ended": self.source.ended.load(Ordering::Relaxed) => false)
    }

    /// Waits until the socket may have become ready in this direction since `tried`, or the clock
    /// reaches `deadline`. The answer can be wrong in one way: it may not be ready.
    ///
    /// Parks a goroutine; makes a plain thread sleep. Cut short by the caller's limit.
    ///
    /// # Errors
    /// What the system says when it can't add the socket to a poller.
    pub fn wait(&self, direction: Direction, tried: Edges, deadline: u64) -> OsResult<Wake> {
        let Some((entered, _)) = enter().and_then(Entered::on_goroutine) else {
            let limit = Limit::before(deadline, None);
            let until = limit.map_or(deadline, |limit| limit.deadline());
            net::sleep_until_ready(self.socket, direction, until);
            if let Some(limit) = limit.filter(|_| os::now() >= until) {
                limit.cancel();
            }
            let late = deadline != FOREVER && os::now() >= deadline;
            return Ok(if late { Wake::TimedOut } else { Wake::Claimed });
        };
        self.register(&entered)?;
        bump(&entered.processor().at_sockets, 1);
        drop(entered);
        let counted = AtSocket;
        let wake = self.wait_registered(direction, tried, deadline);
        drop(counted);
        Ok(wake)
    }

    /// As [`Io::wait`], on a goroutine, with a poller that knows the socket.
    fn wait_registered(&self, direction: Direction, tried: Edges, deadline: u64) -> Wake {
        let queues = self.source.queues.lock();
        // Relaxed: written under the lock.
        let edges = self.source.edges(direction).load(Ordering::Relaxed);
        if mutant!("edges": edges != tried.0 => false) {
            return Wake::Claimed;
        }
        // SAFETY: the queues are the source's, in its box, which `self` keeps.
        unsafe { park_limited(queues, |q| q.of(direction), ptr::null_mut(), deadline) }
    }

    /// Adds the source to the poller of the current worker, or of another if there is none to be had
    /// here, unless it is with a live one already. What is refused is tried again by the next wait.
    fn register(&self, entered: &Entered<'_>) -> OsResult<()> {
        let mut registration = self.source.registration.lock();
        if let Some(there) = registration.take_if(|there| there.is_over()) {
            there.remove(self.socket);
        }
        if registration.is_some() {
            return Ok(());
        }
        let (own, shared) = (entered.processor(), entered.shared());
        let source = NonNull::from(&*self.source);
        let (processor, (slot, epoch)) = match own.driver.add(self.socket, source) {
            Ok(slot) => (own, slot),
            // No descriptor for a poller of its own, it may be: any other serves.
            Err(error) => mutant!("poller-elsewhere": shared
                .processors()
                .iter()
                .find_map(|other| Some((other, other.driver.add_if_open(self.socket, source)?)))
                .ok_or(error)? => return Err(error)),
        };
        let processor = processor.index();
        *registration = Some(Registration { shared: shared.share(), processor, slot, epoch });
        Ok(())
    }

    fn unregister(&mut self) {
        if let Some(there) = self.source.registration.get_mut().take() {
            there.remove(self.socket);
        }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        self.unregister();
        net::close(self.socket);
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Io({})", self.socket.0)
    }
}

/// A worker's poller and the sources added to it.
pub(crate) struct Driver {
    /// The owner's copy of `slots.poll`.
    poll: Cell<Option<Poll>>,
    polled: Cell<u64>,
    /// Written by the owner; a stale read by others does no harm.
    in_use: AtomicBool,
    /// How often a poller was given up. Written under the slots' lock; who reads an old one adds its
    /// source, or waits for it, and then finds an edge.
    epoch: AtomicU32,
    slots: Protected<Slots>,
}

struct Slots {
    poll: Option<Poll>,
    slots: Vec<Slot>,
    free: Vec<usize>,
}

/// What one look at the sockets has shown.
pub(crate) struct Seen {
    events: [Event; EVENTS],
    len: usize,
}

impl Seen {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// A place for a source; the generation tells an event of an earlier source from one of this.
struct Slot {
    generation: u32,
    source: Option<NonNull<Source>>,
}

// SAFETY: a source is taken out of its slot, under the slots' lock, before it is dropped.
unsafe impl Send for Slots {}

impl Slots {
    /// Adds a source to the poller, which is open.
    fn add(&mut self, socket: Socket, source: NonNull<Source>) -> OsResult<usize> {
        let Some(poll) = self.poll else {
            crate::fatal!("a source was added without a poller");
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, source: None });
            self.slots.len() - 1
        });
        let token = u64::from(self.slots[index].generation) << 32 | index as u64;
        if let Err(error) = poller::add(poll, socket, token) {
            self.free.push(index);
            return Err(error);
        }
        self.slots[index].source = Some(source);
        Ok(index)
    }

    /// The source that an event is for, unless it has been removed since.
    fn source(&self, token: u64) -> Option<&Source> {
        let slot = self.slots.get(token as u32 as usize)?;
        if slot.generation != (token >> 32) as u32 {
            return None;
        }
        // SAFETY: a source stays while it is in its slot, which the lock of `self` keeps as it is.
        slot.source.map(|source| unsafe { source.as_ref() })
    }
}

impl Driver {
    pub(crate) fn new() -> Driver {
        Driver {
            poll: Cell::new(None),
            polled: Cell::new(0),
            in_use: AtomicBool::new(false),
            epoch: AtomicU32::new(0),
            slots: Protected::new(Slots { poll: None, slots: Vec::new(), free: Vec::new() }),
        }
    }

    /// Whether there is a poller to sleep in.
    #[inline(always)]
    pub(crate) fn in_use(&self) -> bool {
        self.in_use.load(Ordering::Relaxed)
    }

    /// Whether the sockets have not been looked at for long. Owner only.
    pub(crate) fn is_stale(&self, now: u64) -> bool {
        now.saturating_sub(self.polled.get()) > STALE_AFTER
    }

    /// Adds a source, and says where; opens the poller for the first one. Owner only.
    fn add(&self, socket: Socket, source: NonNull<Source>) -> OsResult<(usize, u32)> {
        let mut slots = self.slots.lock();
        if slots.poll.is_none() {
            let poll = poller::open()?;
            slots.poll = Some(poll);
            self.poll.set(Some(poll));
            self.in_use.store(true, Ordering::Relaxed);
        }
        // Relaxed: written under the lock.
        Ok((slots.add(socket, source)?, self.epoch.load(Ordering::Relaxed)))
    }

    /// Adds a source where there is a poller already. From any thread.
    fn add_if_open(&self, socket: Socket, source: NonNull<Source>) -> Option<(usize, u32)> {
        let mut slots = self.slots.lock();
        slots.poll?;
        // Relaxed: written under the lock.
        Some((slots.add(socket, source).ok()?, self.epoch.load(Ordering::Relaxed)))
    }

    /// Takes a source out. From any thread; after the runtime has ended too.
    fn remove(&self, socket: Socket, index: usize, epoch: u32) {
        let mut slots = self.slots.lock();
        // Relaxed: written under the lock.
        if self.epoch.load(Ordering::Relaxed) != epoch {
            return;
        }
        if let Some(poll) = slots.poll {
            poller::remove(poll, socket);
        }
        let slot = &mut slots.slots[index];
        slot.source = None;
        slot.generation = slot.generation.wrapping_add(1);
        slots.free.push(index);
    }

    /// Looks at the sockets; sleeps until `until` if there is nothing (0: does not). Owner only.
    pub(crate) fn poll(&self, until: u64) -> Seen {
        let mut seen = Seen { events: [Event::default(); EVENTS], len: 0 };
        if let Some(poll) = self.poll.get() {
            seen.len = poller::poll(poll, &mut seen.events, until);
            self.polled.set(os::now());
        }
        seen
    }

    /// Looks at the sockets in the place of an owner that is held up and awake; true if there was
    /// anything. From any thread.
    pub(crate) fn poll_for_owner(&self) -> bool {
        let mut seen = Seen { events: [Event::default(); EVENTS], len: 0 };
        let slots = self.slots.lock();
        // Under the lock, so that the poller is not closed meanwhile.
        if let Some(poll) = slots.poll {
            seen.len = poller::poll(poll, &mut seen.events, 0);
        }
        drop(slots);
        // Not under the lock: the owner may sleep here by now, and waking it takes the lock.
        let mut claimed = Vec::new();
        self.report_to(&seen, &mut |waiter| claimed.push(waiter));
        claimed.into_iter().for_each(Claimed::wake);
        !seen.is_empty()
    }

    /// Wakes who waits for what was seen. Owner only, and not before it counts as awake: those who
    /// are woken may need a worker, and one that looks asleep is notified, for which its slots are
    /// locked.
    pub(crate) fn report(&self, seen: &Seen) {
        if !seen.is_empty() {
            self.report_to(seen, &mut Claimed::wake);
        }
    }

    fn report_to(&self, seen: &Seen, wake: &mut impl FnMut(Claimed)) {
        let slots = self.slots.lock();
        for event in &seen.events[..seen.len] {
            let Some(source) = slots.source(event.token) else { continue };
            if event.ended {
                source.ended.store(true, Ordering::Relaxed);
            }
            if event.readable {
                source.edge(Direction::Read, wake);
            }
            if event.writable {
                source.edge(Direction::Write, wake);
            }
        }
    }

    /// Ends the owner's sleep in `poll`. Under the lock, so that the poller is not closed meanwhile.
    pub(crate) fn notify(&self) {
        if let Some(poll) = self.slots.lock().poll {
            poller::notify(poll);
        }
    }

    /// Closes the poller, and makes those who wait add their sockets elsewhere. Owner only: its worker
    /// leaves, and nobody is at home with it. Another may come, and open another.
    pub(crate) fn give_up(&self) {
        let mut slots = self.slots.lock();
        let Some(poll) = slots.poll.take() else { return };
        self.poll.set(None);
        self.in_use.store(false, Ordering::Relaxed);
        poller::close(poll);
        // Release: pairs with the Acquire in `Registration::is_over`. Before the edges: who waits
        // after one of them reads the new number.
        self.epoch.fetch_add(1, Ordering::Release);
        let mut claimed = Vec::new();
        let mut wake = |waiter| claimed.push(waiter);
        for source in slots.slots.drain(..).filter_map(|slot| slot.source) {
            // SAFETY: as in `Slots::source`, for the lock is held.
            let source = unsafe { source.as_ref() };
            source.edge(Direction::Read, &mut wake);
            source.edge(Direction::Write, &mut wake);
        }
        slots.free.clear();
        drop(slots);
        // Not under the lock: those who are woken may wait here before all of them are.
        claimed.into_iter().for_each(Claimed::wake);
    }

    /// Closes the poller, and makes those who wait look elsewhere. Owner only, for good: its runtime
    /// is closing, so nothing is added any more.
    pub(crate) fn close(&self) {
        let mut slots = self.slots.lock();
        let Some(poll) = slots.poll.take() else { return };
        self.poll.set(None);
        self.in_use.store(false, Ordering::Relaxed);
        poller::close(poll);
        for slot in &slots.slots {
            let Some(source) = slot.source else { continue };
            // SAFETY: as in `Slots::source`.
            let source = unsafe { source.as_ref() };
            source.edge(Direction::Read, &mut Claimed::wake);
            source.edge(Direction::Write, &mut Claimed::wake);
        }
    }
}
