//! `kqueue` and `kevent` over epoll and eventfd, for the filters READ, WRITE and USER.
//!
//! ```text
//! kqueue = outer epoll -+- epoll of the READ filters --- descriptors
//!                       +- epoll of the WRITE filters -- descriptors
//!                       '- the eventfd of each USER filter
//! ```
//!
//! The outer one only says which to look into, so the filters of one descriptor are apart, as those
//! of a kqueue are, and each is edge-triggered if it has `EV_CLEAR`. What to report of a filter, and
//! the caller's own word, stand in a table beside it.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something can be read from the descriptor.
pub const EVFILT_READ: i16 = -1;
/// Something can be written to the descriptor.
pub const EVFILT_WRITE: i16 = -2;
/// Somebody has said [`NOTE_TRIGGER`].
pub const EVFILT_USER: i16 = -10;
/// Puts the filter into the queue.
pub const EV_ADD: u16 = 0x1;
/// Takes the filter out.
pub const EV_DELETE: u16 = 0x2;
/// Reports each change once.
pub const EV_CLEAR: u16 = 0x20;
/// Answers each change by an event, with the error's number as its data.
pub const EV_RECEIPT: u16 = 0x40;
/// In an event: the data is an error's number.
pub const EV_ERROR: u16 = 0x4000;
/// In an event: the other end has closed.
pub const EV_EOF: u16 = 0x8000;
/// Fires a [`EVFILT_USER`].
pub const NOTE_TRIGGER: u32 = 0x0100_0000;

/// A change, or an event.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Kevent {
    /// The descriptor, or any number for a [`EVFILT_USER`].
    pub ident: usize,
    /// What to look at.
    pub filter: i16,
    /// `EV_*`.
    pub flags: u16,
    /// `NOTE_*`.
    pub fflags: u32,
    /// What the filter says.
    pub data: isize,
    /// The caller's own.
    pub udata: *mut c_void,
}

/// A filter in a queue.
struct Note {
    flags: u16,
    udata: usize,
    /// Of a `USER` filter.
    event: Option<OwnedFd>,
}

/// What a descriptor that [`kqueue`] returned stands for.
struct Queue {
    outer: OwnedFd,
    read: OwnedFd,
    write: OwnedFd,
    /// By number and filter.
    notes: Mutex<HashMap<(usize, i16), Note>>,
}

/// The queues of this process, by the outer epoll's descriptor.
static QUEUES: Mutex<Option<HashMap<RawFd, Arc<Queue>>>> = Mutex::new(None);

/// The outer epoll's words for the inner ones; those of `USER` filters are their numbers above.
const READ: u64 = 0;
const WRITE: u64 = 1;
const FIRST_USER: u64 = 2;

/// Nobody panics while holding one of the locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)
}

/// The descriptor that a call returned.
fn owned(result: c_int) -> Result<OwnedFd, i32> {
    if result < 0 {
        return Err(errno());
    }
    // SAFETY: a descriptor that was just made, for us.
    Ok(unsafe { OwnedFd::from_raw_fd(result) })
}

/// `epoll_ctl`.
fn control(epoll: &OwnedFd, op: c_int, fd: RawFd, flags: c_int, word: u64) -> Result<(), i32> {
    let mut event = libc::epoll_event { events: flags as u32, u64: word };
    // SAFETY: the event lives through the call.
    match unsafe { libc::epoll_ctl(epoll.as_raw_fd(), op, fd, &raw mut event) } {
        0 => Ok(()),
        _ => Err(errno()),
    }
}

/// A new queue. -1: none, and `errno` says why.
pub fn kqueue() -> c_int {
    let open = || {
        // SAFETY: takes a flag.
        let epoll = || owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) });
        let (outer, read, write) = (epoll()?, epoll()?, epoll()?);
        control(&outer, libc::EPOLL_CTL_ADD, read.as_raw_fd(), libc::EPOLLIN, READ)?;
        control(&outer, libc::EPOLL_CTL_ADD, write.as_raw_fd(), libc::EPOLLIN, WRITE)?;
        Ok(Queue { outer, read, write, notes: Mutex::default() })
    };
    match open() {
        Ok(queue) => {
            let number = queue.outer.as_raw_fd();
            lock(&QUEUES).get_or_insert_default().insert(number, Arc::new(queue));
            number
        }
        Err(error) => refuse(error),
    }
}

