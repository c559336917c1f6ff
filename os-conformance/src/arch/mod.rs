//! The clauses of `Arch`.

mod fresh;
mod processor;
mod switch;

use rt_core::{Arch, Os};

use crate::clause::Clause;

pub(crate) fn clauses<O: Os + 'static, A: Arch + 'static>() -> Vec<Clause> {
    let mut all = fresh::clauses::<A>();
    all.extend(switch::clauses::<O, A>());
    all.extend(processor::clauses::<A>());
    all
}
