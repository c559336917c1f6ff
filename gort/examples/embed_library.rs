//! A runtime inside of a library, which a program of tokio's uses and need not know about.
//!
//! The library's functions return what a task can await. Inside it is plain blocking code. It has a
//! runtime of its own, on a thread of its own, which ends with the value that stands for it; it could
//! as well call `gort::spawn`, and would get the runtime that a process has for everybody.
//!
//! ```text
//!   tokio task -- ask --> [ queue --> goroutine per question ] -- answer --> tokio task
//!                          the library, `counter` below
//! ```
//!
//! ```text
//! cargo run --release --example embed_library
//! ```

/// The library. Nothing of gort is in what it shows, save that the answer can be awaited.
mod counter {
    use std::future::Future;
    use std::io;
    use std::thread::{self, JoinHandle};

    use gort::chan::{self, Sender};

    struct Question {
        text: String,
        answer: Sender<usize>,
    }

    /// Counts words, on a runtime that lives as long as this.
    pub(crate) struct Counter {
        /// None once it is to end.
        questions: Option<Sender<Question>>,
        thread: Option<JoinHandle<io::Result<usize>>>,
    }

    impl Counter {
        /// Starts it with so many workers.
        pub(crate) fn start(workers: usize) -> Counter {
            let (questions, asked) = chan::unbounded::<Question>();
            let serve = move || {
                let runtime = gort::Builder::new().procs(workers);
                runtime.run(|| {
                    let mut count = 0;
                    // Whoever asked is waited for: the runtime ends when every answer is there.
                    gort::scope(|s| {
                        for question in asked {
                            count += 1;
                            s.spawn(move || answer(&question));
                        }
                    });
                    count
                })
            };
            Counter { questions: Some(questions), thread: Some(thread::spawn(serve)) }
        }

        /// How many words the text has. Holds no thread of the caller's: the answer is awaited.
        pub(crate) fn ask(&self, text: String) -> impl Future<Output = usize> + Send + 'static {
            let (answer, answered) = chan::bounded(1);
            let questions = self.questions.as_ref().expect("it has not ended");
            // There is always room.
            let asked = questions.send(Question { text, answer }).is_ok();
            async move {
                assert!(asked, "the runtime has ended before its time");
                (&answered).await.expect("every question is answered")
            }
        }

        /// Ends it, and says how many questions there were. Holds the calling thread for a moment.
        pub(crate) fn end(mut self) -> io::Result<usize> {
            self.questions = None;
            self.thread.take().map_or(Ok(0), |thread| thread.join().expect("no panic"))
        }
    }

    /// Plain code, which sleeps as it likes: the worker goes on with another question.
    fn answer(question: &Question) {
        gort::sleep(std::time::Duration::from_millis(1));
        let words = question.text.split_whitespace().count();
        // Who asked may have gone, and wants no answer then.
        let _ = question.answer.send(words);
    }
}

const TASKS: usize = 200;

/// The host: tasks of tokio's that ask, one word more each.
fn host() -> std::io::Result<(usize, usize)> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let counter = counter::Counter::start(2);
    let tasks: Vec<_> =
        (0..TASKS).map(|task| tokio.spawn(counter.ask("word ".repeat(task)))).collect();
    let words = tokio.block_on(async {
        let mut words = 0;
        for task in tasks {
            words += task.await.expect("no panic");
        }
        words
    });
    Ok((words, counter.end()?))
}

fn main() -> std::io::Result<()> {
    let (words, asked) = host()?;
    assert_eq!((words, asked), (TASKS * (TASKS - 1) / 2, TASKS));
    println!("{asked} tasks had {words} words counted by goroutines");
    Ok(())
}

#[test]
fn every_task_has_its_answer() {
    assert_eq!(host().unwrap(), (TASKS * (TASKS - 1) / 2, TASKS));
}

#[test]
fn who_does_not_wait_for_an_answer_harms_nobody() {
    let counter = counter::Counter::start(1);
    drop(counter.ask("nobody waits".to_owned()));
    assert_eq!(gort::block_on(counter.ask("but one does".to_owned())), 3);
    assert_eq!(counter.end().unwrap(), 2);
}
