//! The start that goes by a row.
#![forbid(unsafe_code)]

use super::{Argc, Sleep, Slot, StackBy, Tls, TlsModel};
use crate::boot::{Boot, Stage};
use crate::{OsError, OsResult};

/// What is stored through new storage, and looked for in memory: Go's number.
pub const MAGIC: usize = 0x123;

/// What a start asks of the system and the processor.
pub trait Machine {
    /// Takes the arguments from there, and the bounds of the first stack.
    fn arguments(&mut self, argc: Argc);

    /// Asks who made the processor, and returns a sentence about it.
    fn processor(&mut self) -> &'static str;

    /// Lets the host have its say.
    fn host_hook(&mut self, host: &'static str);

    /// Reserves a slot of the thread's block, where the word's place has to be found.
    ///
    /// # Errors
    /// The system has none.
    fn reserve_slot(&mut self) -> OsResult<()>;

    /// Sets the first thread's storage.
    ///
    /// # Errors
    /// The system refuses.
    fn set_tls(&mut self, call: &'static str, g: Slot) -> OsResult<()>;

    /// Stores a word where this thread's is, as code does that wants to know which thread it is.
    fn store(&mut self, g: Slot, word: usize);

    /// The word that is found in the memory meant for it, as others see it.
    fn found(&mut self) -> usize;

    /// Takes the first stack for `g0`.
    fn bind(&mut self);

    /// Whether the processor has what compiled code takes for granted.
    fn check(&mut self) -> bool;

    /// Keeps what the kernel has told.
    ///
    /// # Errors
    /// What has to be put right can't be.
    fn args(&mut self) -> OsResult<()>;
}

/// Why a program can't start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The system refuses to set the storage.
    Tls(OsError),
    /// What was stored through the storage is not in its memory.
    NotFound,
    /// The processor lacks something.
    Processor,
    /// What the kernel has told can't be kept.
    Args(OsError),
}

/// From the first instruction to where the core takes over, on the kernel's stack.
///
/// # Errors
/// The program can't start.
#[inline]
pub fn rt0_go(model: &TlsModel, machine: &mut impl Machine, boot: &Boot) -> Result<(), Halt> {
    machine.arguments(model.argc);
    boot.done(Stage::Rt0Go, machine.processor());
    match model.host {
        Some(host) => {
            machine.host_hook(host);
            boot.done(Stage::HostHook, "the host owns the thread-local storage");
        }
        None => boot.skipped(Stage::HostHook, "there is no host"),
    }
    match model.tls {
        Tls::Set(call) => {
            set_tls(model, call, machine)?;
            boot.done(Stage::SetTls, "set, and 0x123 was found in memory");
        }
        Tls::Skip(why) => boot.skipped(Stage::SetTls, why),
    }
    machine.bind();
    boot.done(Stage::Bind, "the stack that the kernel gave");
    if !machine.check() {
        return Err(Halt::Processor);
    }
    boot.done(Stage::Check, "the processor has what compiled code takes for granted");
    machine.args().map_err(Halt::Args)?;
    boot.done(Stage::Args, "arguments, environment, auxv, standard streams");
    Ok(())
}

/// Sets the storage, and looks whether that came to something.
#[inline]
fn set_tls(model: &TlsModel, call: &'static str, machine: &mut impl Machine) -> Result<(), Halt> {
    if matches!(model.g, Slot::Found(_) | Slot::Reserved(_)) {
        machine.reserve_slot().map_err(Halt::Tls)?;
    }
    machine.set_tls(call, model.g).map_err(Halt::Tls)?;
    machine.store(model.g, MAGIC);
    let found = machine.found();
    machine.store(model.g, 0);
    if found == MAGIC { Ok(()) } else { Err(Halt::NotFound) }
}

/// What another worker asks of the system.
pub trait Worker {
    /// Memory for its stack.
    ///
    /// # Errors
    /// There is none.
    fn allocate_stack(&mut self) -> OsResult<()>;

    /// A thread, which comes by its storage so.
    ///
    /// # Errors
    /// There is none to be had.
    fn make_thread(&mut self, call: &'static str, tls: &'static str) -> OsResult<()>;

    /// Its sleep, until somebody wakes it.
    fn sleep(&mut self, on: Sleep);
}

/// A second worker: made, and sent to sleep.
///
/// # Errors
/// The system refuses a stack or a thread.
pub fn worker(model: &TlsModel, machine: &mut impl Worker) -> OsResult<()> {
    match model.stack {
        StackBy::Us => machine.allocate_stack()?,
        StackBy::System => {}
    }
    machine.make_thread(model.thread, model.thread_tls)?;
    machine.sleep(model.sleep);
    Ok(())
}
