//! How a program starts on each system and processor: the tables of thread-local storage, and the path
//! of each row, as it was just run. `--mermaid` prints the picture of the README, which is that of
//! x86-64.
//!
//! Up to where the core takes over, a row runs on a machine that writes down what it is asked for;
//! from there on it is the real core, and its `main` is a goroutine on this machine.

use std::fmt::Write as _;
use std::panic::Location;

use rt_core::boot::tls::{
    Argc, Asked, Recorder, Sleep, Slot, StackBy, Tls, TlsModel, rt0_go, worker,
};
use rt_core::boot::{Boot, STAGES, Stage, Step};
use rt_core::{Config, Runtime};

/// Why a row did not run to its end.
type Error = Box<dyn std::error::Error>;

/// A row, and what happened when it was run.
struct Booted {
    model: &'static TlsModel,
    path: Vec<Step>,
    asked: Vec<Asked>,
    worker: Vec<Asked>,
}

/// The rows of each processor.
const PROCESSORS: [(&str, &[TlsModel]); 2] =
    [("x86-64", &arch_amd64::tls::MODELS), ("64-bit Arm", &arch_aarch64::tls::MODELS)];

fn main() -> Result<(), Error> {
    match std::env::args().nth(1).as_deref() {
        None => {
            let core = gort::runtime::backend();
            println!("* done, - skipped; the core ran on {core}");
            for (processor, models) in PROCESSORS {
                let booted = boot_all(models)?;
                println!("\n{processor}\n\n{}\n{}", table(&booted), paths(&booted));
            }
        }
        Some("--mermaid") => print!("{}", mermaid(&boot_all(PROCESSORS[0].1)?)),
        Some(other) => return Err(format!("usage: boot_map [--mermaid], and not {other}").into()),
    }
    Ok(())
}

/// Runs every row of a processor.
fn boot_all(models: &'static [TlsModel]) -> Result<Vec<Booted>, Error> {
    models.iter().map(boot).collect()
}

/// Runs a row to the end of a `main`.
fn boot(model: &'static TlsModel) -> Result<Booted, Error> {
    let (mut machine, boot) = (Recorder::new(), Boot::new());
    match model.host {
        None => boot.done(Stage::Rt0, "the kernel starts the program"),
        Some(_) => boot.skipped(Stage::Rt0, "the kernel starts the host"),
    }
    rt0_go(model, &mut machine, &boot).map_err(|halt| format!("{}: {halt:?}", model.system))?;
    run_core(&boot)?;
    let path = boot.steps().iter().copied().collect();
    let mut other = Recorder::new();
    let refused = |error| format!("{}: no other worker: {error:?}", model.system);
    worker(model, &mut other).map_err(refused)?;
    Ok(Booted { model, path, asked: machine.asked, worker: other.asked })
}

/// The stages of the core, for real.
fn run_core(boot: &Boot) -> Result<(), Error> {
    let config = Config {
        procs: 1,
        follows: false,
        stack_bytes: rt_core::DEFAULT_STACK_BYTES,
        max_threads: 10,
        migratory: false,
        deadlock: rt_core::Deadlock::Off,
        unwinding: std::thread::panicking,
        left: None,
        keeps_left: false,
    };
    boot.done(Stage::OsInit, "processors");
    let refused = |error| format!("this machine has no runtime: {error:?}");
    let runtime = Runtime::new(&config).map_err(refused)?;
    boot.done(Stage::SchedInit, "stacks, workers and processors");
    let main = |_: &rt_core::Running| boot.done(Stage::Main, "a goroutine");
    // SAFETY: noting a stage doesn't unwind.
    let ran = unsafe { runtime.run(Location::caller(), boot, main) };
    boot.done(Stage::Exit, "main has returned");
    if let Some(lent) = ran.map_err(refused)? {
        lent.join();
    }
    Ok(())
}

