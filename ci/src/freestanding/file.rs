//! What the executables consist of.

use super::{Check, FOLDER, Programs, Where, lacks};
use crate::Error;

/// The programs.
const PROGRAMS: [&str; 3] = ["hello", "demo", "trouble"];

/// The most bytes of the small one, stripped.
const SMALL: u64 = 64 * 1024;

// Why a claim is not shown of programs for other processors.
const MAP: &str = "the linker of other targets writes no map";
const SIZE: &str = "the limit is for x86-64";

pub(super) const CHECKS: &[Check] = &[
    Check {
        claim: "the programs are static: no interpreter, no dynamic section",
        show: is_static,
        place: Where::Anywhere,
    },
    Check {
        claim: "nothing is relocated at the start, not by IRELATIVE either",
        show: no_relocations,
        place: Where::Anywhere,
    },
    Check {
        claim: "no member of an archive of the system's is linked",
        show: only_ours,
        place: Where::Here(MAP),
    },
    Check {
        claim: "the small one has at most 64 KiB, stripped",
        show: is_small,
        place: Where::Here(SIZE),
    },
];

fn is_static(programs: &Programs<'_>) -> Result<(), Error> {
    for program in PROGRAMS {
        let headers = programs.shell(&format!("readelf -hlW {}/{program}", programs.folder))?;
        super::contains(&headers, &["EXEC (Executable file)", "status 0"])?;
        lacks(&headers, &["INTERP", "DYNAMIC"])?;
    }
    Ok(())
}

fn no_relocations(programs: &Programs<'_>) -> Result<(), Error> {
    for program in PROGRAMS {
        let relocations = programs.shell(&format!("readelf -rW {}/{program}", programs.folder))?;
        super::contains(&relocations, &["no relocations", "status 0"])?;
    }
    Ok(())
}

/// By the linker's map, for names tell little: libc's `memcpy` and ours have the same.
fn only_ours(programs: &Programs<'_>) -> Result<(), Error> {
    for program in PROGRAMS {
        let map = programs.project.sh.read_file(format!("{FOLDER}/{program}.map"))?;
        let inputs = inputs(&map);
        if inputs.is_empty() {
            return Err(format!("the map of {program} has no inputs").into());
        }
        if let Some(foreign) = inputs.iter().find(|input| !is_ours(input, program)) {
            return Err(format!("{program} is linked with {foreign}").into());
        }
    }
    Ok(())
}

/// Each file that the linker took something from, with its member if it is an archive. Lines of lld
/// read `200040 200040 1f8 8 /path/to/file.o:(.text.name)`; those of GNU ld end in the file's name.
fn inputs(map: &str) -> Vec<&str> {
    let mut inputs = Vec::new();
    for line in map.lines() {
        let word = line.split_whitespace().find(|word| word.starts_with('/'));
        let Some(word) = word else { continue };
        let input = word.split(":(").next().unwrap_or(word);
        if !inputs.contains(&input) {
            inputs.push(input);
        }
    }
    inputs
}

/// Objects of this program, and members of Rust's libraries, of which one is a libc only in name.
fn is_ours(input: &str, program: &str) -> bool {
    let file = input.rsplit('/').next().unwrap_or(input);
    let library = |name: &str| file.starts_with(&format!("lib{name}-")) && file.contains(".rlib");
    let of_program = file.starts_with(&format!("{program}-")) && file.ends_with(".o");
    // The file itself, where a map names what it describes.
    of_program
        || ["core", "alloc", "compiler_builtins"].iter().any(|name| library(name))
        || file.ends_with(".ld")
        || file.ends_with(".map")
}

fn is_small(programs: &Programs<'_>) -> Result<(), Error> {
    let to = format!("{FOLDER}/hello.stripped");
    super::contains(&programs.shell(&format!("strip -o {to} {FOLDER}/hello"))?, &["status 0"])?;
    let bytes = std::fs::metadata(programs.project.sh.current_dir().join(to))?.len();
    println!("    hello has {bytes} bytes, stripped");
    if bytes <= SMALL { Ok(()) } else { Err(format!("it has {bytes}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_libc_is_seen() {
        let map = "VMA LMA Size Align Out In Symbol\n\
                   1000 1000 20 4 /t/deps/hello-1.hello.2-cgu.0.rcgu.o:(.text.main)\n\
                   1020 1020 20 4 /usr/lib/x86_64-linux-gnu/libc.a(memcpy.o):(.text)\n\
                   1040 1040 20 4 /r/lib/libcore-12ab.rlib(core.o):(.text)\n\
                   1060 1060 1 1 <internal>:(.comment)\n";
        let inputs = inputs(map);
        assert_eq!(inputs.len(), 3);
        let foreign: Vec<_> = inputs.iter().filter(|input| !is_ours(input, "hello")).collect();
        assert_eq!(foreign, [&"/usr/lib/x86_64-linux-gnu/libc.a(memcpy.o)"]);
        assert!(!is_ours("/usr/lib/crt1.o", "hello"));
        assert!(!is_ours("/t/deps/liblibc-12.rlib(libc.o)", "hello"));
    }
}
