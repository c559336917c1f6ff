//! Waiting for one of several channels: which operation comes first, or is ready first.

use alloc::vec::Vec;

use super::channel::AT_ONCE;
use super::handles::Handle;
use super::packet::{Note, Packet, Token};
use super::pick::Registered;
use crate::lock::Protected;
use crate::seam::mutant;
use crate::switch::checkpoint;
use crate::wait::{Many, Place, WaitQueue, WaitsFor, Wake, chance, park_in_many, park_limited};
use crate::{FOREVER, os};

/// So many operations need no memory of the heap.
pub(super) const FEW: usize = 8;

/// Where a wait has less to prepare.
const FEWER: usize = 4;

/// `since` of one who has not waited.
const NOT_WAITED: u64 = FOREVER;

/// An operation that a `select` can choose: what a sender and a receiver have in common. None of it
/// makes, looks at or drops a message.
pub(super) trait Case {
    /// Chooses it, if it needn't wait.
    fn pick(&self, since: u64) -> Option<Token>;

    /// Whether it needn't wait.
    fn is_ready(&self) -> bool;

    /// When it will be ready by itself; `FOREVER` if never.
    fn next_due(&self) -> u64;

    /// Joins the channel's queue, unless it needn't wait.
    ///
    /// # Safety
    /// - The channel, `me` and the entry stay where they are until `unregister`.
    unsafe fn register(&self, me: &Many, entry: &Entry, since: u64) -> Registered;

    /// Leaves the channel's queue.
    ///
    /// # Safety
    /// - The entry was given to no other's `register`.
    unsafe fn unregister(&self, entry: &Entry);

    /// Rings for a future that is to try when this waits. True for a send: it counts as coming from now
    /// on, until `register` or `unregister`.
    fn announce(&self) -> bool;

    /// Gives up what was chosen. A message that a sender has handed over may be lost.
    fn abandon(&self, token: Token);
}

/// What one operation needs to wait.
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) packet: Packet,
}

impl Entry {
    const fn new(note: Note) -> Entry {
        Entry { place: Place::new(), packet: Packet::without(note) }
    }
}

/// What a `select` has chosen.
pub(super) struct Chosen<'a> {
    pub(super) handle: Handle<'a>,
    pub(super) token: Token,
}

/// Chooses one of the operations; none if none can be chosen by `deadline`. The order of the handles
/// is that in which they are asked, and is changed for a choice without bias.
pub(super) fn choose<'a>(
    handles: &mut [Handle<'a>],
    deadline: u64,
    biased: bool,
) -> Option<Chosen<'a>> {
    if deadline != AT_ONCE {
        // One that is always ready never waits; and it takes as long as a resumption.
        checkpoint();
    }
    let mut since = NOT_WAITED;
    loop {
        let waited = since;
        let ready = |handle: &Handle<'a>| {
            os::point();
            handle.case.pick(waited).map(|token| Chosen { handle: *handle, token })
        };
        if let Some(chosen) = first(handles, biased, ready) {
            return Some(chosen);
        }
        let Some(until) = goes_on_until(handles, deadline, &mut since) else {
            return mutant!("look-twice": second_look(handles, ready) => None);
        };
        if let Some((at, Some(token))) = wait(handles, Note::Selects, until, since) {
            return Some(Chosen { handle: handles[at], token });
        }
    }
}

/// The number of an operation that is ready; none if none is by `deadline`.
pub(super) fn ready(handles: &mut [Handle<'_>], deadline: u64, biased: bool) -> Option<usize> {
    let mut since = NOT_WAITED;
    loop {
        let ready = |handle: &Handle<'_>| {
            os::point();
            handle.case.is_ready().then_some(handle.index)
        };
        if let Some(ready) = first(handles, biased, ready) {
            return Some(ready);
        }
        let Some(until) = goes_on_until(handles, deadline, &mut since) else {
            return second_look(handles, ready);
        };
        wait(handles, Note::Watches, until, since);
    }
}

