//! Cases in which everybody waits, and somebody else wakes them at last.

use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use gort::chan;
use gort::net::TcpStream;
use tests::{Mode, ms};

use crate::Case;

pub(crate) const CASES: &[Case] = &[
    ("thread", |_, builder| thread(builder, ms(300))),
    ("late_thread", |_, builder| thread(builder, Duration::from_millis(1500))),
    ("threads", |_, builder| threads(builder)),
    ("timer", timer),
    ("call", call),
    ("process", process),
    ("signal", signal),
    ("runtimes", runtimes),
    ("caller", caller),
    ("lent", lent),
];

/// The status of a process that [`alarm`] has ended.
pub(crate) const ENDS: i32 = 9;

/// What the signal's handler does: ends the process, or writes to this descriptor if it is negative.
static ON_ALARM: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_alarm(_: libc::c_int) {
    let what = ON_ALARM.load(Ordering::Relaxed);
    if what > 0 {
        // SAFETY: ends the process; callable from a handler.
        unsafe { libc::_exit(what) };
    }
    // SAFETY: writes a byte; callable from a handler.
    unsafe { libc::write(-what, c"x".as_ptr().cast(), 1) };
}

/// Has the handler called after a time, without any thread.
pub(crate) fn alarm(what: i32, after: Duration) {
    ON_ALARM.store(what, Ordering::Relaxed);
    // SAFETY: the type is plain data, and all zero is valid.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = on_alarm as extern "C" fn(_) as usize;
    // SAFETY: the action is valid, and its handler does what handlers may do.
    assert_eq!(unsafe { libc::sigaction(libc::SIGALRM, &action, null_mut()) }, 0);
    let (tv_sec, tv_usec) = (after.as_secs() as i64, i64::from(after.subsec_micros()));
    let timer = libc::itimerval {
        it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 },
        it_value: libc::timeval { tv_sec, tv_usec },
    };
    // SAFETY: the timer is valid.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, null_mut()) }, 0);
}

fn run(builder: &gort::Builder, main: impl FnOnce() + Send) {
    builder.run(main).expect("the system refuses nothing");
}

/// A plain thread sends after a time.
fn thread(builder: &gort::Builder, after: Duration) {
    let (tx, rx) = chan::bounded::<()>(0);
    std::thread::spawn(move || {
        std::thread::sleep(after);
        tx.send(()).expect("received");
    });
    run(builder, move || rx.recv().expect("sent"));
}

/// Threads that start one another, and of which each sends when the runtime may be looking, and ends.
fn threads(builder: &gort::Builder) {
    fn send_later(tx: chan::Sender<u32>, n: u32) {
        std::thread::spawn(move || {
            // Around the end of the first pause, by steps of 50 us.
            std::thread::sleep(Duration::from_micros(9000 + 50 * u64::from(n)));
            if n < 40 {
                send_later(tx.clone(), n + 1);
            }
            tx.send(n).expect("received");
        });
    }
    let (tx, rx) = chan::bounded::<u32>(0);
    send_later(tx, 0);
    run(builder, move || assert_eq!(rx.iter().sum::<u32>(), 40 * 41 / 2));
}

fn timer(_: Mode, builder: &gort::Builder) {
    run(builder, || {
        let (tx, rx) = chan::bounded::<()>(0);
        gort::go(move || {
            gort::sleep(ms(300));
            tx.send(()).expect("received");
        });
        rx.recv().expect("sent");
    });
}

fn call(_: Mode, builder: &gort::Builder) {
    run(builder, || {
        let (tx, rx) = chan::bounded::<()>(0);
        gort::go(move || {
            gort::blocking(|| std::thread::sleep(ms(300)));
            tx.send(()).expect("received");
        });
        rx.recv().expect("sent");
    });
}

/// Another process writes to a socket.
fn process(_: Mode, builder: &gort::Builder) {
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 0.3; echo x"]).stdout(Stdio::from(OwnedFd::from(theirs)));
    let mut child = command.spawn().expect("there is a shell");
    drop(command);
    run(builder, move || {
        let mut text = String::new();
        TcpStream::from(OwnedFd::from(ours)).read_to_string(&mut text).expect("read");
        assert_eq!(text, "x\n");
    });
    child.wait().expect("it ends");
}

/// The handler of a signal writes to a socket.
fn signal(_: Mode, builder: &gort::Builder) {
    use std::os::fd::AsRawFd;
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    alarm(-theirs.as_raw_fd(), ms(300));
    run(builder, move || {
        let mut byte = [0];
        TcpStream::from(OwnedFd::from(ours)).read_exact(&mut byte).expect("read");
    });
    drop(theirs);
}

/// Two runtimes, of which one waits for the other.
fn runtimes(mode: Mode, builder: &gort::Builder) {
    let (tx, rx) = chan::bounded::<()>(0);
    let (back, reply) = chan::bounded::<()>(0);
    let other = std::thread::spawn(move || {
        mode.run(move || {
            rx.recv().expect("sent");
            std::thread::sleep(ms(200));
            back.send(()).expect("received");
        });
    });
    run(builder, move || {
        std::thread::sleep(ms(200));
        tx.send(()).expect("received");
        reply.recv().expect("sent");
    });
    other.join().expect("no panic");
}

/// The main thread has let another one call `run`, and wakes it.
fn caller(mode: Mode, _: &gort::Builder) {
    let (tx, rx) = chan::bounded::<()>(0);
    let other = std::thread::spawn(move || mode.run(move || rx.recv().expect("sent")));
    std::thread::sleep(ms(300));
    tx.send(()).expect("received");
    other.join().expect("no panic");
}

/// A blocking call that a runtime has left behind wakes the next one.
fn lent(_: Mode, builder: &gort::Builder) {
    let (tx, rx) = chan::bounded::<()>(0);
    run(builder, || {
        let (begin, begun) = chan::bounded::<()>(0);
        gort::go(move || {
            gort::blocking(|| {
                begin.send(()).expect("received");
                std::thread::sleep(ms(300));
                tx.send(()).expect("received");
            });
        });
        begun.recv().expect("sent");
    });
    run(builder, move || rx.recv().expect("sent"));
}
