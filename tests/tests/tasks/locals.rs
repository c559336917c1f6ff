//! `goroutine_local!`: a value for each goroutine and each plain thread, and when it is dropped.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gort::goroutine_local;
use gort::thread::LocalKey;
use tests::{MODES, Mode, everywhere, ms};

fn on_both(test: impl Fn() + Sync) {
    // Each time on a goroutine of its own, for main's values last as long as main.
    everywhere(|_| gort::scope(|s| s.spawn(&test).join()).expect("no panic on a goroutine"));
    std::thread::scope(|s| s.spawn(&test).join()).expect("no panic on a plain thread");
}

goroutine_local! {
    static NUMBER: Cell<i32> = const { Cell::new(5) };
    static LIST: RefCell<Vec<i32>> = RefCell::new(vec![1, 2]);
    /// With an attribute, and a type that is not `Send`.
    pub(crate) static SHARED: Rc<Cell<i32>> = Rc::default();
    static LAST: usize = 3
}

goroutine_local! {}

#[test]
fn each_has_its_own() {
    on_both(|| {
        assert_eq!((NUMBER.get(), LAST.with(|&n| n)), (5, 3));
        NUMBER.set(6);
        assert_eq!(NUMBER.replace(7), 6);
        SHARED.with(|shared| shared.set(1));
        let theirs = gort::spawn(|| (NUMBER.take(), NUMBER.get(), SHARED.with(|s| s.get())));
        assert_eq!(theirs.join().unwrap(), (5, 0, 0));
        assert_eq!(NUMBER.get(), 7);
        assert_eq!(SHARED.with(Rc::clone).get(), 1);
    });
}

#[test]
fn lists_are_borrowed_as_std_s() {
    on_both(|| {
        LIST.with_borrow_mut(|list| list.push(3));
        assert_eq!(LIST.with_borrow(Vec::len), 3);
        assert_eq!(LIST.replace(vec![]), [1, 2, 3]);
        LIST.set(vec![9]);
        assert_eq!(LIST.take(), [9]);
        assert_eq!(LIST.with_borrow(Vec::len), 0);
    });
}

#[test]
fn set_makes_no_initial_value() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    fn made() -> Cell<i32> {
        MADE.fetch_add(1, Ordering::Relaxed);
        Cell::new(0)
    }
    goroutine_local!(static LAZY: Cell<i32> = made());
    on_both(|| {
        LAZY.set(4);
        assert_eq!(LAZY.get(), 4);
    });
    assert_eq!(MADE.load(Ordering::Relaxed), 0);
}

#[test]
fn a_value_stays_over_waits_and_moves() {
    everywhere(|_| {
        let handles: Vec<_> = (0..50)
            .map(|i| {
                gort::spawn(move || {
                    NUMBER.with(|number| {
                        number.set(i);
                        for _ in 0..5 {
                            gort::yield_now();
                            gort::sleep(std::time::Duration::from_micros(20));
                            assert_eq!(number.get(), i);
                        }
                    })
                })
            })
            .collect();
        handles.into_iter().for_each(|handle| handle.join().unwrap());
    });
}

/// Says in which order destructors run, and what they find.
struct Order(&'static str);

static DROPPED: std::sync::Mutex<Vec<&'static str>> = std::sync::Mutex::new(Vec::new());

impl Drop for Order {
    fn drop(&mut self) {
        DROPPED.lock().unwrap().push(self.0);
    }
}

goroutine_local! {
    static FIRST: Order = Order("first");
    static SECOND: Order = Order("second");
    static ASKS: Asks = const { Asks };
    static LATE: Order = Order("late");
}

/// Its destructor uses others of its kind.
struct Asks;

impl Drop for Asks {
    fn drop(&mut self) {
        assert!(ASKS.try_with(|_| ()).is_err());
        assert_eq!(FIRST.with(|first| first.0), "first");
        // Made now, and dropped all the same.
        LATE.with(|_| ());
        // It may wait.
        gort::sleep(ms(1));
    }
}

#[test]
fn the_youngest_is_dropped_first_and_all_before_the_join() {
    on_both(|| {
        fn use_them() {
            FIRST.with(|_| ());
            SECOND.with(|_| ());
            ASKS.with(|_| ());
        }
        let on_goroutine = || drop(gort::spawn(use_them).join());
        let on_thread = || drop(std::thread::spawn(use_them).join());
        for run in [&on_goroutine as &dyn Fn(), &on_thread] {
            DROPPED.lock().unwrap().clear();
            run();
            assert_eq!(*DROPPED.lock().unwrap(), ["late", "second", "first"]);
        }
    });
}

#[test]
fn those_of_a_panicking_goroutine_of_go_of_main_and_of_a_local_one_are_dropped_too() {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    struct Counts;
    impl Drop for Counts {
        fn drop(&mut self) {
            COUNT.fetch_add(1, Ordering::Relaxed);
        }
    }
    goroutine_local!(static COUNTS: Counts = const { Counts });
    tests::hide_expected_panics();
    for mode in MODES {
        COUNT.store(0, Ordering::Relaxed);
        mode.run(|| {
            COUNTS.with(|_| ());
            let panics = gort::spawn(|| COUNTS.with(|_| panic!("expected")));
            assert!(panics.join().is_err());
            gort::spawn_local(|| COUNTS.with(|_| ())).join().unwrap();
            gort::go(|| COUNTS.with(|_| ()));
            while COUNT.load(Ordering::Relaxed) < 3 {
                gort::yield_now();
            }
        });
        assert_eq!(COUNT.load(Ordering::Relaxed), 4, "{mode:?}");
    }
}

#[test]
fn a_destructor_that_panics_stops_no_other() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("expected, of a local value");
        }
    }
    goroutine_local!(static BOMB: Bomb = const { Bomb });
    tests::hide_expected_panics();
    Mode::Stays(2).run(|| {
        for _ in 0..3 {
            let value = gort::spawn(|| {
                NUMBER.set(1);
                BOMB.with(|_| 7)
            });
            assert_eq!(value.join().unwrap(), 7);
        }
    });
}

#[test]
fn an_initial_value_may_use_its_own_key() {
    goroutine_local!(static TWICE: Cell<i32> = twice());
    fn twice() -> Cell<i32> {
        if FLAG.replace(1) == 5 {
            TWICE.set(3);
        }
        Cell::new(4)
    }
    goroutine_local!(static FLAG: Cell<i32> = const { Cell::new(5) });
    on_both(|| assert_eq!(TWICE.get(), 4));
}

#[test]
fn keys_say_what_they_are() {
    let key: &'static LocalKey<Cell<i32>> = &NUMBER;
    assert_eq!(format!("{key:?}"), "LocalKey { .. }");
}
