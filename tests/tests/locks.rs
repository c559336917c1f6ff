//! `gort::sync`'s reader-writer lock, condition variable, barrier, semaphore and lazy values, with
//! std's behaviour as the yardstick.

mod world;

#[path = "locks/barrier.rs"]
mod barrier;
#[path = "locks/condvar.rs"]
mod condvar;
#[path = "locks/mpsc.rs"]
mod mpsc;
#[path = "locks/once.rs"]
mod once;
#[path = "locks/rwlock.rs"]
mod rwlock;
#[path = "locks/semaphore.rs"]
mod semaphore;
#[path = "locks/traits.rs"]
mod traits;
#[path = "locks/wait_group.rs"]
mod wait_group;
