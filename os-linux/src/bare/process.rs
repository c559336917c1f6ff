//! The process's end, by the kernel.

use core::ffi::c_int;

use linux_raw_sys::general::{__NR_exit_group, SIGABRT};
use os_unix::{Action as _, Host as _};

use super::signals::{self, Action, Bare};
use super::syscall::call;

/// Ends the process by `SIGABRT`, whatever was to happen on that signal.
pub(crate) fn abort() -> ! {
    let signal = SIGABRT as c_int;
    // Nothing can be done about a refusal of either but the end below.
    let _ = Bare::set_action(signal, &Action::default());
    signals::allow(signal);
    Bare::raise(signal);
    // 128 and the signal's number is what a shell says of such an end.
    exit(128 + signal)
}

/// Ends the process and all of its threads.
pub(crate) fn exit(status: i32) -> ! {
    loop {
        // SAFETY: takes a number, and doesn't come back.
        let _ = unsafe { call(__NR_exit_group, [status as usize, 0, 0, 0, 0]) };
    }
}
