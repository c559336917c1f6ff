//! Signals: the program's handlers run, nobody is told of an interruption but those whom std would
//! tell, and a process that is stopped, or looked at by a debugger, loses nothing.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use tests::{MODES, Mode, alone, disturbed, ms, spin_until, thread_id};

static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Installs [`count`] for `SIGUSR1`, with these flags.
fn install(flags: libc::c_int) {
    // SAFETY: the type is plain data, and all zero is valid.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = count as extern "C" fn(_) as usize;
    action.sa_flags = flags;
    // SAFETY: the action is valid, and its handler counts, which may be done at any time.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &action, null_mut()) }, 0);
}

/// Every thread of this process.
fn threads() -> Vec<i32> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect()
}

fn interrupt(thread: i32) {
    let process = std::process::id();
    // SAFETY: sends a signal, to a thread that may have ended.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGUSR1) };
}

/// Interrupts every thread again and again while `f` runs. Returns how many signals were handled.
fn interrupted(f: impl FnOnce()) -> usize {
    let over = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&over);
    let before = HANDLED.load(Ordering::Relaxed);
    let interrupter = std::thread::spawn(move || {
        let own = thread_id();
        while !end.load(Ordering::Acquire) {
            threads().into_iter().filter(|&thread| thread != own).for_each(interrupt);
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    f();
    over.store(true, Ordering::Release);
    interrupter.join().unwrap();
    HANDLED.load(Ordering::Relaxed) - before
}

/// Messages, timers and bytes: each arrives once, and no operation speaks of an interruption.
fn load(rounds: usize) {
    gort::scope(|s| {
        for capacity in [0, 1, 16] {
            let (tx, rx) = chan::bounded(capacity);
            s.spawn(move || (0..rounds).for_each(|n| tx.send(n).unwrap()));
            s.spawn(move || assert!(rx.iter().eq(0..rounds)));
        }
        for _ in 0..4 {
            s.spawn(move || {
                for _ in 0..rounds / 20 {
                    let (before, time) = (Instant::now(), Duration::from_micros(300));
                    gort::sleep(time);
                    assert!(before.elapsed() >= time, "a sleep was cut short");
                }
            });
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..2 {
            s.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                for n in 0..rounds / 4 {
                    // Plain calls, not `write_all`, which would swallow an interruption.
                    assert_eq!(stream.write(&[n as u8]).unwrap(), 1);
                    let mut byte = [0];
                    assert_eq!(stream.read(&mut byte).unwrap(), 1);
                    assert_eq!(byte, [n as u8]);
                }
            });
        }
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            s.spawn(move || {
                let mut bytes = [0; 64];
                loop {
                    let n = stream.read(&mut bytes).unwrap();
                    if n == 0 {
                        break;
                    }
                    assert_eq!(stream.write(&bytes[..n]).unwrap(), n);
                }
            });
        }
        for n in 0..rounds / 40 {
            assert_eq!(gort::blocking(|| n + 1), n + 1);
        }
    });
}

#[test]
fn handlers_run_and_nobody_is_told() {
    alone("signals::handlers_run_and_nobody_is_told", || {
        for flags in [0, libc::SA_RESTART, libc::SA_ONSTACK] {
            install(flags);
            for mode in MODES {
                let mut handled = 0;
                for _ in 0..100 {
                    handled += interrupted(|| mode.run(|| load(400)));
                    if handled > 100 {
                        break;
                    }
                }
                assert!(handled > 100, "{mode:?}: only {handled} signals were handled");
            }
        }
    });
}

#[test]
fn a_handler_runs_on_a_goroutines_own_thread() {
    alone("signals::a_handler_runs_on_a_goroutines_own_thread", || {
        install(0);
        for mode in MODES {
            mode.run(|| {
                let handles: Vec<_> = (0..50)
                    .map(|_| {
                        gort::spawn(|| {
                            let before = HANDLED.load(Ordering::Relaxed);
                            // SAFETY: sends this thread a signal, which is handled before it returns.
                            assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
                            assert!(HANDLED.load(Ordering::Relaxed) > before);
                            gort::yield_now();
                        })
                    })
                    .collect();
                handles.into_iter().for_each(|handle| handle.join().unwrap());
            });
        }
    });
}

