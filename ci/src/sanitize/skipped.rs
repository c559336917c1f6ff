//! The tests that are not run under a tool, each with the reason why the tool makes it impossible.

#![forbid(unsafe_code)]

use super::Tool;

/// Some tests of one executable.
struct Skip {
    tools: &'static [Tool],
    /// The executable's name, and a part of the tests' names; empty: all of its tests.
    target: &'static str,
    part: &'static str,
    reason: &'static str,
}

const SANITIZERS: &[Tool] = &[Tool::Address, Tool::Thread];

const THREAD: &[Tool] = &[Tool::Thread];
const ADDRESS: &[Tool] = &[Tool::Address];

const MEMORY: &str = "it counts memory or mappings, and the sanitizer's are counted with them";
const LIMITED: &str = "it takes memory away, and the sanitizer ends a process that gives it none";
const OVERFLOW: &str =
    "it is std that reports a plain thread's overflow, and in a build with a sanitizer it doesn't";

const LEAKED: &str = "what it forgets or abandons is leaked on purpose";

const fn skip(
    tools: &'static [Tool],
    target: &'static str,
    part: &'static str,
    reason: &'static str,
) -> Skip {
    Skip { tools, target, part, reason }
}

const SKIPPED: &[Skip] = &[
    skip(SANITIZERS, "counts", "", "it counts system calls, and the sanitizer makes its own"),
    skip(SANITIZERS, "workers", "memory::", MEMORY),
    skip(SANITIZERS, "workers", "aside::many_short_calls_leave_nothing", MEMORY),
    skip(SANITIZERS, "lifecycle", "leave_nothing", MEMORY),
    skip(SANITIZERS, "lifecycle", "large_stacks_are_given_back", MEMORY),
    skip(SANITIZERS, "workers", "scheduling::the_same_work_again_takes_no_more_memory", MEMORY),
    skip(SANITIZERS, "waits", "timers::timers_that_are_not_needed_leave_nothing", MEMORY),
    skip(SANITIZERS, "workers", "scheduling::a_hundred_thousand_parked", MEMORY),
    skip(SANITIZERS, "limits", "", LIMITED),
    skip(SANITIZERS, "workers", "running_out::", LIMITED),
    skip(
        THREAD,
        "workers",
        "deadlock::",
        "the sanitizer has a thread of its own, as any program may have",
    ),
    skip(
        THREAD,
        "workers",
        "forks::",
        "a child goes on without an exec, which the sanitizer forbids",
    ),
    skip(SANITIZERS, "workers", "overflow::a_plain_thread_that_overflows", OVERFLOW),
    skip(SANITIZERS, "workers", "overflow::the_caller_of_run_is_reported_by_std", OVERFLOW),
    skip(
        SANITIZERS,
        "workers",
        "overflow::a_stack_is_as_large_as_was_asked_for",
        "it measures a stack, and frames are larger, or not on the stack at all",
    ),
    skip(
        THREAD,
        "workers",
        "overflow::the_frame_of_one_function_may_be_larger",
        "the compiler makes no stack probes in a build with the thread sanitizer",
    ),
    skip(ADDRESS, "sync", "chan::drops::a_panic_while_dropping_leaves_the_channel_sound", LEAKED),
    skip(ADDRESS, "tasks", "safety::forgotten_handles_end_no_borrow", LEAKED),
    skip(ADDRESS, "waits", "everywhere_it_waits::a_panic_of_main_leaves_those_who_wait", LEAKED),
    skip(
        ADDRESS,
        "tasks",
        "panics::go_reports_a_panic",
        "a payload that panics when dropped is leaked on purpose, and reported",
    ),
];

/// Why this test is not run under the tool; none if it is run.
pub(super) fn reason(tool: Tool, target: &str, name: &str) -> Option<&'static str> {
    let mut fitting = SKIPPED.iter().filter(|skip| skip.tools.contains(&tool));
    let skip = fitting.find(|skip| skip.target == target && name.contains(skip.part))?;
    Some(skip.reason)
}

/// What is not run under a tool, and why.
pub(super) fn by(tool: Tool) -> impl Iterator<Item = (String, &'static str)> {
    let mine = SKIPPED.iter().filter(move |skip| skip.tools.contains(&tool));
    mine.map(|skip| (format!("{} {}", skip.target, skip.part).trim().to_owned(), skip.reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_by_tool_target_and_name() {
        assert!(reason(Tool::Thread, "counts", "any").is_some());
        assert!(reason(Tool::Valgrind, "counts", "any").is_none());
        assert!(reason(Tool::Thread, "smoke", "counts").is_none());
        assert!(by(Tool::Address).all(|(_, reason)| !reason.is_empty()));
    }
}
