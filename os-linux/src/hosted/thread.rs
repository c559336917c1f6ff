//! What is to be called when a thread ends.

/// As `Os::at_thread_end`: glibc keeps such calls in a list, and makes the last one first.
///
/// # Safety
/// - `arg` is what `f` expects, until the thread ends.
#[cfg(target_env = "gnu")]
pub(crate) unsafe fn at_end(f: unsafe extern "C" fn(*mut ()), arg: *mut ()) -> bool {
    unsafe extern "C" {
        fn __cxa_thread_atexit_impl(
            f: unsafe extern "C" fn(*mut ()),
            arg: *mut (),
            object: *const u8,
        ) -> core::ffi::c_int;
        static __dso_handle: u8;
    }
    // SAFETY: the caller answers for `f` and `arg`; the handle names the object with this code, so
    // that it is not unloaded before.
    unsafe { __cxa_thread_atexit_impl(f, arg, &raw const __dso_handle) == 0 }
}

/// Other C libraries have no such list.
///
/// # Safety
/// - None.
#[cfg(not(target_env = "gnu"))]
pub(crate) unsafe fn at_end(_: unsafe extern "C" fn(*mut ()), _: *mut ()) -> bool {
    false
}
