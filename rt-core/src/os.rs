//! What the core needs from an operating system: the traits [`Os`], [`Poller`] and [`Net`].
//!
//! A backend implements them on a unit struct and [`platform!`](crate::platform) links them. A
//! particular implementation must define every function below, with these semantics. Sizes are in
//! bytes, times are nanoseconds of one monotonic clock, deadlines are absolute, and *every wait may
//! return for no reason*: the core looks again each time.

use core::net::SocketAddr;

use crate::seam::AtomicU32;

/// The deadline that never comes.
pub const FOREVER: u64 = u64::MAX;

/// Why the system refused: its own error number (`errno` on Unix).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OsError(pub i32);

/// The result of a call to the system.
pub type OsResult<T> = Result<T, OsError>;

/// A thread that [`Os::start`] made, to be passed to [`Os::join`] once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadHandle(pub usize);

/// What the core says about a memory fault that the backend asks it about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The address is no guard of ours: let whoever was there before handle it.
    NotOurs,
    /// A goroutine ran into its guard. The report is written; the process must abort.
    Overflow,
}

/// What a system has run out of, for whoever has to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What ran out, in the plural.
    pub of: &'static str,
    /// How many of them the process has, where the system tells.
    pub used: Option<u64>,
    /// How many it may have, where there is a limit and the system tells.
    pub most: Option<u64>,
    /// What to raise.
    pub raise: &'static str,
}

/// How guards are made, for the start-up report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardKind {
    /// A marker in the page table, which splits no mapping (`MADV_GUARD_INSTALL`).
    Marker,
    /// A page without rights, which costs two mappings a stack (`mprotect`).
    Protection,
    /// Nothing: the backend simulates memory.
    Simulated,
}

/// Memory, threads, sleep and the rest of what a kernel gives.
pub trait Os {
    // Memory. Address space goes reserved -> committed -> (guarded | discarded)* -> released.

    /// The page size, a power of two. Constant after the first call.
    fn page_size() -> usize;

    /// Sets aside `bytes` of address space (a multiple of the page size), aligned to the page
    /// size. Nothing in it may be touched before [`Os::commit`]; it costs no memory.
    fn reserve(bytes: usize) -> OsResult<*mut u8>;

    /// Makes `bytes` from `at` readable and writable, zero on first touch. Memory is used up page
    /// by page, by touching. Huge pages must not be used for it.
    ///
    /// # Safety
    /// - The range lies in one live reservation, on page borders, and was not committed before.
    unsafe fn commit(at: *mut u8, bytes: usize) -> OsResult<()>;

    /// Makes the `bytes` at `first`, `first + stride`, ... (`count` of them) fault on any access
    /// until the reservation is released. [`Os::discard`] of a range around a guard keeps it.
    ///
    /// # Safety
    /// - Each range is committed, on page borders, and holds nothing that is used again. It may have
    ///   a guard already, from a call that was refused half-way.
    unsafe fn guard(first: *mut u8, bytes: usize, stride: usize, count: usize) -> OsResult<()>;

    /// Has memory put behind some pages, each by its lowest address, which are about to be written: together
    /// they take less time than a fault each. A hint, which changes nothing of what is in them.
    fn populate(_pages: &[*mut u8]) {}

    /// Gives the memory behind `bytes` from `at` back to the system. The range stays committed and
    /// reads as zero when next touched. Can't fail: at worst the memory is kept and zeroed.
    ///
    /// # Safety
    /// - The range is committed, on page borders, holds no guard, and its contents are not needed.
    unsafe fn discard(at: *mut u8, bytes: usize);

    /// Gives a whole reservation back.
    ///
    /// # Safety
    /// - `at` and `bytes` are those of one [`Os::reserve`]; nothing in it is used again.
    unsafe fn release(at: *mut u8, bytes: usize);

    /// How [`Os::guard`] does it on this machine.
    fn guard_kind() -> GuardKind;

    // Threads.

    /// The number of processors this process may use at this moment: affinity mask and quota, at
    /// least 1. Asked once a second at most.
    fn cpus() -> usize;

    /// The most that [`Os::cpus`] will ever answer, as far as the system tells.
    fn most_cpus() -> usize {
        Self::cpus()
    }

