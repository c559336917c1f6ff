//! A goroutine that runs out of its stack, and other faults: each in a process of its own.

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::ptr::{null_mut, without_provenance};
use std::thread;

use tests::{Mode, ends_of_its_own, everywhere};

/// Uses a kilobyte of stack for each level.
fn recurse(depth: usize) -> usize {
    let mut room = [0_u8; 1000];
    black_box(&mut room);
    if depth == 0 { usize::from(room[0]) } else { recurse(depth - 1) + usize::from(room[999]) + 1 }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that a process was ended by an overflow, and returns what it said about it.
fn overflowed(output: &Output) -> String {
    let error = stderr(output);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{}\n{error}", output.status);
    assert!(error.contains("has overflowed its stack"), "{error}");
    error
}

#[test]
fn an_overflow_says_who_and_where_and_what_to_do() {
    let line = line!() + 3;
    let output = ends_of_its_own("overflow::an_overflow_says_who_and_where_and_what_to_do", || {
        Mode::Stays(1).run(|| {
            let deep = gort::spawn(|| recurse(usize::MAX));
            deep.join().unwrap()
        });
    });
    let error = overflowed(&output);
    assert!(error.contains("goroutine 2 has overflowed its stack of 256 KiB"), "{error}");
    assert!(
        error.contains(&format!("spawned at tests/tests/workers/overflow.rs:{line}:")),
        "{error}"
    );
    assert!(error.contains("stack_size(1048576)"), "{error}");
    assert!(error.contains("Builder::stack_size"), "{error}");
}

#[test]
fn an_overflow_of_main() {
    let output = ends_of_its_own("overflow::an_overflow_of_main", || {
        Mode::Stays(2).run(|| recurse(usize::MAX));
    });
    assert!(overflowed(&output).contains("goroutine 1 has"));
}

#[test]
fn an_overflow_on_another_worker() {
    let output = ends_of_its_own("overflow::an_overflow_on_another_worker", || {
        Mode::Migrates(4).run(|| {
            let handles: Vec<_> = (0..100).map(|_| gort::spawn(gort::yield_now)).collect();
            handles.into_iter().for_each(|handle| handle.join().unwrap());
            let builder = gort::thread::Builder::new().stack_size(20 << 10);
            let deep = builder.spawn(|| {
                gort::yield_now();
                recurse(usize::MAX)
            });
            deep.unwrap().join().unwrap()
        });
    });
    assert!(overflowed(&output).contains("its stack of 32 KiB"));
}

#[test]
fn the_frame_of_one_function_may_be_larger_than_the_guard() {
    // The compiler probes each page of a large frame, so none is skipped.
    #[inline(never)]
    fn large() -> u8 {
        let mut room = [0_u8; 300 << 10];
        black_box(&mut room)[5]
    }
    let output =
        ends_of_its_own("overflow::the_frame_of_one_function_may_be_larger_than_the_guard", || {
            Mode::Stays(1).run(large);
        });
    overflowed(&output);
}

#[test]
fn more_stack_helps() {
    everywhere(|_| {
        let builder = gort::thread::Builder::new().stack_size(8 << 20);
        assert_eq!(builder.spawn(|| recurse(6000)).unwrap().join().unwrap(), 6000);
    });
    let large = Mode::Stays(2).builder().stack_size(8 << 20);
    assert_eq!(large.run(|| gort::spawn(|| recurse(6000)).join().unwrap()).unwrap(), 6000);
}

#[test]
fn a_stack_is_as_large_as_was_asked_for() {
    // Four KiB of it are left for what comes before and after.
    for kib in [8, 16, 24, 64, 100, 120, 500] {
        let output = Mode::Stays(1).run(|| {
            let builder = gort::thread::Builder::new().stack_size(kib << 10);
            builder.spawn(move || fill((kib - 4) << 10)).unwrap().join().unwrap()
        });
        assert!(output >= (kib - 4) << 10);
    }
}

/// Goes down in steps of some hundred bytes until so many are used.
#[inline(never)]
fn fill(bytes: usize) -> usize {
    #[inline(never)]
    fn down(top: usize, bytes: usize) -> usize {
        let room = [0_u8; 64];
        let used = top - black_box(&room).as_ptr().addr();
        if used >= bytes { used } else { black_box(down(top, bytes)) }
    }
    let room = [0_u8; 64];
    down(black_box(&room).as_ptr().addr(), bytes)
}

#[test]
fn the_smallest_stacks_work() {
    // Without optimisation, the frames of a yield alone take most of the smallest.
    let least = if cfg!(debug_assertions) { 16 << 10 } else { 0 };
    everywhere(|_| {
        let handles: Vec<_> = (0..1000)
            .map(|i| {
                let builder = gort::thread::Builder::new().stack_size(least + i % 3);
                let handle = builder.spawn(move || {
                    gort::yield_now();
                    gort::sleep(std::time::Duration::from_micros(10));
                    i
                });
                handle.unwrap()
            })
            .collect();
        let sum: usize = handles.into_iter().map(|handle| handle.join().unwrap()).sum();
        assert_eq!(sum, 499_500);
    });
}

#[test]
fn a_stack_that_no_system_has_is_refused() {
    Mode::Stays(1).run(|| {
        let builder = gort::thread::Builder::new().stack_size(usize::MAX);
        assert!(builder.spawn(|| ()).is_err());
        let builder = gort::thread::Builder::new().stack_size(2 << 30);
        assert!(builder.spawn(|| ()).is_err());
        assert_eq!(gort::spawn(|| 5).join().unwrap(), 5);
    });
}

/// Reads where nothing is.
fn fault() -> u8 {
    // SAFETY: none: the address is mapped by nobody, and the fault is what the test is about.
    unsafe { black_box(without_provenance::<u8>(8)).read_volatile() }
}

#[test]
fn other_faults_end_the_process_as_ever() {
    let output = ends_of_its_own("overflow::other_faults_end_the_process_as_ever", || {
        Mode::Stays(2).run(|| gort::spawn(fault).join().unwrap());
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", stderr(&output));
    assert!(!stderr(&output).contains("overflow"), "{}", stderr(&output));
}

#[test]
fn a_plain_thread_that_overflows_is_reported_by_std() {
    let output =
        ends_of_its_own("overflow::a_plain_thread_that_overflows_is_reported_by_std", || {
            Mode::Stays(2).run(|| gort::spawn(|| ()).join().unwrap());
            let thread = thread::Builder::new().name("deep".into()).stack_size(256 << 10);
            let _ = thread.spawn(|| recurse(usize::MAX)).unwrap().join();
        });
    let error = stderr(&output);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{error}");
    assert!(error.contains("thread 'deep'"), "{error}");
    assert!(error.contains("has overflowed its stack"), "{error}");
}

#[test]
fn the_caller_of_run_is_reported_by_std_again_afterwards() {
    let output =
        ends_of_its_own("overflow::the_caller_of_run_is_reported_by_std_again_afterwards", || {
            let thread = thread::Builder::new().name("caller".into()).stack_size(256 << 10);
            let caller = thread.spawn(|| {
                Mode::Stays(2).run(|| gort::spawn(|| ()).join().unwrap());
                recurse(usize::MAX)
            });
            let _ = caller.unwrap().join();
        });
    let error = stderr(&output);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{error}");
    assert!(error.contains("thread 'caller'"), "{error}");
}

/// The program's own handler: ends the process with a status that says so.
extern "C" fn on_fault(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a record that lives as long as this call.
    let report = unsafe { &*info };
    // SAFETY: the report of a fault has an address.
    let address = unsafe { report.si_addr() };
    // SAFETY: ends the process; callable from a handler.
    unsafe { libc::_exit(if address.addr() == 8 { 40 } else { 41 }) };
}

fn install_handler() {
    // SAFETY: the type is plain data, and all zero is valid.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = on_fault as extern "C" fn(_, _, _) as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the action is valid, and its handler is what `SA_SIGINFO` asks for.
    assert_eq!(unsafe { libc::sigaction(libc::SIGSEGV, &action, null_mut()) }, 0);
}

#[test]
fn a_handler_that_was_there_before_is_called() {
    let output = ends_of_its_own("overflow::a_handler_that_was_there_before_is_called", || {
        install_handler();
        Mode::Stays(2).run(|| gort::spawn(fault).join().unwrap());
    });
    assert_eq!(output.status.code(), Some(40), "{}", stderr(&output));
}

#[test]
fn a_handler_that_comes_later_is_called() {
    let output = ends_of_its_own("overflow::a_handler_that_comes_later_is_called", || {
        Mode::Stays(2).run(|| {
            install_handler();
            gort::spawn(fault).join().unwrap()
        });
    });
    assert_eq!(output.status.code(), Some(40), "{}", stderr(&output));
}

#[test]
fn an_overflow_is_reported_beside_a_handler_of_before() {
    let output =
        ends_of_its_own("overflow::an_overflow_is_reported_beside_a_handler_of_before", || {
            install_handler();
            Mode::Stays(2).run(|| gort::spawn(|| recurse(usize::MAX)).join().unwrap());
        });
    overflowed(&output);
}

#[test]
fn a_fault_of_a_blocking_call_is_not_taken_for_an_overflow() {
    let output = ends_of_its_own(
        "overflow::a_fault_of_a_blocking_call_is_not_taken_for_an_overflow",
        || {
            Mode::Stays(1).run(|| gort::blocking(fault));
        },
    );
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", stderr(&output));
}
