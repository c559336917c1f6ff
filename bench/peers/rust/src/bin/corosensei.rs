//! The raw switch of corosensei: one coroutine that is resumed and suspends itself. There is no
//! scheduler, and nobody to choose.

use std::time::Instant;

use corosensei::{Coroutine, CoroutineResult};
use peers::{Figures, Given};

fn main() {
    peers::main("corosensei", &[("switch", switch)]);
}

/// A resumption and a suspension are two switches.
fn switch(given: Given) -> Figures {
    let half = given.n / 2;
    let mut other = Coroutine::new(move |yielder, ()| {
        (0..half).for_each(|_| yielder.suspend(()));
        half
    });
    let mut resumed = 0;
    let start = Instant::now();
    let returned = loop {
        match other.resume(()) {
            CoroutineResult::Yield(()) => resumed += 1,
            CoroutineResult::Return(suspended) => break suspended,
        }
    };
    let figures = Figures::per(start, 2 * half, "ns/switch");
    assert_eq!((resumed, returned), (half, half));
    figures
}
