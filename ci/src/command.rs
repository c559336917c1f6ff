//! Running other programs: in the project's root, watched, and under a time limit where a hang is
//! possible.

use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use xshell::{Cmd, Shell};

use crate::Error;

/// The project being checked, and where we do it.
pub(crate) struct Project {
    /// A shell that stands in the project's root.
    pub(crate) sh: Shell,
    /// Whether this is a CI machine (`CI=true`), where tools may be installed.
    pub(crate) ci: bool,
}

impl Project {
    /// The project that this program was built from.
    pub(crate) fn open() -> Result<Project, Error> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package.parent().ok_or("the package `ci` stands in no workspace")?;
        let sh = Shell::new()?;
        sh.change_dir(root);
        Ok(Project { sh, ci: std::env::var_os("CI").is_some_and(|value| value == "true") })
    }
}

/// Where on the PATH a program is, if it is there.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// How a watched command ended.
pub(crate) struct Finished {
    /// All it wrote, both streams in the order of writing.
    pub(crate) output: String,
    pub(crate) success: bool,
    /// It was ended by us, because it took too long.
    pub(crate) timed_out: bool,
}

/// Runs a shell command, showing and keeping what it writes; see [`watch`].
pub(crate) fn show(cmd: Cmd<'_>, limit: Option<Duration>) -> Result<Finished, Error> {
    println!("$ {cmd}");
    // The output is parsed, and colour codes would be in the way.
    let finished = watch(cmd.env("CARGO_TERM_COLOR", "never").into(), limit, true)?;
    if let (true, Some(limit)) = (finished.timed_out, limit) {
        println!("error: ended after the time limit of {} s", limit.as_secs());
    }
    Ok(finished)
}

/// Runs a command to its end, keeping what it writes and, with `echo`, showing it line by line.
///
/// With a limit it runs in a process group of its own, so that its children are ended with it.
pub(crate) fn watch(command: Command, limit: Option<Duration>, echo: bool) -> io::Result<Finished> {
    run(command, limit, false, echo)
}

/// As [`watch`], with a limit for each line that the command writes, and for its end after the last: so the
/// whole may take long on a slow machine, and a hang is found soon.
pub(crate) fn watch_lines(command: Command, limit: Duration) -> io::Result<Finished> {
    run(command, Some(limit), true, false)
}

fn run(
    mut command: Command,
    limit: Option<Duration>,
    each_line: bool,
    echo: bool,
) -> io::Result<Finished> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    if limit.is_some() {
        command.process_group(0);
    }
    let mut child = command.spawn()?;
    // The command holds the write ends, and the reader would wait for them for ever.
    drop(command);
    let group = child.id();
    let (goes_on, waiting) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let alarm = scope.spawn(move || {
            let Some(limit) = limit else { return false };
            let expired = loop {
                if let Err(end) = waiting.recv_timeout(limit) {
                    break end == RecvTimeoutError::Timeout;
                }
            };
            if expired {
                end_group(group);
            }
            expired
        });
        let output = read_all(reader, |line| {
            if echo {
                print!("{line}");
            }
            if each_line {
                // Nobody listens when the time is over.
                _ = goes_on.send(());
            }
        });
        let status = child.wait();
        drop(goes_on);
        let timed_out = alarm.join().unwrap_or(false);
        Ok(Finished { output: output?, success: status?.success() && !timed_out, timed_out })
    })
}

/// Reads to the end of the stream, and shows each line to `see`; of output that isn't UTF-8, replacement characters.
fn read_all(reader: impl Read, see: impl Fn(&str)) -> io::Result<String> {
    let mut reader = BufReader::new(reader);
    let mut output = String::new();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        see(&text);
        output.push_str(&text);
        line.clear();
    }
    Ok(output)
}

/// Kills every process of a group. By the shell's own `kill`: a call from here would be unsafe
/// code, and the program `kill` is not on every machine.
fn end_group(group: u32) {
    let kill = Command::new("sh").arg("-c").arg(format!("kill -KILL -{group}")).status();
    if let Err(error) = kill {
        eprintln!("error: process group {group} took too long, and `sh` can't end it: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        command
    }

    #[test]
    fn both_streams_come_in_order() -> io::Result<()> {
        let finished = watch(sh("echo one; echo two >&2; echo three; exit 3"), None, false)?;
        assert_eq!(finished.output, "one\ntwo\nthree\n");
        assert!(!finished.success && !finished.timed_out);
        Ok(())
    }

    #[test]
    fn a_hang_ends_with_its_children() -> io::Result<()> {
        let start = Instant::now();
        let limit = Some(Duration::from_millis(100));
        // The inner shell holds the stream open, so only ending the whole group ends the reading.
        let finished = watch(sh("echo started; sh -c 'sleep 60; true' & wait"), limit, false)?;
        assert!(finished.timed_out && !finished.success);
        assert_eq!(finished.output, "started\n");
        assert!(start.elapsed() < Duration::from_secs(30));
        Ok(())
    }

    #[test]
    fn each_line_has_its_limit() -> io::Result<()> {
        let limit = Duration::from_secs(2);
        let finished = watch_lines(sh("for i in 1 2 3 4 5; do sleep 0.6; echo $i; done"), limit)?;
        assert!(finished.success && !finished.timed_out);
        let finished = watch_lines(sh("echo 1; sleep 60; echo 2"), limit)?;
        assert!(finished.timed_out && !finished.success);
        assert_eq!(finished.output, "1\n");
        Ok(())
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-program-has-this-name").is_none());
    }
}
