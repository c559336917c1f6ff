//! Reserve, commit, guard, discard, release.

use super::System;
use rt_core::{GuardKind, Os};
use std::os::fd::AsRawFd;

/// A reservation, released in the end.
struct Region {
    at: *mut u8,
    bytes: usize,
}

impl Region {
    fn new(pages: usize) -> Region {
        let bytes = pages * System::page_size();
        Region { at: System::reserve(bytes).expect("address space"), bytes }
    }

    fn committed(pages: usize) -> Region {
        let region = Region::new(pages);
        // SAFETY: the whole fresh reservation.
        unsafe { System::commit(region.at, region.bytes) }.expect("memory");
        region
    }

    fn page(&self, index: usize) -> *mut u8 {
        self.at.wrapping_add(index * System::page_size())
    }

    /// Guards `count` pages, each `stride` pages after the one before.
    fn guard(&self, first: usize, stride: usize, count: usize) {
        let page = System::page_size();
        // SAFETY: pages of this committed region, which the tests don't use again.
        unsafe { System::guard(self.page(first), page, stride * page, count) }.expect("guards");
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the reservation of `new`, which nobody uses any more.
        unsafe { System::release(self.at, self.bytes) };
    }
}

/// Whether the page at `at` can be read: the kernel looks, so that nobody faults.
fn readable(at: *const u8) -> bool {
    let (_reader, writer) = std::io::pipe().expect("a pipe");
    // SAFETY: the kernel answers EFAULT for an address that may not be read.
    match unsafe { libc::write(writer.as_raw_fd(), at.cast(), 1) } {
        1 => true,
        _ => {
            let error = std::io::Error::last_os_error().raw_os_error();
            assert_eq!(error, Some(libc::EFAULT));
            false
        }
    }
}

fn store(at: *mut u8, value: u8) {
    // SAFETY: the tests store to committed pages without guards only.
    unsafe { at.write_volatile(value) };
}

fn load(at: *mut u8) -> u8 {
    // SAFETY: the tests load from committed pages without guards only.
    unsafe { at.read_volatile() }
}

#[test]
fn the_life_of_a_region() {
    let region = Region::new(4);
    assert!(region.at.addr().is_multiple_of(System::page_size()));
    assert!(!readable(region.at), "reserved is not readable");
    // SAFETY: two pages of the reservation.
    unsafe { System::commit(region.page(1), 2 * System::page_size()) }.expect("memory");
    assert!(!readable(region.page(0)));
    assert!(!readable(region.page(3)));
    assert_eq!(load(region.page(1)), 0);
    store(region.page(1), 7);
    store(region.page(2), 8);
    // SAFETY: a committed page without a guard.
    unsafe { System::discard(region.page(1), System::page_size()) };
    assert_eq!(load(region.page(1)), 0, "discarded reads as zero");
    assert_eq!(load(region.page(2)), 8, "the neighbour stays");
    region.guard(1, 1, 1);
    assert!(!readable(region.page(1)));
    assert!(readable(region.page(2)));
}

#[test]
fn guards_fault_and_nothing_else_does() {
    const COUNT: usize = 200;
    let region = Region::committed(4 * COUNT);
    store(region.page(4), 1);
    region.guard(0, 4, COUNT);
    for index in 0..4 * COUNT {
        assert_eq!(readable(region.page(index)), index % 4 != 0, "page {index}");
    }
}

#[test]
fn a_guard_survives_a_discard_around_it() {
    let region = Region::committed(3);
    store(region.page(0), 1);
    region.guard(1, 1, 1);
    // SAFETY: a committed page without a guard.
    unsafe { System::discard(region.page(0), System::page_size()) };
    // SAFETY: as above.
    unsafe { System::discard(region.page(2), System::page_size()) };
    assert!(!readable(region.page(1)));
    assert!(readable(region.page(0)));
}

#[test]
fn markers_split_no_mapping() {
    let region = Region::committed(4 * 1000);
    let before = super::maps();
    region.guard(0, 4, 1000);
    let more = super::maps().saturating_sub(before);
    // Other tests map things meanwhile, but not hundreds.
    match System::guard_kind() {
        GuardKind::Marker => assert!(more < 200, "{more} mappings more"),
        GuardKind::Protection => assert!(more > 1000, "{more} mappings more"),
        GuardKind::Simulated => panic!("a real kernel simulates nothing"),
    }
}

#[test]
fn locked_memory_is_guarded_and_discarded() {
    let region = Region::committed(8);
    // SAFETY: the whole committed region.
    let locked = unsafe { libc::mlock(region.at.cast(), region.bytes) };
    assert_eq!(locked, 0, "this much may be locked by anyone");
    store(region.page(1), 5);
    // SAFETY: a committed page without a guard.
    unsafe { System::discard(region.page(1), System::page_size()) };
    assert_eq!(load(region.page(1)), 0);
    region.guard(0, 2, 4);
    for index in 0..8 {
        assert_eq!(readable(region.page(index)), index % 2 == 1, "page {index}");
    }
}

#[test]
fn too_much_is_an_error() {
    assert_eq!(System::reserve(1 << 62), Err(System::no_memory()));
}
