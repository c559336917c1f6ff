//! The worlds that a test runs in: goroutines, plain threads, and both at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Where a test and the tasks that it starts run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum World {
    /// The test and its tasks are goroutines of a runtime with so many processors.
    Goroutines(usize),
    /// The test and its tasks are plain threads.
    Threads,
    /// The test is a goroutine; every second task is one too, the others are plain threads.
    Mixed(usize),
    /// As `Mixed`, but the test is a plain thread, and goroutines are those of the default runtime.
    Outside,
}

/// Every world, from the simplest to debug to the hardest.
pub(crate) const ALL: [World; 6] = [
    World::Threads,
    World::Goroutines(1),
    World::Goroutines(4),
    World::Mixed(1),
    World::Mixed(4),
    World::Outside,
];

/// The stack of each goroutine and thread: debug builds copy large messages a few times.
const STACK_BYTES: usize = 32 << 20;

/// A task that a test has started.
pub(crate) enum Task<T> {
    Goroutine(gort::JoinHandle<T>),
    Thread(std::thread::JoinHandle<T>),
}

impl<T: Send> Task<T> {
    /// The task's value; its panic goes on here.
    pub(crate) fn join(self) -> T {
        let result = match self {
            Task::Goroutine(handle) => handle.join(),
            // A thread's own `join` would hold the worker, and with it the goroutines that the
            // thread may be waiting for.
            Task::Thread(handle) => gort::blocking(|| handle.join()),
        };
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl World {
    /// Starts a task.
    pub(crate) fn spawn<T: Send + 'static>(
        self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let thread = match self {
            World::Goroutines(_) => false,
            World::Threads => true,
            World::Mixed(_) | World::Outside => {
                STARTED.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
            }
        };
        if thread {
            let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
            Task::Thread(builder.spawn(f).unwrap())
        } else {
            let builder = gort::thread::Builder::new().stack_size(STACK_BYTES);
            Task::Goroutine(builder.spawn(f).unwrap())
        }
    }

    /// Runs `test` in this world.
    pub(crate) fn run(self, test: fn(World)) {
        match self {
            World::Goroutines(n) | World::Mixed(n) => {
                gort::Builder::new().procs(n).stack_size(STACK_BYTES).run(|| test(self)).unwrap()
            }
            World::Threads | World::Outside => World::Threads.spawn(move || test(self)).join(),
        }
    }
}

/// Runs `test` in every world, one after the other.
pub(crate) fn everywhere(test: fn(World)) {
    for world in ALL {
        // Shown only if the test fails, and then it says where.
        println!("in {world:?}");
        world.run(test);
    }
}

/// A duration of so many milliseconds.
pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Lets the others go on for long enough that they wait, if they are going to wait.
pub(crate) fn settle() {
    gort::sleep(ms(10));
}
