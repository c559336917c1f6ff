//! `gort::sync`'s reader-writer lock, condition variable, barrier, semaphore and lazy values, with
//! std's behaviour as the yardstick.

mod barrier;
mod condvar;
mod mpsc;
mod once;
mod rwlock;
mod semaphore;
mod traits;
mod wait_group;
