//! A bank whose accounts are in an `Rc<RefCell<..>>`, shared by goroutines that stay on one thread:
//! between two waits nobody else runs there, so no lock is needed.
//!
//! ```text
//! cargo run --release --example local
//! ```

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use gort::{chan, spawn_local, thread};

const ACCOUNTS: u32 = 10;
const CLERKS: u32 = 8;
const TRANSFERS: u32 = 500;

#[derive(Default)]
struct Bank {
    balances: HashMap<u32, i64>,
    transfers: u32,
}

impl Bank {
    fn transfer(&mut self, from: u32, to: u32, amount: i64) {
        *self.balances.entry(from).or_default() -= amount;
        *self.balances.entry(to).or_default() += amount;
        self.transfers += 1;
    }
}

/// Asks a goroutine of another thread, it may be, what to transfer.
fn clerk(bank: &RefCell<Bank>, orders: &chan::Receiver<(u32, u32, i64)>) {
    for (from, to, amount) in orders {
        bank.borrow_mut().transfer(from, to, amount);
        // The borrow has ended: others may use the bank meanwhile.
        thread::yield_now();
    }
}

#[gort::main]
fn main() {
    let bank = Rc::new(RefCell::new(Bank::default()));
    let (tx, rx) = chan::bounded(4);
    let clerks: Vec<_> = (0..CLERKS)
        .map(|_| {
            let (bank, rx) = (Rc::clone(&bank), rx.clone());
            spawn_local(move || clerk(&bank, &rx))
        })
        .collect();
    let customers = gort::spawn(move || {
        for i in 0..TRANSFERS {
            let order = (i % ACCOUNTS, (i * 7 + 1) % ACCOUNTS, i64::from(i % 13));
            tx.send(order).expect("a clerk takes it");
        }
    });
    customers.join().unwrap();
    clerks.into_iter().for_each(|clerk| clerk.join().unwrap());
    let bank = bank.borrow();
    assert_eq!((bank.transfers, bank.balances.values().sum::<i64>()), (TRANSFERS, 0));
    println!("{} transfers between {} accounts", bank.transfers, bank.balances.len());
}
