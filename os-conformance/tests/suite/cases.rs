//! Each fault is named by its clauses, and by no others.

use std::collections::BTreeSet;
use std::time::Duration;

use os_conformance::{Report, Suite, Time, run};

use crate::broken::Broken;
use crate::faults::*;

/// A suite that doesn't wait long for what won't happen.
fn quick() -> Suite {
    let limit = Duration::from_secs(5);
    let patience = Duration::from_millis(400);
    Suite { time: Time::Real { limit }, patience, ..Suite::default() }
}

/// With a limit that a check is to run into.
const HANGS: Time = Time::Real { limit: Duration::from_secs(1) };

/// Faults of memory are looked for where memory is: the whole suite for each would take long.
const MEMORY: &[&str] = &[
    "Os::page_size/",
    "Os::reserve/",
    "Os::commit/",
    "Os::guard",
    "Os::discard/",
    "Os::populate/",
    "Os::release/",
    "Os::no_memory/",
];

/// Faults of sockets and contexts change no answer of `Os`.
const NOT_OS: &[&str] = &["Poller::", "Net::", "Arch::"];

/// All of `must` are violated. What else is, is in `may`: what the fault only sometimes meets.
fn compare(report: &Report, must: &[&str], may: &[&str]) {
    let violated = report.violations.iter().map(|violation| violation.clause.id);
    let violated: BTreeSet<&str> = violated.collect();
    let missed: Vec<_> = must.iter().filter(|id| !violated.contains(*id)).collect();
    assert!(missed.is_empty(), "not found to be violated: {missed:?}\n{report}");
    let known = |id: &&str| must.contains(id) || may.contains(id);
    let others: Vec<_> = violated.iter().filter(|id| !known(id)).collect();
    assert!(others.is_empty(), "violated without a reason: {others:?}\n{report}");
}

/// Tests, each with its fault, what the suite needs besides to see it, and the clauses.
macro_rules! cases {
    (only $only:expr; $($test:ident: $fault:ident $({ $($field:ident: $value:expr),* })?
        => $must:expr $(, perhaps $may:expr)?;)*) => {
        $(
            #[test]
            fn $test() {
                let base = Suite { only: $only, ..quick() };
                let suite = Suite { $($($field: $value,)*)? ..base };
                let report = run::<Broken<$fault>, Broken<$fault>>(&suite);
                let may: &[&[&str]] = &[$(&$may)?];
                compare(&report, &$must, &may.concat());
            }
        )*
    };
}

cases! {
    only &[];

    wait_that_ignores_the_word: EXPECTS_NOTHING
        => ["Os::wait/differs"], perhaps ["Os::wait/atomic-with-wake"];
    wait_with_a_gap: GAP => ["Os::wait/atomic-with-wake"], perhaps ["Os::is_blocked/waits"];
    wait_that_never_sleeps: SLEEPLESS
        => ["Os::wait/sleeps", "Os::wait/forever", "Os::wait/far-deadline", "Os::wake/one",
            "Os::wake/two", "Os::is_blocked/waits"];
    wait_that_oversleeps: OVERSLEEPS { only: &["Os::wait/d", "Os::wait/p"] }
        => ["Os::wait/deadline", "Os::wait/past-deadline"];
    wait_that_takes_forever_for_never: FOREVER_IS_OVER
        => ["Os::wait/forever", "Os::wait/far-deadline"], perhaps ["Os::is_blocked/waits"];
    wake_that_wakes_nobody: WAKES_NOBODY { time: HANGS }
        => ["Os::wait/atomic-with-wake", "Os::wait/forever", "Os::wait/far-deadline",
            "Os::wake/one", "Os::wake/two", "Os::wake/all"],
        perhaps ["Os::is_blocked/waits"];
    wake_that_wakes_one: WAKES_ONE => ["Os::wake/two", "Os::wake/all"];
    wake_that_wakes_all: WAKES_ALL => ["Os::wake/one", "Os::wake/two"];

    clock_that_steps_back: CLOCK_STEPS_BACK
        => ["Os::now/monotonic"], perhaps ["Os::now/same-on-all-threads"];
    clock_that_creeps: CLOCK_CREEPS => ["Os::now/nanoseconds"];
    seed_that_is_constant: SEED_IS_CONSTANT => ["Os::seed/differs"];
    fence_that_flickers: FENCE_FLICKERS => ["Os::fence_all/constant"];
    no_processors: NO_CPUS => ["Os::cpus/at-least-one"], perhaps ["Os::most_cpus/no-fewer"];
    fewer_at_most_than_now: NO_MOST_CPUS => ["Os::most_cpus/no-fewer"];
    another_error_for_no_memory: OTHER_NO_MEMORY
        => ["Os::no_memory/as-reserve-says", "Os::shortage/of-memory"];

    one_word_for_all_threads: ONE_WORD
        => ["Os::set_local/no-other-thread's", "Os::start/word-is-null",
            "Os::local/null-at-first"];
    word_that_is_not_null: INHERITS_A_WORD => ["Os::start/word-is-null"];
    join_that_does_not_wait: JOINS_AT_ONCE { only: &["Os::join/waits"] }
        => ["Os::join/waits-for-the-end"];
    start_that_waits: STARTS_INLINE { only: &["Os::start/runs"] } => ["Os::start/runs-beside"];
    threads_that_are_not_counted: COUNTS_NO_THREAD => ["Os::threads/counts"];
    end_of_a_thread_too_early: ENDS_EARLY => ["Os::at_thread_end/calls"];
    thread_without_a_name_of_its_own: ONE_NAME
        => ["Os::thread/of-its-own", "Os::is_blocked/waits"];
    every_thread_blocked: ALL_BLOCKED => ["Os::is_blocked/runs"];
    no_thread_blocked: NONE_BLOCKED => ["Os::is_blocked/waits"];

    abort_that_exits: ABORT_EXITS { again: Some("cases::abort_that_exits") }
        => ["Os::abort/crash"];
    exit_that_forgets: EXIT_FORGETS { again: Some("cases::exit_that_forgets") }
        => ["Os::exit/status"];
    error_stream_that_is_mute: MUTE { again: Some("cases::error_stream_that_is_mute") }
        => ["Os::write_error/writes", "Os::catch_faults/handler-is-called",
            "Os::catch_faults/not-ours", "Os::start/survives-overflow"];
    handler_that_is_not_called: CATCHES_NOTHING { again: Some("cases::handler_that_is_not_called") }
        => ["Os::catch_faults/handler-is-called", "Os::catch_faults/not-ours",
            "Os::start/survives-overflow"];
    child_that_is_not_told: TELLS_NO_CHILD { again: Some("cases::child_that_is_not_told") }
        => ["Os::at_fork/child-is-told"];
    fork_that_is_not_counted: COUNTS_NO_FORK { again: Some("cases::fork_that_is_not_counted") }
        => ["Os::forks/counts"];
    shortage_of_nothing: SHORT_OF_NOTHING => ["Os::shortage/of-memory"];
}

