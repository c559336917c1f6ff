//! What a goroutine waits for outside of others: times, sockets, futures.

mod everywhere_it_waits;
mod futures;
mod httpd;
mod net;
mod time;
mod timeouts;
mod timers;
