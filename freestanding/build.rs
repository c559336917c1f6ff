//! Links the programs without anything of the system's: no start files, no libc, no loader.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The smallest program leaves out what unwinders and debuggers read.
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/small.ld");
    println!("cargo:rerun-if-changed={script}");
    println!("cargo:rustc-link-arg-bin=hello=-Wl,-T,{script}");
    // What was linked, and from where, beside the executables. The linker that other targets are built
    // with writes no such list.
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    let host = std::env::var_os("HOST") == std::env::var_os("TARGET");
    if let Some(profile) = std::path::Path::new(&out).ancestors().nth(3).filter(|_| host) {
        for name in ["hello", "demo", "trouble"] {
            let map = profile.join(name).with_extension("map");
            println!("cargo:rustc-link-arg-bin={name}=-Wl,-Map={}", map.display());
        }
    }
    for arg in ["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"] {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
}
