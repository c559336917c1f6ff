//! `#[gort::main]` and `#[gort::test]`: what they run on, with every option.

use gort::thread;

#[gort::test]
fn a_test_is_a_goroutine() {
    assert_eq!(thread::current().name(), Some("main"));
    assert_eq!(gort::spawn_local(|| 1).join().unwrap(), 1);
}

#[gort::test(procs = 3)]
fn it_has_as_many_processors_as_it_says() {
    assert_eq!(thread::available_parallelism().unwrap().get(), 3);
}

const DEEP: usize = 16 << 20;

#[gort::test(procs = 1 + 1, stack_size = DEEP)]
fn options_are_expressions_and_stacks_are_deep() {
    fn deeper(n: usize) -> usize {
        let room = std::hint::black_box([n; 128]);
        if n == 0 { 0 } else { room[127] - n + 1 + deeper(n - 1) }
    }
    assert_eq!(deeper(4000), 4000);
}

#[gort::test]
fn a_test_may_return_a_result() -> Result<(), std::num::ParseIntError> {
    let n: i32 = "7".parse()?;
    assert_eq!(gort::spawn(move || n).join().unwrap(), 7);
    Ok(())
}

#[gort::test]
#[should_panic(expected = "expected, of a test")]
fn a_panic_is_the_test_s() {
    panic!("expected, of a test");
}

#[gort::main(procs = 2, stack_size = 1 << 20)]
fn runs() -> usize {
    thread::available_parallelism().map_or(0, usize::from)
}

#[test]
fn main_runs_what_it_wraps_and_returns_what_that_returns() {
    assert_eq!(runs(), 2);
}

#[gort::main(procs = 0)]
fn refused() {}

#[test]
fn options_that_make_no_sense_are_refused_with_a_sentence() {
    let panic = std::panic::catch_unwind(refused).unwrap_err();
    let text = panic.downcast_ref::<String>().map(String::as_str).unwrap_or_default();
    assert!(text.contains("procs is 0"), "{text}");
}