cases! {
    only MEMORY;

    commit_of_dirt: COMMITS_DIRT => ["Os::commit/zero"];
    reserve_without_alignment: RESERVES_UNALIGNED { only: &["Os::reserve"] }
        => ["Os::reserve/aligned"];
    populate_that_zeroes: POPULATES_ZEROS => ["Os::populate/keeps-contents"];
    discard_that_keeps_the_data: DISCARDS_NOTHING => ["Os::discard/zero"];
    discard_of_a_page_more: DISCARDS_MORE => ["Os::discard/nothing-else"];
    guard_that_is_none: GUARDS_NOTHING
        => ["Os::guard/faults", "Os::guard/each-of-many", "Os::guard/survives-discard"];
    guard_one_page_off: GUARDS_NEXT_PAGE
        => ["Os::guard/faults", "Os::guard/nothing-else", "Os::guard/each-of-many",
            "Os::guard/survives-discard"];
    guard_of_the_first_range_only: GUARDS_FIRST => ["Os::guard/each-of-many"];
}

cases! {
    only NOT_OS;

    notify_that_is_lost: NOTIFIES_NOBODY
        => ["Poller::notify/ends-current-poll", "Poller::notify/ends-next-poll",
            "Poller::notify/again-and-again"];
    notifications_that_add_up: NOTIFICATIONS_ADD_UP => ["Poller::notify/merges"];
    poll_that_repeats: REPEATS_EVENTS
        => ["Poller::add/only-changes", "Poller::remove/no-later-event"];
    add_that_misses_the_moment: MISSES_THE_MOMENT
        => ["Poller::add/ready-at-this-moment", "Poller::add/token", "Poller::poll/how-many",
            "Poller::poll/connected-is-writable", "Poller::remove/takes-out"],
        perhaps ["Poller::poll/refused-is-writable"];
    poll_that_tells_no_end: ENDS_UNSAID => ["Poller::poll/end-of-stream-is-the-end"];
    poll_that_only_reads: READS_ONLY
        => ["Poller::add/ready-at-this-moment", "Poller::add/both-directions", "Poller::add/token",
            "Poller::poll/how-many", "Poller::poll/connected-is-writable"],
        perhaps ["Poller::poll/refused-is-writable"];
    token_that_is_cut: CUTS_TOKENS => ["Poller::add/token"];
    remove_that_does_nothing: REMOVES_NOTHING
        => ["Poller::remove/no-later-event", "Poller::remove/takes-out"];
    poll_that_sleeps: ZERO_SLEEPS { only: &["Poller::poll/zero"] } => ["Poller::poll/zero"];
    poll_that_drops_events: DROPS_EVENTS => ["Poller::poll/how-many"];

    accept_that_sleeps: ACCEPT_SLEEPS { time: HANGS } => ["Net::accept/would-block"];
    peek_that_takes: PEEK_TAKES => ["Net::recv/peek"];
    duplicate_that_is_the_same: DUPLICATE_IS_THE_SAME
        => ["Net::duplicate/second-handle", "Net::duplicate/same-socket",
            "Net::duplicate/outlives-the-original"];
    close_that_does_nothing: CLOSES_NOTHING
        => ["Net::close/peer-sees-the-end", "Net::send/gone-peer",
            "Net::duplicate/outlives-the-original", "Poller::poll/closed-peer-is-readable"];
    send_to_nobody: SENDS_TO_NOBODY => ["Net::send/gone-peer", "Net::shutdown/write"];
    shutdown_of_both_directions: SHUTS_BOTH => ["Net::shutdown/write", "Net::shutdown/read"];
    buffers_in_reverse: SENDS_BACKWARDS
        => ["Net::send_vectored/in-order", "Net::send_vectored/many"];
    receiving_that_leaves_some: RECEIVES_LITTLE => ["Net::recv/less-than-room"];
    option_that_is_not_set: KEEPS_TTL => ["Net::set_option/ttl"];
    peer_with_the_own_name: PEER_IS_SELF
        => ["Net::peer_name/both-ends", "Net::peer_name/unconnected"];
    peer_that_is_unknown: PEER_IS_UNKNOWN => ["Net::accept/peer", "Net::listen/queues"];
    sockets_that_never_sleep: SLEEPLESS_SOCKETS => ["Net::sleep_until_ready/sleeps"];
    sleep_for_the_other_direction: WAITS_FOR_THE_OTHER
        => ["Net::sleep_until_ready/sleeps", "Net::sleep_until_ready/until-there-is-room"];

    messages_that_are_lost: FORGETS_MESSAGES
        => ["Arch::prepare/calls-entry", "Arch::switch/message", "Arch::switch/their-message",
            "Arch::switch/stack-stays", "Arch::switch/nested", "Arch::gogo/back",
            "Arch::gogo/fresh"];
    stack_that_is_out_of_line: STACK_OUT_OF_LINE { only: &["Arch::prepare/aligned"] }
        => ["Arch::prepare/aligned-stack"];
    context_above_the_top: LAYS_OUT_ABOVE { only: &["Arch::prepare/below"] }
        => ["Arch::prepare/below-top"];
    ticks_that_stand: TICKS_STAND => ["Arch::ticks/counts"];
    fetches_zero: FETCHES_ZERO => ["Arch::prefetch/keeps-memory"];
}

