//! `memcpy` and its kin against the same in plain Rust, for every size and overlap that takes
//! another path.

use super::{compare, copy, fill, length, move_};

/// Sizes around every border of the code.
const SIZES: &[usize] = &[
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 63, 64, 65, 95, 96, 97, 127, 128,
    255, 1000, 2047, 2048, 2049, 5000,
];

/// Bytes that are all different from their neighbours.
fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * 7 + i / 256) as u8).collect()
}

#[test]
fn copies_what_it_is_told_and_no_more() {
    for &size in SIZES {
        for offset in 0..3 {
            let from = pattern(size + offset);
            let mut to = vec![0xee; size + 2 * offset + 16];
            let at = to[offset..].as_mut_ptr();
            // SAFETY: both ranges are inside of vectors of at least `offset + size` bytes.
            let returned = unsafe { copy(at.cast(), from[offset..].as_ptr().cast(), size) };
            assert_eq!(returned, at.cast());
            assert_eq!(to[offset..offset + size], from[offset..], "{size}");
            assert!(to[..offset].iter().chain(&to[offset + size..]).all(|&b| b == 0xee), "{size}");
        }
    }
}

#[test]
fn moves_over_itself_in_both_directions() {
    for &size in SIZES {
        for distance in [0, 1, 5, 8, 15, 16, 17, 31, 32, 33, 100, 3000] {
            for forward in [true, false] {
                let mut bytes = pattern(size + distance);
                let mut expected = bytes.clone();
                let (from, to) = if forward { (distance, 0) } else { (0, distance) };
                expected.copy_within(from..from + size, to);
                let base = bytes.as_mut_ptr();
                let (from, to) = (base.wrapping_add(from), base.wrapping_add(to));
                // SAFETY: both ranges are inside of the vector.
                let returned = unsafe { move_(to.cast(), from.cast(), size) };
                assert_eq!(returned, to.cast());
                assert_eq!(bytes, expected, "{size} by {distance}, forward: {forward}");
            }
        }
    }
}

#[test]
fn fills_what_it_is_told_and_no_more() {
    for &size in SIZES {
        let mut to = vec![0xee_u8; size + 32];
        let at = to[16..].as_mut_ptr();
        // SAFETY: the range is inside of the vector.
        let returned = unsafe { fill(at.cast(), 0x1a5, size) };
        assert_eq!(returned, at.cast());
        assert!(to[16..16 + size].iter().all(|&b| b == 0xa5), "{size}");
        assert!(to[..16].iter().chain(&to[16 + size..]).all(|&b| b == 0xee), "{size}");
    }
}

#[test]
fn compares_by_the_first_difference() {
    for &size in SIZES {
        let a = pattern(size);
        // SAFETY: both are this long.
        assert_eq!(unsafe { compare(a.as_ptr().cast(), a.as_ptr().cast(), size) }, 0);
        for at in [0, 1, size / 2, size.saturating_sub(1)] {
            if at >= size {
                continue;
            }
            let mut b = a.clone();
            b[at] = b[at].wrapping_add(1);
            // What comes later says the opposite, and doesn't count.
            b[at + 1..].fill(0);
            // SAFETY: both are this long.
            let found = unsafe { compare(a.as_ptr().cast(), b.as_ptr().cast(), size) };
            assert_eq!(found.signum(), a.cmp(&b) as i32, "{size} at {at}");
        }
    }
}

#[test]
fn counts_to_the_zero() {
    for &size in SIZES {
        let mut text = vec![1_u8; size];
        text.extend([0, 1, 1, 0]);
        // SAFETY: the vector has a zero.
        assert_eq!(unsafe { length(text.as_ptr().cast()) }, size);
    }
}
