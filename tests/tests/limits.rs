//! What happens when the system refuses threads or memory: an error, or fewer threads, and never a
//! goroutine that is forgotten.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gort::chan;
use tests::{Footprint, Heap, Mode, alone, spin_until, thread_id};

#[global_allocator]
static HEAP: Heap = Heap::new();

/// Allows this process so many more KiB of addresses than it has.
fn limit_addresses(more_kib: usize) {
    let set = |bytes| {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: the limit is readable.
        let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
        assert_eq!(set, 0, "setrlimit: {}", std::io::Error::last_os_error());
    };
    // To look takes memory.
    set(libc::RLIM_INFINITY);
    set(((Footprint::now().address_kib + more_kib) << 10) as u64);
}

/// Less than a thread takes.
const NO_THREAD_KIB: usize = 1024;

#[test]
fn a_worker_without_a_thread_leaves_its_work_to_the_others() {
    alone("a_worker_without_a_thread_leaves_its_work_to_the_others", || {
        // Many small stacks lie in the first mapping of stacks, which is made before the limit.
        let builder = Mode::Stays(4).builder().stack_size(64 << 10);
        builder
            .run(|| {
                gort::spawn_local(|| ()).join().unwrap();
                limit_addresses(NO_THREAD_KIB);
                let here = thread_id();
                let (tx, rx) = chan::bounded::<()>(0);
                let started = Arc::new(AtomicUsize::new(0));
                let handles: Vec<_> = (0..200)
                    .map(|_| {
                        let (rx, started) = (rx.clone(), Arc::clone(&started));
                        let handle = gort::spawn(move || {
                            started.fetch_add(1, Ordering::Relaxed);
                            assert!(rx.recv().is_err());
                            assert_eq!(thread_id(), here);
                        });
                        // Those that have started make this worker offer what follows.
                        gort::yield_now();
                        handle
                    })
                    .collect();
                while started.load(Ordering::Relaxed) < 200 {
                    gort::yield_now();
                }
                drop(tx);
                handles.into_iter().for_each(|handle| handle.join().unwrap());

                // When there is room again, the others start.
                limit_addresses(1 << 20);
                let arrived = Arc::new(AtomicUsize::new(0));
                let other = Arc::clone(&arrived);
                let elsewhere = gort::spawn(move || {
                    other.fetch_add(1, Ordering::Relaxed);
                    thread_id()
                });
                spin_until("another worker", || arrived.load(Ordering::Relaxed) == 1);
                assert_ne!(elsewhere.join().unwrap(), here);
            })
            .unwrap();
    });
}

#[test]
fn a_blocking_call_without_a_thread_is_made_by_the_worker() {
    alone("a_blocking_call_without_a_thread_is_made_by_the_worker", || {
        Mode::Stays(1).run(|| {
            limit_addresses(NO_THREAD_KIB);
            let here = thread_id();
            assert_eq!(gort::blocking(thread_id), here);
            limit_addresses(1 << 20);
            assert_ne!(gort::blocking(thread_id), here);
        });
    });
}

#[test]
fn a_stack_that_is_refused_is_an_error() {
    alone("a_stack_that_is_refused_is_an_error", || {
        Mode::Stays(2).run(|| {
            gort::spawn(|| ()).join().unwrap();
            limit_addresses(NO_THREAD_KIB);
            // The sizes that are there go on, one that is not has no room.
            let large = gort::thread::Builder::new().stack_size(64 << 20).spawn(|| ());
            let error = large.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutOfMemory);
            let text = error.to_string();
            for part in ["KiB of addresses of at most", "1 goroutines", "Builder::stack_size"] {
                assert!(text.contains(part), "{text}");
            }
            assert_eq!(gort::spawn(|| 5).join().unwrap(), 5);
            limit_addresses(1 << 20);
            let large = gort::thread::Builder::new().stack_size(64 << 20).spawn(|| 6);
            assert_eq!(large.unwrap().join().unwrap(), 6);
        });
    });
}

#[test]
fn a_runtime_that_is_refused_is_an_error() {
    alone("a_runtime_that_is_refused_is_an_error", || {
        // Less than a single stack.
        limit_addresses(128);
        let error = Mode::Stays(1).builder().run(|| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        limit_addresses(1 << 20);
        let before = Footprint::now();
        assert_eq!(Mode::Stays(1).builder().run(|| 5).unwrap(), 5);
        before.comes_back(Footprint::NOISE);
    });
}

#[test]
fn an_error_needs_no_memory_to_be_told() {
    alone("an_error_needs_no_memory_to_be_told", || {
        for mode in [Mode::Stays(1), Mode::Migrates(2)] {
            // With room for what the sentence is made of, and without.
            for bytes in [256, 64] {
                let refused = HEAP.at_most(bytes, || mode.builder().run(|| ()));
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::OutOfMemory);
            }
            assert_eq!(mode.builder().run(|| 5).unwrap(), 5);
        }
    });
}
