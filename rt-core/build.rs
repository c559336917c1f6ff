//! A build script is what `links = "gort-platform"` asks for, and that key makes Cargo refuse two
//! copies of the core in one program, whose linked symbols would collide.
//!
//! It also lets `cargo ci sim --mutants` and `cargo ci loom --mutants` make one line of the core
//! wrong, to see whether a test finds it.

/// Names the line, as `mutant!` in `src/seam.rs` does.
const MUTANT: &str = "GORT_MUTANT";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={MUTANT}");
    if let Ok(name) = std::env::var(MUTANT) {
        println!("cargo:rustc-cfg=mutant={name:?}");
        println!("cargo:warning={MUTANT} is set: this core is wrong on purpose ({name})");
    }
}
