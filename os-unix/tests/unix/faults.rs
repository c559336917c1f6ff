//! The fault handler and those before it, each case in a process of its own.

use super::System;
use super::{child, role};
use rt_core::{Fault, Os};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the tests fault: in the first page, which is never mapped.
const NOWHERE: usize = 0x40;

fn touch() {
    let at = std::ptr::without_provenance::<u8>(std::hint::black_box(NOWHERE));
    // SAFETY: none: this is the fault, in a process that is there to have it.
    unsafe { at.read_volatile() };
}

/// What the core says in these tests: the page is a guard of ours when asked to say so.
fn ours(address: usize) -> Fault {
    System::write_error(b"asked\n");
    if address == NOWHERE { Fault::Overflow } else { Fault::NotOurs }
}

fn not_ours(_address: usize) -> Fault {
    System::write_error(b"asked\n");
    Fault::NotOurs
}

/// Sets what is there before us.
fn before(signal: i32, action: usize, flags: i32) {
    // SAFETY: plain data, valid when zero.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = action;
    new.sa_flags = flags;
    // SAFETY: the tests pass handlers that fit their flags.
    let result = unsafe { libc::sigaction(signal, &new, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

extern "C" fn simple(signal: i32) {
    assert!(signal == libc::SIGSEGV || signal == libc::SIGBUS);
    System::write_error(b"simple\n");
    System::exit(40);
}

extern "C" fn full(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    assert_eq!(signal, libc::SIGSEGV);
    assert!(!context.is_null());
    // SAFETY: the kernel's record, passed on.
    let info = unsafe { &*info };
    // SAFETY: the record of a fault has the address.
    let address = unsafe { info.si_addr() };
    assert_eq!(address.addr(), NOWHERE);
    System::write_error(b"full\n");
    System::exit(41);
}

fn overflow() {
    #[expect(unconditional_recursion, reason = "the stack is to end")]
    fn deeper(n: usize) -> usize {
        std::hint::black_box(deeper(std::hint::black_box(n) + 1)) + n
    }
    deeper(0);
}

fn send(signal: i32) {
    // SAFETY: a signal to this thread, in a process that is there to have it.
    unsafe { libc::raise(signal) };
}

/// Runs `role` of `test` in a child.
fn run(test: &str, role: &str) -> (Output, String) {
    let ended = child(&format!("faults::{test}"), role);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    (ended, said)
}

#[test]
fn an_overflow_aborts() {
    if role().is_some() {
        System::catch_faults(ours).expect("a handler");
        return touch();
    }
    let (ended, said) = run("an_overflow_aborts", "child");
    assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{said}");
    assert_eq!(said.matches("asked").count(), 1);
}

#[test]
fn an_overflow_on_a_thread_that_we_started_aborts() {
    unsafe extern "C" fn entry(_arg: *mut ()) {
        System::catch_faults(|_| Fault::Overflow).expect("a handler");
        overflow();
    }
    if role().is_some() {
        // SAFETY: the entry wants no argument.
        let thread = unsafe { System::start(entry, std::ptr::null_mut()) }.expect("a thread");
        // SAFETY: joined once.
        unsafe { System::join(thread) };
        return;
    }
    let (ended, said) = run("an_overflow_on_a_thread_that_we_started_aborts", "child");
    assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{said}");
}

#[test]
fn the_default_action_comes_after_us() {
    match role().as_deref() {
        None => {}
        Some(action) => {
            let action = if action == "default" { libc::SIG_DFL } else { libc::SIG_IGN };
            before(libc::SIGSEGV, action, 0);
            System::catch_faults(not_ours).expect("a handler");
            System::catch_faults(not_ours).expect("the same handler");
            return touch();
        }
    }
    for action in ["default", "ignore"] {
        let (ended, said) = run("the_default_action_comes_after_us", action);
        assert_eq!(ended.status.signal(), Some(libc::SIGSEGV), "{action}: {said}");
        assert_eq!(said.matches("asked").count(), 1, "{said}");
    }
}

#[test]
fn a_handler_comes_after_us() {
    match role().as_deref() {
        None => {}
        Some("simple") => {
            before(libc::SIGSEGV, simple as extern "C" fn(_) as usize, 0);
            System::catch_faults(not_ours).expect("a handler");
            return touch();
        }
        _ => {
            before(libc::SIGSEGV, full as extern "C" fn(_, _, _) as usize, libc::SA_SIGINFO);
            System::catch_faults(not_ours).expect("a handler");
            return touch();
        }
    }
    for (kind, status) in [("simple", 40), ("full", 41)] {
        let (ended, said) = run("a_handler_comes_after_us", kind);
        assert_eq!(ended.status.code(), Some(status), "{said}");
        assert_eq!(said, format!("asked\n{kind}\n"));
    }
}

#[test]
fn the_handler_of_std_comes_after_us() {
    if role().is_some() {
        System::catch_faults(not_ours).expect("a handler");
        let deep = std::thread::Builder::new().name("deep".into());
        let _ = deep.spawn(overflow).expect("a thread").join();
        return;
    }
    let (ended, said) = run("the_handler_of_std_comes_after_us", "child");
    assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{said}");
    assert!(said.contains("asked\n"), "{said}");
    assert!(said.contains("has overflowed its stack"), "{said}");
}

#[test]
fn a_signal_that_was_sent_does_what_it_did() {
    match role().as_deref() {
        None => {}
        Some("ignore") => {
            before(libc::SIGBUS, libc::SIG_IGN, 0);
            System::catch_faults(ours).expect("a handler");
            send(libc::SIGBUS);
            return send(libc::SIGBUS);
        }
        Some("default") => {
            before(libc::SIGBUS, libc::SIG_DFL, 0);
            System::catch_faults(ours).expect("a handler");
            return send(libc::SIGBUS);
        }
        _ => {
            before(libc::SIGBUS, simple as extern "C" fn(_) as usize, 0);
            System::catch_faults(ours).expect("a handler");
            return send(libc::SIGBUS);
        }
    }
    let test = "a_signal_that_was_sent_does_what_it_did";
    let (ended, said) = run(test, "ignore");
    assert!(ended.status.success() && !said.contains("asked"), "{said}");
    let (ended, said) = run(test, "default");
    assert_eq!(ended.status.signal(), Some(libc::SIGBUS), "{said}");
    let (ended, said) = run(test, "simple");
    assert_eq!(ended.status.code(), Some(40), "{said}");
}

#[test]
fn many_threads_install_once() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    fn counting(_address: usize) -> Fault {
        ASKED.fetch_add(1, Ordering::Relaxed);
        Fault::NotOurs
    }
    extern "C" fn after(_signal: i32) {
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
        System::exit(42);
    }
    if role().is_some() {
        before(libc::SIGSEGV, after as extern "C" fn(_) as usize, 0);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| System::catch_faults(counting).expect("a handler"));
            }
        });
        return touch();
    }
    let (ended, said) = run("many_threads_install_once", "child");
    assert_eq!(ended.status.code(), Some(42), "{said}");
}
