//! What get_user_pages references are held for: direct IO and long-lived pins.
//!
//! A request covers consecutive pages of one address space and holds each by one
//! [`Holder`]. What its owner may expect to see is the business of `crate::oracle`.

use super::Memory;
use super::ids::{HolderId, MmId, Pfn, Token};
use super::page::{PG_ERROR, SECTORS, SectorMask};

/// Number of a request.
pub type IoId = u16;

/// What a request does with the pages it holds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum IoKind {
    /// Direct IO read(2): the device writes the pages.
    DirectRead,
    /// Direct IO write(2): the device reads the pages.
    DirectWrite,
    /// A reference held for long, taken for reading.
    PinRead,
    /// A reference held for long, taken for writing.
    PinWrite,
}

/// By which path of the kernel the references were taken: it decides their flavour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// Direct IO to a block device: `fs/direct-io.c`, later `block/bio.c`.
    Block,
    /// FUSE's direct IO: `fs/fuse/file.c`.
    Fuse,
    /// NFS's direct IO: `fs/nfs/direct.c`.
    Nfs,
    /// get_user_pages by whoever wants to.
    GetUserPages,
    /// pin_user_pages, where the kernel has it.
    PinUserPages,
    /// `fs/splice.c`: vmsplice.
    Vmsplice,
    /// io_uring's fixed buffers.
    IoUring,
}

/// Which way get_user_pages asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// `write == 0`.
    Read,
    /// `write == 1`.
    Write,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IoState {
    /// get_user_pages is still collecting pages.
    Building,
    /// The device has the request, or the pin is held.
    InFlight,
    /// The device has moved the data; completion is still to come.
    Transferred,
    /// Complete; pages found clean wait for the work item to dirty them.
    Completing,
    /// Nothing is held any more.
    Done,
}

/// A direct IO request or a long-lived reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Io {
    /// What for.
    pub kind: IoKind,
    /// By which path.
    pub path: Path,
    /// Whether the references are `FOLL_PIN`'s, each 1024 of the count; else `FOLL_GET`'s, 1.
    pub pinned: bool,
    /// How far.
    pub state: IoState,
    /// Whose pages.
    pub mm: MmId,
    /// First address, in pages.
    pub address: u32,
    /// Pages asked for.
    pub pages: u32,
    /// Which sectors of each page the request covers.
    pub sectors: SectorMask,
    /// Its holders: `holders[first..first + pages]`.
    pub first: u32,
    /// The owner forked while the request was in flight.
    pub forked: bool,
    /// Stores, transfers and other such events before its first page was got.
    pub submitted: u32,
    /// The same before it was complete.
    pub completed: u32,
}

/// One page held by a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// The frame; none before get_user_pages has got it and after it was put.
    pub pfn: Pfn,
    /// What the device moves, by sector: chosen at submission (read), or seen (write).
    pub token: [Token; SECTORS],
    /// What the owner's address held, by right, when the page was got.
    pub start: [Token; SECTORS],
    /// Stores, transfers and other such events before the page was got; 0: it was not yet.
    pub held: u32,
    /// The page was mapped elsewhere too, a file's, or ZERO_PAGE, when it was got.
    pub shared: bool,
    /// The owner has given the page up since (munmap, MADV_DONTNEED, exit).
    pub discarded: bool,
}

impl IoKind {
    /// How get_user_pages asks.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::DirectRead | Self::PinWrite => Direction::Write,
            Self::DirectWrite | Self::PinRead => Direction::Read,
        }
    }

    /// What a report calls the reference.
    const fn word(self) -> &'static str {
        match self {
            Self::DirectRead => "direct read",
            Self::DirectWrite => "direct write",
            Self::PinRead => "read pin",
            Self::PinWrite => "write pin",
        }
    }
}

impl Holder {
    /// Nothing held.
    pub const BLANK: Self = Self {
        pfn: Pfn::NONE,
        token: [Token::ZERO; SECTORS],
        start: [Token::ZERO; SECTORS],
        held: 0,
        shared: false,
        discarded: false,
    };
}

impl Io {
    /// No request, or one that is over and that nothing remembers.
    pub const BLANK: Self = Self {
        kind: IoKind::DirectRead,
        path: Path::Block,
        pinned: false,
        state: IoState::Done,
        mm: MmId::NONE,
        address: 0,
        pages: 0,
        sectors: 0,
        first: 0,
        forked: false,
        submitted: 0,
        completed: 0,
    };

    /// What a report calls its references.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.path {
            Path::Vmsplice => "pipe",
            Path::IoUring => "fixed buffer",
            _ => self.kind.word(),
        }
    }
}

impl Memory {
    /// A new request that holds nothing yet.
    pub fn add_io(
        &mut self,
        kind: IoKind,
        path: Path,
        mm: MmId,
        address: u32,
        pages: u32,
        sectors: SectorMask,
    ) -> IoId {
        let first = self.holders.len() as u32;
        self.holders.resize(self.holders.len() + pages as usize, Holder::BLANK);
        let state = IoState::Building;
        self.ios.push(Io {
            kind,
            path,
            pinned: false,
            state,
            mm,
            address,
            pages,
            sectors,
            first,
            forked: false,
            submitted: 0,
            completed: 0,
        });
        IoId::try_from(self.ios.len() - 1).expect("fewer than 65536 requests in a run")
    }

    /// The holders of a request.
    pub fn holders_of(&self, io: IoId) -> impl Iterator<Item = HolderId> + use<> {
        let io = self.ios[io as usize];
        (io.first..io.first + io.pages).map(HolderId)
    }

    /// The device moves the data of one page of a request, in the sectors it covers.
    pub fn transfer(&mut self, io: IoId, holder: HolderId) {
        let Io { kind, sectors, .. } = self.ios[io as usize];
        let pfn = self.holders[holder.index()].pfn;
        for sector in (0..SECTORS).filter(|s| sectors & 1 << s != 0) {
            match kind.direction() {
                Direction::Write => {
                    let token = self.holders[holder.index()].token[sector];
                    self.page_mut(pfn).data[sector] = token;
                }
                Direction::Read => {
                    self.holders[holder.index()].token[sector] = self.page(pfn).data[sector];
                }
            }
        }
    }

    /// Drops the reference of one holder of a request.
    pub fn release_holder(&mut self, io: IoId, holder: HolderId) {
        let pinned = self.ios[io as usize].pinned;
        let pfn = std::mem::replace(&mut self.holders[holder.index()].pfn, Pfn::NONE);
        if pfn.is_some() {
            self.put_gup(pfn, pinned);
        }
    }

    /// `SetPageError`.
    pub fn set_page_error(&mut self, pfn: Pfn) {
        self.page_mut(pfn).flags |= PG_ERROR;
    }
}
