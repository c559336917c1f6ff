//! Channels, with the names, behaviour and errors of crossbeam-channel 0.5.
//!
//! Deadlines and the messages of [`after`], [`at`] and [`tick`] are [`gort::time::Instant`]s, which
//! are of the simulated clock in a simulation; where one is taken, `std`'s will do as well.
//!
//! [`gort::time::Instant`]: crate::time::Instant
//!
//! ```
//! use gort::chan;
//!
//! gort::run(|| {
//!     let (tx, rx) = chan::bounded(0);
//!     gort::go(move || (1..=3).for_each(|i| tx.send(i).unwrap()));
//!     assert_eq!(rx.iter().sum::<i32>(), 6);
//! });
//! ```

mod select;

#[doc(inline)]
pub use crate::{select, select_biased};
/// Receives until the end of a channel, which it owns.
///
/// ```
/// let (tx, rx) = gort::chan::bounded(0);
/// gort::go(move || (0..3).for_each(|i| tx.send(i).unwrap()));
/// let mut sum = 0;
/// for i in rx {
///     sum += i;
/// }
/// assert_eq!(sum, 3);
/// ```
///
#[doc(inline)]
pub use rt_core::chan::IntoIter;
/// Receives until the end of a channel.
///
/// ```
/// let (tx, rx) = gort::chan::bounded(0);
/// gort::go(move || (0..3).for_each(|i| tx.send(i).unwrap()));
/// // Waits for each, until the last sender is gone.
/// assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
/// ```
///
#[doc(inline)]
pub use rt_core::chan::Iter;
/// What [`Select::ready_timeout`] says.
///
/// ```
/// use gort::chan::{ReadyTimeoutError, Select, bounded};
/// use gort::time::{Duration, Instant};
///
/// let (_tx, rx) = bounded::<()>(1);
/// let mut select = Select::new();
/// select.recv(&rx);
/// assert_eq!(select.ready_deadline(Instant::now()), Err(ReadyTimeoutError));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::ReadyTimeoutError;
/// The receiving side of a channel.
///
/// ```
/// use gort::chan::{RecvError, RecvTimeoutError, TryRecvError, bounded};
/// use gort::time::{Duration, Instant};
///
/// let (tx, rx) = bounded(3);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// let brief = Duration::from_millis(1);
/// assert_eq!(rx.recv_timeout(brief), Err(RecvTimeoutError::Timeout));
/// assert_eq!(rx.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
/// (1..=3).for_each(|i| tx.send(i).unwrap());
/// assert_eq!((rx.len(), rx.capacity(), rx.is_full(), rx.is_empty()), (3, Some(3), true, false));
/// // Each message goes to one of the receivers.
/// let other = rx.clone();
/// assert!(rx.same_channel(&other));
/// assert_eq!((rx.recv(), other.recv()), (Ok(1), Ok(2)));
/// drop(tx);
/// // What was sent before the end is still received.
/// assert_eq!((rx.recv(), rx.recv()), (Ok(3), Err(RecvError)));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::Receiver;
/// Receives in async code.
///
/// ```
/// let (tx, rx) = gort::chan::bounded(1);
/// gort::go(move || tx.send(5).unwrap());
/// // On any executor.
/// assert_eq!(gort::block_on(async { (&rx).await }), Ok(5));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::Recv;
/// What [`Receiver::recv`] says when nobody sends any more.
///
/// ```
/// let (tx, rx) = gort::chan::bounded::<()>(1);
/// drop(tx);
/// let text = rx.recv().unwrap_err().to_string();
/// assert_eq!(text, "receiving on an empty and disconnected channel");
/// ```
///
#[doc(inline)]
pub use rt_core::chan::RecvError;
/// What [`Receiver::recv_timeout`] says.
///
/// ```
/// use gort::time::Duration;
///
/// let (tx, rx) = gort::chan::bounded::<()>(1);
/// assert!(rx.recv_timeout(Duration::ZERO).unwrap_err().is_timeout());
/// drop(tx);
/// assert!(rx.recv_timeout(Duration::MAX).unwrap_err().is_disconnected());
/// ```
///
#[doc(inline)]
pub use rt_core::chan::RecvTimeoutError;
/// Waits for one of several operations.
///
/// ```
/// use gort::chan::{Select, unbounded};
/// use gort::time::Duration;
///
/// let channels: Vec<_> = (0..3).map(|_| unbounded::<usize>()).collect();
/// // As many operations as one likes.
/// let mut select = Select::new();
/// for (_, rx) in &channels {
///     select.recv(rx);
/// }
/// assert!(select.try_select().is_err());
/// assert!(select.ready_timeout(Duration::from_millis(1)).is_err());
/// channels[1].0.send(7).unwrap();
/// let chosen = select.select();
/// let at = chosen.index();
/// assert_eq!((at, chosen.recv(&channels[at].1)), (1, Ok(7)));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::Select;
/// What [`Select::select_timeout`] says.
///
/// ```
/// use gort::chan::{Select, SelectTimeoutError, bounded};
/// use gort::time::Duration;
///
/// let (_tx, rx) = bounded::<()>(1);
/// let mut select = Select::new();
/// select.recv(&rx);
/// let late = select.select_timeout(Duration::from_millis(1));
/// assert!(matches!(late, Err(SelectTimeoutError)));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::SelectTimeoutError;
/// The operation that was chosen.
///
/// ```
/// use gort::chan::{Select, bounded};
///
/// let (tx, rx) = bounded(1);
/// let mut select = Select::new_biased();
/// let send = select.send(&tx);
/// let recv = select.recv(&rx);
/// // It has been chosen, and has to be done, with the same channel.
/// let chosen = select.select();
/// assert_eq!(chosen.index(), send);
/// chosen.send(&tx, "hello").unwrap();
/// let chosen = select.select();
/// assert_eq!((chosen.index(), chosen.recv(&rx)), (recv, Ok("hello")));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::SelectedOperation;
/// What [`Sender::send`] says when nobody receives any more.
///
/// ```
/// use gort::chan::{SendError, bounded};
///
/// let (tx, rx) = bounded(1);
/// drop(rx);
/// let error = tx.send(5).unwrap_err();
/// assert_eq!(error.to_string(), "sending on a disconnected channel");
/// assert_eq!(error.into_inner(), 5);
/// ```
///
#[doc(inline)]
pub use rt_core::chan::SendError;
/// What [`Sender::send_timeout`] says.
///
/// ```
/// use gort::time::Duration;
///
/// let (tx, rx) = gort::chan::bounded(0);
/// let late = tx.send_timeout(1, Duration::from_millis(1)).unwrap_err();
/// assert!(late.is_timeout() && late.into_inner() == 1);
/// drop(rx);
/// assert!(tx.send_timeout(2, Duration::MAX).unwrap_err().is_disconnected());
/// ```
///
#[doc(inline)]
pub use rt_core::chan::SendTimeoutError;
/// The sending side of a channel.
///
/// ```
/// use gort::chan::{SendError, SendTimeoutError, TrySendError, bounded};
/// use gort::time::{Duration, Instant};
///
/// let (tx, rx) = bounded(2);
/// let other = tx.clone();
/// assert!(other.same_channel(&tx) && tx.is_empty());
/// tx.send(1).unwrap();
/// other.try_send(2).unwrap();
/// assert!(tx.is_full());
/// assert_eq!((tx.len(), tx.capacity()), (2, Some(2)));
/// assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
/// let brief = Duration::from_millis(1);
/// assert_eq!(tx.send_timeout(3, brief), Err(SendTimeoutError::Timeout(3)));
/// assert_eq!(tx.send_deadline(3, Instant::now()), Err(SendTimeoutError::Timeout(3)));
/// drop(rx);
/// assert_eq!(tx.send(3), Err(SendError(3)));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::Sender;
/// Receives what is there.
///
/// ```
/// let (tx, rx) = gort::chan::unbounded();
/// (0..3).for_each(|i| tx.send(i).unwrap());
/// // What is there, without a wait.
/// assert_eq!(rx.try_iter().count(), 3);
/// assert_eq!(rx.try_iter().count(), 0);
/// ```
///
#[doc(inline)]
pub use rt_core::chan::TryIter;
/// What [`Select::try_ready`] says.
///
/// ```
/// use gort::chan::{Select, TryReadyError, bounded};
///
/// let (_tx, rx) = bounded::<()>(1);
/// let mut select = Select::new();
/// select.recv(&rx);
/// assert_eq!(select.try_ready(), Err(TryReadyError));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::TryReadyError;
/// What [`Receiver::try_recv`] says.
///
/// ```
/// let (tx, rx) = gort::chan::bounded::<()>(1);
/// assert!(rx.try_recv().unwrap_err().is_empty());
/// drop(tx);
/// assert!(rx.try_recv().unwrap_err().is_disconnected());
/// ```
///
#[doc(inline)]
pub use rt_core::chan::TryRecvError;
/// What [`Select::try_select`] says.
///
/// ```
/// use gort::chan::{Select, TrySelectError, bounded};
///
/// let (_tx, rx) = bounded::<()>(1);
/// let mut select = Select::new();
/// select.recv(&rx);
/// assert!(matches!(select.try_select(), Err(TrySelectError)));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::TrySelectError;
/// What [`Sender::try_send`] says.
///
/// ```
/// let (tx, rx) = gort::chan::bounded(1);
/// tx.send(1).unwrap();
/// let full = tx.try_send(2).unwrap_err();
/// assert!(full.is_full() && full.into_inner() == 2);
/// drop(rx);
/// assert!(tx.try_send(3).unwrap_err().is_disconnected());
/// ```
///
#[doc(inline)]
pub use rt_core::chan::TrySendError;
/// Makes a channel that has one message, after a time.
///
/// ```
/// use gort::chan::after;
/// use gort::time::{Duration, Instant};
///
/// let begun = Instant::now();
/// let fired = after(Duration::from_millis(1)).recv().unwrap();
/// assert!(fired - begun >= Duration::from_millis(1));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::after;
/// Makes a channel that has one message, at a time.
///
/// ```
/// use gort::chan::at;
/// use gort::time::{Duration, Instant};
///
/// let when = Instant::now() + Duration::from_millis(1);
/// assert_eq!(at(when).recv(), Ok(when));
/// assert!(Instant::now() >= when);
/// ```
///
#[doc(inline)]
pub use rt_core::chan::at;
/// Makes a channel with room for so many messages, or with none.
///
/// ```
/// use gort::chan::{TrySendError, bounded};
///
/// let (tx, rx) = bounded(1);
/// tx.send(1).unwrap();
/// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(rx.recv(), Ok(1));
///
/// // Without room the two meet: `send` returns when the message has been taken.
/// let (tx, rx) = bounded(0);
/// let taken = gort::spawn(move || rx.recv());
/// tx.send("hello").unwrap();
/// assert_eq!(taken.join().unwrap(), Ok("hello"));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::bounded;
#[doc(hidden)]
pub use rt_core::chan::internal;
/// Makes a channel that never has a message.
///
/// ```
/// use gort::chan::{RecvTimeoutError, never};
/// use gort::time::Duration;
///
/// let got = never::<i32>().recv_timeout(Duration::from_millis(1));
/// assert_eq!(got, Err(RecvTimeoutError::Timeout));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::never;
/// Makes a channel that has a message again and again.
///
/// ```
/// use gort::chan::tick;
/// use gort::time::Duration;
///
/// let beat = tick(Duration::from_millis(1));
/// let (first, second) = (beat.recv().unwrap(), beat.recv().unwrap());
/// assert!(second > first);
/// ```
///
#[doc(inline)]
pub use rt_core::chan::tick;
/// Makes a channel without a limit.
///
/// ```
/// let (tx, rx) = gort::chan::unbounded();
/// (0..1000).for_each(|i| tx.send(i).unwrap());
/// assert_eq!((rx.len(), rx.capacity()), (1000, None));
/// assert_eq!(rx.recv(), Ok(0));
/// ```
///
#[doc(inline)]
pub use rt_core::chan::unbounded;
