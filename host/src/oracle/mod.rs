//! The reference memory: what each process is entitled to see.
//!
//! For each virtual page and sector it keeps the value that a sequential machine
//! with copying fork would hold, beside the ptes and without looking at them: a
//! store takes effect when it is made, a device's data when it is transferred. Where
//! two writers race the loser's value is allowed too (`also`), until somebody looks.
//! It judges loads, device transfers and pins; it never influences a run, and does
//! not know policies.

mod codec;
mod finding;
mod numbers;
mod rename;
mod request;

pub use finding::{Finding, Kind};

use crate::mm::{
    Io, IoId, IoState, Memory, MmId, PG_LOCKED, PG_PAGECACHE, PG_UPTODATE, Pfn, Pte, SECTORS,
    SectorMask, SwpEntry, Token, Vma, VmaId, ZERO_PAGE,
};
use request::{moves, pending_read, reader_of};

/// Another value that a sector may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Also {
    index: u32,
    sector: u8,
    token: Token,
    /// Allowed only while this request is in flight; none: until somebody looks.
    during: Option<IoId>,
}

/// Where somebody looks: whose address, and which sector.
#[derive(Clone, Copy, Debug)]
struct Place {
    mm: MmId,
    address: u32,
    sector: usize,
}

/// The reference memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oracle {
    /// By index of `Memory::ptes`.
    expect: Vec<[Token; SECTORS]>,
    /// What else sectors may hold. Short: it is empty unless writers race.
    also: Vec<Also>,
    /// Data of direct reads whose owner forked before the device moved it.
    raced: Vec<Token>,
    /// What was written through long-lived references, whose they were, and since when.
    pinned: Vec<(Token, MmId, u32)>,
    /// What was found, in order.
    pub findings: Vec<Finding>,
}

fn sectors(mask: SectorMask) -> impl Iterator<Item = usize> {
    (0..SECTORS).filter(move |s| mask & 1 << s != 0)
}

/// The vma and pte index of an address, if it is mapped.
fn index_of(mem: &Memory, mm: MmId, address: u32) -> Option<usize> {
    let vma: VmaId = mem.find_vma(mm, address)?;
    Some(mem.vmas[vma.index()].pte_index(address))
}

impl Oracle {
    #[inline]
    fn slot(&mut self, index: usize) -> &mut [Token; SECTORS] {
        if index >= self.expect.len() {
            self.expect.resize(index + 1, [Token::ZERO; SECTORS]);
        }
        &mut self.expect[index]
    }

    /// From now on a sector holds this and nothing else.
    #[inline]
    fn set(&mut self, index: usize, sector: usize, value: Token) {
        self.slot(index)[sector] = value;
        if !self.also.is_empty() {
            let here = |also: &Also| also.index as usize == index && also.sector as usize == sector;
            self.also.retain(|also| !here(also));
        }
    }

    fn allow(&mut self, index: usize, sector: usize, token: Token, during: Option<IoId>) {
        let (index, sector) = (index as u32, sector as u8);
        self.also.push(Also { index, sector, token, during });
    }

