//! The parts of `std::io` that sockets have to do with, for programs that are also built without std:
//! with std they are std's own, without it ours, of the same names.
//!
//! ```
//! use gort::io::{Read, Write};
//! use gort::net::UnixStream;
//!
//! let (mut one, mut other) = UnixStream::pair()?;
//! one.write_all(b"hi")?;
//! let mut two = [0; 2];
//! other.read_exact(&mut two)?;
//! assert_eq!(&two, b"hi");
//! # Ok::<(), gort::io::Error>(())
//! ```

pub use crate::base::io::{Error, ErrorKind, IoSlice, Read, Result, Write};
