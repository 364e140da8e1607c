//! The reference memory: what each process is entitled to see.
//!
//! For each virtual page and sector it keeps the value that a sequential machine
//! with copying fork would hold, beside the ptes and without looking at them. It
//! judges loads, device transfers and pins; it never influences a run, and does
//! not know policies.

use crate::mm::{
    HolderId, Io, IoId, IoKind, IoState, Memory, MmId, PG_PAGECACHE, PG_UPTODATE, SECTORS, SectorMask,
    Token, Vma,
};
use std::fmt;

/// What one sector may hold. Two values while the order of two writers is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Expect {
    value: Token,
    other: Token,
}

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A store through a private mapping reached the page cache.
    FileCorruption,
    /// Somebody saw a store that another process made after fork.
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
    /// As `DetachedPin`, but the owner forked meanwhile.
    DetachedPinFork,
}

impl Kind {
    /// Whether it is an error, and not merely undefined in 2005.
    #[must_use]
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::LostIoFork | Self::ForkSawIo | Self::DetachedPinFork)
    }

    /// The word that tables print, at most 11 characters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::FileCorruption => "FILE DAMAGE",
            Self::MissedCow => "MISSED COW",
            Self::LostIo => "LOST IO",
            Self::LostStore => "LOST STORE",
            Self::DetachedPin => "PIN APART",
            Self::LostIoFork => "io to child",
            Self::ForkSawIo => "child saw",
            Self::DetachedPinFork => "pin apart",
        }
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

/// The reference memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oracle {
    /// By index of `Memory::ptes`.
    expect: Vec<[Expect; SECTORS]>,
    /// Data of direct reads whose owner forked while they were in flight.
    raced: Vec<Token>,
    /// What was found, in order.
    pub findings: Vec<Finding>,
}

fn sectors(mask: SectorMask) -> impl Iterator<Item = usize> {
    (0..SECTORS).filter(move |s| mask & 1 << s != 0)
}

impl Oracle {
    #[inline]
    fn slot(&mut self, index: usize) -> &mut [Expect; SECTORS] {
        if index >= self.expect.len() {
            self.expect.resize(index + 1, [Expect::default(); SECTORS]);
        }
        &mut self.expect[index]
    }

    fn set(&mut self, index: usize, sector: usize, value: Token) {
        self.slot(index)[sector] = Expect { value, other: value };
    }

    /// What a freshly mapped or discarded part of a vma holds.
    pub fn map(&mut self, vma: &Vma, first: u32, end: u32) {
        for address in first..end {
            let data = if vma.file.is_some() {
                Memory::file_data(vma.file, address - vma.start + vma.pgoff)
            } else {
                [Token::ZERO; SECTORS]
            };
            for (sector, value) in data.into_iter().enumerate() {
                self.set(vma.pte_index(address), sector, value);
            }
        }
    }

    /// munmap or MADV_DONTNEED of a part of a vma.
    pub fn discard(&mut self, mem: &mut Memory, vma: &Vma, first: u32, end: u32) {
        for io in &mut mem.ios {
            let overlaps = io.address < end && io.address + io.pages > first;
            io.discarded |= io.mm == vma.mm && overlaps && io.state != IoState::Done;
        }
        self.map(vma, first, end);
    }

    /// A process forks.
    pub fn fork(&mut self, mem: &mut Memory, mm: MmId) {
        for io in &mut mem.ios {
            io.forked |= io.mm == mm && io.state != IoState::Done;
        }
    }

    /// fork copies one page.
    #[inline]
    pub fn copy(&mut self, from: usize, to: usize) {
        let copied = *self.slot(from);
        *self.slot(to) = copied;
    }

    /// A process stores; `file`: into a page of a page cache.
    #[inline]
    pub fn store(&mut self, mm: MmId, index: usize, address: u32, mask: SectorMask, token: Token, file: bool) {
        for sector in sectors(mask) {
            self.set(index, sector, token);
            if file {
                self.file_corruption(mm, address, sector, token);
            }
        }
    }

    fn file_corruption(&mut self, mm: MmId, address: u32, sector: usize, token: Token) {
        let (kind, sector, expected) = (Kind::FileCorruption, sector as u8, Token::ZERO);
        self.findings.push(Finding { kind, mm, address, sector, seen: token, expected });
    }

