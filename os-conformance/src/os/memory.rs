//! Address space and memory.

use rt_core::{Os, OsError};

use crate::clause::{Clause, Verdict, holds};
use crate::suite::Suite;
use crate::tools::region::Region;
use crate::tools::time::eventually;

pub(super) fn clauses<O: Os + 'static>() -> Vec<Clause> {
    const PAGE_SIZE: &str = "The page size, a power of two. Constant after the first call.";
    vec![
        Clause::new("Os::page_size/power-of-two", PAGE_SIZE, power_of_two::<O>),
        Clause::new("Os::page_size/constant", PAGE_SIZE, constant::<O>),
        Clause::new("Os::reserve/aligned", "aligned to the page size.", aligned::<O>),
        Clause::new("Os::reserve/apart", "Sets aside `bytes` of address space", apart::<O>),
        Clause::new("Os::reserve/costs-nothing", "it costs no memory.", costs_nothing::<O>),
        Clause::new(
            "Os::commit/writable",
            "Makes `bytes` from `at` readable and writable",
            writable::<O>,
        ),
        Clause::new("Os::commit/zero", "zero on first touch.", zero_at_first::<O>),
        Clause::new(
            "Os::commit/in-pieces",
            "The range lies in one live reservation, on page borders, and was not committed \
             before.",
            in_pieces::<O>,
        ),
        Clause::new(
            "Os::populate/keeps-contents",
            "A hint, which changes nothing of what is in them.",
            populated::<O>,
        ),
        Clause::new("Os::discard/zero", "reads as zero when next touched.", discarded::<O>),
        Clause::new(
            "Os::discard/stays-committed",
            "The range stays committed",
            stays_committed::<O>,
        ),
        Clause::new(
            "Os::discard/nothing-else",
            "Gives the memory behind `bytes` from `at` back to the system.",
            nothing_else::<O>,
        ),
        Clause::new("Os::release/gives-back", "Gives a whole reservation back.", gives_back::<O>),
        Clause::new(
            "Os::no_memory/as-reserve-says",
            "The number of the error that says \"not enough memory\"",
            no_memory::<O>,
        ),
        Clause::new(
            "Os::shortage/of-memory",
            "What has run out when the system refuses with this error",
            shortage::<O>,
        ),
    ]
}

fn power_of_two<O: Os>(_: &Suite) -> Verdict {
    let bytes = O::page_size();
    holds!(bytes.is_power_of_two(), "it is {bytes}");
    Ok(())
}

fn constant<O: Os>(_: &Suite) -> Verdict {
    let sizes: [usize; 8] = std::array::from_fn(|_| O::page_size());
    holds!(sizes.iter().all(|size| *size == sizes[0]), "it was, one after the other, {sizes:?}");
    Ok(())
}

fn aligned<O: Os>(_: &Suite) -> Verdict {
    for pages in [1, 2, 3, 17, 1000] {
        let at = Region::<O>::reserved(pages)?.page(0);
        holds!(!at.is_null(), "{pages} pages were reserved at null");
        holds!(at.addr() % O::page_size() == 0, "{pages} pages were reserved at {at:?}");
    }
    Ok(())
}

fn apart<O: Os>(_: &Suite) -> Verdict {
    let mut ranges = Vec::new();
    let mut regions = Vec::new();
    for pages in [3, 1, 64, 2, 7] {
        let region = Region::<O>::reserved(pages)?;
        ranges.push(region.page(0).addr()..region.page(pages).addr());
        regions.push(region);
    }
    ranges.sort_by_key(|range| range.start);
    let apart = ranges.windows(2).all(|two| two[0].end <= two[1].start);
    holds!(apart, "reservations overlap: {ranges:x?}");
    Ok(())
}

/// More than machines have, or where addresses are short, more than a test should.
fn costs_nothing<O: Os>(_: &Suite) -> Verdict {
    let bytes = if usize::BITS >= 64 { usize::MAX >> 28 } else { 256 << 20 };
    drop(Region::<O>::reserved(bytes / O::page_size())?);
    Ok(())
}

fn writable<O: Os>(_: &Suite) -> Verdict {
    let region = Region::<O>::committed(9)?;
    (0..9).for_each(|page| region.fill(page, page as u8 + 1));
    for page in 0..9 {
        let read = region.read(page);
        holds!(read == [page as u8 + 1; 2], "page {page} was filled with {}: {read:?}", page + 1);
    }
    Ok(())
}

