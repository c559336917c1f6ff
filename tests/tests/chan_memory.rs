//! What channels take from the heap: nothing once they are warm, and they give it back.
//!
//! One test in a binary of its own, because it has a global allocator. It counts what its own thread
//! allocates, for the test harness has another.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gort::chan::{Receiver, Sender, bounded, unbounded};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: it is the system's allocator, with counters beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE_BYTES.set(LIVE_BYTES.get() + layout.size() as isize);
        // SAFETY: the caller's duties are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE_BYTES.set(LIVE_BYTES.get() - layout.size() as isize);
        // SAFETY: the caller's duties are the same, and `alloc` took it from there.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

fn fill_and_drain(s: &Sender<u64>, r: &Receiver<u64>, n: u64) {
    (0..n).for_each(|i| s.send(i).unwrap());
    (0..n).for_each(|i| assert_eq!(r.recv(), Ok(i)));
}

/// How many allocations `f` makes.
fn allocations(f: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
}

fn test() {
    for (s, r) in [bounded(50), unbounded()] {
        fill_and_drain(&s, &r, 50);
        let warm = allocations(|| {
            for n in 1..=50 {
                fill_and_drain(&s, &r, n);
            }
        });
        assert_eq!(warm, 0, "a warm channel allocated");
    }

    // A steady stream through a few messages crosses from block to block.
    let (s, r) = unbounded();
    let stream = |n| {
        for i in 0..n {
            s.send(i).unwrap();
            if i >= 5 {
                assert_eq!(r.recv(), Ok(i - 5));
            }
        }
        assert_eq!(r.try_iter().count(), 5);
    };
    stream(200);
    assert_eq!(allocations(|| stream(10_000)), 0, "a warm stream allocated");

    let before = LIVE_BYTES.get();
    fill_and_drain(&s, &r, 1_000_000);
    let kept = LIVE_BYTES.get() - before;
    assert!(kept < 1024, "a drained channel keeps {kept} bytes");

    let (s, r) = bounded(0);
    let waiting = allocations(|| {
        assert!(s.send_timeout(1, std::time::Duration::from_millis(1)).is_err());
        assert!(r.recv_timeout(std::time::Duration::from_millis(1)).is_err());
    });
    assert_eq!(waiting, 0, "waiting allocated");
}

#[test]
fn warm_channels_leave_the_heap_alone() {
    test();
    // A runtime's first timer makes room for timers, once.
    gort::run(|| {
        gort::sleep(std::time::Duration::from_millis(1));
        test();
    });
}
