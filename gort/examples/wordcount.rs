//! How often each word occurs in the files of a directory: workers take directories and files off one
//! queue, and put the directories that they find into it.
//!
//! Written as for threads; only the `use` lines are gort's.
//!
//! ```text
//! cargo run --release --example wordcount -- docs
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use gort::sync::{Arc, Mutex};
use gort::{chan, thread};

type Counts = HashMap<String, usize>;

/// What is still to be looked at. The queue is empty for good when nobody holds a piece of it.
struct Queue {
    tx: chan::Sender<Job>,
    rx: chan::Receiver<Job>,
}

/// A path, and the right to add more.
struct Job {
    path: PathBuf,
    open: Arc<()>,
}

impl Queue {
    fn push(&self, path: PathBuf, open: &Arc<()>) {
        self.tx.send(Job { path, open: open.clone() }).expect("the queue outlives its workers");
    }
}

/// Looks at one path: counts the words of a file, queues what is in a directory.
fn look(queue: &Queue, job: &Job, counts: &mut Counts) -> io::Result<()> {
    if job.path.is_dir() {
        for entry in fs::read_dir(&job.path)? {
            queue.push(entry?.path(), &job.open);
        }
        return Ok(());
    }
    // A file that is no text has no words.
    let Ok(text) = fs::read_to_string(&job.path) else { return Ok(()) };
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    Ok(())
}

/// Counts the words under a path, with so many workers.
fn count(root: &Path, workers: usize) -> io::Result<Counts> {
    let (tx, rx) = chan::unbounded();
    let queue = Queue { tx, rx };
    let (total, error) = (Mutex::new(Counts::new()), Mutex::new(None));
    let open = Arc::new(());
    let all_done = Arc::downgrade(&open);
    queue.push(root.to_owned(), &open);
    drop(open);

    thread::scope(|s| {
        for _ in 0..workers {
            s.spawn(|| {
                let mut counts = Counts::new();
                while all_done.strong_count() > 0 {
                    let Ok(job) = queue.rx.try_recv() else {
                        thread::yield_now();
                        continue;
                    };
                    if let Err(failed) = look(&queue, &job, &mut counts) {
                        *error.lock().unwrap() = Some(failed);
                    }
                }
                let mut total = total.lock().unwrap();
                for (word, count) in counts {
                    *total.entry(word).or_default() += count;
                }
            });
        }
    });
    match error.into_inner().unwrap() {
        Some(error) => Err(error),
        None => Ok(total.into_inner().unwrap()),
    }
}

#[gort::main]
fn main() -> io::Result<()> {
    let root = env::args().nth(1).unwrap_or_else(|| "docs".into());
    let counts = count(Path::new(&root), thread::available_parallelism()?.get())?;
    assert_eq!(counts, count(Path::new(&root), 1)?, "the number of workers makes a difference");
    let mut words: Vec<_> = counts.iter().collect();
    words.sort_by_key(|&(word, count)| (std::cmp::Reverse(count), word));
    for (word, count) in words.iter().take(10) {
        println!("{count:8} {word}");
    }
    println!("{} words in all", counts.values().sum::<usize>());
    Ok(())
}
