//! The reference memory and those who hold pages: direct IO and long-lived references.

use super::{Kind, Oracle, Place, index_of, sectors};
use crate::mm::{
    Holder, HolderId, Io, IoId, IoKind, IoState, Memory, MmId, PG_PAGECACHE, PG_SWAPCACHE, SECTORS,
    SectorMask, Token, ZERO_PAGE,
};

impl Oracle {
    /// get_user_pages has got a page of a request: from now on the frame is fixed.
    pub fn held(&mut self, mem: &mut Memory, io: IoId, holder: HolderId) {
        let Io { mm, address, first, .. } = mem.ios[io as usize];
        // An event of its own, so that it is strictly before or after any fork.
        let held = mem.next_seq();
        let pfn = mem.holders[holder.index()].pfn;
        let page = mem.page(pfn);
        let cached = page.has(PG_SWAPCACHE);
        let swap_ptes = if cached { u32::from(mem.swap_map(page.private)) - 1 } else { 0 };
        let file = pfn == ZERO_PAGE || page.has(PG_PAGECACHE);
        let shared = file || mem.page_mapcount(pfn) + swap_ptes > 1;
        let index = index_of(mem, mm, address + (holder.0 - first));
        let h = &mut mem.holders[holder.index()];
        h.held = held;
        h.shared = shared;
        if let Some(index) = index {
            h.start = *self.slot(index);
        }
    }