/// The table, a system a line.
fn table(booted: &[Booted]) -> String {
    let head = ["system", "argc", "settls", "the thread's word", "thread", "stack by", "sleeps on"];
    let mut rows = vec![head.map(str::to_owned)];
    for Booted { model, .. } in booted {
        rows.push([
            model.system.to_owned(),
            argc(model.argc).to_owned(),
            match model.tls {
                Tls::Set(call) => call.to_owned(),
                Tls::Skip(why) => format!("skip: {why}"),
            },
            slot(model.g),
            model.thread.to_owned(),
            match model.stack {
                StackBy::Us => "us".to_owned(),
                StackBy::System => "system".to_owned(),
            },
            match model.sleep {
                Sleep::Word(call) => format!("a word: {call}"),
                Sleep::Own(what) => format!("its own: {what}"),
            },
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        // Writing to a String can't fail.
        let _ = writeln!(text, "{}", Vec::from_iter(cells).join("  ").trim_end());
    }
    text
}

fn argc(argc: Argc) -> &'static str {
    match argc {
        Argc::Stack => "stack",
        Argc::Register => "a register",
        Argc::Main => "main",
        Argc::Asked => "asked for",
    }
}

fn slot(slot: Slot) -> String {
    match slot {
        Slot::Base(register, offset) => format!("{register}:{offset}"),
        Slot::Found(register) => format!("{register}:found"),
        Slot::Reserved(register) => format!("{register}:reserved"),
        Slot::Private => "a private word".to_owned(),
        Slot::Variable => "a variable".to_owned(),
    }
}

/// The path of each system, side by side: a stage a line, `*` for done and `-` for skipped.
fn paths(booted: &[Booted]) -> String {
    let mut text = String::new();
    let systems = booted.iter().map(|booted| format!("{:<10}", booted.model.system));
    // Writing to a String can't fail.
    let _ = writeln!(text, "{:<12} {}", "stage", String::from_iter(systems).trim_end());
    for index in 0..STAGES {
        let cell = |booted: &Booted| match booted.path.get(index) {
            Some(step) if step.skipped => "-         ",
            Some(_) => "*         ",
            None => "?         ",
        };
        let name = booted[0].path.get(index).map_or("", |step| step.stage.name());
        let cells = String::from_iter(booted.iter().map(cell));
        let _ = writeln!(text, "{name:<12} {}", cells.trim_end());
    }
    text
}

/// The picture: who does what between the kernel and `main`.
fn mermaid(booted: &[Booted]) -> String {
    let names = |wanted: fn(&Booted) -> bool| {
        let names = booted.iter().filter(|b| wanted(b)).map(|b| b.model.system);
        Vec::from_iter(names).join(", ")
    };
    let touched = |b: &Booted| b.asked.iter().any(|asked| matches!(asked, Asked::SetTls(_)));
    let set = names(touched);
    let skip = names(|b| !b.asked.iter().any(|asked| matches!(asked, Asked::SetTls(_))));
    let hosted = names(|b| b.asked.iter().any(|asked| matches!(asked, Asked::HostHook(_))));
    let own = names(|b| b.worker.contains(&Asked::Stack));
    let mut text = String::from("flowchart TD\n");
    // Writing to a String can't fail.
    let _ = write!(
        text,
        "    kernel([kernel]) --> rt0[\"rt0 → rt0_go: argc, argv, g0, processor\"]\n    \
         rt0 --> hook{{\"a host that owns<br/>the thread's storage?\"}}\n    \
         hook -- \"{hosted}\" --> skip[\"settls: skipped<br/>{skip}\"]\n    \
         hook -- no --> settls[\"settls, and 0x123 is found in memory<br/>{set}\"]\n    \
         hook -- \"plan9: the kernel has it\" --> skip\n    \
         settls --> core\n    \
         skip --> core\n    \
         core[\"bind g0 and m0 → check → args → osinit → schedinit\"] --> start\n    \
         start[\"mstart → newproc(main) → schedule → gogo\"] --> main([main, a goroutine])\n    \
         start -. \"more workers; on stacks of ours:<br/>{own}\" .-> start\n    \
         main --> exit([exit])\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(Vec<Booted>, &'static [TlsModel])> {
        PROCESSORS.map(|(_, models)| (boot_all(models).unwrap(), models)).into()
    }

    #[test]
    fn every_row_comes_to_main_by_every_stage() {
        for Booted { model, path, asked, .. } in all().into_iter().flat_map(|(all, _)| all) {
            let system = model.system;
            assert_eq!(path.len(), STAGES, "{system}");
            assert!(
                path.windows(2).all(|two| (two[0].stage as u8) < two[1].stage as u8),
                "{system}"
            );
            assert!(path.is_sorted_by_key(|step| step.ticks), "{system}");
            let sets = asked.iter().any(|asked| matches!(asked, Asked::SetTls(_)));
            assert_eq!(sets, matches!(model.tls, Tls::Set(_)), "{system}");
            let skipped = |stage: Stage| path[stage as usize].skipped;
            assert_eq!(skipped(Stage::SetTls), !sets, "{system}");
            assert_eq!(skipped(Stage::HostHook), model.host.is_none(), "{system}");
            let core = [Stage::Bind, Stage::Check, Stage::Args, Stage::Gogo, Stage::Main];
            assert!(!core.into_iter().any(skipped), "{system}");
        }
    }

    #[test]
    fn the_tables_and_the_paths_have_every_system() {
        for (all, models) in all() {
            let (table, paths) = (table(&all), paths(&all));
            assert_eq!(table.lines().count(), 1 + models.len());
            assert_eq!(paths.lines().count(), 1 + STAGES);
            let settls = paths.lines().find(|line| line.starts_with("settls")).unwrap();
            let set = models.iter().filter(|model| matches!(model.tls, Tls::Set(_))).count();
            assert_eq!(settls.matches('*').count(), set, "{settls}");
            assert_eq!(settls.matches('-').count(), models.len() - set, "{settls}");
        }
    }

    #[test]
    fn the_readme_shows_the_picture() {
        let readme = include_str!("../../README.md");
        let picture = format!("```mermaid\n{}```\n", mermaid(&all()[0].0));
        assert!(readme.contains(&picture), "the README needs this:\n{picture}");
    }
}
