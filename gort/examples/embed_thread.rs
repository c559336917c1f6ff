//! A runtime on a thread that the host gives it, for as long as the host likes: here for a part of
//! each frame of a program with a loop of its own.
//!
//! In default mode `run` makes the calling thread its first worker, and what it is given stays there.
//! So it may borrow from the host's stack and use what is bound to the host's thread; with
//! `spawn_local`, so may its goroutines. With one worker there is no other thread at all, and when `run`
//! returns, nothing of the runtime is left.
//!
//! ```text
//! cargo run --release --example embed_thread
//! ```

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use gort::chan;

const FRAMES: usize = 5;
const ACTORS: usize = 20;

thread_local! {
    /// Something that the host keeps for its own thread, as windows and contexts of graphics are.
    static DRAWN: Cell<usize> = const { Cell::new(0) };
}

/// The host's world. `Rc` and `RefCell` are for one thread.
struct World {
    positions: Rc<RefCell<Vec<i64>>>,
    seen_on: Vec<ThreadId>,
}

impl World {
    fn new() -> World {
        World { positions: Rc::new(RefCell::new(vec![0; ACTORS])), seen_on: Vec::new() }
    }

    /// One frame: every actor is a goroutine, and they talk to each other.
    fn frame(&mut self) -> io::Result<()> {
        let runtime = gort::Builder::new().procs(1);
        let seen = runtime.run(|| {
            let (tick, ticks) = chan::bounded::<()>(0);
            let actors: Vec<_> = (0..ACTORS)
                .map(|actor| {
                    // Neither `Send` nor moved to another thread.
                    let (positions, ticks) = (Rc::clone(&self.positions), ticks.clone());
                    gort::spawn_local(move || {
                        // All of them wait, and the thread goes on with the others.
                        while ticks.recv().is_ok() {
                            positions.borrow_mut()[actor] += 1;
                            DRAWN.set(DRAWN.get() + 1);
                        }
                        thread::current().id()
                    })
                })
                .collect();
            (0..ACTORS).for_each(|_| tick.send(()).expect("somebody waits for it"));
            drop(tick);
            gort::sleep(Duration::from_micros(100));
            actors.into_iter().map(|actor| actor.join().expect("no panic")).collect::<Vec<_>>()
        })?;
        self.seen_on.extend(seen);
        Ok(())
    }
}

/// The host's loop. Returns how many ticks there were, and whether all was done on its thread.
fn host() -> io::Result<(i64, bool)> {
    let mut world = World::new();
    DRAWN.set(0);
    for _ in 0..FRAMES {
        world.frame()?;
        // Between two frames the thread is the host's alone.
    }
    let here = thread::current().id();
    let ticks = world.positions.borrow().iter().sum();
    let drawn = i64::try_from(DRAWN.get()).unwrap_or(i64::MAX);
    Ok((ticks, drawn == ticks && world.seen_on.iter().all(|thread| *thread == here)))
}

fn main() -> io::Result<()> {
    let (ticks, all_here) = host()?;
    assert_eq!((ticks, all_here), ((FRAMES * ACTORS) as i64, true));
    println!("{ticks} ticks in {FRAMES} frames, all on the thread of the host");
    Ok(())
}

#[test]
fn all_is_done_on_the_hosts_thread() {
    assert_eq!(host().unwrap(), ((FRAMES * ACTORS) as i64, true));
    // On any thread that the host has.
    let other = thread::spawn(|| host().unwrap());
    assert_eq!(other.join().unwrap(), ((FRAMES * ACTORS) as i64, true));
}
