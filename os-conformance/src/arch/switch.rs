//! Going from one flow of control to another.

use std::cell::Cell;
use std::hint::black_box;

use rt_core::{Arch, Os};

use crate::clause::{Clause, Verdict, holds};
use crate::suite::Suite;
use crate::tools::stack::{EXITED, Stack, home, home_for_good, onwards};

pub(super) fn clauses<O: Os + 'static, A: Arch + 'static>() -> Vec<Clause> {
    const SWITCH: &str =
        "Saves this flow of control into `*save`, goes on with `to`, and hands it `message`.";
    const GOGO: &str =
        "Goes on with `to` and saves nothing: the current flow of control ends here.";
    vec![
        Clause::new("Arch::switch/message", SWITCH, there::<A>),
        Clause::new(
            "Arch::switch/their-message",
            "Returns when someone switches back, with *their* message",
            back::<A>,
        ),
        Clause::new("Arch::switch/keeps-what-is-live", SWITCH, keeps::<A>),
        Clause::new("Arch::switch/stack-stays", SWITCH, |suite| stays::<O, A>(suite)),
        Clause::new("Arch::switch/nested", SWITCH, nested::<A>),
        Clause::new("Arch::gogo/back", GOGO, gogo_back::<A>),
        Clause::new("Arch::gogo/fresh", GOGO, gogo_fresh::<A>),
    ]
}

/// Messages that a register may lose parts of.
const MESSAGES: [usize; 5] = [1, usize::MAX, 0, 1 << (usize::BITS - 1), 0x1234_5678];

fn record(messages: &Cell<Vec<usize>>) -> *mut () {
    std::ptr::from_ref(messages).cast_mut().cast()
}

/// Notes each message, and answers with its complement.
unsafe extern "C" fn echoes<A: Arch>(mut message: usize, noted: *mut ()) -> ! {
    // SAFETY: each check passes such a cell, which outlives its stack.
    let noted = unsafe { &*noted.cast::<Cell<Vec<usize>>>() };
    for _ in MESSAGES {
        let mut all = noted.take();
        all.push(message);
        noted.set(all);
        message = home::<A>(!message);
    }
    home_for_good::<A>(EXITED)
}

fn there<A: Arch>(_: &Suite) -> Verdict {
    let noted = Cell::default();
    let stack = Stack::<A>::new(echoes::<A>, record(&noted))?;
    for message in MESSAGES {
        stack.go(message);
    }
    let noted = noted.take();
    holds!(noted == MESSAGES, "of the messages {MESSAGES:x?} arrived {noted:x?}");
    Ok(())
}

fn back<A: Arch>(_: &Suite) -> Verdict {
    let noted = Cell::default();
    let stack = Stack::<A>::new(echoes::<A>, record(&noted))?;
    let answers = MESSAGES.map(|message| stack.go(message));
    // What arrived may be wrong, which is another clause; the answers are its complements.
    let expected: Vec<usize> = noted.take().iter().map(|message| !message).collect();
    holds!(answers[..] == expected, "of the answers {expected:x?} arrived {answers:x?}");
    Ok(())
}

/// More values than a processor has registers that calls preserve, live over whatever `leave` does.
/// They differ with `seed`. True: they are all there afterwards.
#[inline(never)]
fn live_over(seed: u64, leave: impl FnOnce()) -> bool {
    let of =
        |index: u64| black_box(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(index as u32));
    let [a, b, c, d, e, f, g, h] = [of(1), of(2), of(3), of(4), of(5), of(6), of(7), of(8)];
    let [i, j, k, l, m, n, o, p] = [of(9), of(10), of(11), of(12), of(13), of(14), of(15), of(16)];
    let real = |index: u64| black_box((seed * 100 + index) as f64 / 8.0);
    let [q, r, s, t] = [real(1), real(2), real(3), real(4)];
    let [u, v, w, x] = [real(5), real(6), real(7), real(8)];
    leave();
    let numbers = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
    let reals = [q, r, s, t, u, v, w, x];
    numbers.iter().zip(1..).all(|(number, index)| *number == of(index))
        && reals.iter().zip(1..).all(|(number, index)| *number == real(index))
}

/// What the other flow finds, and how often it is to look.
#[derive(Default)]
struct Kept(Cell<u32>);

const ROUNDS: u32 = 100;

