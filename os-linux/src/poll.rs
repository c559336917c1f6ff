//! The poller: an epoll, and an eventfd in it to end a sleep from outside.
//!
//! Notifying, in steps:
//!
//! 1. [`notify`] sets `notified`. If it was set, a wake-up is on its way, and that is all.
//! 2. Otherwise it writes to the eventfd, which is then ready until read.
//! 3. A *sleeping* [`poll`] that is shown the eventfd reads it and then clears `notified`, in this
//!    order: a write between the two can't happen, for `notified` is still set.
//! 4. A `poll` that does not sleep leaves both alone. Others may look into a poller whose owner
//!    sleeps in it, and the notification is for the sleeper.
//!
//! The eventfd is level-triggered for step 4: whoever sees it and leaves it does not take it from
//! the sleeper.

use crate::net::{borrow, take};
use crate::{clock, error, raw};
use core::sync::atomic::{AtomicBool, Ordering};
use rt_core::{Event, OsError, OsResult, Poll, Socket};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::Errno;

/// The eventfd's token, which no socket may have.
const NOTIFIED: u64 = u64::MAX;
/// The most events of one call: they stay on the caller's stack for a moment, 12 bytes each.
const EVENTS: usize = 128;

/// What a kernel or a sandbox says that has no such call.
const UNKNOWN: OsError = OsError(Errno::NOSYS.raw_os_error());
const FORBIDDEN: OsError = OsError(Errno::PERM.raw_os_error());

/// What a [`Poll`] is the address of.
struct Queue {
    // constant after open:
    epoll: OwnedFd,
    event: OwnedFd,
    /// Whether a wake-up is under way. Set by any notifier, cleared by the sleeper in step 3.
    notified: AtomicBool,
}

/// Whether `epoll_pwait2` is missing: before Linux 5.11, under an emulator, in a sandbox that does
/// not know it. Written by whoever finds out, read by every sleeper; it publishes nothing, hence
/// `Relaxed`.
static OLD: AtomicBool = AtomicBool::new(false);

pub(crate) fn open() -> OsResult<Poll> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(error)?;
    let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(error)?;
    epoll::add(&epoll, &event, EventData::new_u64(NOTIFIED), EventFlags::IN).map_err(error)?;
    Ok(os_unix::poll::open(Queue { epoll, event, notified: AtomicBool::new(false) }))
}

pub(crate) fn close(poll: Poll) {
    // SAFETY: the core closes what `open` returned, once, when nobody uses it any more.
    unsafe { os_unix::poll::close::<Queue>(poll) };
}

/// What `poll` stands for.
fn queue<'a>(poll: Poll) -> &'a Queue {
    // SAFETY: the core passes what `open` returned and was not closed, and it closes a poller only
    // when no other call with it is under way.
    unsafe { os_unix::poll::kept(poll) }
}

pub(crate) fn add(poll: Poll, socket: Socket, token: u64) -> OsResult<()> {
    if token == NOTIFIED {
        return Err(error(Errno::INVAL));
    }
    let interest =
        EventFlags::IN | EventFlags::OUT | EventFlags::PRI | EventFlags::RDHUP | EventFlags::ET;
    epoll::add(&queue(poll).epoll, borrow(socket), EventData::new_u64(token), interest)
        .map_err(error)
}

pub(crate) fn remove(poll: Poll, socket: Socket) {
    // A socket that was closed before, or never added, is not in it.
    let _ = epoll::delete(&queue(poll).epoll, borrow(socket));
}

pub(crate) fn poll(poll: Poll, events: &mut [Event], until: u64) -> usize {
    let queue = queue(poll);
    let blank = epoll::Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
    let mut found = [blank; EVENTS];
    // No more than the caller can take: an edge that is shown once and dropped is lost.
    let room = events.len().min(EVENTS);
    debug_assert!(room > 0, "a poll must have room for an event");
    let Ok(count) = wait(&queue.epoll, &mut found[..room], until) else { return 0 };
    let mut filled = 0;
    for event in &found[..count] {
        let (flags, token) = (event.flags, event.data.u64());
        if token == NOTIFIED {
            if until != 0 {
                take_notice(queue);
            }
            continue;
        }
        events[filled] = report(flags, token);
        filled += 1;
    }
    filled
}

/// The core's view of what epoll says. An error or a hang-up ends both directions' waiting.
fn report(flags: EventFlags, token: u64) -> Event {
    let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
    let readable = broken || flags.intersects(EventFlags::IN | EventFlags::RDHUP);
    let writable = broken || flags.contains(EventFlags::OUT);
    // A `recv` stops at urgent data, and is short with more behind it.
    let ended = broken || flags.intersects(EventFlags::RDHUP | EventFlags::PRI);
    Event { token, readable, writable, ended }
}

/// Fills `found` and returns how many. An interrupted sleep is over, as any sleep may be.
fn wait(epoll: &OwnedFd, found: &mut [epoll::Event], until: u64) -> OsResult<usize> {
    let Some(left) = clock::remaining(until) else {
        return epoll::wait(epoll, found, None).map_err(error);
    };
    let limit = clock::timespec(left);
    if left > 0 {
        if !OLD.load(Ordering::Relaxed) {
            match raw::epoll_pwait2(epoll.as_raw_fd(), found, &limit) {
                Err(UNKNOWN | FORBIDDEN) => OLD.store(true, Ordering::Relaxed),
                result => return result,
            }
        }
        // `epoll_wait` counts in milliseconds, which is too coarse either way: rounded up it makes
        // short sleeps long, rounded down it makes the end of long ones a busy loop. So the sleep
        // is a `ppoll` of the epoll itself, and what follows only looks.
        let mut whole = [PollFd::new(epoll, PollFlags::IN)];
        rustix::event::poll(&mut whole, Some(&limit)).map_err(error)?;
    }
    epoll::wait(epoll, found, Some(&clock::timespec(0))).map_err(error)
}

/// Step 3.
fn take_notice(queue: &Queue) {
    // Empty if another sleeper was faster, which the contract rules out, and which does no harm.
    let _ = take(|| rustix::io::read(&queue.event, &mut [0; 8]));
    // Acquire: pairs with the Release in notify(), so that what a merged notifier did before is
    // seen after this `poll`. Release: nothing of ours is read by the notifier, but the reading
    // of the eventfd must not move below.
    queue.notified.swap(false, Ordering::AcqRel);
}

pub(crate) fn notify(poll: Poll) {
    let queue = queue(poll);
    // Release: pairs with the Acquire in take_notice(). Acquire: the write below stays below.
    if !queue.notified.swap(true, Ordering::AcqRel) {
        // Can't be full: it is 0 or 1.
        let _ = take(|| rustix::io::write(&queue.event, &1_u64.to_ne_bytes()));
    }
}
