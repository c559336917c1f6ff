//! `memcpy` and its kin, which compiled code calls without asking, and libc has elsewhere.
//!
//! They are naked because the compiler may turn a loop of Rust that copies into a call of `memcpy`.
//! Up to 32 bytes take two overlapping loads and stores; then comes a loop of 32 bytes whose last
//! step overlaps the one before; from [`STRING`] bytes on the processor's own string instruction,
//! which takes a while to start, is the fastest.

use core::arch::naked_asm;
use core::ffi::c_void;

/// Where `rep movsb` and `rep stosb` begin to pay.
const STRING: usize = 2048;

/// `memcpy`.
///
/// # Safety
/// - `from` is readable and `to` writable for `bytes`; they don't overlap, or `to` is the lower one.
#[cfg_attr(feature = "rt0", unsafe(export_name = "memcpy"))]
#[unsafe(naked)]
pub unsafe extern "C" fn copy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void {
    naked_asm!(
        "mov rax, rdi",
        "cmp rdx, 16",
        "jb 4f",
        "cmp rdx, 32",
        "ja 2f",
        // 16 to 32: the first and the last 16. All loads come first, so overlaps do no harm.
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + rdx - 16]",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm1",
        "ret",
        "2:",
        "cmp rdx, {string}",
        "jae 3f",
        // The last 32 are loaded before a store can change them, and stored last.
        "movups xmm2, [rsi + rdx - 32]",
        "movups xmm3, [rsi + rdx - 16]",
        "lea rcx, [rdi + rdx - 32]",
        "22:",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "add rsi, 32",
        "add rdi, 32",
        "cmp rdi, rcx",
        "jb 22b",
        "movups [rcx], xmm2",
        "movups [rcx + 16], xmm3",
        "ret",
        "3:",
        "mov rcx, rdx",
        "rep movsb",
        "ret",
        // Below 16: two overlapping words of the largest size that fits.
        "4:",
        "cmp edx, 8",
        "jb 5f",
        "mov rcx, [rsi]",
        "mov r8, [rsi + rdx - 8]",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], r8",
        "ret",
        "5:",
        "cmp edx, 4",
        "jb 6f",
        "mov ecx, [rsi]",
        "mov r8d, [rsi + rdx - 4]",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], r8d",
        "ret",
        "6:",
        "cmp edx, 2",
        "jb 7f",
        "movzx ecx, word ptr [rsi]",
        "movzx r8d, word ptr [rsi + rdx - 2]",
        "mov [rdi], cx",
        "mov [rdi + rdx - 2], r8w",
        "ret",
        "7:",
        "test edx, edx",
        "je 8f",
        "movzx ecx, byte ptr [rsi]",
        "mov [rdi], cl",
        "8:",
        "ret",
        string = const STRING,
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
        "mov rax, rdi",
        "sub rax, rsi",
        "cmp rax, rdx",
        "jae {copy}",
        "cmp rdx, 32",
        "jbe {copy}",
        // Backward, 32 bytes a step. The first 32 are loaded before a store can change them, and
        // stored last.
        "mov rax, rdi",
        "movups xmm2, [rsi]",
        "movups xmm3, [rsi + 16]",
        "2:",
        "movups xmm0, [rsi + rdx - 32]",
        "movups xmm1, [rsi + rdx - 16]",
        "movups [rdi + rdx - 32], xmm0",
        "movups [rdi + rdx - 16], xmm1",
        "sub rdx, 32",
        "cmp rdx, 32",
        "ja 2b",
        "movups [rdi], xmm2",
        "movups [rdi + 16], xmm3",
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
        "mov rax, rdi",
        // The byte in all eight of r8, and in all sixteen of xmm0.
        "movzx esi, sil",
        "mov r8, 0x0101010101010101",
        "imul r8, rsi",
        "cmp rdx, 16",
        "jb 4f",
        "cmp rdx, {string}",
        "jae 3f",
        "movq xmm0, r8",
        "punpcklqdq xmm0, xmm0",
        "lea rcx, [rdi + rdx - 16]",
        "2:",
        "movups [rdi], xmm0",
        "add rdi, 16",
        "cmp rdi, rcx",
        "jb 2b",
        "movups [rcx], xmm0",
        "ret",
        "3:",
        "mov r9, rax",
        "mov eax, esi",
        "mov rcx, rdx",
        "rep stosb",
        "mov rax, r9",
        "ret",
        // Below 16: two overlapping words of the largest size that fits.
        "4:",
        "cmp edx, 8",
        "jb 5f",
        "mov [rdi], r8",
        "mov [rdi + rdx - 8], r8",
        "ret",
        "5:",
        "cmp edx, 4",
        "jb 6f",
        "mov [rdi], r8d",
        "mov [rdi + rdx - 4], r8d",
        "ret",
        "6:",
        "test edx, edx",
        "je 7f",
        "mov [rdi], r8b",
        "mov [rdi + rdx - 1], r8b",
        "shr edx, 1",
        "mov [rdi + rdx], r8b",
        "7:",
        "ret",
        string = const STRING,
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
        "cmp rdx, 8",
        "jb 3f",
        "mov rax, [rdi]",
        "mov rcx, [rsi]",
        "add rdi, 8",
        "add rsi, 8",
        "sub rdx, 8",
        "cmp rax, rcx",
        "je 2b",
        // The lowest byte is the first one, so it has to count most.
        "bswap rax",
        "bswap rcx",
        "cmp rax, rcx",
        "sbb eax, eax",
        "or eax, 1",
        "ret",
        "3:",
        "test edx, edx",
        "je 4f",
        "movzx eax, byte ptr [rdi]",
        "movzx ecx, byte ptr [rsi]",
        "inc rdi",
        "inc rsi",
        "dec edx",
        "sub eax, ecx",
        "je 3b",
        "ret",
        "4:",
        "xor eax, eax",
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
    naked_asm!("jmp {compare}", compare = sym compare)
}

/// `strlen`.
///
/// # Safety
/// - `text` is readable up to a zero.
#[cfg_attr(feature = "rt0", unsafe(export_name = "strlen"))]
#[unsafe(naked)]
pub unsafe extern "C" fn length(text: *const c_void) -> usize {
    naked_asm!(
        "lea rax, [rdi - 1]",
        "2:",
        "inc rax",
        "cmp byte ptr [rax], 0",
        "jne 2b",
        "sub rax, rdi",
        "ret",
    )
}
