//! What the kernel says of the machine, as libc keeps it.
#![forbid(unsafe_code)]

pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// The bytes that the kernel needs on an alternate stack to save the registers.
pub(crate) fn signal_frame_bytes() -> usize {
    rustix::param::linux_minsigstksz()
}

/// Random bytes that cost nothing and were given to nobody else: none, for libc has used them.
pub(crate) fn spare_random() -> Option<u64> {
    None
}
