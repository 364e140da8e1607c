//! What a schedule may contain.

use cowpath::mm::{IoKind, Path};
use cowpath::policy::Policy;
use cowpath_abi::{EXCLUSIVE_BIT, EXCLUSIVE_MARK, PIN_DIRECT_IO};

/// A way to take get_user_pages references.
pub type Hold = (IoKind, Path);

/// Direct IO to block devices; reads twice as often.
pub const DIRECT: &[Hold] = &[
    (IoKind::DirectRead, Path::Block),
    (IoKind::DirectRead, Path::Block),
    (IoKind::DirectWrite, Path::Block),
];

/// Every path there is.
pub const EVERY_HOLD: &[Hold] = &[
    (IoKind::DirectRead, Path::Block),
    (IoKind::DirectWrite, Path::Block),
    (IoKind::DirectRead, Path::Fuse),
    (IoKind::DirectWrite, Path::Fuse),
    (IoKind::DirectRead, Path::Nfs),
    (IoKind::DirectWrite, Path::Nfs),
    (IoKind::PinRead, Path::GetUserPages),
    (IoKind::PinWrite, Path::GetUserPages),
    (IoKind::PinRead, Path::PinUserPages),
    (IoKind::PinWrite, Path::PinUserPages),
    (IoKind::PinRead, Path::Vmsplice),
    (IoKind::PinWrite, Path::IoUring),
];

/// The paths that take `FOLL_PIN` references in a kernel with `PG_anon_exclusive`.
pub fn foll_pin(policy: &Policy) -> &'static [Hold] {
    assert!(policy.has(EXCLUSIVE_BIT) && policy.has(EXCLUSIVE_MARK), "{}", policy.name());
    const PINS: &[Hold] = &[
        (IoKind::PinRead, Path::PinUserPages),
        (IoKind::PinWrite, Path::PinUserPages),
        (IoKind::PinWrite, Path::IoUring),
    ];
    const WITH_DIRECT: &[Hold] = &[
        (IoKind::PinRead, Path::PinUserPages),
        (IoKind::PinWrite, Path::PinUserPages),
        (IoKind::PinWrite, Path::IoUring),
        (IoKind::DirectRead, Path::Block),
        (IoKind::DirectWrite, Path::Block),
        (IoKind::DirectRead, Path::Fuse),
        (IoKind::DirectWrite, Path::Fuse),
    ];
    if policy.has(PIN_DIRECT_IO) { WITH_DIRECT } else { PINS }
}

/// What a schedule may contain, beside loads, stores, fork and reclaim.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alphabet {
    pub exit: bool,
    /// Paths by which pages are held; none: nobody holds any.
    pub holds: &'static [Hold],
    pub swapoff: bool,
    /// Migration in both orders.
    pub migrate: bool,
    /// Migration in mainline's order only: move_pages.
    pub move_pages: bool,
    /// Reclaim of pages whether they were used or not: MADV_PAGEOUT.
    pub pageout: bool,
    pub unmap: bool,
    pub mprotect: bool,
    pub mlock: bool,
    /// munmap of the second area.
    pub munmap: bool,
    /// The second area maps a file.
    pub file: bool,
    /// Two swap areas, one with a bad slot.
    pub two_areas: bool,
    /// Two threads in the first process.
    pub threads: bool,
    /// Allocations of pages and slots that fail.
    pub inject: bool,
    /// Direct IO that fails.
    pub fail_io: bool,
    /// Reads from swap and writes to swap that fail.
    pub fail_swap_io: bool,
    /// Sections going offline and online.
    pub offline: bool,
    pub page_cluster: u32,
}

/// Everything at once.
pub const EVERYTHING: Alphabet = Alphabet {
    exit: true,
    holds: EVERY_HOLD,
    swapoff: true,
    migrate: true,
    move_pages: true,
    pageout: true,
    unmap: true,
    mprotect: true,
    mlock: true,
    munmap: true,
    file: true,
    two_areas: true,
    threads: true,
    inject: true,
    fail_io: true,
    fail_swap_io: true,
    offline: true,
    page_cluster: 2,
};
