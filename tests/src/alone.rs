//! Tests in a process of their own: for what counts a process's threads or mappings, and for what
//! ends it.

use std::env;
use std::process::{self, Command, Output, Stdio};

/// Set, to the test's name, in a process that was started for one test.
const ALONE: &str = "GORT_TEST_ALONE";

/// The status with which such a process ends when the test's body has returned. A test harness that
/// found no test of this name would end with 0, and one whose test failed with 101.
const DONE: i32 = 7;

/// A call of this executable for one test only: the body that [`alone`] or [`ends_of_its_own`] is
/// given there runs at once.
///
/// # Panics
/// When this executable's path is not known.
pub fn again(test: &str) -> Command {
    let program = env::current_exe().expect("an executable knows its own path");
    let mut command = Command::new(program);
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, test);
    // One arena: how many mappings malloc has must not depend on how its threads meet. It is glibc
    // that reads this; other libcs have one arena or none.
    command.env("MALLOC_ARENA_MAX", "1");
    command
}

/// Runs `body`, and ends the process, if it was started for this test; otherwise returns the
/// command that does.
fn body_or_command(test: &str, body: impl FnOnce()) -> Command {
    if env::var_os(ALONE).is_none_or(|name| name != test) {
        return again(test);
    }
    body();
    process::exit(DONE);
}

/// Runs the body of the test of this name in a process of its own.
///
/// # Panics
/// When the body doesn't return.
pub fn alone(test: &str, body: impl FnOnce()) {
    let output = ends_of_its_own(test, body);
    if output.status.code() != Some(DONE) {
        let (out, error) = (String::from_utf8_lossy(&output.stdout), stderr(&output));
        panic!("{test}, alone, ended with {}\n{out}\n{error}", output.status);
    }
}

/// As [`alone`], for a body that may end its process: returns how it ended, and what it wrote.
pub fn ends_of_its_own(test: &str, body: impl FnOnce()) -> Output {
    run(&mut body_or_command(test, body))
}

/// As [`alone`], but while the body runs, `disturb` is called again and again with the number of its
/// process, by the thread that started it. Returns how often.
///
/// # Panics
/// When the body doesn't return.
pub fn disturbed(test: &str, body: impl FnOnce(), disturb: impl Fn(i32)) -> usize {
    let mut command = body_or_command(test, body);
    command.stdout(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("the test can't start itself again: {error}"),
    };
    let mut times = 0;
    let status = loop {
        match child.try_wait() {
            Ok(None) => disturb(child.id() as i32),
            Ok(Some(status)) => break status,
            Err(error) => panic!("{test}, disturbed, can't be waited for: {error}"),
        }
        times += 1;
    };
    assert!(is_done(status.code()), "{test}, disturbed, ended with {status}");
    times
}

/// As [`alone`], but with each system call looked at.
pub(crate) fn traced(test: &str, body: impl FnOnce()) -> Command {
    body_or_command(test, body)
}

fn run(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(error) => panic!("the test can't start itself again: {error}"),
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether a process ended as one does whose body has returned.
pub(crate) fn is_done(code: Option<i32>) -> bool {
    code == Some(DONE)
}
