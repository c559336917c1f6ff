//! Each type has the traits that std's has, for contents of all kinds, and reads as std's does.

use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use gort::sync::mpsc as ours;
use std::sync::mpsc as theirs;

/// What a type is asked for, without bounds: each question is answered by the method of `Yes` if the
/// bound holds, and else by that of the trait behind a reference.
struct Asked<T>(PhantomData<T>);

macro_rules! questions {
    ($($question:ident: $bound:path;)*) => {
        $(
            mod $question {
                use super::*;
                pub(super) trait No {
                    fn answer(&self) -> bool {
                        false
                    }
                }
                impl<T> No for &Asked<T> {}
                pub(super) trait Yes {
                    fn answer(&self) -> bool {
                        true
                    }
                }
                impl<T: $bound> Yes for Asked<T> {}
            }
        )*

        /// The answers for a type.
        macro_rules! traits_of {
            ($type:ty) => {
                [$({
                    #[allow(unused_imports, reason = "one of the two answers")]
                    use $question::{No as _, Yes as _};
                    (stringify!($question), (&Asked::<$type>(PhantomData)).answer())
                }),*]
            };
        }
    };
}

questions! {
    send: Send;
    sync: Sync;
    unwind_safe: UnwindSafe;
    ref_unwind_safe: RefUnwindSafe;
    debug: Debug;
    display: Display;
    default: Default;
    clone: Clone;
    copy: Copy;
    eq: Eq;
}

/// Compares the traits of our type and std's, around contents of all kinds.
macro_rules! compare {
    ($(($ours:ty, $theirs:ty);)*) => {
        $(assert_eq!(traits_of!($ours), traits_of!($theirs), stringify!($ours));)*
    };
}

macro_rules! compare_around {
    ($($content:ty),*) => {
        $(compare! {
            (gort::sync::Mutex<$content>, std::sync::Mutex<$content>);
            (gort::sync::MutexGuard<'static, $content>, std::sync::MutexGuard<'static, $content>);
            (gort::sync::RwLock<$content>, std::sync::RwLock<$content>);
            (gort::sync::RwLockReadGuard<'static, $content>,
                std::sync::RwLockReadGuard<'static, $content>);
            (gort::sync::RwLockWriteGuard<'static, $content>,
                std::sync::RwLockWriteGuard<'static, $content>);
            (gort::sync::OnceLock<$content>, std::sync::OnceLock<$content>);
            (gort::sync::LazyLock<$content>, std::sync::LazyLock<$content>);
            (gort::sync::LazyLock<i32, $content>, std::sync::LazyLock<i32, $content>);
            (ours::Sender<$content>, theirs::Sender<$content>);
            (ours::SyncSender<$content>, theirs::SyncSender<$content>);
            (ours::Receiver<$content>, theirs::Receiver<$content>);
            (ours::Iter<'static, $content>, theirs::Iter<'static, $content>);
            (ours::TryIter<'static, $content>, theirs::TryIter<'static, $content>);
            (ours::IntoIter<$content>, theirs::IntoIter<$content>);
        })*
    };
}

/// Neither `Debug` nor anything else.
struct Bare;

#[test]
fn traits_are_stds() {
    compare_around!(
        i32,
        Bare,
        Cell<i32>,
        Rc<i32>,
        &'static Cell<i32>,
        &'static mut i32,
        *const i32
    );
    compare! {
        (gort::sync::Condvar, std::sync::Condvar);
        (gort::sync::WaitTimeoutResult, std::sync::WaitTimeoutResult);
        (gort::sync::Barrier, std::sync::Barrier);
        (gort::sync::BarrierWaitResult, std::sync::BarrierWaitResult);
        (gort::sync::Once, std::sync::Once);
    }
}

#[test]
fn the_questions_are_answered() {
    let answers = traits_of!(Rc<i32>);
    assert_eq!(answers[0], ("send", false));
    assert_eq!(answers[4], ("debug", true));
}

#[test]
fn everything_reads_as_stds() {
    use gort::sync as g;
    use std::sync as s;
    macro_rules! same {
        ($($ours:expr, $theirs:expr;)*) => {
            $(assert_eq!(format!("{:?}", $ours), format!("{:?}", $theirs));)*
        };
    }
    same! {
        g::Condvar::new(), s::Condvar::new();
        g::Barrier::new(2), s::Barrier::new(2);
        g::Barrier::new(1).wait(), s::Barrier::new(1).wait();
        g::Once::new(), s::Once::new();
        g::RwLock::new("a"), s::RwLock::new("a");
        g::OnceLock::<i32>::new(), s::OnceLock::<i32>::new();
        g::OnceLock::from(5), s::OnceLock::from(5);
        g::LazyLock::<i32>::new(|| 5), s::LazyLock::<i32>::new(|| 5);
        ours::channel::<i32>(), theirs::channel::<i32>();
        ours::sync_channel::<i32>(1), theirs::sync_channel::<i32>(1);
        ours::channel::<i32>().1.iter(), theirs::channel::<i32>().1.iter();
        ours::channel::<i32>().1.try_iter(), theirs::channel::<i32>().1.try_iter();
        ours::channel::<i32>().1.into_iter(), theirs::channel::<i32>().1.into_iter();
    }
    g::Once::new().call_once_force(|ours| {
        s::Once::new()
            .call_once_force(|theirs| assert_eq!(format!("{ours:?}"), format!("{theirs:?}")));
    });
    let mutex = g::Mutex::new(());
    let waited = g::Condvar::new().wait_timeout(mutex.lock().unwrap(), std::time::Duration::ZERO);
    assert_eq!(format!("{:?}", waited.unwrap().1), "WaitTimeoutResult(true)");
}
