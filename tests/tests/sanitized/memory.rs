//! For the address sanitizer and valgrind: what is a mistake with memory, and what is none.

use std::hint::black_box;

#[cfg(feature = "sanitize-address")]
use tests::alone;
use tests::{Mode, ends_of_its_own, everywhere};

use crate::assert_reported;

/// What the tool calls a use after free, and an access beyond the end of an allocation.
#[cfg(feature = "sanitize-address")]
const REPORTS: [&str; 2] = ["heap-use-after-free", "heap-buffer-overflow"];
#[cfg(not(feature = "sanitize-address"))]
const REPORTS: [&str; 2] = ["Invalid read of size 1", "Invalid write of size 1"];

/// Runs `wrong` on a goroutine that has been switched away from and back.
fn after_switches(wrong: impl FnOnce() + Send + 'static) {
    Mode::Stays(1).run(|| {
        let other = gort::spawn(|| (0..10).for_each(|_| gort::yield_now()));
        let bad = gort::spawn(|| {
            gort::yield_now();
            wrong();
        });
        assert!(other.join().is_ok());
        assert!(bad.join().is_ok());
    });
}

#[test]
fn a_use_after_free_is_reported() {
    let output = ends_of_its_own("memory::a_use_after_free_is_reported", || {
        after_switches(|| {
            let freed: *const u8 = &raw const **black_box(&Box::new([7; 32])) as *const u8;
            // SAFETY: the allocation is gone, which is the mistake.
            black_box(unsafe { freed.read() });
        });
    });
    assert_reported(&output, REPORTS[0]);
}

#[test]
fn a_heap_overflow_is_reported() {
    let output = ends_of_its_own("memory::a_heap_overflow_is_reported", || {
        after_switches(|| {
            let mut few = black_box(vec![0_u8; 24]);
            // SAFETY: one beyond the end, which is the mistake.
            unsafe { few.as_mut_ptr().wrapping_add(24).write(1) };
            black_box(&few);
        });
    });
    assert_reported(&output, REPORTS[1]);
}

#[cfg(feature = "sanitize-address")]
#[test]
fn an_overflow_of_an_array_on_a_goroutine_is_reported() {
    let output =
        ends_of_its_own("memory::an_overflow_of_an_array_on_a_goroutine_is_reported", || {
            after_switches(|| {
                let mut few = [0_u8; 24];
                let start = black_box(few.as_mut_ptr());
                gort::yield_now();
                // SAFETY: one beyond the end, which is the mistake.
                unsafe { start.wrapping_add(24).write(1) };
                black_box(&few);
            });
        });
    // It knows the frame, so it knows the stack.
    assert_reported(&output, "stack-buffer-overflow");
    assert_reported(&output, "'few'");
}

#[cfg(feature = "sanitize-address")]
#[test]
fn a_use_after_return_is_reported() {
    #[inline(never)]
    fn local() -> *const u64 {
        let number = black_box(7_u64);
        black_box(&raw const number)
    }

    let output = ends_of_its_own("memory::a_use_after_return_is_reported", || {
        after_switches(|| {
            let gone = local();
            // Its fake stack goes with the goroutine through a switch.
            gort::yield_now();
            // SAFETY: the frame is gone, which is the mistake.
            black_box(unsafe { gone.read() });
        });
    });
    assert_reported(&output, "stack-use-after-return");
}

#[cfg(feature = "sanitize-address")]
#[test]
fn a_leak_of_a_goroutine_is_reported() {
    let output = ends_of_its_own("memory::a_leak_of_a_goroutine_is_reported", || {
        after_switches(|| {
            for _ in 0..100 {
                std::mem::forget(black_box(Box::new([7_u8; 1000])));
            }
        });
    });
    assert_reported(&output, "LeakSanitizer: detected memory leaks");
}

#[cfg(feature = "sanitize-address")]
#[test]
fn what_a_parked_goroutine_holds_is_not_leaked() {
    alone("memory::what_a_parked_goroutine_holds_is_not_leaked", || {
        Mode::Stays(1).run(|| {
            let (never, waits) = gort::chan::bounded::<()>(0);
            drop(gort::spawn(move || {
                let held = black_box(Box::new([7_u8; 1000]));
                let received = waits.recv();
                drop(held);
                received
            }));
            gort::yield_now();
            // The goroutine is abandoned with its wait: nobody lets go of the channel.
            std::mem::forget(never);
        });
    });
}

/// Deep and shallow frames, on stacks that are used again and again, with switches and panics in
/// between.
#[test]
fn stacks_that_are_used_again_are_clean() {
    #[inline(never)]
    fn deep(levels: usize) -> u64 {
        let mut here = black_box([levels as u64; 17]);
        if levels > 0 {
            here[levels % 17] += deep(levels - 1);
        } else {
            gort::yield_now();
        }
        if levels == 7 {
            std::panic::resume_unwind(Box::new("from deep inside"));
        }
        here.iter().sum()
    }

    everywhere(|_| {
        for round in 0..20 {
            let some: Vec<_> = (0..10).map(|i| gort::spawn(move || deep(i + round))).collect();
            for (i, one) in some.into_iter().enumerate() {
                assert_eq!(one.join().is_err(), i + round >= 7);
            }
        }
    });
}