    /// Starts a thread that calls `entry(arg)` and ends when that returns. Its word is null. The
    /// thread can overflow a goroutine's stack and still run the fault handler (it has an alternate
    /// stack of its own). `EAGAIN` is retried for a while before it is reported, unless one was
    /// reported within the last second: those who need no thread must go on.
    ///
    /// # Safety
    /// - `arg` is what `entry` expects, and valid on another thread.
    unsafe fn start(entry: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> OsResult<ThreadHandle>;

    /// Waits until the thread has ended and nothing of it is left, then frees what `start` made.
    ///
    /// # Safety
    /// - `thread` came from [`Os::start`] and was not joined before; it is not the caller.
    unsafe fn join(thread: ThreadHandle);

    /// Prepares the calling thread, which the core did not start, for running goroutines: an
    /// alternate signal stack if it has none. Returns a token for [`Os::leave_thread`].
    fn enter_thread() -> OsResult<usize>;

    /// Undoes [`Os::enter_thread`] on the same thread.
    ///
    /// # Safety
    /// - `token` came from `enter_thread` on this thread and was not used before.
    unsafe fn leave_thread(token: usize);

    /// How many threads the process has, the caller's included: each from the call that starts it
    /// until it has run its last instruction of the program's. 0 where the system doesn't tell.
    fn threads() -> usize;

    /// Calls `f(arg)` when the calling thread ends, before the destructors that were registered for
    /// its thread-locals by then. False, and nothing is called: not to be had here.
    ///
    /// # Safety
    /// - `arg` is what `f` expects, until then.
    unsafe fn at_thread_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> bool;

    /// A name for the calling thread, for [`Os::is_blocked`]. No other thread of the process has it
    /// while this one lives.
    fn thread() -> usize;

    /// Whether the thread of this name waits in the system at this moment, rather than run or be
    /// ready to. False as well if the system doesn't tell, or there is no such thread.
    fn is_blocked(thread: usize) -> bool;

    /// This thread's word: null until [`Os::set_local`]. Must be read anew on each call, for the
    /// caller may have moved to another thread since the last one.
    fn local() -> *mut ();

    /// Sets this thread's word.
    fn set_local(word: *mut ());

    // Sleep.

    /// Sleeps until woken by [`Os::wake`] on the same word or until the clock reaches `until`
    /// ([`FOREVER`]: no limit), unless `*word != expected` on entry. The comparison and the going
    /// to sleep are one step as seen by `wake`. May return for no reason.
    fn wait(word: &AtomicU32, expected: u32, until: u64);

    /// Wakes up to `n` threads that wait on the word at this address. The word may be gone by now:
    /// the address is only a name, and nothing is read through it.
    fn wake(word: *const AtomicU32, n: u32);

    /// The monotonic clock.
    fn now() -> u64;

    /// Makes every other running thread of the process pass a full fence between some point before
    /// this call returns and some point after it was entered, so that they may leave theirs out.
    /// False: not to be had here, and every call will answer so.
    fn fence_all() -> bool;

    /// Marks a place in the core's lock-free code where another thread could come between. Reality
    /// needs nothing here; a simulation lets somebody else go on.
    #[inline(always)]
    fn point() {}

    // The rest.

    /// A random number to seed the core's own generators.
    fn seed() -> u64;

    /// Writes to the error stream, as far as it goes. Callable from a fault handler.
    fn write_error(text: &[u8]);

    /// Asks to be called as `handler(address)` when a thread touches memory that it may not, on
    /// that thread's alternate stack. Installed once for the process, on the first call; for
    /// [`Fault::NotOurs`] the backend goes on to whatever was installed before: the default action
    /// (restore it and let the access fault again) or a handler (called with the same arguments).
    fn catch_faults(handler: fn(address: usize) -> Fault) -> OsResult<()>;

    /// Ends the process as a crash (`SIGABRT` on Unix).
    fn abort() -> !;

    /// Ends the process with this status.
    fn exit(status: i32) -> !;

    /// Asks to be called as `child()` in each process that a `fork` makes of this one, on its only
    /// thread, before `fork` returns there. Installed once for the process, on the first call.
    fn at_fork(child: fn()) -> OsResult<()>;

    /// How many times a process has become another by `fork` on the way from the one that first
    /// called [`Os::at_fork`] to this one: what was started when it was another number is not here.
    fn forks() -> u32;

    /// What has run out when the system refuses with this error; none if that is not what it says.
    /// Takes nothing from the heap.
    fn shortage(error: OsError) -> Option<Shortage>;

    /// The number of the error that says "not enough memory", for errors that the core finds.
    fn no_memory() -> OsError;
}

/// A poller: one queue of socket readiness that one thread at a time sleeps on. Functions that take
/// one are given only what [`Poller::open`] returned and [`Poller::close`] has not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll(pub usize);

/// One report of a poller: the socket added with `token` may be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Event {
    /// The token given to [`Poller::add`].
    pub token: u64,
    /// Reading may go on: data, end of stream, an error, or a connection to accept.
    pub readable: bool,
    /// Writing may go on: room, or an error.
    pub writable: bool,
    /// There may be something to receive of which no change tells: the stream has ended, or has an error.
    /// A backend that can't know says so whenever reading may go on.
    pub ended: bool,
}