    fn allowed(&mut self, index: usize, sector: usize, seen: Token) -> bool {
        self.slot(index)[sector] == seen
            || self.also.iter().any(|also| {
                also.index as usize == index && also.sector as usize == sector && also.token == seen
            })
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

    /// A page of a vma is given up: munmap, MADV_DONTNEED, exit.
    pub fn discard(&mut self, mem: &mut Memory, vma: &Vma, address: u32) {
        for io in 0..mem.ios.len() {
            let Io { mm, state, address: start, pages, first, .. } = mem.ios[io];
            if mm == vma.mm && state != IoState::Done && (start..start + pages).contains(&address) {
                let holder = &mut mem.holders[(first + (address - start)) as usize];
                holder.discarded |= holder.held > 0;
            }
        }
        self.map(vma, address, address + 1);
    }

    /// A process begins to fork.
    pub fn fork(&mut self, mem: &mut Memory, mm: MmId) {
        for io in mem.ios.iter_mut().filter(|io| io.mm == mm) {
            let holders = io.first as usize..(io.first + io.pages) as usize;
            io.forked |= mem.holders[holders].iter().any(|holder| holder.pfn.is_some());
        }
    }

    /// fork copies one page.
    #[inline]
    pub fn copy(&mut self, from: usize, to: usize) {
        let copied = *self.slot(from);
        *self.slot(to) = copied;
        if !self.also.is_empty() {
            self.copy_also(from, to);
        }
    }

    #[cold]
    fn copy_also(&mut self, from: usize, to: usize) {
        self.also.retain(|also| also.index as usize != to);
        let here = self.also.iter().filter(|also| also.index as usize == from);
        let copies = here.map(|also| Also { index: to as u32, during: None, ..*also });
        let copies: Vec<_> = copies.collect();
        self.also.extend(copies);
    }

    /// A process stores; `file`: into a page of a page cache.
    #[inline]
    pub fn store(&mut self, access: &Look, token: Token, file: bool) {
        for sector in sectors(access.sectors) {
            self.set(access.index, sector, token);
            if file {
                self.file_corruption(access.place(sector), token);
            }
        }
    }

    fn file_corruption(&mut self, place: Place, token: Token) {
        self.find(Kind::FileCorruption, place, token, Token::ZERO);
    }

    /// Somebody wrote to a page that no process may write to: a file's, or ZERO_PAGE.
    fn not_to_be_written(&mut self, mem: &Memory, pfn: Pfn, place: Place, token: Token) {
        if mem.page(pfn).has(PG_PAGECACHE) {
            self.file_corruption(place, token);
        } else if pfn == ZERO_PAGE {
            self.find(Kind::ZeroPageWritten, place, token, Token::ZERO);
        }
    }

    fn find(&mut self, kind: Kind, place: Place, seen: Token, expected: Token) {
        let Place { mm, address, sector } = place;
        let sector = sector as u8;
        self.findings.push(Finding { kind, mm, address, sector, seen, expected });
    }

    /// A process loads and sees `seen`.
    #[inline]
    pub fn load(&mut self, mem: &Memory, access: &Look, seen: [Token; SECTORS]) {
        for sector in sectors(access.sectors) {
            let (seen, expected) = (seen[sector], self.slot(access.index)[sector]);
            if seen != expected || !self.also.is_empty() {
                self.look(mem, access, sector, seen);
            }
        }
    }

    #[cold]
    fn look(&mut self, mem: &Memory, access: &Look, sector: usize, seen: Token) {
        let place = access.place(sector);
        let pending = pending_read(mem, place);
        if self.allowed(access.index, sector, seen) {
            // Whoever looked knows now; a later look must not see something else.
            if !pending {
                self.set(access.index, sector, seen);
            }
            return;
        }
        if moves(mem, place, seen) {
            return;
        }
        let expected = self.slot(access.index)[sector];
        let kind = self.elsewhere(mem, place.mm, seen).unwrap_or(self.lost(expected));
        self.find(kind, place, seen, expected);
    }

    /// What it is called if a value is not where it should be.
    fn lost(&self, expected: Token) -> Kind {
        if expected.author() != Token::DEVICE {
            Kind::LostStore
        } else if self.raced.contains(&expected) {
            Kind::LostIoFork
        } else {
            Kind::LostIo
        }
    }

    /// Whether a token came from another process: a leak, or a read that was in flight
    /// across fork.
    fn elsewhere(&self, mem: &Memory, mm: MmId, token: Token) -> Option<Kind> {
        let (owner, since) = self.origin(mem, token)?;
        if owner == mm {
            return None;
        }
        if since > mem.mms[mm.index()].born {
            return Some(Kind::MissedCow);
        }
        self.raced.contains(&token).then_some(Kind::ForkSawIo)
    }

    /// Whose store or request a token comes from, and since when it may have been in
    /// the page: the store itself, or get_user_pages.
    fn origin(&self, mem: &Memory, token: Token) -> Option<(MmId, u32)> {
        match token.author() {
            0 => None,
            Token::DEVICE => {
                let pinned = self.pinned.iter().find(|p| p.0 == token);
                pinned.map(|&(_, mm, held)| (mm, held)).or_else(|| reader_of(mem, token))
            }
            Token::SETTLED => None,
            author => Some((MmId(u16::from(author) - 1), token.seq())),
        }
    }

    /// Bytes that the reference memory takes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.expect.capacity() * size_of::<[Token; SECTORS]>()) as u64
    }

    /// What every process would see if it loaded everything now, through ptes, swap
    /// cache, swap or file.
    pub fn sweep(&mut self, mem: &Memory) {
        for vma in mem.vmas.iter().filter(|vma| vma.len > 0) {
            for address in vma.start..vma.start + vma.len {
                let index = vma.pte_index(address);
                let access = Look { mm: vma.mm, address, index, sectors: (1 << SECTORS) - 1 };
                self.load(mem, &access, contents(mem, vma, address));
            }
        }
    }
}

/// A process's access to sectors of one page.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whose.
    pub mm: MmId,
    /// Where, in pages.
    pub address: u32,
    /// Index of its pte in `Memory::ptes`.
    pub index: usize,
    /// Which sectors.
    pub sectors: SectorMask,
}

impl Look {
    const fn place(&self, sector: usize) -> Place {
        Place { mm: self.mm, address: self.address, sector }
    }
}

/// Where that is what a load would return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// In a frame.
    Frame(Pfn),
    /// In a swap slot, and in no frame.
    Slot(SwpEntry),
    /// Nowhere: no pte.
    Nowhere,
}

impl Held {
    /// By what a pte leads to.
    pub(crate) fn by(mem: &Memory, pte: Pte) -> Self {
        if let Some(pfn) = pte.pfn().or_else(|| pte.migrating()) {
            return Self::Frame(pfn);
        }
        let Some(entry) = pte.entry() else { return Self::Nowhere };
        // A page that is being read in is locked until the data is there.
        let reading = |pfn| mem.page(pfn).has(PG_LOCKED) && !mem.page(pfn).has(PG_UPTODATE);
        let cached = mem.swap_cache(entry).filter(|&pfn| !reading(pfn));
        cached.map_or(Self::Slot(entry), Self::Frame)
    }
}

/// What a load at an address would return.
fn contents(mem: &Memory, vma: &Vma, address: u32) -> [Token; SECTORS] {
    match Held::by(mem, mem.ptes[vma.pte_index(address)]) {
        Held::Frame(pfn) => mem.page(pfn).data,
        Held::Slot(entry) => mem.areas[entry.area() as usize].data[entry.offset()],
        Held::Nowhere if vma.file.is_some() => {
            Memory::file_data(vma.file, address - vma.start + vma.pgoff)
        }
        Held::Nowhere => [Token::ZERO; SECTORS],
    }
}

/// The author of a process's stores.
#[must_use]
pub fn author_of(mm: MmId) -> u8 {
    let author = u8::try_from(mm.0 + 1).ok().filter(|&author| author < Token::SETTLED);
    author.expect("at most 253 processes")
}
