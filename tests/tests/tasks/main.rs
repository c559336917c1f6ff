//! What a goroutine is to those who start it: it is spawned and joined, panics,
//! holds values of its own, is left behind.

mod abandoned;
mod attributes;
mod leaked;
mod locals;
mod migratory;
mod os_thread;
mod panics;
mod safety;
mod smoke;
mod threads;