    /// A process loads and sees `seen`.
    #[inline]
    pub fn load(&mut self, mem: &Memory, mm: MmId, index: usize, address: u32, mask: SectorMask, seen: [Token; SECTORS]) {
        for sector in sectors(mask) {
            let expect = self.slot(index)[sector];
            let seen = seen[sector];
            if seen != expect.value && seen != expect.other {
                self.unexpected(mem, mm, address, sector, seen, expect);
            }
        }
    }

    #[cold]
    fn unexpected(&mut self, mem: &Memory, mm: MmId, address: u32, sector: usize, seen: Token, expect: Expect) {
        let from = reader_of(mem, seen);
        let own_io = from.is_some_and(|io| {
            let io = mem.ios[io as usize];
            io.mm == mm && io.state != IoState::Done && io.state != IoState::Completing
        });
        if own_io {
            return;
        }
        let io_of_other = from.is_some_and(|io| mem.ios[io as usize].mm != mm);
        let kind = if is_foreign_store(mem, mm, seen) {
            Kind::MissedCow
        } else if io_of_other {
            Kind::ForkSawIo
        } else if expect.value.author() != Token::DEVICE {
            Kind::LostStore
        } else if self.raced.contains(&expect.value) {
            Kind::LostIoFork
        } else {
            Kind::LostIo
        };
        let (sector, expected) = (sector as u8, expect.value);
        self.findings.push(Finding { kind, mm, address, sector, seen, expected });
    }

    /// A request is submitted: what it will move, and what its owner has there now.
    pub fn submit(&mut self, mem: &mut Memory, io: IoId) {
        let Io { kind, mm, address, .. } = mem.ios[io as usize];
        for (page, holder) in mem.holders_of(io).enumerate() {
            let Some(vma) = mem.find_vma(mm, address + page as u32) else { continue };
            let index = mem.vmas[vma.index()].pte_index(address + page as u32);
            let start = self.slot(index).map(|expect| expect.value);
            mem.holders[holder.index()].start = start;
            if kind == IoKind::DirectRead {
                for sector in 0..SECTORS {
                    let token = Token::new(Token::DEVICE, mem.next_seq());
                    mem.holders[holder.index()].token[sector] = token;
                }
            }
        }
    }

    /// The device has moved the data of one page.
    pub fn transferred(&mut self, mem: &Memory, io: IoId, holder: HolderId) {
        let Io { kind, mm, address, sectors: mask, first, .. } = mem.ios[io as usize];
        let address = address + (holder.0 - first);
        let h = &mem.holders[holder.index()];
        if kind == IoKind::DirectRead {
            if mem.page(h.pfn).has(PG_PAGECACHE) {
                for sector in sectors(mask) {
                    self.file_corruption(mm, address, sector, h.token[sector]);
                }
            }
            return;
        }
        for sector in sectors(mask) {
            let (seen, start) = (h.token[sector], h.start[sector]);
            let now = self.expected(mem, mm, address, sector);
            let known = now.is_none_or(|e| seen == e.value || seen == e.other);
            if seen == start || known && !is_foreign_store(mem, mm, seen) {
                continue;
            }
            let kind = if is_foreign_store(mem, mm, seen) { Kind::MissedCow } else { Kind::LostStore };
            let sector = sector as u8;
            self.findings.push(Finding { kind, mm, address, sector, seen, expected: start });
        }
    }

    fn expected(&mut self, mem: &Memory, mm: MmId, address: u32, sector: usize) -> Option<Expect> {
        let vma = mem.find_vma(mm, address)?;
        let index = mem.vmas[vma.index()].pte_index(address);
        Some(self.slot(index)[sector])
    }

    /// A request is complete: from now on its owner must see the data of a direct read.
    pub fn complete(&mut self, mem: &Memory, io: IoId, ok: bool) {
        let Io { kind, mm, address, sectors: mask, forked, discarded, .. } = mem.ios[io as usize];
        if kind != IoKind::DirectRead || !ok {
            return;
        }
        for (page, holder) in mem.holders_of(io).enumerate() {
            let Some(vma) = mem.find_vma(mm, address + page as u32) else { continue };
            let index = mem.vmas[vma.index()].pte_index(address + page as u32);
            let h = mem.holders[holder.index()];
            for sector in sectors(mask) {
                let (device, start) = (h.token[sector], h.start[sector]);
                let expect = &mut self.slot(index)[sector];
                let now = expect.value;
                *expect = if now == start && !discarded {
                    Expect { value: device, other: device }
                } else if now.author() == Token::DEVICE && !discarded {
                    Expect { value: device, other: now }
                } else {
                    Expect { value: now, other: device }
                };
                if forked {
                    self.raced.push(device);
                }
            }
        }
    }