    /// A request is submitted: what it will move.
    pub fn submit(&mut self, mem: &mut Memory, io: IoId) {
        let Io { kind, first, .. } = mem.ios[io as usize];
        mem.ios[io as usize].submitted = mem.holders[first as usize].held;
        for holder in mem.holders_of(io) {
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
        for sector in sectors(mask) {
            let place = Place { mm, address, sector };
            match kind {
                IoKind::DirectRead => self.device_wrote(mem, io, holder, place),
                _ => self.device_saw(mem, io, holder, place),
            }
        }
    }

    fn device_wrote(&mut self, mem: &Memory, io: IoId, holder: HolderId, place: Place) {
        let h = &mem.holders[holder.index()];
        let (token, start) = (h.token[place.sector], h.start[place.sector]);
        self.not_to_be_written(mem, h.pfn, place, token);
        if mem.ios[io as usize].forked {
            self.raced.push(token);
        }
        let Some(index) = index_of(mem, place.mm, place.address) else { return };
        let before = self.slot(index)[place.sector];
        if h.discarded {
            // The device wrote to a page that is the owner's no longer.
            self.allow(index, place.sector, token, None);
            return;
        }
        self.slot(index)[place.sector] = token;
        // Until completion nobody may rely on the data; a store made since submission
        // raced with it, and may win.
        let during = (before == start).then_some(io);
        self.allow(index, place.sector, before, during);
    }

    fn device_saw(&mut self, mem: &Memory, io: IoId, holder: HolderId, place: Place) {
        let h = &mem.holders[holder.index()];
        let (seen, start) = (h.token[place.sector], h.start[place.sector]);
        let elsewhere = self.elsewhere(mem, place.mm, seen);
        let since = was_there_since(mem, mem.ios[io as usize].submitted, seen);
        let index = index_of(mem, place.mm, place.address);
        let now = match index {
            Some(index) => self.allowed(index, place.sector, seen),
            None => elsewhere.is_none(),
        };
        if seen == start || now || moves(mem, place, seen) || since && elsewhere.is_none() {
            return;
        }
        let expected = index.map_or(start, |index| self.slot(index)[place.sector]);
        // What the page held by right may never have got there, because of a fork.
        let lost = if self.raced.contains(&start) { start } else { expected };
        self.find(elsewhere.unwrap_or(self.lost(lost)), place, seen, expected);
    }

    /// A request is complete: from now on its owner must see the data of a direct read.
    pub fn complete(&mut self, mem: &mut Memory, io: IoId, ok: bool) {
        mem.ios[io as usize].completed = mem.next_seq();
        let transferred = mem.ios[io as usize].state == IoState::Transferred;
        if ok {
            self.also.retain(|also| also.during != Some(io));
        } else if transferred {
            // The device failed after it had moved the data: nobody knows.
            for also in self.also.iter_mut().filter(|also| also.during == Some(io)) {
                also.during = None;
            }
        }
    }

    /// The holder of a long-lived reference looks at the frames.
    pub fn pin_read(&mut self, mem: &Memory, io: IoId, mask: SectorMask) {
        let Io { mm, address, forked, first, .. } = mem.ios[io as usize];
        for holder in mem.holders_of(io) {
            let h = mem.holders[holder.index()];
            let address = address + (holder.0 - first);
            for sector in sectors(mask).filter(|_| h.pfn.is_some()) {
                let place = Place { mm, address, sector };
                let seen = mem.page(h.pfn).data[sector];
                let index = index_of(mem, mm, address).filter(|_| !h.discarded);
                let fits = index.is_some_and(|index| self.allowed(index, sector, seen));
                let elsewhere = self.elsewhere(mem, mm, seen);
                if fits || moves(mem, place, seen) || index.is_none() && elsewhere.is_none() {
                    continue;
                }
                let apart =
                    if forked || h.shared { Kind::DetachedSharedPin } else { Kind::DetachedPin };
                let expected = index.map_or(h.start[sector], |index| self.slot(index)[sector]);
                self.find(elsewhere.unwrap_or(apart), place, seen, expected);
            }
        }
    }

    /// The holder of a long-lived reference writes to the frames.
    pub fn pin_write(&mut self, mem: &mut Memory, io: IoId, mask: SectorMask) {
        let Io { mm, address, forked, first, .. } = mem.ios[io as usize];
        for holder in mem.holders_of(io) {
            let h = mem.holders[holder.index()];
            let address = address + (holder.0 - first);
            for sector in sectors(mask).filter(|_| h.pfn.is_some()) {
                let token = Token::new(Token::DEVICE, mem.next_seq());
                mem.page_mut(h.pfn).data[sector] = token;
                self.pinned.push((token, mm, h.held));
                if forked {
                    self.raced.push(token);
                }
                self.not_to_be_written(mem, h.pfn, Place { mm, address, sector }, token);
                if let Some(index) = index_of(mem, mm, address).filter(|_| !h.discarded) {
                    self.set(index, sector, token);
                }
            }
        }
    }
}

/// Requests of a place's owner that cover it and are in flight, with their page.
fn in_flight(mem: &Memory, place: Place) -> impl Iterator<Item = &Holder> {
    mem.ios.iter().filter_map(move |io| {
        let flying = matches!(io.state, IoState::InFlight | IoState::Transferred);
        let covers = (io.address..io.address + io.pages).contains(&place.address)
            && io.sectors & 1 << place.sector != 0;
        let read = io.kind == IoKind::DirectRead && io.mm == place.mm;
        (read && flying && covers)
            .then(|| &mem.holders[(io.first + (place.address - io.address)) as usize])
    })
}

/// Whether a direct read to a place is in flight.
pub(super) fn pending_read(mem: &Memory, place: Place) -> bool {
    in_flight(mem, place).next().is_some()
}

/// Whether a direct read to a place, in flight, moves this token.
pub(super) fn moves(mem: &Memory, place: Place, token: Token) -> bool {
    in_flight(mem, place).any(|holder| holder.token[place.sector] == token)
}

/// The direct read that moves a token, and its page.
fn read_of(mem: &Memory, token: Token) -> Option<(&Io, &Holder)> {
    if token.author() != Token::DEVICE {
        return None;
    }
    let mut reads = mem.ios.iter().filter(|io| io.kind == IoKind::DirectRead);
    reads.find_map(|io| {
        let holders = io.first as usize..(io.first + io.pages) as usize;
        let holder = mem.holders[holders].iter().find(|h| h.token.contains(&token))?;
        Some((io, holder))
    })
}

/// Whose direct read moves a token, and since when it has had the page.
pub(super) fn reader_of(mem: &Memory, token: Token) -> Option<(MmId, u32)> {
    read_of(mem, token).map(|(io, holder)| (io.mm, holder.held))
}

/// Whether a token was stored, or its direct read was in flight, after the first
/// `submitted` events.
fn was_there_since(mem: &Memory, submitted: u32, token: Token) -> bool {
    let flying = |(io, _): (&Io, &Holder)| io.state != IoState::Done || io.completed >= submitted;
    token.seq() > submitted || read_of(mem, token).is_some_and(flying)
}
