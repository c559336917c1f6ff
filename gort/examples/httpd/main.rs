//! A server of static files: HTTP/1.1 with keep-alive and pipelining, a goroutine per connection,
//! written as blocking code.
//!
//! ```text
//! cargo run --release --example httpd -- [--addr ADDRESS:PORT] [--procs N] [--timeout SECONDS] DIR
//! curl -i http://127.0.0.1:8080/
//! ```
//!
//! What it shows: reads and writes with timeouts, so that a slow client holds nothing up
//! (`connection.rs`); the file system behind `gort::blocking`, so that a slow disk holds up no
//! other connection (`files.rs`); and an orderly end: on Ctrl-C or SIGTERM it stops accepting, lets
//! requests that have begun finish for up to five seconds, and exits with status 0. A second signal
//! ends it at once.

#![forbid(unsafe_code)]

mod connection;
mod files;
mod request;
mod response;
mod settings;

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gort::net::{TcpListener, TcpStream};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use files::Files;
use settings::Settings;

/// How long requests may take to finish after a signal.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to wait when a connection can't be accepted, for others to end.
const BREATH: Duration = Duration::from_millis(20);

/// Threads that may be in the file system at once; more requests queue up for them.
const FILE_THREADS: usize = 64;

/// What all connections share.
struct Server {
    files: Files,
    /// How long a client may keep the server waiting.
    timeout: Duration,
    stopping: AtomicBool,
    /// Requests that have begun and are not answered.
    busy: AtomicUsize,
}

/// Counts a request as long as it lives.
struct Busy(Arc<Server>);

impl Busy {
    fn new(server: &Arc<Server>) -> Busy {
        server.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(server))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

fn main() -> ExitCode {
    let settings = match settings::read() {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            println!("{}", settings::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("httpd: {error}\n{}", settings::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("httpd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let server = Arc::new(Server {
        files: Files::new(&settings.directory)?,
        timeout: settings.timeout,
        stopping: AtomicBool::new(false),
        busy: AtomicUsize::new(0),
    });
    let address = settings.address.as_str();
    let listener =
        TcpListener::bind(address).map_err(|e| format!("can't listen on {address}: {e}"))?;
    let address = listener.local_addr()?;
    let mut signals = stop_signals()?;
    let procs = settings.procs()?;
    gort::Builder::new().procs(procs).max_threads(procs + FILE_THREADS).run(|| {
        println!(
            "serving {} on http://{address} with {procs} processors",
            settings.directory.display()
        );
        let accepting = {
            let server = Arc::clone(&server);
            gort::spawn(move || accept(listener, &server))
        };
        // A thread aside sleeps there; this goroutine, which could accept as well, is parked.
        gort::blocking(|| signals.forever().next());
        server.stopping.store(true, Ordering::Relaxed);
        stop_accepting(address);
        let _ = accepting.join();
        drain(&server);
    })?;
    Ok(())
}

/// The signals that end the server. The second one does so at once, as if there were no handler.
fn stop_signals() -> io::Result<Signals> {
    let asked_before = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset and sets it.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&asked_before))?;
        signal_hook::flag::register(signal, Arc::clone(&asked_before))?;
    }
    Signals::new([SIGINT, SIGTERM])
}

/// Accepts until the server stops, and closes the listener.
fn accept(listener: TcpListener, server: &Arc<Server>) {
    let mut complained = false;
    loop {
        let accepted = listener.accept();
        if server.stopping.load(Ordering::Relaxed) {
            return;
        }
        let started = accepted.and_then(|(stream, _)| {
            let server = Arc::clone(server);
            // The handle is dropped: nobody waits for the goroutine.
            gort::thread::Builder::new().spawn(move || connection::serve(stream, server)).map(drop)
        });
        match started {
            Ok(()) => complained = false,
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of descriptors or memory. Once is enough until it works again.
                if !complained {
                    eprintln!("httpd: no connection can be accepted: {error}");
                    complained = true;
                }
                gort::sleep(BREATH);
            }
        }
    }
}

/// Makes `accept` look up, by connecting to it. If that fails it is awake already, or the queue is
/// full and it soon will be.
fn stop_accepting(mut address: SocketAddr) {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
}

/// Waits until no request is being served. Connections without one are closed with the process.
fn drain(server: &Server) {
    let start = Instant::now();
    while server.busy.load(Ordering::Relaxed) > 0 {
        if start.elapsed() >= DRAIN {
            eprintln!("httpd: {} requests left unfinished", server.busy.load(Ordering::Relaxed));
            return;
        }
        gort::sleep(Duration::from_millis(5));
    }
}
