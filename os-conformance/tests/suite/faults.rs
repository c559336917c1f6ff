//! What can be broken, one thing at a time: the numbers that [`Broken`](crate::broken::Broken)
//! takes.

/// Every answer is the backend's.
pub(crate) const NOTHING: usize = 0;

// Sleep.
/// `wait` sleeps whatever the word is.
pub(crate) const EXPECTS_NOTHING: usize = 1;
/// `wait` compares, and some time later sleeps.
pub(crate) const GAP: usize = 2;
/// `wait` returns for no reason, each time.
pub(crate) const SLEEPLESS: usize = 3;
/// `wait` ends long after its deadline.
pub(crate) const OVERSLEEPS: usize = 4;
/// `wait` takes the last deadlines for one that is over.
pub(crate) const FOREVER_IS_OVER: usize = 5;
/// `wake` wakes nobody.
pub(crate) const WAKES_NOBODY: usize = 6;
/// `wake` wakes one, however many were asked for.
pub(crate) const WAKES_ONE: usize = 7;
/// `wake` wakes all, however few were asked for.
pub(crate) const WAKES_ALL: usize = 8;

// Time and other answers.
/// The clock steps back now and then.
pub(crate) const CLOCK_STEPS_BACK: usize = 9;
/// The clock counts pairs of nanoseconds.
pub(crate) const CLOCK_CREEPS: usize = 10;
/// Seeds are all the same.
pub(crate) const SEED_IS_CONSTANT: usize = 11;
/// The answer of `fence_all` changes.
pub(crate) const FENCE_FLICKERS: usize = 12;
/// There are no processors.
pub(crate) const NO_CPUS: usize = 13;
pub(crate) const NO_MOST_CPUS: usize = 65;
/// Another error says "no memory".
pub(crate) const OTHER_NO_MEMORY: usize = 14;

// Memory.
/// Committed memory is not zero.
pub(crate) const COMMITS_DIRT: usize = 15;
/// Reservations begin beside a page border.
pub(crate) const RESERVES_UNALIGNED: usize = 16;
/// `discard` does nothing.
pub(crate) const DISCARDS_NOTHING: usize = 17;
/// `discard` takes the page above too.
pub(crate) const DISCARDS_MORE: usize = 18;
/// `populate` zeroes the pages.
pub(crate) const POPULATES_ZEROS: usize = 69;
/// `guard` does nothing.
pub(crate) const GUARDS_NOTHING: usize = 19;
/// `guard` takes the page above instead.
pub(crate) const GUARDS_NEXT_PAGE: usize = 20;
/// `guard` takes the first range only.
pub(crate) const GUARDS_FIRST: usize = 21;
/// `release` does nothing.
pub(crate) const RELEASES_NOTHING: usize = 22;

// Threads.
/// All threads have one word.
pub(crate) const ONE_WORD: usize = 23;
/// A new thread's word is not null.
pub(crate) const INHERITS_A_WORD: usize = 24;
/// `join` does not wait.
pub(crate) const JOINS_AT_ONCE: usize = 25;
/// `start` runs the entry before it returns.
pub(crate) const STARTS_INLINE: usize = 26;
/// `at_thread_end` calls at once.
pub(crate) const ENDS_EARLY: usize = 27;

// The process.
/// `abort` exits.
pub(crate) const ABORT_EXITS: usize = 28;
/// `exit` has a status of its own.
pub(crate) const EXIT_FORGETS: usize = 29;
/// The error stream is closed.
pub(crate) const MUTE: usize = 30;
/// The handler of faults is not installed.
pub(crate) const CATCHES_NOTHING: usize = 31;

// Pollers.
/// `notify` does nothing.
pub(crate) const NOTIFIES_NOBODY: usize = 32;
/// Each `notify` ends one poll more.
pub(crate) const NOTIFICATIONS_ADD_UP: usize = 33;
/// The last event is reported again and again.
pub(crate) const REPEATS_EVENTS: usize = 34;
/// What is ready when it is added is not reported.
pub(crate) const MISSES_THE_MOMENT: usize = 35;
/// Writing is not watched.
pub(crate) const READS_ONLY: usize = 36;
/// The end of a stream is data.
pub(crate) const ENDS_UNSAID: usize = 67;
/// Tokens lose their upper half.
pub(crate) const CUTS_TOKENS: usize = 37;
/// `remove` does nothing.
pub(crate) const REMOVES_NOTHING: usize = 38;
/// `poll` sleeps although it must not.
pub(crate) const ZERO_SLEEPS: usize = 39;
/// More events than there is room for are dropped.
pub(crate) const DROPS_EVENTS: usize = 40;

// Sockets.
/// `accept` sleeps.
pub(crate) const ACCEPT_SLEEPS: usize = 41;
/// A look takes the data.
pub(crate) const PEEK_TAKES: usize = 42;
/// Some is left where there was room for it.
pub(crate) const RECEIVES_LITTLE: usize = 68;
/// A second handle is the first.
pub(crate) const DUPLICATE_IS_THE_SAME: usize = 43;
/// `close` leaves the socket open.
pub(crate) const CLOSES_NOTHING: usize = 44;
/// Sending to nobody succeeds.
pub(crate) const SENDS_TO_NOBODY: usize = 45;
/// `shutdown` ends both directions.
pub(crate) const SHUTS_BOTH: usize = 46;
/// Several buffers are sent in reverse.
pub(crate) const SENDS_BACKWARDS: usize = 47;
/// Setting the TTL does nothing.
pub(crate) const KEEPS_TTL: usize = 48;
/// The peer's name is the socket's own.
pub(crate) const PEER_IS_SELF: usize = 49;
/// An accepted connection's peer is not told.
pub(crate) const PEER_IS_UNKNOWN: usize = 50;
/// Another error says "not ready".
pub(crate) const OTHER_WOULD_BLOCK: usize = 51;
/// `sleep_until_ready` returns at once.
pub(crate) const SLEEPLESS_SOCKETS: usize = 52;
/// `sleep_until_ready` waits for the other direction.
pub(crate) const WAITS_FOR_THE_OTHER: usize = 53;

// Contexts.
/// The message into another flow is lost.
pub(crate) const FORGETS_MESSAGES: usize = 54;
/// A fresh stack is out of line.
pub(crate) const STACK_OUT_OF_LINE: usize = 55;
/// A fresh context is laid out at `top`, and over it.
pub(crate) const LAYS_OUT_ABOVE: usize = 56;
/// The counter of time stands still.
pub(crate) const TICKS_STAND: usize = 57;

// What came to the process later.
/// The function for children is not installed.
pub(crate) const TELLS_NO_CHILD: usize = 58;
/// Forks are not counted.
pub(crate) const COUNTS_NO_FORK: usize = 59;
/// No error tells of a shortage.
pub(crate) const SHORT_OF_NOTHING: usize = 60;
/// All threads have one name.
pub(crate) const ONE_NAME: usize = 61;
/// Every thread is blocked.
pub(crate) const ALL_BLOCKED: usize = 62;
/// No thread is blocked.
pub(crate) const NONE_BLOCKED: usize = 63;
/// `threads` knows of one thread.
pub(crate) const COUNTS_NO_THREAD: usize = 64;

// The processor.
/// What is to be fetched is written.
pub(crate) const FETCHES_ZERO: usize = 66;
