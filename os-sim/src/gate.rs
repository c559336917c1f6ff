//! The gate between virtual threads and the loop that runs them.
//!
//! A check works as a kernel does. Its loop stays on the stack of whoever called `check`. A virtual
//! thread that wants something
//!
//! 1. leaves a [`Call`] in the gate, and
//! 2. switches to the loop, which takes the call and its context out of the gate, acts, and chooses
//!    who goes on;
//! 3. some time later the loop puts the thread's answer and word into the gate and switches back.
//!
//! So threads never switch to each other; little of the simulation runs on a goroutine's stack,
//! where most calls come from; and the loop's tables need no lock, for nobody else reaches them.
//!
//! Rejected: choosing on the caller's stack and switching straight to the chosen one. It saves 3 ns
//! a step, and puts the formatting of trace lines on stacks that may be small.

use core::cell::{Cell, RefCell};
use core::net::SocketAddr;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use rt_core::{Context, Event as Readiness, FOREVER, OsResult, arch};

#[cfg(feature = "interpose")]
use crate::chance::Chance;
use crate::check::Config;
use crate::sleep::BEGINNING;
use crate::sockets::Ask;
use crate::trace::Event;

/// The first function of a virtual thread and its argument, as [`rt_core::Os::start`] got them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) entry: unsafe extern "C" fn(*mut ()),
    pub(crate) arg: *mut (),
}

/// What a virtual thread asks of the loop. After each of them the seed decides who goes on.
#[derive(Debug)]
pub(crate) enum Call {
    /// Nothing: only to let others run.
    Point(Event),
    /// To let others run, and then memory, which may be refused.
    Memory(Event),
    /// A random number; answers it.
    Seed,
    /// The number of the caller; answers it.
    Name,
    /// Whether the thread of this number sleeps; answers 1 or 0.
    IsBlocked(usize),
    /// How many threads there are; answers it.
    Count,
    /// How many processors the program may use.
    Cpus,
    /// A new thread; answers its number, or why there is none.
    Start(Start),
    /// To sleep until the thread of this number has ended.
    Join(usize),
    /// To sleep until a wake of the word at this address, or the deadline.
    Sleep { word: usize, expected: u32, until: u64 },
    /// To wake up to `n` that sleep on the word at this address.
    Wake { word: usize, n: u32 },
    /// A new poller; answers its number.
    Open,
    /// To close the poller of this number.
    Close(usize),
    /// To sleep until the poller of this number is notified, or the deadline.
    Poll { poll: usize, until: u64 },
    /// What the poller of this number has to show; answers up to `room` events.
    Show { poll: usize, room: usize },
    /// A new stream socket; answers its number.
    OpenSocket { is_v6: bool },
    /// Two connected sockets; answers their numbers.
    Pair,
    /// Something of the socket with this number.
    Socket { handle: usize, ask: Ask },
    /// To end the current or next sleep on the poller of this number.
    Notify(usize),
    /// The thread has ended.
    End,
    /// The program panicked with this message.
    Panic(String),
    /// The process is to end as a crash.
    Abort,
    /// The process is to end with this status.
    Exit(i32),
}

/// What the loop answers.
#[derive(Debug)]
pub(crate) enum Reply {
    /// To most calls.
    Nothing,
    /// The socket is not ready.
    NotYet,
    Number(u64),
    /// Two sockets.
    Pair(usize, usize),
    /// A socket and the name of its peer.
    Peer(usize, SocketAddr),
    Name(SocketAddr),
    Data(Vec<u8>),
    Events(Vec<Readiness>),
}

impl Reply {
    pub(crate) fn number(self) -> u64 {
        match self {
            Reply::Number(number) => number,
            other => unreachable!("a number is answered, not {other:?}"),
        }
    }

    pub(crate) fn name(self) -> SocketAddr {
        match self {
            Reply::Name(name) => name,
            other => unreachable!("a name is answered, not {other:?}"),
        }
    }
}

/// A reply, or why there is none.
pub(crate) type Answer = OsResult<Reply>;

/// The most virtual processors.
const MOST_PROCS: usize = 256;

