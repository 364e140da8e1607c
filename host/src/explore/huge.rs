//! Large tables in large pages: a probe of a table of a hundred megabytes misses the TLB
//! nearly every time otherwise.

/// Asks for large pages under a table that nothing was written to yet. A hint: where the
/// kernel gives none, the table is slower and no different.
pub(super) fn advise<T>(table: *const T, len: usize) {
    #[cfg(target_os = "linux")]
    {
        /// What a kernel may put a large page under.
        const LARGE: usize = 2 << 20;
        let start = (table as usize).next_multiple_of(LARGE);
        let end = (table as usize + len * size_of::<T>()) / LARGE * LARGE;
        if start < end {
            // SAFETY: the range lies inside an allocation of ours, and MADV_HUGEPAGE changes
            // nothing of what is in it.
            let _ = unsafe {
                rustix::mm::madvise(
                    start as *mut std::ffi::c_void,
                    end - start,
                    rustix::mm::Advice::LinuxHugepage,
                )
            };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (table, len);
}
