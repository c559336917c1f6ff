//! `memcpy` and its kin, which compiled code calls without asking, and libc has elsewhere.
//!
//! They are naked because the compiler may turn a loop of Rust that copies into a call of `memcpy`.
//! Up to 32 bytes take two overlapping loads and stores; then comes a loop of 32 bytes whose last
//! step overlaps the one before.

use core::arch::naked_asm;
use core::ffi::c_void;

/// `memcpy`.
///
/// # Safety
/// - `from` is readable and `to` writable for `bytes`; they don't overlap, or `to` is the lower one.
#[cfg_attr(feature = "rt0", unsafe(export_name = "memcpy"))]
#[unsafe(naked)]
pub unsafe extern "C" fn copy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void {
    naked_asm!(
        // x4 and x5: the ends of what is read and of what is written.
        "add x4, x1, x2",
        "add x5, x0, x2",
        "cmp x2, #16",
        "b.lo 4f",
        "cmp x2, #32",
        "b.hi 2f",
        // 16 to 32: the first and the last 16. All loads come first, so overlaps do no harm.
        "ldr q0, [x1]",
        "ldur q1, [x4, #-16]",
        "str q0, [x0]",
        "stur q1, [x5, #-16]",
        "ret",
        "2:",
        // The last 32 are loaded before a store can change them, and stored last.
        "ldp q2, q3, [x4, #-32]",
        "sub x5, x5, #32",
        "mov x3, x0",
        "22:",
        "ldp q0, q1, [x1], #32",
        "stp q0, q1, [x3], #32",
        "cmp x3, x5",
        "b.lo 22b",
        "stp q2, q3, [x5]",
        "ret",
        // Below 16: two overlapping words of the largest size that fits.
        "4:",
        "tbz x2, #3, 5f",
        "ldr x6, [x1]",
        "ldur x7, [x4, #-8]",
        "str x6, [x0]",
        "stur x7, [x5, #-8]",
        "ret",
        "5:",
        "tbz x2, #2, 6f",
        "ldr w6, [x1]",
        "ldur w7, [x4, #-4]",
        "str w6, [x0]",
        "stur w7, [x5, #-4]",
        "ret",
        "6:",
        "tbz x2, #1, 7f",
        "ldrh w6, [x1]",
        "ldurh w7, [x4, #-2]",
        "strh w6, [x0]",
        "sturh w7, [x5, #-2]",
        "ret",
        "7:",
        "cbz x2, 8f",
        "ldrb w6, [x1]",
        "strb w6, [x0]",
        "8:",
        "ret",
    )
}

/// `memmove`.
///
/// # Safety
/// - `from` is readable and `to` writable for `bytes`.
#[cfg_attr(feature = "rt0", unsafe(export_name = "memmove"))]
#[unsafe(naked)]
pub unsafe extern "C" fn move_(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void {
    naked_asm!(
        // Forward unless `to` lies inside of what is to be moved; small ones load before they store.
        "sub x3, x0, x1",
        "cmp x3, x2",
        "b.lo 3f",
        "2:",
        "b {copy}",
        "3:",
        "cmp x2, #32",
        "b.ls 2b",
        // Backward, 32 bytes a step. The first 32 are loaded before a store can change them, and
        // stored last.
        "add x4, x1, x2",
        "add x5, x0, x2",
        "ldp q2, q3, [x1]",
        "4:",
        "ldp q0, q1, [x4, #-32]!",
        "stp q0, q1, [x5, #-32]!",
        "sub x2, x2, #32",
        "cmp x2, #32",
        "b.hi 4b",
        "stp q2, q3, [x0]",
        "ret",
        copy = sym copy,
    )
}

/// `memset`.
///
/// # Safety
/// - `to` is writable for `bytes`.
#[cfg_attr(feature = "rt0", unsafe(export_name = "memset"))]
#[unsafe(naked)]
pub unsafe extern "C" fn fill(to: *mut c_void, byte: i32, bytes: usize) -> *mut c_void {
    naked_asm!(
        // The byte in all sixteen of v0; x4: the end.
        "dup v0.16b, w1",
        "add x4, x0, x2",
        "cmp x2, #16",
        "b.lo 4f",
        "sub x4, x4, #16",
        "mov x3, x0",
        "2:",
        "str q0, [x3], #16",
        "cmp x3, x4",
        "b.lo 2b",
        "str q0, [x4]",
        "ret",
        // Below 16: two overlapping words of the largest size that fits.
        "4:",
        "tbz x2, #3, 5f",
        "str d0, [x0]",
        "stur d0, [x4, #-8]",
        "ret",
        "5:",
        "tbz x2, #2, 6f",
        "str s0, [x0]",
        "stur s0, [x4, #-4]",
        "ret",
        "6:",
        "tbz x2, #1, 7f",
        "str h0, [x0]",
        "stur h0, [x4, #-2]",
        "ret",
        "7:",
        "cbz x2, 8f",
        "strb w1, [x0]",
        "8:",
        "ret",
    )
}

/// `memcmp`.
///
/// # Safety
/// - Both are readable for `bytes`.
#[cfg_attr(feature = "rt0", unsafe(export_name = "memcmp"))]
#[unsafe(naked)]
pub unsafe extern "C" fn compare(a: *const c_void, b: *const c_void, bytes: usize) -> i32 {
    naked_asm!(
        "2:",
        "cmp x2, #8",
        "b.lo 3f",
        "ldr x3, [x0], #8",
        "ldr x4, [x1], #8",
        "sub x2, x2, #8",
        "cmp x3, x4",
        "b.eq 2b",
        // The lowest byte is the first one, so it has to count most.
        "rev x3, x3",
        "rev x4, x4",
        "cmp x3, x4",
        "mov w0, #1",
        "cneg w0, w0, lo",
        "ret",
        "3:",
        "cbz x2, 4f",
        "ldrb w3, [x0], #1",
        "ldrb w4, [x1], #1",
        "sub x2, x2, #1",
        "subs w5, w3, w4",
        "b.eq 3b",
        "mov w0, w5",
        "ret",
        "4:",
        "mov w0, #0",
        "ret",
    )
}

/// `bcmp`: as `memcmp`, but only zero means anything.
///
/// # Safety
/// - As for [`compare`].
#[cfg(feature = "rt0")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn bcmp(a: *const c_void, b: *const c_void, bytes: usize) -> i32 {
    naked_asm!("b {compare}", compare = sym compare)
}

/// `strlen`.
///
/// # Safety
/// - `text` is readable up to a zero.
#[cfg_attr(feature = "rt0", unsafe(export_name = "strlen"))]
#[unsafe(naked)]
pub unsafe extern "C" fn length(text: *const c_void) -> usize {
    naked_asm!(
        "mov x1, x0",
        "2:",
        "ldrb w2, [x1], #1",
        "cbnz w2, 2b",
        // x1 is one past the zero.
        "sub x0, x1, x0",
        "sub x0, x0, #1",
        "ret",
    )
}
