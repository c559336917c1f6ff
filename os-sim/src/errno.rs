//! The error numbers that the simulation answers with: Linux's, as the host's that it stands for.
#![forbid(unsafe_code)]

use rt_core::OsError;

/// `EAGAIN`, of threads. For sockets it is the host's own.
pub(crate) const NO_THREAD: OsError = OsError(11);
/// `ENOMEM`. The program is told the host's own.
pub(crate) const NO_MEMORY: OsError = OsError(12);
/// `EEXIST`: a socket is added to a poller that has it.
pub(crate) const EXISTS: OsError = OsError(17);
/// `EMFILE`.
pub(crate) const NO_DESCRIPTOR: OsError = OsError(24);
/// `EINVAL`.
pub(crate) const INVALID: OsError = OsError(22);
/// `EPIPE`: nobody can receive that.
pub(crate) const BROKEN_PIPE: OsError = OsError(32);
/// `ENOSYS`: a real socket inside of a check.
pub(crate) const NOT_SIMULATED: OsError = OsError(38);
/// `ENOPROTOOPT`.
pub(crate) const NO_OPTION: OsError = OsError(92);
/// `EPROTONOSUPPORT`: what is no stream.
pub(crate) const NO_PROTOCOL: OsError = OsError(93);
/// `EAFNOSUPPORT`: an address of another family, or none.
pub(crate) const FAMILY: OsError = OsError(97);
/// `EADDRINUSE`.
pub(crate) const IN_USE: OsError = OsError(98);
/// `ECONNRESET`.
pub(crate) const RESET: OsError = OsError(104);
/// `EISCONN`.
pub(crate) const CONNECTED: OsError = OsError(106);
/// `ENOTCONN`.
pub(crate) const NOT_CONNECTED: OsError = OsError(107);
/// `ETIMEDOUT`: a listener's queue stayed full.
pub(crate) const TIMED_OUT: OsError = OsError(110);
/// `ECONNREFUSED`.
pub(crate) const REFUSED: OsError = OsError(111);
/// `EALREADY`: a second attempt to connect while the first one is under way.
pub(crate) const ALREADY: OsError = OsError(114);
