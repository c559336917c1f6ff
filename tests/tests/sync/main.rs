//! Channels and locks, in goroutines, on plain threads, and between the two.

mod chan;
mod locks;
mod mutex;
mod own_locks;
mod world;