/// Again and again, for memory that was used and released must be zero as well.
fn zero_at_first<O: Os>(_: &Suite) -> Verdict {
    for _ in 0..4 {
        let region = Region::<O>::committed(16)?;
        let dirt: usize = (0..16).map(|page| region.dirt(page)).sum();
        holds!(dirt == 0, "of 16 fresh pages, {dirt} bytes are not zero");
        (0..16).for_each(|page| region.fill(page, 0xa5));
    }
    Ok(())
}

fn in_pieces<O: Os>(_: &Suite) -> Verdict {
    let region = Region::<O>::reserved(9)?;
    for (first, pages) in [(6, 2), (0, 3), (3, 1)] {
        region.commit(first, pages)?;
        (first..first + pages).for_each(|page| region.fill(page, page as u8 + 1));
    }
    for page in [0, 1, 2, 3, 6, 7] {
        let read = region.read(page);
        holds!(read == [page as u8 + 1; 2], "page {page} was filled with {}: {read:?}", page + 1);
    }
    Ok(())
}

/// Every other page is full already, and one is named twice.
fn populated<O: Os>(_: &Suite) -> Verdict {
    let region = Region::<O>::committed(100)?;
    (0..100).step_by(2).for_each(|page| region.fill(page, 1));
    let pages: Vec<_> = (0..100).chain([7]).map(|page| region.page(page)).collect();
    O::populate(&[]);
    O::populate(&pages);
    for page in 0..100 {
        let (read, before) = (region.read(page), u8::from(page % 2 == 0));
        holds!(read == [before; 2], "page {page} was full of {before}: {read:?}");
        region.fill(page, 2);
        let read = region.read(page);
        holds!(read == [2; 2], "a populated page was filled with 2: {read:?}");
    }
    Ok(())
}

/// Seven pages full of ones, of which 2, 3 and 4 were discarded.
fn partly_discarded<O: Os>() -> Result<Region<O>, String> {
    let region = Region::<O>::committed(7)?;
    (0..7).for_each(|page| region.fill(page, 1));
    region.discard(2, 3);
    Ok(region)
}

fn discarded<O: Os>(_: &Suite) -> Verdict {
    let region = partly_discarded::<O>()?;
    for page in 2..5 {
        let dirt = region.dirt(page);
        holds!(dirt == 0, "page {page} of 2 to 4, which were discarded, has {dirt} bytes left");
    }
    Ok(())
}

fn stays_committed<O: Os>(suite: &Suite) -> Verdict {
    let region = partly_discarded::<O>()?;
    for page in 2..5 {
        holds!(suite.readable(region.page(page)), "page {page} can't be read any more");
        region.fill(page, 2);
        let read = region.read(page);
        holds!(read == [2; 2], "a discarded page was filled with 2: {read:?}");
    }
    Ok(())
}

fn nothing_else<O: Os>(_: &Suite) -> Verdict {
    let region = partly_discarded::<O>()?;
    for page in [0, 1, 5, 6] {
        let read = region.read(page);
        holds!(read == [1; 2], "page {page}, beside what was discarded, was full of 1: {read:?}");
    }
    Ok(())
}

/// The largest power of two that can be reserved can be reserved again and again. Somebody else may
/// take of the address space meanwhile, so a refusal counts only if it stays.
fn gives_back<O: Os>(suite: &Suite) -> Verdict {
    let reservable = |bytes: &usize| Region::<O>::reserved(bytes / O::page_size()).is_ok();
    let sizes = (12..usize::BITS - 1).rev().map(|bits| 1_usize << bits);
    let largest = sizes.filter(|bytes| *bytes >= O::page_size()).find(reservable);
    let largest = largest.ok_or("not a page could be reserved")?;
    for times in 1..=8 {
        let again = eventually::<O, _>(suite, || reservable(&largest).then_some(()));
        holds!(
            again.is_some(),
            "{largest:#x} bytes, reserved and released {times} times, could not be had again"
        );
    }
    Ok(())
}

fn no_memory<O: Os>(_: &Suite) -> Verdict {
    let bytes = (usize::MAX / 2) & !(O::page_size() - 1);
    let error = match O::reserve(bytes) {
        Err(error) => error,
        Ok(at) => {
            // SAFETY: the reservation of the line above.
            unsafe { O::release(at, bytes) };
            return Err("half of all addresses were reserved".to_owned());
        }
    };
    let OsError(expected) = O::no_memory();
    holds!(error.0 == expected, "it is {expected}, and too large a reservation says {}", error.0);
    Ok(())
}

fn shortage<O: Os>(_: &Suite) -> Verdict {
    let Some(shortage) = O::shortage(O::no_memory()) else {
        return Err("nothing has run out when there is no memory".to_owned());
    };
    holds!(!shortage.of.is_empty(), "it is not said what has run out");
    holds!(!shortage.raise.is_empty(), "it is not said what to raise");
    Ok(())
}
