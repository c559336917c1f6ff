//! `fork` on goroutines: with an exec it works, from many at once; without, the child may do what
//! needs no runtime, and whatever needs one ends it with a sentence.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gort::chan;
use gort::net::{TcpListener, TcpStream};
use gort::sync::{Mutex, WaitGroup};
use tests::{MODES, Mode, alone, ends_of_its_own, everywhere};

/// What a child ends with that got to its end.
const WENT_ON: i32 = 9;

/// Forks, lets the child do this, and returns how it ended.
fn fork(child: impl FnOnce()) -> ExitStatus {
    // SAFETY: the child has one thread, and ends below; this is about what it may do until then.
    let id = unsafe { libc::fork() };
    assert!(id >= 0, "fork: {}", std::io::Error::last_os_error());
    if id == 0 {
        child();
        // SAFETY: ends the process, and runs nothing of the parent's.
        unsafe { libc::_exit(WENT_ON) };
    }
    let mut status = 0;
    gort::blocking(|| {
        // SAFETY: the child of the line above, waited for once; the status is writable.
        assert_eq!(unsafe { libc::waitpid(id, &mut status, 0) }, id);
    });
    ExitStatus::from_raw(status)
}

#[test]
fn commands_run_from_many_goroutines() {
    everywhere(|mode| {
        let answers: Vec<_> = (0..12)
            .map(|n| {
                gort::spawn(move || {
                    let mut command = Command::new("sh");
                    command.arg("-c").arg(format!("echo {n}; exit {n}"));
                    if n % 2 == 0 {
                        // With this std forks, without it spawns in one step.
                        // SAFETY: does nothing.
                        unsafe { command.pre_exec(|| Ok(())) };
                    }
                    let output = if n % 3 == 0 {
                        command.output()
                    } else {
                        gort::blocking(|| command.output())
                    };
                    gort::yield_now();
                    output.unwrap()
                })
            })
            .collect();
        let ticking = gort::spawn(|| (0..20).for_each(|_| gort::sleep(Duration::from_millis(1))));
        for (n, answer) in answers.into_iter().enumerate() {
            let output = answer.join().unwrap();
            assert_eq!(output.status.code(), Some(n as i32), "{mode:?}");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{n}\n"));
        }
        ticking.join().unwrap();
    });
}

#[test]
fn a_child_that_needs_no_runtime_goes_on() {
    for mode in MODES {
        mode.run(|| {
            let (tx, rx) = chan::bounded(4);
            tx.send(1).unwrap();
            let child = fork(|| {
                assert_eq!(rx.try_recv(), Ok(1));
                assert!(rx.recv_timeout(Duration::ZERO).is_err());
                tx.send(2).unwrap();
                assert_eq!(rx.recv(), Ok(2));
                gort::sleep(Duration::from_millis(1));
                gort::yield_now();
                assert_eq!(gort::blocking(|| 5), 5);
                let mutex = Mutex::new(6);
                assert_eq!(*mutex.lock().unwrap(), 6);
            });
            assert_eq!(child.code(), Some(WENT_ON), "{mode:?}: {child}");
            // The parent's message is still there.
            assert_eq!(rx.try_recv(), Ok(1));
        });
    }
}

/// Whatever a goroutine, or a call aside, might do in a child that needs others.
fn needs() -> Vec<(&'static str, fn())> {
    vec![
        ("recv", || {
            let (tx, rx) = chan::unbounded::<()>();
            drop((rx.recv(), tx));
        }),
        ("send", || {
            let (tx, rx) = chan::bounded(0);
            drop((tx.send(1), rx));
        }),
        ("join", || {
            let parked = PARKED.get().unwrap().lock().unwrap().take().unwrap();
            drop(parked.join());
        }),
        ("wait group", || {
            let group = WaitGroup::new();
            group.add(1);
            group.wait();
        }),
        ("mutex", || {
            let mutex = Mutex::new(());
            let _held = mutex.lock();
            drop(mutex.lock());
        }),
        ("go", || gort::go(|| ())),
        ("spawn", || drop(gort::thread::Builder::new().spawn(|| ()))),
        ("scope", || gort::scope(|s| drop(s.spawn(|| ())))),
        ("wake", || WAKES.get().unwrap().send(()).unwrap()),
    ]
}

static PARKED: std::sync::OnceLock<std::sync::Mutex<Option<gort::JoinHandle<()>>>> =
    std::sync::OnceLock::new();
static WAKES: std::sync::OnceLock<chan::Sender<()>> = std::sync::OnceLock::new();

