//! Running one program once, in each of the ways in which a workload can be measured.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::peers::{self, Peer};
use super::workloads::{How, Workload};
use crate::Error;
use crate::command::{self, Project};

/// The longest that a program measures itself.
const LIMIT: Duration = Duration::from_secs(60);

/// The same for one that builds and starts others.
const LIMIT_OF_STARTS: Duration = Duration::from_secs(600);

/// How long a resting program is looked at, in seconds.
const REST: &str = "3";

/// A result: whose it is, and its line.
pub(super) type Line = (String, Value);

/// Runs a workload of a peer once. One run of [`How::Starting`] has results of several peers.
pub(super) fn once(
    project: &Project,
    workload: &Workload,
    peer: &Peer,
    procs: usize,
    n: u64,
) -> Result<Vec<Line>, Error> {
    let mut command = Command::new(&peer.program);
    command.arg(workload.name).args(peer.options).args(["--procs", &procs.to_string()]);
    let ours = |line| vec![(peer.label.to_owned(), line)];
    match workload.how {
        How::Itself => {
            command.args(["--n", &n.to_string()]);
            Ok(ours(lines(command, LIMIT)?.pop().ok_or("it printed no line")?))
        }
        How::Starting => {
            command.args(["--n", &n.to_string()]).env("PATH", peers::path_with_go(project));
            let label = |line: &Value| line["peer"].as_str().unwrap_or_default().to_owned();
            Ok(lines(command, LIMIT_OF_STARTS)?
                .into_iter()
                .map(|line| (label(&line), line))
                .collect())
        }
        How::Serving(connections, protocol) => {
            let mut server = Running::start(command)?;
            let port = server.line["port"].as_u64().ok_or("the server named no port")?;
            let mut load = Command::new(peers::load(project)?);
            load.args([port, connections as u64, n].map(|number| number.to_string()));
            let threads = clients(procs, std::thread::available_parallelism()?.get());
            load.args([protocol, &server.child.id().to_string(), &threads.to_string()]);
            let line = lines(load, LIMIT)?.pop().ok_or("the client printed no line")?;
            server.end()?;
            Ok(ours(line))
        }
        How::Resting => {
            command.args(["--n", &n.to_string()]);
            let mut resting = Running::start(command)?;
            std::thread::sleep(Duration::from_secs(1));
            let calls = calls_of(project, resting.child.id());
            resting.end()?;
            Ok(ours(json!({ "value": calls?, "unit": "calls", "more": {} })))
        }
    }
}

/// How many threads the clients of a server on so many processors have: as many, so that it is the server that
/// is measured, where the machine has a core for each.
fn clients(procs: usize, cores: usize) -> usize {
    cores.saturating_sub(procs).clamp(1, procs)
}

/// Runs a program to its end, and returns what it printed of JSON.
fn lines(command: Command, limit: Duration) -> Result<Vec<Value>, Error> {
    let finished = command::watch(command, Some(limit), false)?;
    if finished.timed_out {
        return Err(format!("it took longer than {} s", limit.as_secs()).into());
    }
    if !finished.success {
        // The first line of a panic says where, the second what.
        let said: Vec<_> =
            finished.output.lines().filter(|line| !line.is_empty()).take(2).collect();
        return Err(said.join(" ").into());
    }
    let lines = finished.output.lines().filter(|line| line.starts_with('{'));
    Ok(lines.map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// A program that says when it is ready, and goes on until it is ended.
struct Running {
    child: Child,
    line: Value,
}

impl Running {
    fn start(mut command: Command) -> Result<Running, Error> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut text = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut text)?;
        }
        let line = serde_json::from_str(&text).unwrap_or_default();
        let running = Running { child, line };
        if running.line.is_null() { Err("it said nothing".into()) } else { Ok(running) }
    }

    fn end(&mut self) -> Result<(), Error> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless something else failed first.
        let _ = self.end();
    }
}

/// Counts the system calls that a process enters.
fn calls_of(project: &Project, pid: u32) -> Result<usize, Error> {
    let folder = project.sh.create_temp_dir()?;
    let file = folder.path().join("calls");
    let mut strace = Command::new("timeout");
    strace.args(["-s", "INT", REST, "strace", "-f", "-qq", "-o"]).arg(&file);
    strace.args(["-p", &pid.to_string()]).stderr(Stdio::null()).status()?;
    counted(&file)
}

/// The calls in a file of strace's. The first of each thread is the one in which it was found.
fn counted(file: &Path) -> Result<usize, Error> {
    let text = std::fs::read_to_string(file)
        .map_err(|_| "strace is missing; on Debian: apt-get install strace")?;
    let entered = text.lines().filter(|line| !line.contains(" resumed>") && line.contains('('));
    let threads: Vec<_> = entered.filter_map(|line| line.split(' ').next()).collect();
    let mut found = threads.clone();
    found.sort_unstable();
    found.dedup();
    Ok(threads.len() - found.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_as_many_clients_as_there_are_cores_for() {
        let of = [(1, 1), (1, 4), (2, 2), (2, 3), (2, 4), (2, 64)];
        assert_eq!(of.map(|(procs, cores)| clients(procs, cores)), [1, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn calls_are_counted_without_those_that_were_found() -> Result<(), Error> {
        let file = std::env::temp_dir().join(format!("calls-{}", std::process::id()));
        std::fs::write(
            &file,
            "1 futex(0x1, FUTEX_WAIT <unfinished ...>\n2 epoll_wait(5,  <unfinished ...>\n\
             2 <... epoll_wait resumed>[], 8, 9) = 0\n2 epoll_wait(5,  <detached ...>\n",
        )?;
        let calls = counted(&file);
        std::fs::remove_file(&file)?;
        assert_eq!(calls?, 1);
        Ok(())
    }

    #[test]
    fn what_a_program_prints_of_json_counts() -> Result<(), Error> {
        let mut command = Command::new("echo");
        command.arg("hello\n{\"value\":1.5}");
        assert_eq!(lines(command, LIMIT)?, [json!({ "value": 1.5 })]);
        let refused = lines(Command::new("false"), LIMIT).is_err();
        assert!(refused);
        Ok(())
    }
}
