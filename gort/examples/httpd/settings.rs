//! The command line.

use std::path::PathBuf;
use std::time::Duration;

/// How to call it.
pub(crate) const USAGE: &str =
    "usage: httpd [--addr ADDRESS:PORT] [--procs N] [--timeout SECONDS] DIR";

/// What the command line says.
pub(crate) struct Settings {
    pub(crate) address: String,
    pub(crate) timeout: Duration,
    pub(crate) directory: PathBuf,
    procs: Option<usize>,
}

impl Settings {
    /// The number of processors, found as `gort` does unless it is given.
    pub(crate) fn procs(&self) -> Result<usize, String> {
        match (self.procs, std::env::var("GORT_MAXPROCS")) {
            (Some(procs), _) => Ok(procs),
            (None, Err(_)) => Ok(gort::runtime::platform().cpus),
            (None, Ok(text)) => {
                text.trim().parse().map_err(|_| format!("GORT_MAXPROCS is {text:?}: give a number"))
            }
        }
    }
}

/// Reads it; none if it asks for help.
pub(crate) fn read() -> Result<Option<Settings>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut address = String::from("127.0.0.1:8080");
    let mut timeout = Duration::from_secs(10);
    let mut procs = None;
    let mut directory = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("addr") => address = arguments.value()?.string()?,
            Long("procs") => procs = Some(arguments.value()?.parse()?),
            Long("timeout") => timeout = arguments.value()?.parse_with(seconds)?,
            Short('h') | Long("help") => return Ok(None),
            Value(value) if directory.is_none() => directory = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let directory = directory.ok_or("say which directory to serve")?;
    Ok(Some(Settings { address, timeout, directory, procs }))
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "give a number of seconds, such as 10 or 0.5".into())
}