/// Closes a queue: `close` knows nothing of what belongs to it.
pub fn close_kqueue(queue: c_int) {
    drop(lock(&QUEUES).as_mut().and_then(|queues| queues.remove(&queue)));
}

/// Sets `errno` and returns -1.
fn refuse(error: i32) -> c_int {
    // SAFETY: libc's address of this thread's `errno`.
    let at = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *at = error };
    -1
}

/// Makes the changes; then waits for events and writes them, and returns how many. -1: neither, and
/// `errno` says why.
///
/// # Safety
/// - `changes` and `events` are as many as is said; `limit` is null or a time.
pub unsafe fn kevent(
    queue: c_int,
    changes: *const Kevent,
    change_count: c_int,
    events: *mut Kevent,
    event_count: c_int,
    limit: *const libc::timespec,
) -> c_int {
    let Some(queue) = lock(&QUEUES).as_ref().and_then(|queues| queues.get(&queue).cloned()) else {
        return refuse(libc::EBADF);
    };
    let (mut filled, room) = (0, event_count as usize);
    for index in 0..change_count as usize {
        // SAFETY: one of the caller's changes.
        let change = unsafe { changes.wrapping_add(index).read() };
        let error = queue.change(&change).err().unwrap_or(0);
        if change.flags & EV_RECEIPT != 0 && filled < room {
            let receipt = Kevent { flags: EV_ERROR, data: error as isize, ..change };
            // SAFETY: within the caller's room.
            unsafe { events.wrapping_add(filled).write(receipt) };
            filled += 1;
        } else if error != 0 {
            return refuse(error);
        }
    }
    if filled > 0 || room == 0 {
        return filled as c_int;
    }
    let mut whole = libc::pollfd { fd: queue.outer.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the record lives through the call; the caller's time.
    if unsafe { libc::ppoll(&raw mut whole, 1, limit, core::ptr::null()) } < 0 {
        return refuse(errno());
    }
    queue.ready(room, |event| {
        // SAFETY: within the caller's room, of which `ready` is told.
        unsafe { events.wrapping_add(filled).write(event) };
        filled += 1;
    });
    filled as c_int
}

impl Queue {
    /// The epoll that a filter of a descriptor stands in, and what it asks there.
    fn inner(&self, filter: i16) -> Option<(&OwnedFd, c_int)> {
        match filter {
            EVFILT_READ => Some((&self.read, libc::EPOLLIN | libc::EPOLLRDHUP)),
            EVFILT_WRITE => Some((&self.write, libc::EPOLLOUT)),
            _ => None,
        }
    }

    fn change(&self, change: &Kevent) -> Result<(), i32> {
        let mut notes = lock(&self.notes);
        let key = (change.ident, change.filter);
        let Some((epoll, interest)) = self.inner(change.filter) else {
            return self.change_user(&mut notes, change);
        };
        let fd = change.ident as RawFd;
        if change.flags & EV_DELETE != 0 {
            let known = notes.remove(&key);
            let taken_out = control(epoll, libc::EPOLL_CTL_DEL, fd, 0, 0);
            return known.map_or(Err(libc::ENOENT), |_| taken_out);
        }
        let edge = if change.flags & EV_CLEAR != 0 { libc::EPOLLET } else { 0 };
        let add = |op| control(epoll, op, fd, interest | edge, change.ident as u64);
        match add(libc::EPOLL_CTL_ADD) {
            Err(libc::EEXIST) => add(libc::EPOLL_CTL_MOD)?,
            result => result?,
        }
        let note =
            Note { flags: change.flags, udata: change.udata.expose_provenance(), event: None };
        notes.insert(key, note);
        Ok(())
    }

    fn change_user(
        &self,
        notes: &mut HashMap<(usize, i16), Note>,
        change: &Kevent,
    ) -> Result<(), i32> {
        if change.filter != EVFILT_USER {
            return Err(libc::EINVAL);
        }
        let key = (change.ident, EVFILT_USER);
        if change.flags & EV_DELETE != 0 {
            // Closing the eventfd takes it out of the epoll.
            return notes.remove(&key).map(drop).ok_or(libc::ENOENT);
        }
        if change.flags & EV_ADD != 0 && !notes.contains_key(&key) {
            // SAFETY: takes two numbers.
            let event = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
            let event = owned(event)?;
            let word = FIRST_USER + change.ident as u64;
            control(&self.outer, libc::EPOLL_CTL_ADD, event.as_raw_fd(), libc::EPOLLIN, word)?;
            let (flags, udata) = (change.flags, change.udata.expose_provenance());
            notes.insert(key, Note { flags, udata, event: Some(event) });
        }
        let Some(note) = notes.get(&key) else { return Err(libc::ENOENT) };
        if let Some(event) = &note.event
            && change.fflags & NOTE_TRIGGER != 0
        {
            let one = 1_u64;
            // SAFETY: eight bytes of a live word. Full at 2^64 - 1, which is as good as fired.
            unsafe { libc::write(event.as_raw_fd(), (&raw const one).cast(), 8) };
        }
        Ok(())
    }

    /// What is ready at this moment, and no more than there is room for.
    fn ready(&self, room: usize, mut found: impl FnMut(Kevent)) {
        let notes = lock(&self.notes);
        let mut left = room;
        look(&self.outer, MOST, |word, _| {
            let (epoll, filter) = match word {
                READ => (&self.read, EVFILT_READ),
                WRITE => (&self.write, EVFILT_WRITE),
                user => {
                    let ident = (user - FIRST_USER) as usize;
                    let note = notes.get(&(ident, EVFILT_USER)).filter(|_| left > 0);
                    if let Some(event) = note.and_then(|note| note.fired(ident)) {
                        left -= 1;
                        found(event);
                    }
                    return;
                }
            };
            look(epoll, left, |ident, flags| {
                let key = (ident as usize, filter);
                // None: it was taken out by another thread a moment ago.
                let Some(note) = notes.get(&key) else { return };
                let gone = flags & (libc::EPOLLHUP | libc::EPOLLRDHUP | libc::EPOLLERR) != 0;
                left -= 1;
                found(note.event_of(key, note.flags | if gone { EV_EOF } else { 0 }));
            });
        });
    }
}

impl Note {
    fn event_of(&self, (ident, filter): (usize, i16), flags: u16) -> Kevent {
        let udata = core::ptr::with_exposed_provenance_mut(self.udata);
        Kevent { ident, filter, flags, fflags: 0, data: 0, udata }
    }

    /// The event of a `USER` filter; none if another thread has just taken it.
    fn fired(&self, ident: usize) -> Option<Kevent> {
        let mut count = 0_u64;
        if self.flags & EV_CLEAR != 0 {
            let event = self.event.as_ref()?.as_raw_fd();
            // SAFETY: eight writable bytes.
            if unsafe { libc::read(event, (&raw mut count).cast(), 8) } != 8 {
                return None;
            }
        }
        Some(self.event_of((ident, EVFILT_USER), self.flags))
    }
}

/// The most that is looked at in one call.
const MOST: usize = 128;

/// What an epoll says at this moment, `room` of it at most: words and flags.
fn look(epoll: &OwnedFd, room: usize, mut found: impl FnMut(u64, c_int)) {
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; MOST];
    let room = room.min(MOST) as c_int;
    if room == 0 {
        return;
    }
    // SAFETY: as much room as is said.
    let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), room, 0) };
    let count = usize::try_from(count).unwrap_or(0);
    events[..count].iter().for_each(|event| found(event.u64, event.events as c_int));
}
