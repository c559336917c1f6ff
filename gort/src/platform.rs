//! Which platform this program links: the one place that looks at features and targets.

cfg_if::cfg_if! {
    if #[cfg(feature = "platform-custom")] {
        // The program has a `rt_core::platform!` of its own.
    } else if #[cfg(not(feature = "arch-amd64"))] {
        compile_error!(
            "gort has no processor: enable its feature `platform-auto` or `arch-amd64`, or \
             `platform-custom` and write a `rt_core::platform!` yourself"
        );
    } else if #[cfg(feature = "os-sim")] {
        rt_core::platform!(os = os_sim::Sim<os_linux::Linux>, arch = arch_amd64::Amd64);
    } else if #[cfg(feature = "os-darwin-stub")] {
        rt_core::platform!(os = os_darwin_stub::Darwin, arch = arch_amd64::Amd64);
    } else if #[cfg(feature = "os-linux-bare")] {
        rt_core::platform!(os = os_linux::Linux, arch = arch_amd64::Amd64);
    } else if #[cfg(feature = "os-linux")] {
        rt_core::platform!(os = os_linux::Linux, arch = arch_amd64::Amd64);
    } else {
        compile_error!(
            "gort has no operating system: enable its feature `platform-auto`, `os-linux` or \
             `os-sim`, or `platform-custom` and write a `rt_core::platform!` yourself"
        );
    }
}

/// The name of the operating system's backend, for reports.
pub(crate) const BACKEND: &str = if cfg!(feature = "platform-custom") {
    "custom"
} else if cfg!(feature = "os-sim") {
    "os-sim + arch-amd64"
} else if cfg!(feature = "os-darwin-stub") {
    "os-darwin-stub + arch-amd64"
} else if cfg!(feature = "os-linux-bare") {
    "os-linux (bare) + arch-amd64"
} else {
    "os-linux + arch-amd64"
};

/// A variable of the environment, in a program without std.
#[cfg(all(feature = "os-linux-bare", not(feature = "std")))]
pub(crate) use os_linux::start::var as variable;

/// A platform of the program's own has its own way to the environment.
#[cfg(not(any(feature = "os-linux-bare", feature = "std")))]
pub(crate) fn variable(_name: &str) -> Option<&'static [u8]> {
    None
}