/// Looks at all operations once more, before it is said that none is ready. One look is not enough: a
/// message may have come to the first channel, and only then another gone from the second, so that
/// there was one at every moment.
fn second_look<'a, T>(
    handles: &[Handle<'a>],
    ready: impl FnMut(&Handle<'a>) -> Option<T>,
) -> Option<T> {
    if handles.len() > 1 { handles.iter().find_map(ready) } else { None }
}

/// Until when to wait: until the deadline, or one of the operations is ready by itself. None if the time
/// is over. Notes when the waiting began, if there is a use for that.
fn goes_on_until(handles: &[Handle<'_>], deadline: u64, since: &mut u64) -> Option<u64> {
    if deadline == AT_ONCE {
        // One who asks again and again lets others run at times.
        checkpoint();
        return None;
    }
    let until = handles.iter().map(|handle| handle.case.next_due()).fold(deadline, u64::min);
    if until != FOREVER {
        let now = os::now();
        *since = now.min(*since);
        if deadline <= now {
            return None;
        }
    }
    Some(until)
}

/// The first operation of which `ask` says something. They are asked in their order if `biased`, and
/// otherwise in one that is made meanwhile (Fisher and Yates): each is as likely.
fn first<'a, T>(
    handles: &mut [Handle<'a>],
    biased: bool,
    mut ask: impl FnMut(&Handle<'a>) -> Option<T>,
) -> Option<T> {
    if biased || handles.len() < 2 {
        return handles.iter().find_map(ask);
    }
    let mut random = chance();
    for left in (1..=handles.len()).rev() {
        // Below `left`, by a multiplication in place of a division (Lemire).
        let at = (((random >> 32) * left as u64) >> 32) as usize;
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        if let Some(said) = ask(&handles[at]) {
            return Some(said);
        }
        handles.swap(at, left - 1);
    }
    None
}

/// Waits until somebody says something about an operation, or one of them may be ready by itself,
/// or until `deadline`. What was said, if it is that: where, and the token if it was given one.
fn wait(
    handles: &[Handle<'_>],
    note: Note,
    deadline: u64,
    since: u64,
) -> Option<(usize, Option<Token>)> {
    if handles.len() <= FEWER {
        wait_with(handles, &[(); FEWER].map(|()| Entry::new(note)), note, deadline, since)
    } else if handles.len() <= FEW {
        wait_with(handles, &[(); FEW].map(|()| Entry::new(note)), note, deadline, since)
    } else {
        let entries: Vec<Entry> = handles.iter().map(|_| Entry::new(note)).collect();
        wait_with(handles, &entries, note, deadline, since)
    }
}

/// As `wait`, with as many entries as handles at least.
fn wait_with(
    handles: &[Handle<'_>],
    entries: &[Entry],
    note: Note,
    deadline: u64,
    since: u64,
) -> Option<(usize, Option<Token>)> {
    let entries = &entries[..handles.len()];
    let mut own = None;
    let register = |me: &Many| {
        for (at, (handle, entry)) in handles.iter().zip(entries).enumerate() {
            // SAFETY: `leave` below takes all out before `park_in_many` returns, and the entries and
            // the channels, which `handles` borrow, outlive that.
            match unsafe { handle.case.register(me, entry, since) } {
                Registered::Waits if me.is_waiting() => {}
                Registered::Waits | Registered::Lost => return true,
                Registered::Got(token) => {
                    own = Some((at, Some(token)));
                    return false;
                }
                Registered::Ready => return false,
            }
        }
        true
    };
    if note == Note::Selects {
        for (handle, entry) in handles.iter().zip(entries) {
            entry.packet.announced.set(handle.case.announce());
        }
    }
    let leave = || {
        for (handle, entry) in handles.iter().zip(entries) {
            // SAFETY: each entry was registered with its own handle's channel alone.
            unsafe { handle.case.unregister(entry) };
        }
    };
    let wake = park_in_many(deadline, register, leave);
    if own.is_some() || wake == Wake::TimedOut {
        return own;
    }
    entries.iter().enumerate().find_map(|(at, entry)| match entry.packet.note.get() {
        Note::Got(token) => Some((at, Some(token))),
        Note::Ready => Some((at, None)),
        _ => None,
    })
}

/// Waits until `deadline`, or for ever.
pub(super) fn wait_for_nobody(deadline: u64) {
    if deadline == AT_ONCE || deadline != FOREVER && os::now() >= deadline {
        return;
    }
    let nobody = Protected::new(WaitQueue::new(WaitsFor::Nothing));
    // SAFETY: the queue stays on this stack while this waits.
    let wake =
        unsafe { park_limited(nobody.lock(), |queue| queue, core::ptr::null_mut(), deadline) };
    debug_assert_eq!(wake, Wake::TimedOut, "nobody knows of this queue");
}
