//! A program that is looked at while it goes on: nobody leaves a wait under the looker's eyes, and
//! nobody is said to wait for ever who does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gort::chan;
use gort::runtime::leaked;
use gort::sync::Mutex;

use crate::programs::Setting;

const US: Duration = Duration::from_micros(1);

/// Looks until told to stop, but not for ever.
fn look(stop: &AtomicBool) {
    for _ in 0..300 {
        for seen in leaked() {
            let Some(waits) = &seen.waits else { continue };
            assert_eq!(waits.never, None, "{seen}");
            for on in &waits.on {
                // Whoever waits there has a handle.
                let alive = on.handles.is_none_or(|(senders, receivers)| senders + receivers > 0);
                assert!(alive, "{seen}");
            }
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

pub(crate) fn looked(setting: Setting) {
    setting.run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = stop.clone();
        let looker = gort::spawn(move || gort::blocking(|| look(&theirs)));
        let locks = Arc::new([Mutex::new(0), Mutex::new(0)]);
        let workers: Vec<_> = (0..3)
            .map(|n| {
                let locks = locks.clone();
                gort::spawn(move || {
                    for round in 0..6 {
                        // One lock at a time, so that there is no circle. And a channel of its own
                        // each time, so that nothing is left of what a look could still read.
                        let mut guard = locks[(n + round) % 2].lock().expect("no panic");
                        gort::yield_now();
                        *guard += 1;
                        drop(guard);
                        let (tx, rx) = chan::bounded(0);
                        let other = gort::spawn(move || tx.send(round).is_ok());
                        if round % 2 == 0 {
                            assert_eq!(rx.recv(), Ok(round));
                        } else {
                            let limit = chan::after(50 * US);
                            gort::select! {
                                recv(rx) -> got => assert_eq!(got, Ok(round)),
                                recv(limit) -> _ => (),
                            }
                        }
                        drop(rx);
                        other.join().expect("no panic");
                    }
                })
            })
            .collect();
        // Some that pass a lock around: each is seen to wait for each other, but not at one time.
        let lock = Arc::new(Mutex::new(0));
        let passing = [(); 4].map(|()| {
            let lock = lock.clone();
            gort::spawn(move || {
                for _ in 0..60 {
                    let mut guard = lock.lock().expect("no panic");
                    gort::yield_now();
                    rt_core::os::point();
                    *guard += 1;
                    drop(guard);
                    rt_core::os::point();
                    gort::yield_now();
                }
            })
        });
        passing.into_iter().for_each(|one| one.join().expect("no panic"));
        workers.into_iter().for_each(|worker| worker.join().expect("no panic"));
        stop.store(true, Ordering::Relaxed);
        looker.join().expect("no panic");
        let sum: i32 = locks.iter().map(|lock| *lock.lock().expect("no panic")).sum();
        assert_eq!(sum, 18);
    });
}