/// The words that the loop and the running virtual thread exchange. It lives in the frame of
/// `check`, and only one of the two runs at any time.
pub(crate) struct Gate {
    // Written by the thread that leaves, taken by the loop.
    call: Cell<Option<Call>>,
    context: Cell<Context>,
    /// What was written to the error stream since the loop last looked.
    text: RefCell<Vec<u8>>,

    // Written by the loop before it lets a thread go on.
    home: Cell<Context>,
    answer: Cell<Answer>,
    /// For a thread that runs for the first time.
    start: Cell<Option<Start>>,
    /// The virtual clock, in nanoseconds.
    pub(crate) clock: Cell<u64>,

    /// The running thread's word. The loop exchanges it at each switch.
    pub(crate) local: Cell<*mut ()>,

    /// How many words of entropy were drawn.
    #[cfg(feature = "interpose")]
    drawn: Cell<u64>,

    /// What the program reserved and did not release: addresses and bytes.
    kept: RefCell<Vec<(*mut u8, usize)>>,

    // Constant.
    pub(crate) procs: usize,
    #[cfg(feature = "interpose")]
    seed: u64,
    /// Whether text for the error stream also goes there.
    verbose: bool,
}

std::thread_local! {
    /// The gate of the check that this real thread runs, or null.
    static CURRENT: Cell<*const Gate> = const { Cell::new(ptr::null()) };
}

/// Asked anew by each call, and never inlined: outside of a check the caller may be a goroutine
/// that moved to another real thread since the last call, and an address of the thread-local that
/// was cached before the move would be the old thread's.
#[inline(never)]
fn current() -> *const Gate {
    CURRENT.get()
}

/// Calls `f` with the gate of the check that the caller is in, if there is one.
pub(crate) fn inside<R>(f: impl FnOnce(&Gate) -> R) -> Option<R> {
    // SAFETY: `Installed` sets the pointer from a reference that it outlives, and clears it when it
    // is dropped. Virtual threads run only in between, so it is valid for as long as `f` runs; the
    // gate has only cells, so nobody holds it exclusively.
    let gate = unsafe { current().as_ref() }?;
    Some(f(gate))
}

/// While it lives, this real thread is inside the check of that gate.
pub(crate) struct Installed<'a>(core::marker::PhantomData<&'a Gate>);

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        CURRENT.set(ptr::null());
    }
}

/// The virtual threads' side.
impl Gate {
    /// Leaves `call` to the loop, and returns with its answer when this thread's turn comes again.
    pub(crate) fn ask(&self, call: Call) -> Answer {
        self.call.set(Some(call));
        // SAFETY: `context` is in this gate, which outlives the check. The loop stored `home` in
        // the `switch` of `enter` that brought this virtual thread here; it waits there for the
        // one thread that it let go on, which is this one.
        unsafe { arch::switch(self.context.as_ptr(), self.home.get(), 0) };
        self.answer.replace(Ok(Reply::Nothing))
    }

    /// Leaves `call` to the loop for good.
    pub(crate) fn leave(&self, call: Call) -> ! {
        self.call.set(Some(call));
        self.context.set(Context::NONE);
        // SAFETY: for `home` as in `ask`. Callers either have nothing left to drop on this stack,
        // or fail the check, which leaks by design what abandoned stacks own.
        unsafe { arch::gogo(self.home.get(), 0) }
    }

    /// Lets the seed decide who goes on.
    pub(crate) fn point(&self, event: Event) {
        // A point is never refused.
        let _ = self.ask(Call::Point(event));
    }

    pub(crate) fn wait(&self, word: &AtomicU32, expected: u32, until: u64) {
        self.point(Event::Wait);
        // Comparison and sleep are one step, because nobody runs between here and the loop. Relaxed
        // suffices: all of a check happens on one real thread.
        if word.load(Ordering::Relaxed) == expected {
            let word = ptr::from_ref(word).expose_provenance();
            // Every sleep may end for no reason, so nothing is told about why it did.
            let _ = self.ask(Call::Sleep { word, expected, until });
        }
    }

    pub(crate) fn wake(&self, word: *const AtomicU32, n: u32) {
        self.point(Event::Wake);
        // A wake is never refused.
        let _ = self.ask(Call::Wake { word: word.addr(), n });
    }

    /// Takes note that the program has reserved memory.
    pub(crate) fn keep(&self, at: *mut u8, bytes: usize) {
        self.kept.borrow_mut().push((at, bytes));
    }

