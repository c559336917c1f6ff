//! How a program comes by its thread-local storage on each system: a row each, and the start that
//! goes by it.
//!
//! [`rt0_go`] is the one way from the first instruction to the core, on every system and processor:
//! what differs is in the row, and the rows are in the crate of the processor (`arch_amd64::tls`). A
//! freestanding program on Linux runs it with that row on the real machine; [`Recorder`] is a machine
//! that only writes down what it is asked for, so that every other row runs as well, the skipping ones
//! included, wherever the tests do.

mod recorder;
mod start;

pub use recorder::{Asked, Recorder};
pub use start::{Halt, MAGIC, Machine, Worker, rt0_go, worker};

/// What one system does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsModel {
    /// Its name.
    pub system: &'static str,
    /// Where the number of arguments is found.
    pub argc: Argc,
    /// Who starts the program, and has its storage before it runs; none if that is the kernel.
    pub host: Option<&'static str>,
    /// Whether the first thread's storage is set by us.
    pub tls: Tls,
    /// Where the thread's word is: Go's `g`, our worker.
    pub g: Slot,
    /// How a thread is made.
    pub thread: &'static str,
    /// Who allocates a worker's stack.
    pub stack: StackBy,
    /// How a new thread comes by its storage.
    pub thread_tls: &'static str,
    /// What a worker sleeps on.
    pub sleep: Sleep,
    /// What reports ready sockets, and what ends its sleep.
    pub poller: (&'static str, &'static str),
}

/// Where a program finds the number of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argc {
    /// At the first stack pointer.
    Stack,
    /// Where the register of a first argument points.
    Register,
    /// Somebody calls `main` with it.
    Main,
    /// Nowhere: the system is asked for a command line.
    Asked,
}

/// Whether the first thread's storage is set by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By this call.
    Set(&'static str),
    /// For this reason not.
    Skip(&'static str),
}

/// Where the thread's word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// So many bytes from the base that is in this register.
    Base(&'static str, isize),
    /// From the base that is in this register, as far as the start finds out.
    Found(&'static str),
    /// Where a slot of the thread's block points, which the system numbers. The block's address is in
    /// this register.
    Reserved(&'static str),
    /// In the words that the kernel gives each process, at the top of its stack.
    Private,
    /// In a variable of the program's, whose place the linker and the loader know.
    Variable,
}

/// Who allocates a worker's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackBy {
    /// We do.
    Us,
    /// The system's threads come with one.
    System,
}

/// What a worker sleeps on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// A word of memory: the kernel compares it.
    Word(&'static str),
    /// Something that each worker has: it counts, or remembers one wake.
    Own(&'static str),
}
