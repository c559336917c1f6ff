//! Which platform this program links: the one place that looks at features and targets.
//!
//! What is named goes before what the target would choose (`platform-auto`); two names for one thing,
//! or none for it, are an error that says what to write.

#[cfg(all(
    feature = "platform-custom",
    any(
        feature = "platform-auto",
        feature = "os-linux",
        feature = "os-linux-bare",
        feature = "os-darwin-stub",
        feature = "os-sim",
    )
))]
compile_error!(
    "gort: with `platform-custom` the program brings its own platform, but another feature chooses one \
     as well: take gort with `default-features = false, features = [\"std\", \"platform-custom\"]`"
);

#[cfg(any(
    all(feature = "os-linux", feature = "os-linux-bare"),
    all(feature = "os-linux", feature = "os-darwin-stub"),
    all(feature = "os-linux-bare", feature = "os-darwin-stub"),
))]
compile_error!(
    "gort: two operating systems are named: leave one of the features `os-linux`, `os-linux-bare` and \
     `os-darwin-stub` (and `os-sim` and `sim` are with `os-linux`)"
);

#[cfg(all(
    not(target_os = "linux"),
    any(feature = "os-linux", feature = "os-linux-bare", feature = "os-sim")
))]
compile_error!(
    "gort: `os-linux`, `os-linux-bare` and `os-sim` are for Linux, and this target is not: take \
     `platform-auto`"
);

#[cfg(all(target_arch = "aarch64", not(feature = "platform-custom")))]
macro_rules! processor_name {
    () => {
        "arch-aarch64"
    };
}

#[cfg(all(not(target_arch = "aarch64"), not(feature = "platform-custom")))]
macro_rules! processor_name {
    () => {
        "arch-amd64"
    };
}

/// Links the backend `$os` beside the processor of this target.
#[cfg(not(feature = "platform-custom"))]
macro_rules! link {
    ($name:literal, $os:ty) => {
        #[cfg(target_arch = "aarch64")]
        use arch_aarch64::Aarch64 as Processor;
        #[cfg(target_arch = "x86_64")]
        use arch_amd64::Amd64 as Processor;

        rt_core::platform!(os = $os, arch = Processor);

        /// The names of the backends, for reports.
        pub(crate) const BACKEND: &str = concat!($name, " + ", processor_name!());
    };
}

/// The processor's crate, for the start.
#[cfg(all(feature = "os-linux-bare", target_arch = "aarch64"))]
pub(crate) use arch_aarch64 as processor;
#[cfg(all(feature = "os-linux-bare", target_arch = "x86_64"))]
pub(crate) use arch_amd64 as processor;

cfg_if::cfg_if! {
    if #[cfg(feature = "platform-custom")] {
        // The program has a `rt_core::platform!` of its own.
        /// The name of the backend, for reports.
        pub(crate) const BACKEND: &str = "custom";
    } else if #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))] {
        compile_error!(
            "gort has no backend for this target's processor: write one (docs/porting.md), and take \
             `default-features = false, features = [\"std\", \"platform-custom\"]`"
        );
    } else if #[cfg(not(any(
        feature = "platform-auto",
        all(feature = "arch-amd64", target_arch = "x86_64"),
        all(feature = "arch-aarch64", target_arch = "aarch64"),
    )))] {
        compile_error!(
            "gort has no processor: enable its feature `platform-auto`, or for x86-64 `arch-amd64` and \
             for 64-bit Arm `arch-aarch64`, or take `default-features = false, features = [\"std\", \
             \"platform-custom\"]` and write a `rt_core::platform!` yourself"
        );
    } else if #[cfg(feature = "os-sim")] {
        link!("os-sim", os_sim::Sim<os_linux::Linux>);
    } else if #[cfg(feature = "os-darwin-stub")] {
        link!("os-darwin-stub", os_darwin_stub::Darwin);
    } else if #[cfg(feature = "os-linux-bare")] {
        link!("os-linux (bare)", os_linux::Linux);
    } else if #[cfg(feature = "os-linux")] {
        link!("os-linux", os_linux::Linux);
    } else if #[cfg(not(feature = "platform-auto"))] {
        compile_error!(
            "gort has no operating system: enable its feature `platform-auto`, `os-linux`, \
             `os-darwin-stub` or `os-sim`, or take `default-features = false, features = [\"std\", \
             \"platform-custom\"]` and write a `rt_core::platform!` yourself"
        );
    } else if #[cfg(target_os = "linux")] {
        link!("os-linux", os_linux::Linux);
    } else if #[cfg(target_vendor = "apple")] {
        link!("os-darwin-stub", os_darwin_stub::Darwin);
    } else {
        compile_error!(
            "gort has no backend for this target's operating system: write one (docs/porting.md), and \
             take `default-features = false, features = [\"std\", \"platform-custom\"]`"
        );
    }
}

/// A variable of the environment, in a program without std.
#[cfg(all(feature = "os-linux-bare", not(feature = "std")))]
pub(crate) use os_linux::start::var as variable;

/// A platform of the program's own has its own way to the environment.
#[cfg(not(any(feature = "os-linux-bare", feature = "std")))]
pub(crate) fn variable(_name: &str) -> Option<&'static [u8]> {
    None
}
