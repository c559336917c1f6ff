//! Links the programs without anything of the system's: no start files, no libc, no loader.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The smallest program leaves out what unwinders and debuggers read.
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/small.ld");
    println!("cargo:rerun-if-changed={script}");
    println!("cargo:rustc-link-arg-bin=hello=-Wl,-T,{script}");
    for arg in ["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"] {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
}
