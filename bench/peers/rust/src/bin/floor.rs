//! The floor: what one core can do at best with tasks that have stacks.
//!
//! One thread, one queue, no locks, no atomics, no fairness, no timers, and no safety: whoever is to be
//! faster than this has to do less than switch stacks. A switch ends in a jump to a loaded address,
//! because `ret` from another task's stack defeats the processor's prediction of returns.
//!
//! A queue of tasks and a free list of stacks are all there is. Nothing here is shared with gort.

#![allow(static_mut_refs, reason = "there is one thread, and a check for one would be measured")]

use std::arch::{asm, naked_asm};
use std::collections::VecDeque;
use std::hint::black_box;
use std::ptr;
use std::time::Instant;

use peers::{Figures, Given, sum_below, used};

fn main() {
    peers::main(
        "floor",
        &[
            ("switch", |given| unsafe { switch_workload(given) }),
            ("crowd", |given| unsafe { crowd(given) }),
            ("spawn_join", |given| unsafe { spawn_join(given) }),
            ("pingpong_unbuf", |given| unsafe { pingpong_unbuf(given) }),
            ("chan_buf", |given| unsafe { chan_buf(given) }),
            ("ring", |given| unsafe { ring(given) }),
            ("mem", |given| unsafe { mem(given) }),
        ],
    );
}

/// The record at the top of a task's stack.
struct Task {
    stack_pointer: usize,
    body: Option<Box<dyn FnOnce()>>,
    message: u64,
}

const STACK_BYTES: usize = 64 << 10;

/// The main task, which has the thread's stack.
static mut MAIN: Task = Task { stack_pointer: 0, body: None, message: 0 };
static mut RUNNING: *mut Task = &raw mut MAIN;
static mut READY: VecDeque<*mut Task> = VecDeque::new();
static mut FREE: Vec<*mut Task> = Vec::new();

/// Stores what a function must keep below the stack pointer, the pointer in `*from`, and goes on with
/// what lies above `to`.
#[unsafe(naked)]
unsafe extern "C" fn change(from: *mut usize, to: usize) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "pop rcx",
        "jmp rcx",
    )
}

/// Where a task begins. The call aligns its stack.
#[unsafe(naked)]
unsafe extern "C" fn begin() {
    naked_asm!("call {body}", "ud2", body = sym run_body)
}

unsafe extern "C" fn run_body() {
    unsafe {
        let body = (*RUNNING).body.take().unwrap();
        body();
        FREE.push(RUNNING);
        park();
    }
}

/// Addresses from the system, whose pages come into being as they are touched.
unsafe fn map(bytes: usize) -> *mut u8 {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let base = unsafe { libc::mmap(ptr::null_mut(), bytes, access, kind, -1, 0) };
    assert_ne!(base, libc::MAP_FAILED, "no addresses for {bytes} bytes");
    base.cast()
}

/// The end of a stack. The ends lie at different places in their pages, or they would all share a few
/// sets of the caches.
unsafe fn new_stack() -> *mut u8 {
    const AT_ONCE: usize = 1024;
    static mut UNUSED: Vec<*mut u8> = Vec::new();
    unsafe {
        if UNUSED.is_empty() {
            let end = map(AT_ONCE * STACK_BYTES).add(STACK_BYTES);
            UNUSED.extend((0..AT_ONCE).map(|i| end.add(i * STACK_BYTES - i % 48 * 64)));
        }
        UNUSED.pop().unwrap()
    }
}

unsafe fn go(body: impl FnOnce() + 'static) {
    unsafe {
        let task = FREE.pop().unwrap_or_else(|| {
            let top = new_stack().cast::<Task>().sub(1);
            top.write(Task { stack_pointer: 0, body: None, message: 0 });
            top
        });
        (*task).body = Some(Box::new(body));
        // Six registers and the address of the beginning, above which the stack is aligned.
        let frame = ((task as usize & !15) - 56 - 16) as *mut usize;
        frame.add(6).write(begin as *const () as usize);
        (*task).stack_pointer = frame as usize;
        READY.push_back(task);
    }
}

