//! Dining philosophers: each needs the forks on both sides, and each takes the lower one first, so
//! that they don't wait in a circle.
//!
//! Written as for threads; only the `use` lines are gort's.
//!
//! ```text
//! cargo run --release --example philosophers -- 1000
//! ```

use gort::sync::{Arc, Mutex};
use gort::thread;
use gort::time::Duration;

const MEALS: usize = 20;

/// A fork counts how often it was used.
type Fork = Mutex<usize>;

fn dine(seat: usize, forks: &[Fork]) -> usize {
    let next = (seat + 1) % forks.len();
    let (low, high) = (seat.min(next), seat.max(next));
    for meal in 0..MEALS {
        let mut first = forks[low].lock().unwrap();
        let mut second = forks[high].lock().unwrap();
        *first += 1;
        *second += 1;
        if (seat + meal).is_multiple_of(5) {
            thread::sleep(Duration::from_micros(50));
        }
        drop((first, second));
        thread::yield_now();
    }
    MEALS
}

#[gort::main]
fn main() {
    let seats = std::env::args().nth(1).map_or(100, |text| text.parse().expect("a number"));
    let forks: Arc<[Fork]> = (0..seats).map(|_| Mutex::new(0)).collect();
    let guests: Vec<_> = (0..seats)
        .map(|seat| {
            let forks = Arc::clone(&forks);
            let guest = thread::Builder::new().name(format!("philosopher {seat}"));
            guest.spawn(move || dine(seat, &forks)).expect("a stack for a philosopher")
        })
        .collect();
    let meals: usize = guests.into_iter().map(|guest| guest.join().unwrap()).sum();
    let used: usize = forks.iter().map(|fork| *fork.lock().unwrap()).sum();
    assert_eq!((meals, used), (seats * MEALS, 2 * seats * MEALS));
    println!("{seats} philosophers had {meals} meals");
}
