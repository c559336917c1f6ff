//! The simulation as a program's own tests use it, and that a seed is the same in every process.

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use gort::chan;
use gort::sim::{self, Faults, Strategy};

#[gort::sim_test]
fn a_message_arrives() {
    let (tx, rx) = chan::bounded(0);
    gort::go(move || tx.send(1).expect("received"));
    assert_eq!(rx.recv(), Ok(1));
}

#[gort::sim_test(seeds = 50, procs = Some(3), strategy = Strategy::Uniform, faults = Faults::NONE)]
fn options_are_those_of_the_config() {
    assert!(sim::active());
    assert_eq!(rt_core::os::cpus(), 3);
}

#[gort::sim_test(first = 7, seeds = 1)]
#[should_panic(expected = "replay: GORT_SIM_SEED=7")]
fn a_failure_names_its_seed() {
    panic!("on purpose");
}

/// A bit of everything that could differ: maps, clocks, timers, sockets, threads.
fn everything() {
    use std::io::{Read, Write};
    let map: HashMap<u32, u32> = (0..10).map(|i| (i, i * i)).collect();
    let (tx, rx) = chan::bounded(2);
    for (key, value) in map {
        let tx = tx.clone();
        gort::go(move || {
            gort::sleep(Duration::from_micros(u64::from(100 * key)));
            tx.send(value).expect("received");
        });
    }
    drop(tx);
    let server = gort::net::TcpListener::bind("127.0.0.1:0").expect("not bound");
    let at = server.local_addr().expect("no name");
    let client = gort::spawn(move || {
        let mut stream = gort::net::TcpStream::connect(at).expect("refused");
        let data = [7; 200_000];
        gort::blocking(|| stream.write_all(&data).expect("broken"));
    });
    let (mut stream, _) = server.accept().expect("no connection");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("broken");
    client.join().expect("no panic");
    eprintln!("{} bytes, {:?}, {:?}", all.len(), rx.iter().collect::<Vec<_>>(), sim::now());
}

/// The test below runs it for one seed, in a process of its own.
#[gort::sim_test(seeds = 20)]
fn one_seed() {
    everything();
}

#[test]
fn a_seed_has_one_trace_in_every_process() {
    let trace = |seed: u64| {
        let this = std::env::current_exe().expect("no path");
        let mut command = Command::new(this);
        command.args(["--exact", "one_seed", "--nocapture"]);
        let output = command.env("GORT_SIM_SEED", seed.to_string()).output().expect("not run");
        let text = String::from_utf8(output.stderr).expect("no text");
        assert!(output.status.success(), "{text}");
        assert!(text.contains("200000 bytes") && text.contains("steps, trace"), "{text}");
        text
    };
    for seed in 0..8 {
        assert_eq!(trace(seed), trace(seed));
    }
    assert_ne!(trace(1), trace(2));
}
