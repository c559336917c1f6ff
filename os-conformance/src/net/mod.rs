//! The clauses of `Net`.
#![forbid(unsafe_code)]

mod connect;
mod datagram;
mod handles;
mod options;
mod sleep;
mod stream;

use rt_core::{Net, Os};

use crate::clause::Clause;
use crate::suite::Need;

pub(crate) fn clauses<O: Os + Net + 'static>() -> Vec<Clause> {
    let mut all = stream::clauses::<O>();
    all.extend(connect::clauses::<O>());
    all.extend(datagram::clauses::<O>());
    all.extend(options::clauses::<O>());
    all.extend(handles::clauses::<O>());
    all.extend(sleep::clauses::<O>());
    all.into_iter().map(|clause| clause.needs(&[Need::Sockets])).collect()
}
