//! `std::io`'s error and its two traits, as far as sockets need them.
#![forbid(unsafe_code)]

mod error;

pub use error::{Error, ErrorKind};

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Deref;

/// What an operation on a socket comes to.
pub type Result<T> = core::result::Result<T, Error>;

/// A buffer of a vectored write.
#[derive(Clone, Copy, Debug)]
pub struct IoSlice<'a>(&'a [u8]);

impl<'a> IoSlice<'a> {
    /// A buffer with these bytes.
    pub fn new(bytes: &'a [u8]) -> IoSlice<'a> {
        IoSlice(bytes)
    }
}

impl Deref for IoSlice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

/// What bytes come from.
pub trait Read {
    /// Fills some of `buf` and returns how much; 0 is the end.
    ///
    /// # Errors
    /// What the source says.
    fn read(&mut self, buf: &mut [u8]) -> Result<usize>;

    /// Fills all of `buf`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the end comes first; what the source says.
    fn read_exact(&mut self, mut buf: &mut [u8]) -> Result<()> {
        while !buf.is_empty() {
            match self.read(buf) {
                Ok(0) => {
                    let text = "failed to fill whole buffer";
                    return Err(Error::new(ErrorKind::UnexpectedEof, text));
                }
                Ok(n) => buf = &mut buf[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Appends everything up to the end, and returns how much that was.
    ///
    /// # Errors
    /// What the source says; what came before stays.
    fn read_to_end(&mut self, to: &mut Vec<u8>) -> Result<usize> {
        let before = to.len();
        let mut chunk = [0; 1024];
        loop {
            match self.read(&mut chunk) {
                Ok(0) => return Ok(to.len() - before),
                Ok(n) => to.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`read_to_end`](Read::read_to_end), for text.
    ///
    /// # Errors
    /// `InvalidData` when it is no text, and then nothing is appended.
    fn read_to_string(&mut self, to: &mut String) -> Result<usize> {
        let mut bytes = Vec::new();
        let n = self.read_to_end(&mut bytes)?;
        let text = core::str::from_utf8(&bytes)
            .map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
        to.push_str(text);
        Ok(n)
    }
}

/// What bytes go to.
pub trait Write {
    /// Takes some of `buf` and returns how much.
    ///
    /// # Errors
    /// What the sink says.
    fn write(&mut self, buf: &[u8]) -> Result<usize>;

    /// Takes some of several buffers, in order, and returns how much.
    ///
    /// # Errors
    /// What the sink says.
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.write(first.map_or(&[], |buf| buf))
    }

    /// Passes on what is held back.
    ///
    /// # Errors
    /// What the sink says.
    fn flush(&mut self) -> Result<()>;

    /// Takes all of `buf`.
    ///
    /// # Errors
    /// `WriteZero` when the sink takes no more; what the sink says.
    fn write_all(&mut self, mut buf: &[u8]) -> Result<()> {
        while !buf.is_empty() {
            match self.write(buf) {
                Ok(0) => {
                    return Err(Error::new(ErrorKind::WriteZero, "failed to write whole buffer"));
                }
                Ok(n) => buf = &buf[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
