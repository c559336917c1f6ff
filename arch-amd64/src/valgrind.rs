//! Requests to valgrind: an instruction sequence that does nothing on a processor, and that valgrind
//! knows when it translates the program. Numbers and sequence are those of its `valgrind.h`, which
//! are its binary interface.

use core::arch::asm;

/// `VG_USERREQ__STACK_REGISTER`.
const STACK_REGISTER: usize = 0x1501;
/// `VG_USERREQ__STACK_DEREGISTER`.
const STACK_DEREGISTER: usize = 0x1502;

/// Says that a range is a stack; its number is valgrind's, or 0 without valgrind.
pub(crate) fn stack_register(low: *mut u8, high: *mut u8) -> usize {
    request([STACK_REGISTER, low.expose_provenance(), high.expose_provenance(), 0, 0, 0])
}

/// Says that a stack is none any more.
pub(crate) fn stack_deregister(number: usize) {
    request([STACK_DEREGISTER, number, 0, 0, 0, 0]);
}

fn request(words: [usize; 6]) -> usize {
    let mut answer = 0;
    // rax: the request and its arguments; rdx: the answer, which stays 0 on a processor.
    //
    // Options: nostack, for nothing is pushed. It reads `words`, and changes flags.
    // SAFETY: the rotations add up to twice the width of rdi, so it is as before; the exchange is
    // of a register with itself. Valgrind reads the six words, and writes rdx alone.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") &words,
            inout("rdx") answer,
            options(nostack),
        );
    }
    answer
}
