//! What the executables do, and what they say when it goes wrong.

use super::{Check, FOLDER, Programs, Where, contains, lacks};
use crate::Error;

/// The most system calls of the small one, the first and the last included.
const CALLS: usize = 15;

/// What a libc does when it starts, and nobody here needs.
const OF_LIBC: &[&str] =
    &["brk(", "set_tid_address", "set_robust_list", "rseq", "readlink", "uname(", "openat("];

/// What the demo says however it is started.
const WORKS: &[&str] = &[
    "goroutines: 100000, sum 4999950000",
    "primes: [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, \
     83, 89, 97]",
    "sleepers: [10, 20, 30]",
    "echo: round and back",
];

// Why a claim is not shown of programs for other processors.
const STRACE: &str = "strace sees the calls of the emulator";
const HOSTED: &str = "it is about a program of this machine";
const ODD: &str = "what starts it oddly starts the emulator so";
const LIMIT: &str = "the emulator reserves more addresses than the limit allows";
const GDB: &str = "gdb sees the emulator";

pub(super) const CHECKS: &[Check] = &[
    Check {
        claim: "hello says so and ends well, by few system calls, none a libc's",
        show: hello,
        place: Where::Here(STRACE),
    },
    Check {
        claim: "the demo does all that it says, and its status is main's",
        show: demo,
        place: Where::Anywhere,
    },
    Check {
        claim: "GORT_DEBUG=boot tells every stage, and libc's are done by us",
        show: stages,
        place: Where::Anywhere,
    },
    Check {
        claim: "threads are made with storage of their own",
        show: threads,
        place: Where::Here(STRACE),
    },
    Check {
        claim: "a portable program says the same with std and without",
        show: portable,
        place: Where::Here(HOSTED),
    },
    Check {
        claim: "odd starts go well: no arguments, closed streams, 6 MB, no auxv",
        show: odd,
        place: Where::Here(ODD),
    },
    Check {
        claim: "where thread-local storage is refused, that is said",
        show: no_storage,
        place: Where::Here(ODD),
    },
    Check {
        claim: "where threads are refused, that is said, and others go on",
        show: no_threads,
        place: Where::Here(STRACE),
    },
    Check { claim: "an overflow and a panic are said", show: trouble, place: Where::Anywhere },
    Check { claim: "a lack of memory is said", show: no_memory, place: Where::Here(LIMIT) },
    Check {
        claim: "a backtrace ends at the goroutine's entry, with libc and without",
        show: backtrace,
        place: Where::Here(GDB),
    },
];

fn hello(programs: &Programs<'_>) -> Result<(), Error> {
    let log = format!("{FOLDER}/hello.strace");
    let output = programs.shell(&format!("strace -o {log} {FOLDER}/hello"))?;
    contains(&output, &["hello from a goroutine\nstatus 0"])?;
    let log = programs.project.sh.read_file(log)?;
    let calls: Vec<_> = log.lines().filter(|line| line.contains('(')).collect();
    println!("    hello makes {} system calls", calls.len());
    if calls.len() > CALLS {
        return Err(format!("{} system calls:\n{log}", calls.len()).into());
    }
    let starts = |index: usize, with: &str| calls.get(index).is_some_and(|c| c.starts_with(with));
    if !starts(0, "execve(") || !starts(1, "arch_prctl(ARCH_SET_FS, ") {
        return Err(format!("it starts with something else:\n{log}").into());
    }
    lacks(&log, OF_LIBC)
}

fn demo(programs: &Programs<'_>) -> Result<(), Error> {
    let output = programs.shell(&format!("{} 42 'two words'", programs.program("demo")))?;
    contains(&output, WORKS)?;
    contains(&output, &["arg 1: 42", "arg 2: two words", "page size 4096", "status 42"])
}

fn stages(programs: &Programs<'_>) -> Result<(), Error> {
    let output = programs.shell(&format!("GORT_DEBUG=boot {}", programs.program("hello")))?;
    let told = output.lines().filter_map(|line| line.strip_prefix("boot: "));
    let told: Vec<_> = told.map(|line| line.split(" ns ").next().unwrap_or(line)).collect();
    let outcomes: Vec<_> =
        told.iter().map(|line| (line[..12].trim(), line[12..20].trim())).collect();
    let mut expected = [
        "rt0",
        "rt0_go",
        "host hook",
        "settls",
        "bind g0, m0",
        "check",
        "args",
        "osinit",
        "schedinit",
        "mstart",
        "newproc",
        "schedule",
        "gogo",
        "main",
        "exit",
    ]
    .map(|stage| (stage, "done"));
    expected[2].1 = "skipped";
    if outcomes != expected { Err(format!("it tells\n{output}").into()) } else { Ok(()) }
}

