//! The parts of `std::io` that sockets have to do with, for programs that are also built without std:
//! with std they are std's own, without it ours, of the same names.

pub use crate::base::io::{Error, ErrorKind, IoSlice, Read, Result, Write};
