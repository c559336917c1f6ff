//! The poller: a kqueue, and a `USER` filter in it to end a sleep from outside.
//!
//! Notifying, in steps:
//!
//! 1. [`notify`] sets `notified`. If it was set, a wake-up is on its way, and that is all.
//! 2. Otherwise it triggers the filter, which then is reported once.
//! 3. A *sleeping* [`poll`] that gets that report clears `notified`, and is over.
//! 4. A `poll` that does not sleep may get it as well. Others may look into a poller whose owner
//!    sleeps in it, and the notification is for the sleeper: the filter is triggered again.

use crate::Darwin;
use crate::system::{
    self, EV_ADD, EV_CLEAR, EV_DELETE, EV_EOF, EV_ERROR, EV_RECEIPT, EVFILT_READ, EVFILT_USER,
    EVFILT_WRITE, Kevent, NOTE_TRIGGER,
};
use core::ffi::c_int;
use core::ptr::null;
use core::sync::atomic::{AtomicBool, Ordering};
use os_unix::clock;
use rt_core::{Event, OsError, OsResult, Poll, Socket};

/// The most events of one call: they stay on the caller's stack for a moment, 32 bytes each.
const EVENTS: usize = 64;
/// The longest sleep that is asked for, in nanoseconds: Darwin refuses more than so many seconds.
const LONGEST: u64 = 1_000_000 * 1_000_000_000;
/// The number of the `USER` filter.
const NOTIFIED: usize = 0;

/// What a [`Poll`] is the address of.
struct Queue {
    // constant after open:
    kqueue: c_int,
    /// Whether a wake-up is under way. Set by any notifier, cleared by the sleeper in step 3.
    notified: AtomicBool,
}

impl Drop for Queue {
    fn drop(&mut self) {
        system::close_kqueue(self.kqueue);
    }
}

fn change(ident: usize, filter: i16, flags: u16, fflags: u32, token: u64) -> Kevent {
    let udata = core::ptr::without_provenance_mut(token as usize);
    Kevent { ident, filter, flags, fflags, data: 0, udata }
}

/// Makes changes; the first refusal, if one was.
fn make(kqueue: c_int, changes: &[Kevent]) -> OsResult<()> {
    let mut receipts = [change(0, 0, 0, 0, 0); 2];
    let count = changes.len().min(receipts.len()) as c_int;
    // SAFETY: as many changes, and room for as many receipts; no limit, for receipts don't wait.
    let made = unsafe {
        system::kevent(kqueue, changes.as_ptr(), count, receipts.as_mut_ptr(), count, null())
    };
    let made = usize::try_from(made).map_err(|_| system::errno())?;
    let refused = |receipt: &&Kevent| receipt.flags & EV_ERROR != 0 && receipt.data != 0;
    match receipts[..made].iter().find(refused) {
        Some(receipt) => Err(OsError(receipt.data as i32)),
        None => Ok(()),
    }
}

pub(crate) fn open() -> OsResult<Poll> {
    let kqueue = system::kqueue()?;
    let queue = Queue { kqueue, notified: AtomicBool::new(false) };
    let flags = EV_ADD | EV_CLEAR | EV_RECEIPT;
    make(kqueue, &[change(NOTIFIED, EVFILT_USER, flags, 0, 0)])?;
    Ok(os_unix::poll::open(queue))
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
    let flags = EV_ADD | EV_CLEAR | EV_RECEIPT;
    let both = [EVFILT_READ, EVFILT_WRITE].map(|filter| change(socket.0, filter, flags, 0, token));
    let added = make(queue(poll).kqueue, &both);
    if added.is_err() {
        // One of them may have been taken.
        remove(poll, socket);
    }
    added
}

pub(crate) fn remove(poll: Poll, socket: Socket) {
    let flags = EV_DELETE | EV_RECEIPT;
    let both = [EVFILT_READ, EVFILT_WRITE].map(|filter| change(socket.0, filter, flags, 0, 0));
    // A socket that was closed before, or never added, is not in it.
    let _ = make(queue(poll).kqueue, &both);
}

pub(crate) fn poll(poll: Poll, events: &mut [Event], until: u64) -> usize {
    let queue = queue(poll);
    let mut found = [change(0, 0, 0, 0, 0); EVENTS];
    // No more than the caller can take: an edge that is shown once and dropped is lost.
    let room = events.len().min(EVENTS) as c_int;
    debug_assert!(room > 0, "a poll must have room for an event");
    let limit = clock::remaining::<Darwin>(until).map(|left| system::timespec(left.min(LONGEST)));
    let limit = limit.as_ref().map_or(null(), core::ptr::from_ref);
    // SAFETY: no changes, as much room as is said, and a limit that is null or lives long enough.
    let count = unsafe { system::kevent(queue.kqueue, null(), 0, found.as_mut_ptr(), room, limit) };
    // An interrupted sleep is over, as any sleep may be.
    let Ok(count) = usize::try_from(count) else { return 0 };
    let mut filled = 0;
    for event in &found[..count] {
        if event.filter == EVFILT_USER {
            take_notice(queue, until != 0);
            continue;
        }
        events[filled] = report(event);
        filled += 1;
    }
    filled
}

/// The core's view of an event. What has no other end any more ends both directions' waiting.
fn report(event: &Kevent) -> Event {
    let over = event.flags & EV_EOF != 0 && event.fflags != 0;
    let readable = over || event.filter == EVFILT_READ;
    Event {
        token: event.udata.addr() as u64,
        readable,
        writable: over || event.filter == EVFILT_WRITE,
        // Of urgent data, at which a `recv` stops with more behind it, kqueue tells nothing.
        ended: readable,
    }
}

/// Step 3 or 4.
fn take_notice(queue: &Queue, slept: bool) {
    if slept {
        // Acquire: pairs with the Release in notify(), so that what a merged notifier did before is
        // seen after this `poll`.
        queue.notified.swap(false, Ordering::Acquire);
    } else {
        trigger(queue);
    }
}

fn trigger(queue: &Queue) {
    // The filter is there as long as the queue, so there is nothing to refuse.
    let _ = make(queue.kqueue, &[change(NOTIFIED, EVFILT_USER, EV_RECEIPT, NOTE_TRIGGER, 0)]);
}

pub(crate) fn notify(poll: Poll) {
    let queue = queue(poll);
    // Release: pairs with the Acquire in take_notice(). Acquire: the call below stays below.
    if !queue.notified.swap(true, Ordering::AcqRel) {
        trigger(queue);
    }
}

const _: () = assert!(size_of::<usize>() == size_of::<u64>(), "a token is the caller's own word");
