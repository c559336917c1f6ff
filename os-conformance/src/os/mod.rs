//! The clauses of `Os`.

mod clock;
mod fork;
mod guards;
mod local;
mod memory;
pub(crate) mod process;
mod sleep;
mod threads;
mod wake;

use rt_core::{Arch, Os};

use crate::clause::Clause;

pub(crate) fn clauses<O: Os + 'static, A: Arch + 'static>() -> Vec<Clause> {
    let mut all = clock::clauses::<O>();
    all.extend(threads::clauses::<O>());
    all.extend(sleep::clauses::<O>());
    all.extend(wake::clauses::<O>());
    all.extend(local::clauses::<O, A>());
    all.extend(memory::clauses::<O>());
    all.extend(guards::clauses::<O>());
    all.extend(process::clauses::<O>());
    all
}
