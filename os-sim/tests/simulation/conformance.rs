//! Every clause of the platform's contracts, outside of a check and inside.

use os_conformance::{Clause, Suite, Time, clauses, run};
use os_linux::Linux;
use os_sim::Sim;

use crate::{Config, Processor, pass};

#[test]
fn conforms_outside() {
    let again = Some("conformance::conforms_outside");
    os_conformance::check::<Sim<Linux>, Processor>(&Suite { again, ..Suite::default() });
}

/// Inside there are streams, and no datagrams, which these clauses are about too.
const NOT_INSIDE: &str = "Net::open/";

/// Each clause is a check of its own, so that a deadlock has a name.
#[test]
fn conforms_inside() {
    let all: &[Clause] = clauses::<Sim<Linux>, Processor>().leak();
    for clause in all.iter().filter(|clause| !clause.id.starts_with(NOT_INSIDE)) {
        let only = std::slice::from_ref(&clause.id);
        let suite = Suite { time: Time::Virtual, only, ..Suite::default() };
        for seed in 0..10 {
            let mut violations = Vec::new();
            println!("{} with seed {seed}", clause.id);
            pass(&Config { seed, ..Config::default() }, || {
                violations = run::<Sim<Linux>, Processor>(&suite).violations;
            });
            assert!(violations.is_empty(), "seed {seed}: {violations:?}");
        }
    }
}