unsafe fn park() {
    unsafe {
        let (me, next) = (RUNNING, READY.pop_front().unwrap());
        if me != next {
            RUNNING = next;
            change(&raw mut (*me).stack_pointer, (*next).stack_pointer);
        }
    }
}

unsafe fn yield_now() {
    unsafe {
        READY.push_back(RUNNING);
        park();
    }
}

/// A channel: messages up to a bound, and who waits. With a bound of 0 it is a rendezvous.
#[derive(Default)]
struct Channel {
    bound: usize,
    messages: VecDeque<u64>,
    receivers: VecDeque<*mut Task>,
    senders: VecDeque<*mut Task>,
}

fn channel(bound: usize) -> *mut Channel {
    Box::into_raw(Box::new(Channel { bound, ..Channel::default() }))
}

unsafe fn send(channel: *mut Channel, message: u64) {
    unsafe {
        if let Some(receiver) = (*channel).receivers.pop_front() {
            (*receiver).message = message;
            READY.push_back(receiver);
        } else if (*channel).messages.len() < (*channel).bound {
            (*channel).messages.push_back(message);
        } else {
            (*RUNNING).message = message;
            (*channel).senders.push_back(RUNNING);
            park();
        }
    }
}

unsafe fn receive(channel: *mut Channel) -> u64 {
    unsafe {
        let buffered = (*channel).messages.pop_front();
        if let Some(sender) = (*channel).senders.pop_front() {
            READY.push_back(sender);
            let Some(message) = buffered else { return (*sender).message };
            (*channel).messages.push_back((*sender).message);
            message
        } else if let Some(message) = buffered {
            message
        } else {
            (*channel).receivers.push_back(RUNNING);
            park();
            (*RUNNING).message
        }
    }
}

unsafe fn switch_workload(given: Given) -> Figures {
    let half = given.n / 2;
    unsafe {
        static mut SWITCHED: u64 = 0;
        let body = move || {
            for _ in 0..half {
                yield_now();
                SWITCHED += 1;
            }
        };
        go(body);
        let start = Instant::now();
        body();
        let figures = Figures::per(start, 2 * half, "ns/switch");
        yield_now();
        assert_eq!(SWITCHED, 2 * half);
        figures
    }
}

/// Has the processor fetch what lies at an address.
unsafe fn prefetch(address: usize) {
    unsafe { asm!("prefetcht0 [{}]", in(reg) address, options(nostack, readonly)) };
}

/// Gives way where there may be many. The record of the task whose turn is 32 turns away is fetched, and the
/// frame of the one 16 turns away, whose record is there by then.
unsafe fn yield_among_many() {
    unsafe {
        if let Some(&far) = READY.get(32) {
            prefetch(far as usize);
        }
        if let Some(&near) = READY.get(16) {
            prefetch((*near).stack_pointer);
            prefetch((*near).stack_pointer + 64);
        }
        yield_now();
    }
}

unsafe fn crowd(given: Given) -> Figures {
    static mut YIELDED: u64 = 0;
    let rounds = (2_000_000 / given.n).max(10);
    unsafe {
        for _ in 0..given.n {
            go(move || {
                // All of them are there when the first goes on.
                yield_now();
                for _ in 0..rounds {
                    yield_among_many();
                    YIELDED += 1;
                }
            });
        }
        yield_now();
        let start = Instant::now();
        while YIELDED < given.n * rounds {
            yield_among_many();
        }
        let figures = Figures::per(start, YIELDED, "ns/switch");
        // The last ones return.
        yield_now();
        figures
    }
}

