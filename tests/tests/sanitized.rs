//! Programs that are wrong on purpose, and ones like them that are right: the proof that a sanitizer
//! sees goroutines, and that it is told of every switch.
//!
//! Built by `cargo ci sanitize` alone. Each wrong program runs in a process of its own, which the
//! sanitizer must end, with the report that belongs to the mistake.

#[cfg(feature = "sanitize-thread")]
#[path = "sanitized/races.rs"]
mod races;

#[cfg(any(feature = "sanitize-address", feature = "valgrind"))]
#[path = "sanitized/memory.rs"]
mod memory;

/// Asserts that a program was ended with this report; `output` is what [`tests::ends_of_its_own`]
/// returned.
fn assert_reported(output: &std::process::Output, report: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "nothing was reported, but {report:?} should be:\n{text}");
    assert!(text.contains(report), "no {report:?} in this report:\n{text}");
}
