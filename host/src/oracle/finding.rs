//! Findings: what somebody saw and should not have, or did not see and should.

use crate::mm::{MmId, Token};
use std::fmt;

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A store through a private mapping reached the page cache.
    FileCorruption,
    /// ZERO_PAGE was written through a reference: every process that maps it sees it.
    ZeroPageWritten,
    /// Somebody saw what another process stored, or had a device write, after fork.
    MissedCow,
    /// A direct read completed and its data is not where its owner asked for it.
    LostIo,
    /// A process does not see its own last store.
    LostStore,
    /// A long-lived reference no longer follows its owner's stores.
    DetachedPin,
    /// As `LostIo`, but the owner forked meanwhile: undefined by open(2).
    LostIoFork,
    /// A child saw the data of a direct read that was in flight when it was made:
    /// undefined by open(2).
    ForkSawIo,
    /// As `DetachedPin`, but the page was shared when a read reference was taken, or
    /// the owner forked since: get_user_pages for reading does not break COW.
    DetachedSharedPin,
}

impl Kind {
    /// Whether it is an error, and not merely undefined in 2005.
    #[must_use]
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::LostIoFork | Self::ForkSawIo | Self::DetachedSharedPin)
    }

    /// The word that tables print, at most 11 characters; capitals mean an error.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::FileCorruption => "FILE DAMAGE",
            Self::ZeroPageWritten => "ZERO DAMAGE",
            Self::MissedCow => "MISSED COW",
            Self::LostIo => "LOST IO",
            Self::LostStore => "LOST STORE",
            Self::DetachedPin => "PIN APART",
            Self::LostIoFork => "io to child",
            Self::ForkSawIo => "child saw",
            Self::DetachedSharedPin => "pin apart",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One thing that somebody saw and should not have, or did not see and should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Whose view.
    pub mm: MmId,
    /// Where, in pages.
    pub address: u32,
    /// Which sector.
    pub sector: u8,
    /// What was seen.
    pub seen: Token,
    /// What should have been.
    pub expected: Token,
}
