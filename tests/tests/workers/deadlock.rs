//! A deadlock ends the process with a report, in every mode; and nobody is reported who can still be
//! woken. The cases are those of the program `asleep`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tests::{MODES, Mode};

/// The status of a process that ended because of a deadlock.
const DEADLOCK: i32 = 2;
/// That of one whose case has come to its end.
const OVER: i32 = 7;
/// That of one which was ended by an alarm.
const ENDED: i32 = 9;

const REPORT: &str = "all goroutines are asleep - deadlock!\n";

fn asleep(case: &str, mode: Mode, what: &[&str]) -> Output {
    command(case, mode, what).output().unwrap()
}

fn command(case: &str, mode: Mode, what: &[&str]) -> Command {
    let (name, procs) = match mode {
        Mode::Stays(procs) => ("stays", procs),
        Mode::Migrates(procs) => ("migrates", procs),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_asleep"));
    command.args([case, name, &procs.to_string()]).args(what);
    // Whoever ends so has freed nothing, which is no leak to be reported.
    command.env("ASAN_OPTIONS", "detect_leaks=0");
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The report of a case, without its first line, in each mode.
fn deadlocks(case: &str, look: impl Fn(&str) + Sync) {
    std::thread::scope(|s| {
        for mode in MODES {
            let look = &look;
            s.spawn(move || {
                let output = asleep(case, mode, &[]);
                let text = stderr(&output);
                assert_eq!(output.status.code(), Some(DEADLOCK), "{case}, {mode:?}: {text}");
                let list = text.strip_prefix(&format!("fatal: {REPORT}"));
                println!("{mode:?}");
                look(list.unwrap_or_else(|| panic!("{case}, {mode:?}: {text}")));
            });
        }
    });
}

/// A case that comes to its end, in each mode.
fn goes_on(case: &str) {
    std::thread::scope(|s| {
        for mode in MODES {
            s.spawn(move || {
                let output = asleep(case, mode, &[]);
                assert_eq!(
                    output.status.code(),
                    Some(OVER),
                    "{case}, {mode:?}: {}",
                    stderr(&output)
                );
                assert_eq!(stderr(&output), "", "{case}, {mode:?}");
            });
        }
    });
}

fn has(list: &str, parts: &[&str]) {
    let found = list.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "no line with {parts:?}:\n{list}");
}

#[test]
fn channels() {
    deadlocks("receive", |list| {
        assert_eq!(list.lines().count(), 2, "{list}");
        has(
            list,
            &[
                "goroutine 1 'main', spawned at tests/src/asleep/",
                "receive from channel 0 (1 sender, 1 receiver) for ",
            ],
        );
        has(list, &["spawned at tests/src/asleep/deadlocks.rs:", "receive from channel 1"]);
    });
    deadlocks("send", |list| has(list, &["goroutine 1 'main', ", "waits to send to channel 0"]));
}

#[test]
fn selects() {
    deadlocks("select", |list| {
        has(list, &["waits for one of several channels: to ", ", or to ", "to send to channel "]);
    });
    deadlocks("never", |list| has(list, &["goroutine 1 'main', ", "`never()`", "for ever"]));
}

#[test]
fn locks() {
    deadlocks("locks", |list| {
        has(list, &["goroutine 1 'main', ", "waits for lock 0, held by goroutine ", "in a circle"]);
        has(list, &["waits for lock 1, held by goroutine 1, for ", "in a circle"]);
    });
    deadlocks("guard", |list| {
        has(
            list,
            &["goroutine 1 'main', ", "lock 0, held by a goroutine that has ended, ", "for ever"],
        );
    });
}

#[test]
fn others_that_never_end() {
    deadlocks("group", |list| has(list, &["goroutine 1 'main', ", "waits for wait group 0"]));
    deadlocks("join", |list| {
        has(list, &["goroutine 1 'main', ", "waits for the end of goroutine "])
    });
    deadlocks("scope", |list| {
        has(list, &["goroutine 1 'main', ", "waits for the goroutines of scope"])
    });
}

#[test]
fn each_of_many_is_listed() {
    deadlocks("many", |list| assert_eq!(list.lines().count(), 501));
}

#[test]
fn what_is_over_hides_none() {
    for case in ["after_work", "after_threads", "second", "inside"] {
        deadlocks(case, |list| has(list, &["goroutine 1 'main', ", "waits to receive"]));
    }
}

#[test]
fn it_is_noticed_soon() {
    for mode in MODES {
        let start = Instant::now();
        assert_eq!(asleep("receive", mode, &[]).status.code(), Some(DEADLOCK));
        assert!(start.elapsed() < Duration::from_secs(5), "{mode:?}: {:?}", start.elapsed());
    }
}

#[test]
fn a_report_ends_nothing() {
    for mode in MODES {
        let mut command = command("receive", mode, &["report"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().take(3);
        let report: Vec<_> = lines.map(Result::unwrap).collect();
        assert_eq!(report[0], REPORT.trim_end(), "{mode:?}");
        assert!(report[1..].iter().all(|line| line.starts_with("  goroutine ")), "{report:?}");
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(child.try_wait().unwrap(), None, "{mode:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn it_can_be_turned_off() {
    for mode in MODES {
        let output = asleep("receive", mode, &["off"]);
        assert_eq!(output.status.code(), Some(ENDED), "{mode:?}");
        assert_eq!(stderr(&output), "", "{mode:?}");
    }
}

#[test]
fn plain_threads_may_wake_them() {
    ["thread", "late_thread", "threads", "caller"].into_iter().for_each(goes_on);
}

#[test]
fn timers_and_calls_may_wake_them() {
    ["timer", "call"].into_iter().for_each(goes_on);
}

#[test]
fn processes_and_signals_may_wake_them() {
    ["process", "signal"].into_iter().for_each(goes_on);
}

#[test]
fn other_runtimes_may_wake_them() {
    ["runtimes", "lent"].into_iter().for_each(goes_on);
}