    /// The holder of a long-lived reference looks at the frames.
    pub fn pin_read(&mut self, mem: &Memory, io: IoId, mask: SectorMask) {
        let Io { mm, address, forked, first, .. } = mem.ios[io as usize];
        for holder in mem.holders_of(io) {
            let pfn = mem.holders[holder.index()].pfn;
            let address = address + (holder.0 - first);
            for sector in sectors(mask) {
                let seen = mem.page(pfn).data[sector];
                let expect = self.expected(mem, mm, address, sector);
                let fits = expect.is_none_or(|e| seen == e.value || seen == e.other);
                let foreign = is_foreign_store(mem, mm, seen);
                if fits && !foreign {
                    continue;
                }
                let kind = match (foreign, forked) {
                    (true, _) => Kind::MissedCow,
                    (false, true) => Kind::DetachedPinFork,
                    (false, false) => Kind::DetachedPin,
                };
                let expected = expect.map_or(Token::ZERO, |e| e.value);
                let sector = sector as u8;
                self.findings.push(Finding { kind, mm, address, sector, seen, expected });
            }
        }
    }

    /// The holder of a long-lived reference writes to the frames.
    pub fn pin_write(&mut self, mem: &mut Memory, io: IoId, mask: SectorMask) {
        let Io { mm, address, forked, first, .. } = mem.ios[io as usize];
        for holder in mem.holders_of(io) {
            let pfn = mem.holders[holder.index()].pfn;
            let address = address + (holder.0 - first);
            for sector in sectors(mask) {
                let token = Token::new(Token::DEVICE, mem.next_seq());
                mem.page_mut(pfn).data[sector] = token;
                if mem.page(pfn).has(PG_PAGECACHE) {
                    self.file_corruption(mm, address, sector, token);
                }
                if let Some(vma) = mem.find_vma(mm, address) {
                    self.set(mem.vmas[vma.index()].pte_index(address), sector, token);
                }
                if forked {
                    self.raced.push(token);
                }
            }
        }
    }

    /// What every process would see if it loaded everything now. Only pages that
    /// processes may read, through ptes, swap cache, swap or file.
    pub fn sweep(&mut self, mem: &Memory) {
        for vma in mem.vmas.iter().filter(|vma| vma.len > 0) {
            for address in vma.start..vma.start + vma.len {
                let index = vma.pte_index(address);
                let seen = contents(mem, vma, address);
                self.load(mem, vma.mm, index, address, (1 << SECTORS) - 1, seen);
            }
        }
    }
}


/// What a load at an address would return.
fn contents(mem: &Memory, vma: &Vma, address: u32) -> [Token; SECTORS] {
    let pte = mem.ptes[vma.pte_index(address)];
    if let Some(pfn) = pte.pfn() {
        return mem.page(pfn).data;
    }
    if let Some(entry) = pte.entry() {
        let cached = mem.swap_cache(entry).filter(|&pfn| mem.page(pfn).has(PG_UPTODATE));
        let disk = || mem.areas[entry.area() as usize].data[entry.offset()];
        return cached.map_or_else(disk, |pfn| mem.page(pfn).data);
    }
    if vma.file.is_some() {
        return Memory::file_data(vma.file, address - vma.start + vma.pgoff);
    }
    [Token::ZERO; SECTORS]
}

/// The direct read that moves a token, if one does.
fn reader_of(mem: &Memory, token: Token) -> Option<IoId> {
    if token.author() != Token::DEVICE {
        return None;
    }
    (0..mem.ios.len() as IoId).find(|&io| {
        let moves = |holder: HolderId| mem.holders[holder.index()].token.contains(&token);
        mem.ios[io as usize].kind == IoKind::DirectRead && mem.holders_of(io).any(moves)
    })
}

/// Whether a token was stored by another process after this one was made.
fn is_foreign_store(mem: &Memory, mm: MmId, token: Token) -> bool {
    let author = token.author();
    let foreign = author != 0 && author != Token::DEVICE && u16::from(author) != mm.0 + 1;
    foreign && token.seq() > mem.mms[mm.index()].born
}

/// The author of a process's stores.
#[must_use]
pub fn author_of(mm: MmId) -> u8 {
    u8::try_from(mm.0 + 1).expect("at most 254 processes")
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
