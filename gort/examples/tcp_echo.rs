//! An echo server: a goroutine per connection, written as one would with threads.
//!
//! ```text
//! cargo run --release --example tcp_echo -- --addr 127.0.0.1:7000 --procs 2
//! ```
//!
//! `--migratory` lets goroutines move between threads, as Go's do. Try it with `nc 127.0.0.1 7000`,
//! or point a load generator at it. It ends with Ctrl-C.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use gort::net::{TcpListener, TcpStream};

const USAGE: &str = "usage: tcp_echo [--addr ADDRESS:PORT] [--procs N] [--migratory]";

/// One page: it lies on the connection's stack, and of a stack only the touched pages are memory.
/// So a waiting connection costs two or three pages in all; four times the buffer would double that
/// and save system calls only to those who send a lot.
const BUFFER: usize = 4096;

/// How long to wait when a connection can't be accepted, for others to end.
const BREATH: Duration = Duration::from_millis(20);

struct Settings {
    address: String,
    procs: Option<usize>,
    migratory: bool,
}

fn main() -> ExitCode {
    let settings = match settings() {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("tcp_echo: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tcp_echo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line says; none if it asks for help.
fn settings() -> Result<Option<Settings>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut settings = Settings { address: "127.0.0.1:7000".into(), procs: None, migratory: false };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("addr") => settings.address = arguments.value()?.string()?,
            Long("procs") => settings.procs = Some(arguments.value()?.parse()?),
            Long("migratory") => settings.migratory = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(settings))
}

fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let address = settings.address.as_str();
    let listener =
        TcpListener::bind(address).map_err(|e| format!("can't listen on {address}: {e}"))?;
    let mut runtime = gort::Builder::new();
    if let Some(procs) = settings.procs {
        runtime = runtime.procs(procs);
    }
    if settings.migratory {
        // SAFETY: `accept` and `echo` keep nothing that is bound to a thread; a listener is `Send`.
        runtime = unsafe { runtime.migratory() };
    }
    let address = listener.local_addr()?;
    runtime.run(|| {
        println!("listening on {address}");
        accept(&listener);
    })?;
    Ok(())
}

fn accept(listener: &TcpListener) {
    let mut complained = false;
    loop {
        let started = listener.accept().and_then(|(stream, _)| {
            // The handle is dropped: nobody waits for the goroutine.
            gort::thread::Builder::new().spawn(move || echo(stream)).map(drop)
        });
        match started {
            Ok(()) => complained = false,
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of descriptors or memory. Once is enough until it works again.
                if !complained {
                    eprintln!("tcp_echo: no connection can be accepted: {error}");
                    complained = true;
                }
                gort::sleep(BREATH);
            }
        }
    }
}

fn echo(mut stream: TcpStream) {
    // Answers are whole: to wait for more to send with them would only make them late.
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; BUFFER];
    // An error is the peer's end as well: there is nobody to tell.
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
}