    /// Takes note that the program has released it.
    pub(crate) fn forget(&self, at: *mut u8) {
        self.kept.borrow_mut().retain(|&(kept, _)| kept != at);
    }

    /// Lets time pass. The clock never comes to [`FOREVER`].
    pub(crate) fn pass(&self, time: u64) {
        self.clock.update(|clock| clock.saturating_add(time).min(FOREVER - 1));
    }

    /// A random word for the program. They have a stream of their own, so that a program that draws
    /// some does not change its schedule by it; and no switch point, for any library may draw one.
    #[cfg(feature = "interpose")]
    pub(crate) fn entropy(&self) -> u64 {
        let drawn = self.drawn.get().wrapping_add(1);
        self.drawn.set(drawn);
        let mut stream = Chance::new(self.seed);
        Chance::new(stream.number() ^ drawn).number()
    }

    /// Keeps `text` for the loop. True: it is for the host as well.
    pub(crate) fn write(&self, text: &[u8]) -> bool {
        if let Ok(mut all) = self.text.try_borrow_mut() {
            all.extend_from_slice(text);
        }
        self.verbose
    }
}

/// The loop's side.
impl Gate {
    pub(crate) fn new(config: &Config) -> Gate {
        Gate {
            call: Cell::new(None),
            context: Cell::new(Context::NONE),
            text: RefCell::default(),
            home: Cell::new(Context::NONE),
            answer: Cell::new(Ok(Reply::Nothing)),
            start: Cell::new(None),
            clock: Cell::new(BEGINNING),
            kept: RefCell::default(),
            local: Cell::new(ptr::null_mut()),
            #[cfg(feature = "interpose")]
            drawn: Cell::new(0),
            procs: config.procs.clamp(1, MOST_PROCS),
            #[cfg(feature = "interpose")]
            seed: config.seed,
            verbose: config.trace,
        }
    }

    /// Makes this the gate of this real thread.
    ///
    /// # Panics
    /// If it is inside another check already.
    pub(crate) fn install(&self) -> Installed<'_> {
        assert!(CURRENT.get().is_null(), "a check can't run inside of a check");
        CURRENT.set(self);
        Installed(core::marker::PhantomData)
    }

    /// Lets a virtual thread go on until its next call. Returns the call and where it left.
    ///
    /// # Safety
    /// - This gate is installed on this real thread.
    /// - `to` is [`fresh`], with its `start`, or came from this function, without; and nobody else
    ///   goes on with it.
    pub(crate) unsafe fn enter(
        &self,
        to: Context,
        start: Option<Start>,
        answer: Answer,
    ) -> (Option<Call>, Context) {
        self.start.set(start);
        self.answer.set(answer);
        // SAFETY: `home` is in this gate, and read only while this frame waits here. `to` is a
        // context that nobody else goes on with: the caller's duty.
        unsafe { arch::switch(self.home.as_ptr(), to, 0) };
        (self.call.take(), self.context.get())
    }

    /// What the program reserved and did not release.
    pub(crate) fn take_kept(&self) -> Vec<(*mut u8, usize)> {
        self.kept.take()
    }

    /// Takes what was written to the error stream.
    pub(crate) fn take_text(&self) -> Option<String> {
        let mut text = self.text.borrow_mut();
        if text.is_empty() {
            return None;
        }
        let taken = String::from_utf8_lossy(&text).into_owned();
        text.clear();
        Some(taken)
    }
}

/// The context of a thread that has not run, on an empty stack that ends at `top`.
///
/// # Safety
/// - At least 256 bytes below `top` are writable and unused.
pub(crate) unsafe fn fresh(top: *mut u8) -> Context {
    // SAFETY: the caller's duty is the same.
    unsafe { arch::prepare(top, begin, ptr::null_mut()) }
}

/// The first function on a virtual thread's stack.
unsafe extern "C" fn begin(_message: usize, _arg: *mut ()) -> ! {
    if let Some(start) = inside(|gate| gate.start.take()).flatten() {
        // SAFETY: whoever called `Os::start` promised that `arg` is what `entry` expects.
        unsafe { (start.entry)(start.arg) };
    }
    inside(|gate| -> () { gate.leave(Call::End) });
    unreachable!("a virtual thread outside of a check")
}