#[test]
fn a_blocking_call_is_interrupted_as_on_a_thread() {
    alone("signals::a_blocking_call_is_interrupted_as_on_a_thread", || {
        for mode in MODES {
            mode.run(|| {
                for (flags, restarts) in [(0, false), (libc::SA_RESTART, true)] {
                    install(flags);
                    let (mut reader, mut writer) = io::pipe().unwrap();
                    // Open until the end, or an interrupted call leaves nobody to write to.
                    let _open = reader.try_clone().unwrap();
                    let thread = Arc::new(AtomicUsize::new(0));
                    let of_call = Arc::clone(&thread);
                    let call = gort::spawn(move || {
                        gort::blocking(|| {
                            of_call.store(thread_id() as usize, Ordering::Release);
                            reader.read(&mut [0; 8])
                        })
                    });
                    while thread.load(Ordering::Acquire) == 0 {
                        gort::sleep(ms(1));
                    }
                    let before = HANDLED.load(Ordering::Relaxed);
                    // It may not be in the call yet, so more than once.
                    for _ in 0..20 {
                        interrupt(thread.load(Ordering::Acquire) as i32);
                        gort::sleep(ms(1));
                    }
                    spin_until("a handler", || HANDLED.load(Ordering::Relaxed) > before);
                    writer.write_all(b"abc").unwrap();
                    let result = call.join().unwrap();
                    match restarts {
                        true => assert_eq!(result.unwrap(), 3),
                        false => assert_eq!(result.unwrap_err().kind(), ErrorKind::Interrupted),
                    }
                }
            });
        }
    });
}

/// What the disturbed processes do: enough for some hundred disturbances.
fn busy() {
    for mode in [Mode::Stays(1), Mode::Stays(4), Mode::Migrates(1), Mode::Migrates(4)] {
        for _ in 0..4 {
            mode.run(|| load(2000));
        }
    }
}

#[test]
fn a_stop_and_a_continuation_lose_nothing() {
    let times = disturbed("signals::a_stop_and_a_continuation_lose_nothing", busy, |child| {
        for signal in [libc::SIGSTOP, libc::SIGCONT] {
            // SAFETY: sends a signal to a child that was not waited for.
            unsafe { libc::kill(child, signal) };
            std::thread::sleep(ms(2));
        }
    });
    assert!(times > 10, "stopped only {times} times");
}

/// A request of ptrace about a thread, with a signal for it or 0.
fn ptrace(request: i64, thread: i32, signal: i32) -> bool {
    let none = null_mut::<u8>();
    // SAFETY: none of the requests below reads or writes memory of this process.
    unsafe { libc::ptrace(request as _, thread, none, signal as usize) == 0 }
}

/// Waits until a thread stands because this one has attached to it; false if it has ended. The end of
/// its process is left for others to see.
fn stands(thread: i32, process: i32) -> bool {
    loop {
        let mut what = MaybeUninit::zeroed();
        let kinds = libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT | libc::__WALL;
        // SAFETY: the report is writable.
        let waited = unsafe { libc::waitid(libc::P_PID, thread as u32, what.as_mut_ptr(), kinds) };
        // SAFETY: all zero is a valid report, or the call has written one.
        let what: libc::siginfo_t = unsafe { what.assume_init() };
        if waited != 0 || ![libc::CLD_STOPPED, libc::CLD_TRAPPED].contains(&what.si_code) {
            if thread != process {
                // SAFETY: takes note of an end, and writes nothing.
                unsafe { libc::waitpid(thread, null_mut(), libc::__WALL) };
            }
            return false;
        }
        let mut status = 0;
        // SAFETY: the status is writable.
        unsafe { libc::waitpid(thread, &mut status, libc::__WALL) };
        match libc::WSTOPSIG(status) {
            libc::SIGSTOP => return true,
            // It came first. A trap is nobody's but the debugger's.
            other => {
                let signal = if other == libc::SIGTRAP { 0 } else { other };
                ptrace(libc::PTRACE_CONT.into(), thread, signal);
            }
        }
    }
}

/// Attaches to every thread, as a debugger does, waits until they stand, and lets them go.
fn attach_and_detach(child: i32) {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{child}/task")) else { return };
    let names = tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok());
    let mut attached: Vec<i32> = names.collect();
    attached.retain(|&thread| ptrace(libc::PTRACE_ATTACH.into(), thread, 0));
    attached.retain(|&thread| stands(thread, child));
    std::thread::sleep(ms(1));
    for thread in attached {
        ptrace(libc::PTRACE_DETACH.into(), thread, 0);
    }
}

#[test]
fn a_debugger_that_comes_and_goes_loses_nothing() {
    let test = "signals::a_debugger_that_comes_and_goes_loses_nothing";
    let times = disturbed(test, busy, |child| {
        attach_and_detach(child);
        std::thread::sleep(ms(3));
    });
    assert!(times > 10, "attached only {times} times");
}
