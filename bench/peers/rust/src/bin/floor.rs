//! The floor: what one core can do at best with tasks that have stacks.
//!
//! One thread, one queue, no locks, no atomics, no fairness, no timers, and no safety: whoever is to be
//! faster than this has to do less than switch stacks. A switch ends in a jump to a loaded address,
//! because `ret` from another task's stack defeats the processor's prediction of returns.
//!
//! A queue of tasks and a free list of stacks are all there is. Nothing here is shared with gort.

#![allow(static_mut_refs, reason = "there is one thread, and a check for one would be measured")]

use std::arch::naked_asm;
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Instant;

use peers::{Figures, Given, sum_below};

fn main() {
    peers::main(
        "floor",
        &[
            ("switch", |given| unsafe { switch_workload(given) }),
            ("spawn_join", |given| unsafe { spawn_join(given) }),
            ("pingpong_unbuf", |given| unsafe { pingpong_unbuf(given) }),
            ("chan_buf", |given| unsafe { chan_buf(given) }),
            ("ring", |given| unsafe { ring(given) }),
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

unsafe fn go(body: impl FnOnce() + 'static) {
    unsafe {
        let task = FREE.pop().unwrap_or_else(|| {
            let stack = Box::leak(vec![0_u128; STACK_BYTES / 16].into_boxed_slice());
            let top = stack.as_mut_ptr_range().end.cast::<Task>().sub(1);
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