fn threads(programs: &Programs<'_>) -> Result<(), Error> {
    let log = format!("{FOLDER}/demo.strace");
    let output = programs.shell(&format!("strace -f -o {log} {FOLDER}/demo"))?;
    contains(&output, &["status 0"])?;
    let log = programs.project.sh.read_file(log)?;
    let made: Vec<_> = log.lines().filter(|line| line.contains(" clone(")).collect();
    if made.is_empty() || made.iter().any(|line| !line.contains("CLONE_SETTLS")) {
        return Err(format!("threads were made so: {made:?}").into());
    }
    lacks(&log, &OF_LIBC[..OF_LIBC.len() - 1])
}

fn portable(programs: &Programs<'_>) -> Result<(), Error> {
    let hosted = programs.shell("target/debug/examples/portable")?;
    contains(&hosted, &WORKS[1..3])?;
    contains(&hosted, &["status 0"])
}

fn odd(programs: &Programs<'_>) -> Result<(), Error> {
    let start = |how: &str| {
        let output = programs.shell(&format!("target/debug/odd_start {how} {FOLDER}/demo 5"))?;
        Ok::<_, Error>(output)
    };
    let nothing = start("nothing")?;
    contains(&nothing, &["environment: 0 variables", "status 0"])?;
    contains(&nothing, WORKS)?;
    // Without the second, what it says goes to /dev/null, and nowhere else.
    let silent = start("closed-1")?;
    if silent != "status 5\n" {
        return Err(format!("with its output closed: {silent}").into());
    }
    for how in ["closed-0", "closed-2", "huge", "no-auxv"] {
        let output = start(how)?;
        contains(&output, WORKS).map_err(|error| format!("{how}: {error}"))?;
        contains(&output, &["status 5"])?;
    }
    contains(&start("huge")?, &["bytes\n  V0=xxx"])?;
    contains(&start("no-auxv")?, &["page size 0\n"])
}

fn no_storage(programs: &Programs<'_>) -> Result<(), Error> {
    let output = programs.shell(&format!("target/debug/odd_start no-tls {FOLDER}/hello"))?;
    let said = "fatal: the thread-local storage can't be set (arch_prctl(ARCH_SET_FS)): Operation \
                not permitted (os error 1)";
    contains(&output, &[said, "status 2"])
}

fn no_threads(programs: &Programs<'_>) -> Result<(), Error> {
    let log = format!("{FOLDER}/threads.strace");
    let line =
        format!("strace -f -o {log} target/debug/odd_start no-threads {FOLDER}/trouble threads");
    let output = programs.shell(&line)?;
    let said = "the first goroutine could not be started: Resource temporarily unavailable (os \
                error 11). The process has 1 threads of at most ";
    contains(&output, &["blocking calls: 28", said, "Raise the limit", "status 0"])?;
    let tried = programs.project.sh.read_file(log)?.matches(" clone(").count();
    // Once, and again after each of 20 pauses.
    if tried < 21 { Err(format!("it was tried {tried} times").into()) } else { Ok(()) }
}

fn trouble(programs: &Programs<'_>) -> Result<(), Error> {
    let run =
        |how: &str| programs.shell(&format!("ulimit -c 0; {} {how}", programs.program("trouble")));
    let overflow = run("overflow")?;
    let said =
        "has overflowed its stack of 256 KiB\n  it was spawned at freestanding/src/trouble.rs";
    contains(&overflow, &["fatal: goroutine ", said, "status 134"])?;
    let panic = run("panic")?;
    contains(&panic, &["goroutine ", " panicked at freestanding/src/trouble.rs:"])?;
    contains(&panic, &["the sum is wrong\n  left: 2\n right: 3", "status 134"])
}

fn no_memory(programs: &Programs<'_>) -> Result<(), Error> {
    let line = format!("ulimit -v 2000000; {} memory", programs.program("trouble"));
    let memory = programs.shell(&line)?;
    let said = "a goroutine could not be started: Cannot allocate memory (os error 12). The process \
                has ";
    contains(&memory, &[said, "KiB of addresses of at most 2000000", "status 0"])
}

fn backtrace(programs: &Programs<'_>) -> Result<(), Error> {
    let stops = [
        (format!("{FOLDER}/trouble"), "stop_here", "stop"),
        ("target/debug/examples/portable".to_owned(), "portable::portable::without_multiples", ""),
    ];
    for (program, place, args) in stops {
        let gdb =
            format!("gdb -nx -q -batch -ex 'break {place}' -ex 'run {args}' -ex bt {program}");
        let output = programs.shell(&gdb)?;
        lacks(&output, &["Backtrace stopped", " ?? "])?;
        let last = output.lines().rfind(|line| line.starts_with('#'));
        if !last.is_some_and(|last| last.contains("arch_amd64::context::goexit")) {
            return Err(format!("it ends with {last:?}:\n{output}").into());
        }
    }
    Ok(())
}
