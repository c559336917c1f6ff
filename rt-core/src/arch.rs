//! What the core needs from a processor: the trait [`Arch`].

/// A saved flow of control: the stack pointer of a stack on which [`Arch::switch`] stored the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Context(pub *mut u8);

impl Context {
    /// No context yet.
    pub const NONE: Context = Context(core::ptr::null_mut());
}

/// The first function on a fresh stack: the message of the switch that entered it, and the argument
/// given to [`Arch::prepare`]. It never returns, and leaves for good by [`Arch::gogo`].
pub type Entry = unsafe extern "C" fn(message: usize, arg: *mut ()) -> !;

/// Contexts of one processor architecture.
pub trait Arch {
    /// Lays out a context below `top` (any alignment) that, when first switched to, goes on in
    /// `entry(message, arg)`. A backtrace ends under `entry`.
    ///
    /// # Safety
    /// - At least 256 bytes below `top` are writable and unused.
    unsafe fn prepare(top: *mut u8, entry: Entry, arg: *mut ()) -> Context;

    /// Saves this flow of control into `*save`, goes on with `to`, and hands it `message`. Returns
    /// when someone switches back, with *their* message, possibly on another thread.
    ///
    /// # Safety
    /// - `save` is writable, and stays so until the new context is stored.
    /// - `to` was saved by `switch` or made by `prepare`, and nobody else goes on with it.
    unsafe fn switch(save: *mut Context, to: Context, message: usize) -> usize;

    /// Goes on with `to` and saves nothing: the current flow of control ends here.
    ///
    /// # Safety
    /// - As for [`Arch::switch`]; nothing on the current stack needs to be dropped.
    unsafe fn gogo(to: Context, message: usize) -> !;

    /// Tells valgrind, if it runs this program, that the bytes from `low` to `high` are a stack, and
    /// returns its number for that. Called only with the feature `valgrind`.
    fn stack_begins(_low: *mut u8, _high: *mut u8) -> usize {
        0
    }

    /// Tells valgrind that the stack of this number is none any more.
    fn stack_ends(_number: usize) {}

    /// Tells the processor that this is a spin loop.
    fn pause();

    /// Tells the processor that what lies at this address will be needed soon. It may be any address.
    fn prefetch(_at: *const ()) {}

    /// A fast counter of time, of no defined unit, not ordered against other instructions.
    fn ticks() -> u64;
}