#[test]
fn a_child_that_needs_others_is_ended_with_a_sentence() {
    let output =
        ends_of_its_own("forks::a_child_that_needs_others_is_ended_with_a_sentence", || {
            let (wake, woken) = chan::bounded(0);
            WAKES.set(wake).unwrap();
            PARKED.set(std::sync::Mutex::new(None)).unwrap();
            for mode in [Mode::Stays(1), Mode::Stays(2), Mode::Migrates(2)] {
                mode.run(|| {
                    let woken = woken.clone();
                    let parked = gort::spawn(move || woken.recv().unwrap());
                    *PARKED.get().unwrap().lock().unwrap() = Some(parked);
                    gort::sleep(Duration::from_millis(1));
                    for (what, need) in needs() {
                        let ended = fork(need);
                        assert_eq!(
                            ended.signal(),
                            Some(libc::SIGABRT),
                            "{mode:?}, {what}: {ended}"
                        );
                    }
                    // The end of the goroutine itself, in the child.
                    let ends = gort::spawn(|| {
                        // SAFETY: as in `fork`; the child ends as soon as this returns there.
                        let id = unsafe { libc::fork() };
                        assert!(id >= 0);
                        id
                    });
                    let id = ends.join().unwrap();
                    let mut status = 0;
                    // SAFETY: the child made above, waited for once; the status is writable.
                    assert_eq!(unsafe { libc::waitpid(id, &mut status, 0) }, id);
                    assert_eq!(ExitStatus::from_raw(status).signal(), Some(libc::SIGABRT));
                    // From a thread aside.
                    let aside = gort::blocking(|| fork(|| WAKES.get().unwrap().send(()).unwrap()));
                    assert_eq!(aside.signal(), Some(libc::SIGABRT), "{mode:?}, aside: {aside}");
                    // The parent's are all there.
                    WAKES.get().unwrap().send(()).unwrap();
                    PARKED.get().unwrap().lock().unwrap().take().unwrap().join().unwrap();
                });
            }
        });
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{error}");
    let sentences = error.matches("fatal: this process was made by fork, and the goroutines");
    assert_eq!(sentences.count(), 3 * (needs().len() + 2), "{error}");
    assert!(error.contains("let the child exec a program or _exit"), "{error}");
}

#[test]
fn a_child_of_a_plain_thread_may_run_a_runtime_of_its_own() {
    alone("forks::a_child_of_a_plain_thread_may_run_a_runtime_of_its_own", || {
        gort::spawn(|| ()).join().unwrap();
        for mode in MODES {
            let child = fork(|| {
                let sum = mode.run(|| {
                    let (tx, rx) = chan::bounded(0);
                    gort::go(move || (0..10).for_each(|n| tx.send(n).unwrap()));
                    rx.iter().sum::<i32>()
                });
                assert_eq!(sum, 45);
            });
            assert_eq!(child.code(), Some(WENT_ON), "{mode:?}: {child}");
        }
        // The process-wide one has stayed with its process.
        let child = fork(|| drop(gort::thread::Builder::new().spawn(|| ())));
        assert_eq!(child.signal(), Some(libc::SIGABRT), "{child}");
        assert_eq!(gort::spawn(|| 5).join().unwrap(), 5);
    });
}

#[test]
fn a_child_takes_no_socket_from_its_parent() {
    for mode in [Mode::Stays(1), Mode::Stays(2), Mode::Migrates(2)] {
        mode.run(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            // Registered with a poller by a wait.
            server.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            assert!(server.read(&mut [0]).is_err());
            server.set_read_timeout(None).unwrap();
            let server = Arc::new(Mutex::new(Some(server)));
            let child = fork(|| drop(server.lock().unwrap().take()));
            assert_eq!(child.code(), Some(WENT_ON), "{child}");
            let mut server = server.lock().unwrap().take().unwrap();
            let reader = gort::spawn(move || server.read(&mut [0]).unwrap());
            gort::sleep(Duration::from_millis(2));
            std::io::Write::write_all(&mut { client }, b"x").unwrap();
            assert_eq!(reader.join().unwrap(), 1);
        });
    }
}

#[test]
fn the_streams_of_a_command_are_read_on_goroutines() {
    everywhere(|_| {
        let mut child = Command::new("sh")
            .args(["-c", "for i in 1 2 3; do echo $i; done"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut text = String::new();
        gort::blocking(|| child.stdout.take().unwrap().read_to_string(&mut text)).unwrap();
        assert_eq!(text, "1\n2\n3\n");
        assert!(gort::blocking(|| child.wait()).unwrap().success());
    });
}