unsafe fn spawn_join(given: Given) -> Figures {
    static mut SUM: u64 = 0;
    let batches = given.n.div_ceil(1000);
    unsafe {
        // The stacks come into being.
        (0..1000).for_each(|_| go(|| SUM = 0));
        yield_now();
        let start = Instant::now();
        for _ in 0..batches {
            (0..1000).for_each(|_| go(|| SUM += black_box(1)));
            yield_now();
        }
        let figures = Figures::per(start, batches * 1000, "ns/task");
        assert_eq!(SUM, batches * 1000);
        figures
    }
}

unsafe fn pingpong_unbuf(given: Given) -> Figures {
    let (there, back) = (channel(0), channel(0));
    unsafe {
        go(move || (0..given.n).for_each(|_| send(back, receive(there) + 1)));
        let mut v = 0;
        let start = Instant::now();
        for _ in 0..given.n {
            send(there, v);
            v = receive(back);
        }
        assert_eq!(v, given.n);
        Figures::per(start, given.n, "ns/roundtrip")
    }
}

unsafe fn chan_buf(given: Given) -> Figures {
    let items = channel(128);
    unsafe {
        let start = Instant::now();
        go(move || (0..given.n).for_each(|i| send(items, i)));
        let sum = (0..given.n).fold(0_u64, |sum, _| sum.wrapping_add(receive(items)));
        let figures = Figures::per(start, given.n, "ns/item");
        assert_eq!(sum, sum_below(given.n));
        figures
    }
}

unsafe fn ring(given: Given) -> Figures {
    let channels: Vec<_> = (0..1000).map(|_| channel(0)).collect();
    let rounds = given.n.div_ceil(1000);
    unsafe {
        for pair in channels.windows(2) {
            let (before, next) = (pair[0], pair[1]);
            go(move || (0..rounds).for_each(|_| send(next, receive(before) + 1)));
        }
        let mut v = 0;
        let start = Instant::now();
        for _ in 0..rounds {
            send(channels[0], v + 1);
            v = receive(channels[999]);
        }
        assert_eq!(v, rounds * 1000);
        Figures::per(start, v, "ns/hop")
    }
}

/// What the system alone takes for so many stacks of 256 KiB, each with a guard below it and with its first
/// page touched: no tasks, no records.
unsafe fn mem(given: Given) -> Figures {
    const STRIDE: usize = 256 << 10;
    const PAGE: usize = 4 << 10;
    const BATCH: usize = 512;
    /// `PIDFD_SELF_THREAD_GROUP` of the kernel's linux/pidfd.h.
    const OURSELVES: libc::c_int = -10001;
    /// Of its asm-generic/mman-common.h.
    const MADV_GUARD_INSTALL: libc::c_int = 102;
    unsafe {
        let base = map(given.n as usize * STRIDE);
        let before = used();
        let start = Instant::now();
        let mut stacks = (0..given.n as usize).map(|i| base.add(i * STRIDE)).peekable();
        while stacks.peek().is_some() {
            let batch: Vec<_> = stacks.by_ref().take(BATCH).collect();
            for (page, advice) in [(0, MADV_GUARD_INSTALL), (STRIDE - PAGE, libc::MADV_POPULATE_WRITE)] {
                let pages: Vec<_> = batch
                    .iter()
                    .map(|&b| libc::iovec { iov_base: b.add(page).cast(), iov_len: PAGE })
                    .collect();
                let call = libc::SYS_process_madvise;
                let done = libc::syscall(call, OURSELVES, pages.as_ptr(), pages.len(), advice, 0);
                assert_eq!(done, (pages.len() * PAGE) as i64, "the system refuses {advice}");
            }
            batch.iter().for_each(|b| b.add(STRIDE - 64).cast::<u64>().write_volatile(1));
        }
        let spawn_ns = start.elapsed().as_nanos() as f64 / given.n as f64;
        let each = (used() - before) as f64 / given.n as f64;
        Figures::new(each, "B/task").with("spawn_ns", spawn_ns)
    }
}
