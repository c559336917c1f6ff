//! Guards, seen by the suite's probe.
#![forbid(unsafe_code)]

use rt_core::Os;

use crate::clause::{Clause, Verdict, holds};
use crate::suite::{Need, Suite};
use crate::tools::region::Region;

pub(super) fn clauses<O: Os + 'static>() -> Vec<Clause> {
    const GUARDS: &str = "Makes the `bytes` at `first`, `first + stride`, ... (`count` of them) \
                          fault on any access until the reservation is released.";
    vec![
        Clause::new("Os::guard/faults", GUARDS, faults::<O>).needs(&[Need::Guards]),
        Clause::new("Os::guard/nothing-else", GUARDS, nothing_else::<O>).needs(&[Need::Guards]),
        Clause::new("Os::guard/each-of-many", GUARDS, many::<O>).needs(&[Need::Guards]),
        Clause::new(
            "Os::guard/survives-discard",
            "`Os::discard` of a range around a guard keeps it.",
            survives::<O>,
        )
        .needs(&[Need::Guards]),
        Clause::new(
            "Os::guard_kind/constant",
            "How `Os::guard` does it on this machine.",
            kind::<O>,
        ),
    ]
}

/// Where the pages of a region can't be read, of which the first `pages` are looked at.
fn unreadable<O: Os>(suite: &Suite, region: &Region<O>, pages: usize) -> Vec<usize> {
    let both = |page: &usize| region.ends(*page).iter().all(|at| !suite.readable(*at));
    (0..pages).filter(both).collect()
}

fn faults<O: Os>(suite: &Suite) -> Verdict {
    let region = Region::<O>::committed(5)?;
    region.guard(2, 1, 1)?;
    for at in region.ends(2) {
        holds!(!suite.readable(at), "a guard is on page 2, and its byte at {at:?} can be read");
    }
    Ok(())
}

fn nothing_else<O: Os>(suite: &Suite) -> Verdict {
    let region = Region::<O>::committed(5)?;
    region.fill(1, 1);
    region.guard(2, 1, 1)?;
    for page in [0, 1, 3, 4] {
        for at in region.ends(page) {
            let readable = suite.readable(at);
            holds!(
                readable,
                "a guard is on page 2, and the byte at {at:?} of page {page} is not \
                              to be read"
            );
        }
    }
    holds!(region.read(1) == [1; 2], "the page below a guard lost its contents");
    Ok(())
}

fn many<O: Os>(suite: &Suite) -> Verdict {
    const GUARDS: usize = 200;
    let region = Region::<O>::committed(3 * GUARDS + 3)?;
    region.guard(1, 3, GUARDS)?;
    let expected: Vec<usize> = (0..GUARDS).map(|index| 3 * index + 1).collect();
    let found = unreadable(suite, &region, 3 * GUARDS + 3);
    let wrong = expected.iter().filter(|page| !found.contains(page)).count()
        + found.iter().filter(|page| !expected.contains(page)).count();
    holds!(wrong == 0, "{GUARDS} guards were put on every third page, and {wrong} pages are wrong");
    Ok(())
}

fn survives<O: Os>(suite: &Suite) -> Verdict {
    let region = Region::<O>::committed(6)?;
    region.guard(2, 1, 1)?;
    region.discard(0, 2);
    region.discard(3, 2);
    for at in region.ends(2) {
        let readable = suite.readable(at);
        holds!(!readable, "after discarding on both sides of a guard, {at:?} in it can be read");
    }
    Ok(())
}

fn kind<O: Os>(_: &Suite) -> Verdict {
    let first = O::guard_kind();
    for _ in 0..8 {
        let kind = O::guard_kind();
        holds!(kind == first, "it was {first:?} and then {kind:?}");
    }
    Ok(())
}