#[test]
fn nothing_is_broken() {
    let again = Some("cases::nothing_is_broken");
    os_conformance::check::<Broken<NOTHING>, Broken<NOTHING>>(&Suite { again, ..quick() });
}

/// What a backend reserves must not stay reserved for the other tests.
#[test]
fn release_that_does_nothing() {
    let patience = Duration::from_millis(50);
    let suite = Suite { only: &["Os::release"], patience, ..quick() };
    let report = run::<Broken<RELEASES_NOTHING>, Broken<RELEASES_NOTHING>>(&suite);
    crate::broken::release_kept();
    compare(&report, &["Os::release/gives-back"], &[]);
}

/// An error that is not known for what it is looks like a failure everywhere.
#[test]
fn another_error_for_not_ready() {
    let report = run::<Broken<OTHER_WOULD_BLOCK>, Broken<OTHER_WOULD_BLOCK>>(&quick());
    let violated: Vec<_> = report.violations.iter().map(|violation| violation.clause.id).collect();
    for id in ["Net::recv", "Net::send", "Net::accept"].map(|call| format!("{call}/would-block")) {
        assert!(violated.contains(&id.as_str()), "{id} is not among {violated:?}");
    }
    let about_sockets = |id: &&str| id.starts_with("Net::") || id.starts_with("Poller::");
    assert!(violated.iter().all(about_sockets), "{violated:?}");
}

#[test]
#[should_panic(expected = "violated: Os::cpus/at-least-one: \"at least 1.\"\n    there are 0")]
fn a_violation_is_named() {
    os_conformance::check::<Broken<NO_CPUS>, Broken<NO_CPUS>>(&quick());
}

#[test]
fn what_there_is_not_is_skipped() {
    let suite = Suite { sockets: false, probe: None, ..quick() };
    let report = run::<Broken<GUARDS_NOTHING>, Broken<GUARDS_NOTHING>>(&suite);
    assert!(report.violations.is_empty(), "{report}");
    for id in ["Net::pair/connected", "Os::guard/faults", "Os::abort/crash"] {
        assert!(report.skipped.iter().any(|skipped| skipped.clause.id == id), "{report}");
    }
}
