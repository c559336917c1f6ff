//! Nothing to build: a build script is what `links = "gort-platform"` asks for, and that key makes
//! Cargo refuse two copies of the core in one program, whose linked symbols would collide.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}
