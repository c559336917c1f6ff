//! `odd_start HOW PROGRAM [ARGS..]`: becomes a program that is started as few are.
//!
//! | how | what is odd |
//! |---|---|
//! | `nothing` | no arguments, not even a name, and no environment |
//! | `closed-N` | descriptor N is closed |
//! | `huge` | as large an environment as the kernel takes |
//! | `no-auxv` | the kernel tells nothing of the machine but where its clock is not |
//! | `no-tls` | `arch_prctl` is refused, on x86-64 |
//! | `no-threads` | `clone` says `EAGAIN` |

mod auxv;

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt as _;
use std::process::ExitCode;

/// What the kernel takes: 3/4 of 8 MiB, less what it needs itself, if the stack may grow to four
/// times as much.
const HUGE: usize = 6 * 1024 * 1024 - 64 * 1024;
/// The call that sets thread-local storage on x86-64. Elsewhere, where it takes no call, the number is
/// of one that no program starts with.
const ARCH_PRCTL: libc::c_long = 158;
/// The longest text that it takes.
const TEXT: usize = 128 * 1024 - 1;

fn main() -> ExitCode {
    let args: Vec<_> =
        std::env::args_os().skip(1).filter_map(|arg| CString::new(arg.into_vec()).ok()).collect();
    let [how, program, ..] = &args[..] else {
        eprintln!("usage: odd_start HOW PROGRAM [ARGS..]");
        return ExitCode::from(2);
    };
    let args = &args[1..];
    let environment: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let mut text = name.into_vec();
            text.push(b'=');
            text.extend(value.into_vec());
            CString::new(text).ok()
        })
        .collect();
    match how.to_str() {
        Ok("nothing") => exec(program, &[], &[]),
        Ok("huge") => {
            let limit = libc::rlimit { rlim_cur: 32 << 20, rlim_max: libc::RLIM_INFINITY };
            // SAFETY: the limit lives through the call.
            unsafe { libc::setrlimit(libc::RLIMIT_STACK, &limit) };
            exec(program, args, &huge());
        }
        Ok("no-tls") => tests::refuse(ARCH_PRCTL, libc::EPERM),
        Ok("no-threads") => tests::refuse(libc::SYS_clone, libc::EAGAIN),
        Ok("no-auxv") => return auxv::run_without(program, args, &environment),
        Ok(how) => {
            let number = how.strip_prefix("closed-").and_then(|n| n.parse().ok());
            // SAFETY: takes any number.
            unsafe { libc::close(number.unwrap_or(-1)) };
        }
        Err(_) => {}
    }
    exec(program, args, &environment);
    eprintln!("odd_start: {}", std::io::Error::last_os_error());
    ExitCode::from(2)
}

/// An environment of [`HUGE`] bytes, with what the kernel needs for each text.
fn huge() -> Vec<CString> {
    let count = HUGE / (TEXT + 1 + size_of::<usize>());
    let texts = (0..count).map(|i| {
        let mut text = format!("V{i}=").into_bytes();
        text.resize(TEXT, b'x');
        CString::new(text).unwrap_or_default()
    });
    texts.collect()
}

/// Becomes the program. Returns if that is refused.
pub(crate) fn exec(program: &CString, args: &[CString], environment: &[CString]) {
    let list = |texts: &[CString]| {
        let list = texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]);
        list.collect::<Vec<_>>()
    };
    let (args, environment) = (list(args), list(environment));
    // SAFETY: both lists end with a null, and live with their texts through the call.
    unsafe { libc::execve(program.as_ptr(), args.as_ptr(), environment.as_ptr()) };
}