/// Readiness of many sockets at once (Go's five netpoll functions).
pub trait Poller {
    /// A new poller.
    fn open() -> OsResult<Poll>;

    /// Closes it; sockets that are still added are not closed.
    fn close(poll: Poll);

    /// Adds a socket for both directions, reported on each *change* to ready (edge-triggered) and
    /// once for what is ready at this moment. The core uses no token of `u64::MAX`.
    fn add(poll: Poll, socket: Socket, token: u64) -> OsResult<()>;

    /// Takes a socket out. No event of it is reported by a `poll` that starts later.
    fn remove(poll: Poll, socket: Socket);

    /// Fills `events` and returns how many; sleeps until one comes, [`Poller::notify`] is called or
    /// the clock reaches `until` (0: do not sleep). A notify that came before the call ends it too.
    /// While one thread sleeps here others may look, without sleeping: an event is shown to one.
    fn poll(poll: Poll, events: &mut [Event], until: u64) -> usize;

    /// Ends the current `poll`, or else the next one, at once. Several merge into one.
    fn notify(poll: Poll);
}

/// A socket of the system, always non-blocking and closed on exec: a descriptor on Unix. Functions
/// that take one are given only sockets that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket(pub usize);

/// What kind of socket to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// TCP, of the family of this address.
    Stream,
    /// UDP, of the family of this address.
    Datagram,
}

/// One direction of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Receiving and accepting.
    Read,
    /// Sending and connecting.
    Write,
}

/// Which part of a connection [`Net::shutdown`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// No more receiving.
    Read,
    /// No more sending; the peer sees the end of the stream.
    Write,
    /// Both.
    Both,
}

/// The socket options that the API offers, each a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketOption {
    /// `TCP_NODELAY`, 0 or 1.
    NoDelay,
    /// `IP_TTL`.
    Ttl,
    /// `SO_REUSEADDR`, 0 or 1.
    ReuseAddress,
    /// `SO_ERROR`: the pending error's number, cleared by reading it. Read only.
    Error,
}

/// Sockets. No call sleeps: where one would, it reports [`Net::would_block`]. Interrupted calls are
/// restarted here and never reported.
pub trait Net {
    /// A new socket of `address`'s family.
    fn open(kind: SocketKind, address: &SocketAddr) -> OsResult<Socket>;

    /// Two connected stream sockets.
    fn pair() -> OsResult<(Socket, Socket)>;

    /// Gives the socket its own address.
    fn bind(socket: Socket, address: &SocketAddr) -> OsResult<()>;

    /// Starts to queue up to `backlog` connections.
    fn listen(socket: Socket, backlog: u32) -> OsResult<()>;

    /// Takes one queued connection and its peer's address.
    fn accept(socket: Socket) -> OsResult<(Socket, SocketAddr)>;

    /// Starts to connect. `Ok(true)`: connected; `Ok(false)`: under way, writable when decided,
    /// and then [`SocketOption::Error`] says how.
    fn connect(socket: Socket, address: &SocketAddr) -> OsResult<bool>;

    /// Receives into `buffer`; 0 is the end of the stream. With `peek` the data stays queued. Who has
    /// received less than there was room for has all that had come: what comes later is a change, as of
    /// [`Poller::add`]. Where that may not hold, [`Event::ended`] says so.
    fn recv(socket: Socket, buffer: &mut [u8], peek: bool) -> OsResult<usize>;

    /// Sends from `data`. Raises no signal when the peer is gone, but reports it.
    fn send(socket: Socket, data: &[u8]) -> OsResult<usize>;

    /// Sends from several buffers, in order, as one call; more than the system takes are left out.
    fn send_vectored(socket: Socket, data: &[&[u8]]) -> OsResult<usize>;

    /// Ends one or both directions of a connection.
    fn shutdown(socket: Socket, how: Shutdown) -> OsResult<()>;

    /// Reads an option.
    fn option(socket: Socket, option: SocketOption) -> OsResult<u32>;

    /// Sets an option.
    fn set_option(socket: Socket, option: SocketOption, value: u32) -> OsResult<()>;

    /// The socket's own address.
    fn local_name(socket: Socket) -> OsResult<SocketAddr>;

    /// The peer's address.
    fn peer_name(socket: Socket) -> OsResult<SocketAddr>;

    /// Closes the socket.
    fn close(socket: Socket);

    /// A second handle to the same socket, closed on exec as well.
    fn duplicate(socket: Socket) -> OsResult<Socket>;

    /// Makes the calling *thread* sleep until the socket may be ready in this direction or the
    /// clock reaches `until`: what a plain thread does where a goroutine parks.
    fn sleep_until_ready(socket: Socket, direction: Direction, until: u64);

    /// The error that says "not ready, try again".
    fn would_block() -> OsError;
}
