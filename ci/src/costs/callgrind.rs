//! What callgrind writes: how often each instruction was executed. And of which function each is.

use std::collections::{BTreeMap, BTreeSet};

/// The program whose locked instructions count; in libraries there are none on hot paths.
const PROGRAM: &str = "/bench";

/// How often each instruction was executed.
#[derive(Debug, Default)]
pub(super) struct Profile {
    /// By the file that it is of, and its address there.
    counts: BTreeMap<(String, u64), i64>,
}

impl Profile {
    /// Of a file written with `--dump-instr=yes`, and nothing compressed.
    pub(super) fn read(text: &str) -> Profile {
        let mut profile = Profile::default();
        let mut object = "";
        let mut of_callee = false;
        for line in text.lines() {
            match line.split_once('=') {
                Some(("ob", name)) => object = name,
                // The next line says what the callee took.
                Some(("calls", _)) => of_callee = true,
                _ if line.starts_with("0x") && !of_callee => {
                    let words: Vec<_> = line.split(' ').collect();
                    let [address, _line, count] = words[..] else { continue };
                    let address = u64::from_str_radix(&address[2..], 16).unwrap_or_default();
                    let count = count.parse::<i64>().unwrap_or_default();
                    *profile.counts.entry((object.to_owned(), address)).or_insert(0) += count;
                }
                _ => of_callee = false,
            }
        }
        profile
    }

    /// What this one has more than the other.
    pub(super) fn without(mut self, other: &Profile) -> Profile {
        for (key, count) in &mut self.counts {
            *count -= other.counts.get(key).unwrap_or(&0);
        }
        self
    }

    /// How many instructions were executed.
    pub(super) fn instructions(&self) -> i64 {
        self.counts.values().sum()
    }

    /// How often each of the program itself was.
    pub(super) fn of_program(&self) -> impl Iterator<Item = (u64, i64)> {
        let ours = self.counts.iter().filter(|((object, _), _)| object.ends_with(PROGRAM));
        ours.map(|(&(_, address), &count)| (address, count))
    }

    /// How many of them were locked.
    pub(super) fn locked(&self, locked: &Locked) -> i64 {
        let ours = self.of_program().filter(|(address, _)| locked.0.contains(address));
        ours.map(|(_, count)| count).sum()
    }
}

/// Of what `addr2line -a -i -f` prints: the innermost function of each address whose source is below
/// `root`, as `FILE FUNCTION`.
pub(super) fn places(text: &str, root: &str) -> BTreeMap<u64, String> {
    let mut places = BTreeMap::new();
    let (mut address, mut function) = (0, "");
    for line in text.lines() {
        if let Some(digits) = line.strip_prefix("0x") {
            address = u64::from_str_radix(digits, 16).unwrap_or_default();
        } else if let Some((file, _)) = line.strip_prefix(root).and_then(|it| it.rsplit_once(':')) {
            places.entry(address).or_insert_with(|| format!("{file} {}", plain(function)));
        } else {
            function = line;
        }
    }
    places
}

/// The name of a function without what it is generic over, and without the modules that its file names.
fn plain(function: &str) -> String {
    let mut depth = 0;
    let outside = function.chars().filter(|&letter| {
        let inside = depth > 0 || letter == '<';
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        !inside
    });
    let name: String = outside.collect();
    let named = name.split("::").filter(|part| !part.is_empty() && !part.starts_with('{'));
    named.last().unwrap_or(&name).to_owned()
}

/// The addresses of instructions that lock.
pub(super) struct Locked(BTreeSet<u64>);

impl Locked {
    /// Of what `objdump -d --no-show-raw-insn` prints. An exchange with memory locks without saying so.
    pub(super) fn read(listing: &str) -> Locked {
        let addresses = listing.lines().filter_map(|line| {
            let (address, instruction) = line.split_once(':')?;
            let instruction = instruction.trim();
            let exchanges = instruction.starts_with("xchg") && instruction.contains('(');
            (exchanges || instruction.starts_with("lock "))
                .then(|| u64::from_str_radix(address.trim(), 16).ok())?
        });
        Locked(addresses.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "summary: 9\nob=/x/bench\nfl=a.rs\nfn=one\n0x10 3 2\n0x13 4 5\n\
                        cfn=two\ncalls=1 0x20 9\n0x13 4 700\n0x15 4 1\nfi=b.rs\n0x18 7 6\n\
                        ob=/lib/libc.so\nfl=???\nfn=three\n0x13 0 4\n";

    #[test]
    fn what_callees_took_counts_for_them() {
        let profile = Profile::read(TEXT);
        assert_eq!(profile.instructions(), 18);
        assert_eq!(
            profile.of_program().collect::<Vec<_>>(),
            [(0x10, 2), (0x13, 5), (0x15, 1), (0x18, 6)]
        );
        assert_eq!(Profile::read(TEXT).without(&profile).instructions(), 0);
    }

    #[test]
    fn an_instruction_is_of_the_innermost_function_of_ours() {
        let text = "0x10\nget<u8>\n/rustc/core/cell.rs:5\nrt_core::list::List::pop<u8>\n\
                    /x/rt-core/src/list.rs:36\nmain\n/x/bench/src/main.rs:1\n0x11\n??\n??:0\n";
        let places = places(text, "/x/");
        assert_eq!(places.get(&0x10).map(String::as_str), Some("rt-core/src/list.rs pop"));
        assert_eq!(places.get(&0x11), None);
        assert_eq!(plain("a::Channel<T>::wait::{closure#0}"), "wait");
        assert_eq!(plain("<a::Receiver<T> as a::Case>::pick"), "pick");
    }

    #[test]
    fn locked_ones_are_known_by_the_listing() {
        let listing = "bench: file format\n\n  13:\tlock cmpxchg %edx,0x70(%rsp)\n  \
                       15:\txchg   %ax,%ax\n  18:\txchg   %eax,(%rcx)\n";
        let locked = Locked::read(listing);
        assert_eq!(locked.0, BTreeSet::from([0x13, 0x18]));
        // That of the library is another one.
        assert_eq!(Profile::read(TEXT).locked(&locked), 5 + 6);
    }
}
