//! The buffer without a limit: a list of blocks of up to 31 messages.
//!
//! A block that has been read to its end is kept as the spare one, or freed if there is one; and
//! when the last message is taken, reading and writing start again at the front of the block they
//! are in. So a channel that has warmed up neither allocates nor frees, and a drained one keeps no
//! more than two blocks.
//!
//! Rejected: a ring that doubles (one unlucky send copies all messages, and the ring never
//! shrinks); allocating before the lock is taken (each send would have to guess whether to).

use alloc::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use core::mem::{MaybeUninit, offset_of};
use core::ptr::NonNull;

/// The head of a block; its messages follow.
// In this order: a field without size may otherwise stand before the others.
#[repr(C)]
struct Block<T> {
    /// The block written after this one.
    next: Option<NonNull<Block<T>>>,
    /// Here they begin; how many there are is in the layout only.
    messages: [MaybeUninit<T>; 0],
}

impl<T> Block<T> {
    /// Messages in a block: 31, but not more than fit into 4 KiB, and at least one.
    const LEN: usize = match size_of::<T>() {
        0 => 31,
        size => match 4096 / size {
            0 => 1,
            n if n > 31 => 31,
            n => n,
        },
    };

    const FIRST: usize = offset_of!(Block<T>, messages);
    const LAYOUT: Layout = {
        let bytes = Self::FIRST + Self::LEN * size_of::<T>();
        match Layout::from_size_align(bytes, align_of::<Block<T>>()) {
            Ok(layout) => layout,
            Err(_) => panic!("a message is too large for a channel"),
        }
    };

    fn allocate() -> NonNull<Block<T>> {
        // SAFETY: the layout holds a `Block`, so its size is not zero.
        let memory = unsafe { alloc(Self::LAYOUT) };
        let Some(block) = NonNull::new(memory.cast::<Block<T>>()) else {
            handle_alloc_error(Self::LAYOUT)
        };
        // SAFETY: memory of a block's layout, which is nobody else's.
        unsafe { block.write(Block { next: None, messages: [] }) };
        block
    }

    /// # Safety
    /// - The block came from `allocate`, is not used again, and holds no message.
    unsafe fn free(block: NonNull<Block<T>>) {
        // SAFETY: the caller gives up a block of this layout.
        unsafe { dealloc(block.as_ptr().cast(), Self::LAYOUT) };
    }

    /// # Safety
    /// - The block is allocated, and `at < LEN`.
    #[inline(always)]
    unsafe fn place(block: NonNull<Block<T>>, at: usize) -> NonNull<T> {
        debug_assert!(at < Self::LEN, "a place outside of its block");
        // SAFETY: the layout has `LEN` messages from `FIRST` on, and `at` is less.
        unsafe { block.byte_add(Self::FIRST + at * size_of::<T>()) }.cast()
    }
}

/// Messages without a limit, oldest first.
pub(super) struct Blocks<T> {
    /// The blocks of the oldest and of the newest message, the same when there are no messages;
    /// none before the first message.
    first: Option<NonNull<Block<T>>>,
    last: Option<NonNull<Block<T>>>,
    /// The place of the oldest message in `first`; `LEN` if it is the first of the next block.
    read_at: usize,
    /// The free place behind the newest message in `last`; `LEN` if that is full.
    write_at: usize,
    len: usize,
    /// How many of the messages are held for those who have selected them.
    pub(super) held: usize,
    /// A block to be used next.
    spare: Option<NonNull<Block<T>>>,
}

// SAFETY: the blocks are owned, and reached through `&mut self` only; with them go the messages.
unsafe impl<T: Send> Send for Blocks<T> {}

impl<T> Blocks<T> {
    pub(super) const fn new() -> Blocks<T> {
        Blocks { first: None, last: None, read_at: 0, write_at: 0, len: 0, held: 0, spare: None }
    }

    /// How many messages there are that nobody holds.
    pub(super) fn len(&self) -> usize {
        self.len - self.held
    }

    /// As [`Buffer::push`](super::buffer::Buffer::push), and there is always room.
    #[inline(always)]
    pub(super) fn push(&mut self) -> NonNull<T> {
        let block = match self.last {
            Some(last) if self.write_at < Block::<T>::LEN => last,
            _ => self.add_block(),
        };
        // SAFETY: `last` is allocated; `write_at` is below `LEN`, by the pattern or as 0.
        let place = unsafe { Block::<T>::place(block, self.write_at) };
        self.write_at += 1;
        self.len += 1;
        place
    }

    /// As [`Buffer::pop`](super::buffer::Buffer::pop).
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<NonNull<T>> {
        if self.len == self.held {
            return None;
        }
        if self.read_at == Block::<T>::LEN {
            self.retire_first();
        }
        // SAFETY: `first` is allocated; `read_at` is below `LEN`, by the test above or as 0.
        let place = unsafe { Block::<T>::place(self.first?, self.read_at) };
        self.read_at += 1;
        self.len -= 1;
        if self.len == 0 {
            debug_assert_eq!(self.first, self.last, "an empty channel with two blocks");
            self.read_at = 0;
            self.write_at = 0;
        }
        Some(place)
    }

    /// Puts an empty block behind the last one.
    #[cold]
    fn add_block(&mut self) -> NonNull<Block<T>> {
        let block = self.spare.take().unwrap_or_else(Block::allocate);
        match self.last {
            None => self.first = Some(block),
            // SAFETY: blocks from `first` to `last` are allocated, and nobody else's.
            Some(last) => unsafe { (*last.as_ptr()).next = Some(block) },
        }
        self.last = Some(block);
        self.write_at = 0;
        block
    }

    /// Takes the first block out, which has been read to its end and has a successor.
    #[cold]
    fn retire_first(&mut self) {
        let Some(block) = self.first else { return };
        // SAFETY: blocks from `first` to `last` are allocated, and nobody else's.
        let next = unsafe { (*block.as_ptr()).next.take() };
        debug_assert!(next.is_some(), "the block that is written was taken out");
        self.first = next;
        self.read_at = 0;
        if self.spare.is_none() {
            self.spare = Some(block);
        } else {
            // SAFETY: taken out of the list above, with all of its messages read.
            unsafe { Block::<T>::free(block) };
        }
    }
}

impl<T> Drop for Blocks<T> {
    /// Frees the blocks. The messages are dropped by the [`Buffer`](super::buffer::Buffer) before.
    fn drop(&mut self) {
        let mut next = self.first;
        while let Some(block) = next {
            // SAFETY: as in `retire_first`.
            next = unsafe { (*block.as_ptr()).next };
            // SAFETY: nobody uses the buffer any more.
            unsafe { Block::<T>::free(block) };
        }
        if let Some(spare) = self.spare {
            // SAFETY: the spare block is in no list.
            unsafe { Block::<T>::free(spare) };
        }
    }
}
