//! Ids: newtypes over small integers, so that a pfn is never taken for a task.

use std::fmt;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident($int:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub struct $name(pub $int);

        impl $name {
            /// The value that stands for "none".
            pub const NONE: Self = Self(<$int>::MAX);

            /// As an index.
            #[must_use]
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// Whether this is not [`Self::NONE`].
            #[must_use]
            #[inline]
            pub const fn is_some(self) -> bool {
                self.0 != <$int>::MAX
            }
        }
    )*};
}

id! {
    /// A page frame number. Pfn 0 is ZERO_PAGE.
    Pfn(u32);
    /// An address space.
    MmId(u16);
    /// A vma.
    VmaId(u16);
    /// An anon_vma.
    AnonVmaId(u16);
    /// A task of the machine.
    TaskId(u16);
    /// A file.
    FileId(u16);
    /// One page held by get_user_pages: an entry of `Memory::holders`.
    HolderId(u32);
}

impl fmt::Display for Pfn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {}", self.0)
    }
}

/// ZERO_PAGE: reserved, no count, no rmap.
pub const ZERO_PAGE: Pfn = Pfn(0);

/// `swp_entry_t`: swap area and offset. Offset 0 is the area's header, so the
/// value 0 never is an entry.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct SwpEntry(pub u32);

impl SwpEntry {
    /// No entry.
    pub const NONE: Self = Self(0);
    const OFFSET_BITS: u32 = 21;

    /// The entry of an offset of an area.
    #[must_use]
    pub const fn new(area: u8, offset: u32) -> Self {
        assert!(offset < 1 << Self::OFFSET_BITS && area < 32);
        Self((area as u32) << Self::OFFSET_BITS | offset)
    }

    /// `swp_type`.
    #[must_use]
    #[inline]
    pub const fn area(self) -> u8 {
        (self.0 >> Self::OFFSET_BITS) as u8
    }

    /// `swp_offset`.
    #[must_use]
    #[inline]
    pub const fn offset(self) -> usize {
        (self.0 & ((1 << Self::OFFSET_BITS) - 1)) as usize
    }
}

impl fmt::Display for SwpEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "swap{}:{}", self.area(), self.offset())
    }
}

/// What one sector holds: who stored it and when, in place of bytes.
///
/// The author is 0 for what was there before the run (zeroes, file contents),
/// an address space plus 1, or [`Token::DEVICE`]; the number counts all stores
/// and device transfers of a run.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Token(pub u32);

impl Token {
    /// Zeroes.
    pub const ZERO: Self = Self(0);
    /// Author of data that a device wrote.
    pub const DEVICE: u8 = 0xff;
    /// Author of a store that nobody can see wrongly any more, whoever made it: see
    /// `crate::explore`.
    pub const SETTLED: u8 = 0xfe;
    const SEQ_BITS: u32 = 24;

    /// The token of an author's store or transfer number `seq`.
    #[must_use]
    pub const fn new(author: u8, seq: u32) -> Self {
        Self((author as u32) << Self::SEQ_BITS | (seq & ((1 << Self::SEQ_BITS) - 1)))
    }

    /// What a file holds at a page and sector: no author, number given by the place.
    #[must_use]
    pub const fn file(file: FileId, page: u32, sector: usize) -> Self {
        Self::new(0, 1 + ((file.0 as u32) << 12 | page << 1 | sector as u32))
    }

    /// The author.
    #[must_use]
    pub const fn author(self) -> u8 {
        (self.0 >> Self::SEQ_BITS) as u8
    }

    /// The number.
    #[must_use]
    pub const fn seq(self) -> u32 {
        self.0 & ((1 << Self::SEQ_BITS) - 1)
    }
}