unsafe extern "C" fn keeps_too<A: Arch>(_: usize, kept: *mut ()) -> ! {
    // SAFETY: `keeps` passes such a record, which outlives its stack.
    let kept = unsafe { &*kept.cast::<Kept>() };
    for round in 0..ROUNDS {
        let whole = live_over(u64::from(round) + 1000, || _ = home::<A>(0));
        kept.0.set(kept.0.get() + u32::from(whole));
    }
    home_for_good::<A>(EXITED)
}

fn keeps<A: Arch>(_: &Suite) -> Verdict {
    let theirs = Kept::default();
    let stack = Stack::<A>::new(keeps_too::<A>, (&raw const theirs).cast_mut().cast())?;
    let go = |round: u32| live_over(u64::from(round) + 1, || _ = stack.go(0));
    // One more, which the other flow ends in.
    let ours = (0..=ROUNDS).filter(|round| go(*round)).count();
    let theirs = theirs.0.get();
    holds!(
        ours == ROUNDS as usize + 1 && theirs == ROUNDS,
        "of {ROUNDS} times, one flow found its values kept {ours} times, the other {theirs} times"
    );
    Ok(())
}

/// Answers where its locals are, until it is told to end.
unsafe extern "C" fn goes_home<A: Arch>(_: usize, _: *mut ()) -> ! {
    while home::<A>(local_address()) == 0 {}
    home_for_good::<A>(EXITED)
}

/// Neither stack creeps, however often they are left.
fn stays<O: Os, A: Arch>(suite: &Suite) -> Verdict {
    let stack = Stack::<A>::new(goes_home::<A>, std::ptr::null_mut())?;
    let first = (stack.go(0), local_address());
    for times in 1..suite.rounds(10_000) {
        let now = (stack.go(0), local_address());
        holds!(now == first, "locals that were at {first:x?} are at {now:x?} after {times} times");
        // Somebody else's turn, where that takes asking.
        if times % 1000 == 0 {
            O::point();
        }
    }
    let last = stack.go(usize::MAX);
    holds!(last == EXITED, "a flow that was done came back with {last:#x}");
    Ok(())
}

#[inline(never)]
fn local_address() -> usize {
    let local = 0_u8;
    black_box(&raw const local).addr()
}

/// A stack within a stack: goes to another one before it goes home.
unsafe extern "C" fn goes_further<A: Arch>(message: usize, depth: *mut ()) -> ! {
    let depth = depth.addr();
    let below = match depth {
        0 => message,
        _ => {
            match Stack::<A>::new(goes_further::<A>, std::ptr::without_provenance_mut(depth - 1)) {
                Ok(stack) => {
                    let answer = stack.go(message + 1);
                    // Nothing is left on the other stack after this.
                    let ended = stack.go(0);
                    if ended == EXITED { answer } else { usize::MAX }
                }
                Err(_) => usize::MAX,
            }
        }
    };
    home::<A>(below);
    home_for_good::<A>(EXITED)
}

fn nested<A: Arch>(_: &Suite) -> Verdict {
    let stack = Stack::<A>::new(goes_further::<A>, std::ptr::without_provenance_mut(5))?;
    let answer = stack.go(10);
    holds!(answer == 15, "each of five flows adds 1 to 10, and the answer is {answer:#x}");
    let ended = stack.go(0);
    holds!(ended == EXITED, "a flow that was done came back with {ended:#x}");
    Ok(())
}

unsafe extern "C" fn ends<A: Arch>(message: usize, _: *mut ()) -> ! {
    home_for_good::<A>(message ^ 0xff)
}

fn gogo_back<A: Arch>(_: &Suite) -> Verdict {
    for message in MESSAGES {
        let answer = Stack::<A>::new(ends::<A>, std::ptr::null_mut())?.go(message);
        let expected = message ^ 0xff;
        holds!(answer == expected, "the message was {expected:#x}, and {answer:#x} came");
    }
    Ok(())
}

unsafe extern "C" fn passes_on<A: Arch>(message: usize, to: *mut ()) -> ! {
    // SAFETY: `gogo_fresh` passes a stack that outlives this one.
    let to = unsafe { &*to.cast::<Stack<A>>() };
    onwards(to, message + 1)
}

fn gogo_fresh<A: Arch>(_: &Suite) -> Verdict {
    let last = Stack::<A>::new(ends::<A>, std::ptr::null_mut())?;
    let first = Stack::<A>::new(passes_on::<A>, (&raw const last).cast_mut().cast())?;
    let answer = first.go(10);
    holds!(answer == 11 ^ 0xff, "10, passed on and one more, came back as {:#x}", answer ^ 0xff);
    Ok(())
}
