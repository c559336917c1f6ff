//! The files below the directory that is served, and a cache of small ones.
//!
//! Every call to the file system is made through `gort::blocking`: on a slow or remote disk it would
//! hold up the worker, and with it every connection there. But the way to another thread and back
//! takes longer than the calls do when the system has the file in memory: with 100 busy connections
//! and a file of 1 KiB, the server answered three fifths of the requests that it did without that
//! way. So small files are kept here, and read again when a second has passed.
//!
//! Rejected: calling the file system where we are (fastest without a cache, until the first slow
//! disk). Keeping descriptors open instead of contents (each read is a call again). Comparing times
//! of modification instead of reading again (no cheaper for a small file, and wrong for two changes
//! within one tick of the file system's clock).

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::response::{About, Modified, Status};

/// The longest file that is kept, in bytes.
const SMALL: u64 = 64 << 10;
/// Bytes kept in all.
const KEPT: u64 = 64 << 20;
/// How long a kept file is believed.
const FRESH: Duration = Duration::from_secs(1);

/// A directory and what is below it.
pub(crate) struct Files {
    root: PathBuf,
    start: Instant,
    /// Held for moments and over no wait, so std's lock does.
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    files: HashMap<String, Arc<Small>>,
    bytes: u64,
}

/// A file in memory.
pub(crate) struct Small {
    pub(crate) about: About,
    pub(crate) content: Vec<u8>,
    /// When it was read, or somebody went to read it again: milliseconds since `Files::start`.
    /// Written by who does so, which makes one of those who find it too old.
    read: AtomicU64,
}

/// A file to be read while it is sent.
pub(crate) struct Large {
    pub(crate) about: About,
    pub(crate) file: File,
}

pub(crate) enum Found {
    Small(Arc<Small>),
    Large(Large),
}

impl Files {
    /// What is below `directory`.
    pub(crate) fn new(directory: &Path) -> Result<Files, String> {
        let explain = |error: io::Error| format!("can't serve {}: {error}", directory.display());
        let root = directory.canonicalize().map_err(explain)?;
        // Fails for what is no directory or may not be read.
        fs::read_dir(&root).map_err(explain)?;
        Ok(Files { root, start: Instant::now(), kept: RwLock::default() })
    }

    /// The file of this path, which `request` has checked. Parks, unless the file is kept.
    pub(crate) fn look_up(&self, path: &str) -> Result<Found, Status> {
        if let Some(small) = self.kept(path) {
            return Ok(Found::Small(small));
        }
        let found = gort::blocking(|| self.read(path));
        match &found {
            Ok(Found::Small(small)) => self.keep(path, small),
            _ => self.forget(path),
        }
        found
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// The kept file, unless it is time for the caller to read it again. While one does, others go
    /// on with the old content.
    fn kept(&self, path: &str) -> Option<Arc<Small>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let small = kept.files.get(path)?;
        let (read, now) = (small.read.load(Ordering::Relaxed), self.now());
        let fresh = now.saturating_sub(read) < FRESH.as_millis() as u64;
        let mine = !fresh
            && small.read.compare_exchange(read, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        (!mine).then(|| Arc::clone(small))
    }

    fn keep(&self, path: &str, small: &Arc<Small>) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.remove(path);
        if kept.bytes + cost(path, small) > KEPT {
            // All at once: what is asked for is soon back, and no order of use has to be kept.
            *kept = Kept::default();
        }
        kept.bytes += cost(path, small);
        kept.files.insert(path.to_owned(), Arc::clone(small));
    }

    fn forget(&self, path: &str) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// Opens a file, and reads it if it is small. Blocks its thread.
    fn read(&self, path: &str) -> Result<Found, Status> {
        let (path, metadata) = self.resolve(path)?;
        let mut file = File::open(&path).map_err(refusal)?;
        let about = About {
            kind: kind(&path),
            length: metadata.len(),
            modified: metadata.modified().ok().and_then(Modified::new),
        };
        if about.length > SMALL {
            return Ok(Found::Large(Large { about, file }));
        }
        let mut content = Vec::with_capacity(about.length as usize);
        file.by_ref().take(SMALL).read_to_end(&mut content).map_err(refusal)?;
        // It may have changed since it was measured.
        let about = About { length: content.len() as u64, ..about };
        let read = AtomicU64::new(self.now());
        Ok(Found::Small(Arc::new(Small { about, content, read })))
    }

    /// The path without symbolic links, if that is a file in our directory. (Who can exchange a
    /// directory for a link between this look and the opening can write to it anyway.)
    fn resolve(&self, path: &str) -> Result<(PathBuf, fs::Metadata), Status> {
        let mut path = self.inside(self.root.join(path))?;
        let mut metadata = path.metadata().map_err(refusal)?;
        if metadata.is_dir() {
            path = self.inside(path.join("index.html"))?;
            metadata = path.metadata().map_err(refusal)?;
        }
        // Neither a second directory nor a pipe or device, which could be read for ever.
        if metadata.is_file() { Ok((path, metadata)) } else { Err(Status::NOT_FOUND) }
    }

    fn inside(&self, path: PathBuf) -> Result<PathBuf, Status> {
        match path.canonicalize() {
            Ok(path) if path.starts_with(&self.root) => Ok(path),
            Ok(_) => Err(Status::FORBIDDEN),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Status::FORBIDDEN),
            // Missing, too long, a link to itself: all of them no file.
            Err(_) => Err(Status::NOT_FOUND),
        }
    }
}

impl Kept {
    fn remove(&mut self, path: &str) {
        if let Some(small) = self.files.remove(path) {
            self.bytes -= cost(path, &small);
        }
    }
}

/// The memory that a kept file takes, roughly.
fn cost(path: &str, small: &Small) -> u64 {
    small.about.length + path.len() as u64 + 256
}

/// Why a file that is there can't be had.
fn refusal(error: io::Error) -> Status {
    match error.kind() {
        ErrorKind::PermissionDenied => Status::FORBIDDEN,
        ErrorKind::NotFound => Status::NOT_FOUND,
        // Mostly out of descriptors.
        _ => Status::UNAVAILABLE,
    }
}

/// The content type, by extension.
fn kind(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" | "md" | "rs" | "toml" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "xml" => "application/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        _ => "application/octet-stream",
    }
}
