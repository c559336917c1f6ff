//! The stages of a start, as `GORT_DEBUG=boot` tells them of a program that libc has started.

use std::process::Output;

use tests::ends_of_its_own;

/// What a program says that is asked for its start.
fn told(test: &str, debug: &str, migratory: bool) -> String {
    let Output { status, stderr, .. } = ends_of_its_own(test, || {
        // SAFETY: in the process that this runs in, there is one other thread, which waits.
        unsafe { std::env::set_var("GORT_DEBUG", debug) };
        // SAFETY: what runs is bound to no thread.
        let builder = unsafe { builder(migratory) };
        assert_eq!(builder.run(|| 7).expect("a runtime"), 7);
    });
    assert!(!status.success(), "a body that returns ends its process with a status of its own");
    String::from_utf8_lossy(&stderr).into_owned()
}

/// # Safety
/// - As for `Builder::migratory`, if that is asked for.
unsafe fn builder(migratory: bool) -> gort::Builder {
    let builder = gort::Builder::new().procs(2);
    if !migratory {
        return builder;
    }
    // SAFETY: the caller's contract is the same.
    unsafe { builder.migratory() }
}

/// Each stage that was told: its name, whether it was skipped, and its nanoseconds.
fn stages(said: &str) -> Vec<(String, bool, u64)> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("boot: "));
    lines
        .map(|line| {
            let (name, rest) = line.split_at(12);
            let words: Vec<_> = rest.split_whitespace().collect();
            assert!(matches!(words[0], "done" | "skipped") && words[2] == "ns", "{line}");
            assert!(words.len() > 3, "it says why: {line}");
            (name.trim().to_owned(), words[0] == "skipped", words[1].parse().expect(line))
        })
        .collect()
}

#[test]
fn a_hosted_start_is_told_stage_by_stage() {
    let said = told("boot::a_hosted_start_is_told_stage_by_stage", "other, boot", false);
    let stages = stages(&said);
    let names: Vec<_> = stages.iter().map(|(name, ..)| name.as_str()).collect();
    let expected = [
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
    ];
    assert_eq!(names, expected, "{said}");
    let skipped: Vec<_> = stages.iter().filter(|(_, skipped, _)| *skipped).collect();
    let skipped: Vec<_> = skipped.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(skipped, ["rt0", "rt0_go", "settls", "check", "args"], "{said}");
    assert!(stages.is_sorted_by_key(|(.., nanos)| *nanos), "{said}");
}

#[test]
fn a_migratory_start_takes_another_thread() {
    let said = told("boot::a_migratory_start_takes_another_thread", "boot", true);
    let stages = stages(&said);
    let skips = |name: &str| stages.iter().any(|(other, skipped, _)| other == name && *skipped);
    assert!(skips("mstart") && !skips("gogo"), "{said}");
    assert!(stages.iter().any(|(name, ..)| name == "main"), "{said}");
}

#[test]
fn nothing_is_told_that_was_not_asked_for() {
    let said = told("boot::nothing_is_told_that_was_not_asked_for", "reboot,bootstrap", false);
    assert!(stages(&said).is_empty(), "{said}");
}
