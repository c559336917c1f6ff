//! Faults of pollers.

use std::collections::BTreeMap;
use std::sync::Mutex;

use os_linux::Linux;
use rt_core::{Event, FOREVER, OsResult, Poll, Poller, Socket};

use super::Broken;
use super::os::{LONG, deadline};
use crate::faults::*;

/// What is remembered about a poller, by its number.
#[derive(Default)]
struct Memory {
    notifications: BTreeMap<usize, usize>,
    events: BTreeMap<usize, Event>,
}

static MEMORY: Mutex<Option<Memory>> = Mutex::new(None);

fn remember<T>(f: impl FnOnce(&mut Memory) -> T) -> T {
    f(MEMORY.lock().expect("no test panics with this lock").get_or_insert_default())
}

/// After a poll: one notification is used up, and the next follows.
fn use_up(poll: Poll) {
    let left = remember(|memory| {
        let left = memory.notifications.entry(poll.0).or_default();
        *left = left.saturating_sub(1);
        *left
    });
    if left > 0 {
        Linux::notify(poll);
    }
}

/// Reports the last event where there is none.
fn repeat(poll: Poll, events: &mut [Event], count: usize) -> usize {
    remember(|memory| match (events[..count].last(), memory.events.get(&poll.0)) {
        (Some(last), _) => {
            memory.events.insert(poll.0, *last);
            count
        }
        (None, Some(last)) => {
            events[0] = *last;
            1
        }
        (None, None) => 0,
    })
}

impl<const FAULT: usize> Poller for Broken<FAULT> {
    fn open() -> OsResult<Poll> {
        <Linux as Poller>::open()
    }

    fn close(poll: Poll) {
        remember(|memory| {
            memory.notifications.remove(&poll.0);
            memory.events.remove(&poll.0);
        });
        <Linux as Poller>::close(poll);
    }

    fn add(poll: Poll, socket: Socket, token: u64) -> OsResult<()> {
        let token = if FAULT == CUTS_TOKENS { token & u64::from(u32::MAX) } else { token };
        Linux::add(poll, socket, token)?;
        if FAULT == MISSES_THE_MOMENT {
            Linux::poll(poll, &mut [Event::default(); 16], 0);
        }
        Ok(())
    }

    fn remove(poll: Poll, socket: Socket) {
        if FAULT != REMOVES_NOTHING {
            Linux::remove(poll, socket);
        }
    }

    fn poll(poll: Poll, events: &mut [Event], until: u64) -> usize {
        let until = match until {
            0 if FAULT == ZERO_SLEEPS => <Linux as rt_core::Os>::now() + LONG,
            FOREVER => FOREVER,
            until => deadline::<FAULT>(until),
        };
        if FAULT == DROPS_EVENTS {
            let mut all = [Event::default(); 64];
            let count = Linux::poll(poll, &mut all, until).min(events.len());
            events[..count].copy_from_slice(&all[..count]);
            return count;
        }
        let count = Linux::poll(poll, events, until);
        match FAULT {
            READS_ONLY => events[..count].iter_mut().for_each(|event| event.writable = false),
            ENDS_UNSAID => events[..count].iter_mut().for_each(|event| event.ended = false),
            REPEATS_EVENTS => return repeat(poll, events, count),
            NOTIFICATIONS_ADD_UP if until != 0 => use_up(poll),
            _ => {}
        }
        count
    }

    fn notify(poll: Poll) {
        if FAULT == NOTIFICATIONS_ADD_UP {
            remember(|memory| *memory.notifications.entry(poll.0).or_default() += 1);
        }
        if FAULT != NOTIFIES_NOBODY {
            Linux::notify(poll);
        }
    }
}
