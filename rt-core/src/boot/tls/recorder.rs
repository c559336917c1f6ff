//! A machine that writes down what it is asked for, with just as much memory as a start touches.
#![forbid(unsafe_code)]

use alloc::vec::Vec;

use super::start::{Machine, Worker};
use super::{Argc, Sleep, Slot};
use crate::{OsError, OsResult};

/// Something that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The arguments.
    Arguments(Argc),
    /// The processor's maker.
    Processor,
    /// The host's hook.
    HostHook(&'static str),
    /// A slot of the thread's block.
    ReserveSlot,
    /// The first thread's storage.
    SetTls(&'static str),
    /// A word stored through the storage.
    Stored(usize),
    /// A look at the memory.
    Looked,
    /// `g0`.
    Bind,
    /// What the processor has.
    Check,
    /// What the kernel has told.
    Args,
    /// Memory for a stack.
    Stack,
    /// A thread.
    Thread(&'static str, &'static str),
    /// A worker's sleep.
    Sleep(Sleep),
}

/// Where the word has to come to lie, in bytes of the recorder's memory: the first worker's record.
const WORD: isize = 0x100;
/// Where the thread's block of the system's is, if there is one.
const BLOCK: isize = 0x40;
/// Which byte of that was reserved, and how far from the base the found slot is.
const RESERVED: isize = 0x28;

/// The machine.
#[derive(Debug)]
pub struct Recorder {
    /// In order.
    pub asked: Vec<Asked>,
    /// The error that setting the storage ends with, if it does.
    pub refuse: Option<OsError>,
    /// How far beside its place the storage is set.
    pub astray: isize,
    memory: [usize; 64],
    /// What is in the register that the start sets.
    base: isize,
    found: Option<isize>,
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder::new()
    }
}

impl Recorder {
    /// A machine that nothing was asked of.
    pub fn new() -> Recorder {
        Recorder {
            asked: Vec::new(),
            refuse: None,
            astray: 0,
            memory: [0; 64],
            base: 0,
            found: None,
        }
    }

    /// Whether some part of the storage was touched.
    pub fn touched_tls(&self) -> bool {
        let touches = |asked: &Asked| matches!(asked, Asked::SetTls(_) | Asked::Stored(_));
        self.asked.iter().any(touches)
    }

    /// The word at a byte of the memory.
    fn word(&mut self, at: isize) -> Option<&mut usize> {
        usize::try_from(at).ok().and_then(|at| self.memory.get_mut(at / size_of::<usize>()))
    }

    /// Where the thread's word is now, by the base.
    fn place(&mut self, g: Slot) -> isize {
        match g {
            Slot::Base(_, offset) => self.base + offset,
            Slot::Found(_) => self.base + self.found.unwrap_or(0),
            Slot::Reserved(_) => {
                let slot = BLOCK + self.found.unwrap_or(0);
                self.word(slot).map_or(0, |word| *word as isize)
            }
            // Nobody stores there before the system has said that it may.
            Slot::Private | Slot::Variable => WORD,
        }
    }
}

impl Machine for Recorder {
    fn arguments(&mut self, argc: Argc) {
        self.asked.push(Asked::Arguments(argc));
    }

    fn processor(&mut self) -> &'static str {
        self.asked.push(Asked::Processor);
        "a recorded processor"
    }

    fn host_hook(&mut self, host: &'static str) {
        self.asked.push(Asked::HostHook(host));
    }

    fn reserve_slot(&mut self) -> OsResult<()> {
        self.asked.push(Asked::ReserveSlot);
        self.found = Some(RESERVED);
        Ok(())
    }

    fn set_tls(&mut self, call: &'static str, g: Slot) -> OsResult<()> {
        self.asked.push(Asked::SetTls(call));
        if let Some(refused) = self.refuse {
            return Err(refused);
        }
        let place = WORD + self.astray;
        match g {
            Slot::Base(_, offset) => self.base = place - offset,
            Slot::Found(_) => self.base = place - self.found.unwrap_or(0),
            Slot::Reserved(_) => {
                let slot = BLOCK + self.found.unwrap_or(0);
                if let Some(word) = self.word(slot) {
                    *word = place as usize;
                }
            }
            Slot::Private | Slot::Variable => {}
        }
        Ok(())
    }

    fn store(&mut self, g: Slot, word: usize) {
        self.asked.push(Asked::Stored(word));
        let place = self.place(g);
        if let Some(at) = self.word(place) {
            *at = word;
        }
    }

    fn found(&mut self) -> usize {
        self.asked.push(Asked::Looked);
        self.word(WORD).map_or(0, |word| *word)
    }

    fn bind(&mut self) {
        self.asked.push(Asked::Bind);
    }

    fn check(&mut self) -> bool {
        self.asked.push(Asked::Check);
        true
    }

    fn args(&mut self) -> OsResult<()> {
        self.asked.push(Asked::Args);
        Ok(())
    }
}

impl Worker for Recorder {
    fn allocate_stack(&mut self) -> OsResult<()> {
        self.asked.push(Asked::Stack);
        Ok(())
    }

    fn make_thread(&mut self, call: &'static str, tls: &'static str) -> OsResult<()> {
        self.asked.push(Asked::Thread(call, tls));
        Ok(())
    }

    fn sleep(&mut self, on: Sleep) {
        self.asked.push(Asked::Sleep(on));
    }
}
