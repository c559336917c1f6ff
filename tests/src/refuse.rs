//! Filters that refuse system calls to this thread, and to what it starts or becomes.

use libc::{c_int, c_long, sock_filter, sock_fprog};

/// A call of this number fails with this error from now on.
///
/// # Panics
/// Where there are no such filters.
pub fn refuse(number: c_long, error: c_int) {
    let op = |code: u32, k: u32, jt: u8, jf: u8| sock_filter { code: code as u16, jt, jf, k };
    let mut program = [
        // The number of the call is the first word of what the filter sees.
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number as u32, 0, 1),
        op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | error as u32, 0, 0),
        op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    filter(&mut program);
}

/// System calls are looked at by this program from now on.
///
/// # Panics
/// Where there are no such filters.
pub fn filter(program: &mut [sock_filter]) {
    let program = sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: takes numbers.
    let promised = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(promised, 0, "no promise to gain no rights");
    // SAFETY: the program lives through the call, which copies it.
    let set =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(set, 0, "no filter for system calls");
}
