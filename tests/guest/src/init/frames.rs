//! Page frames as the kernel has them: /proc/kpageflags, /proc/kpagecount, struct page.
//!
//! Knows which of these this kernel shows. Does not know processes.

use super::kcore::{Kcore, i32_at, u64_at};
use super::sys::{self, PAGE, ask};

/// Where struct pages are, without KASLR and with four levels of page tables.
const VMEMMAP: u64 = 0xffff_ea00_0000_0000;
/// `sizeof(struct page)`, and where in it things are: 5.10 to 7.2.
const STRUCT_PAGE: usize = 64;
const MAPPING: usize = 24;
const PRIVATE: usize = 40;
const REFCOUNT: usize = 52;
/// PAGE_MAPPING_FLAGS, PAGE_MAPPING_ANON
const MAPPING_FLAGS: u64 = 3;
const MAPPING_ANON: u64 = 1;

const LRU: u64 = 1 << 5;
const WRITEBACK: u64 = 1 << 8;
const ANON: u64 = 1 << 12;
const SWAPCACHE: u64 = 1 << 13;
const ZERO_PAGE: u64 = 1 << 24;

/// Frames that are read at once in a search.
const CHUNK: usize = 4096;

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) pfn: u64,
    pub(crate) zero: bool,
    pub(crate) mapcount: Option<u32>,
    pub(crate) count: Option<u32>,
    pub(crate) swapcache: Option<bool>,
    pub(crate) exclusive: Option<bool>,
    /// Whether nothing is under way with it: writeback, LRU batches.
    pub(crate) quiet: bool,
}

/// What shows frames.
pub(crate) struct Frames {
    flags: i32,
    counts: i32,
    kcore: Option<Kcore>,
    /// PG_anon_exclusive in page flags.
    exclusive: Option<u64>,
    /// System RAM, as pfns.
    ram: Vec<(u64, u64)>,
    zero: u64,
}

impl Frames {
    /// Opens what there is.
    pub(crate) fn open() -> Self {
        // User-mode Linux shows frames up to a number that is less than some have.
        let all = !ask("/proc/cpuinfo").contains("User Mode Linux");
        let number = |path| if all { sys::open(path, libc::O_RDONLY).unwrap_or(-1) } else { -1 };
        let mut frames = Self {
            flags: number("/proc/kpageflags"),
            counts: number("/proc/kpagecount"),
            kcore: Kcore::open(),
            exclusive: None,
            ram: system_ram(),
            zero: 0,
        };
        frames.find_out();
        frames
    }

    /// Tries everything on a page of this program's own; what gives a wrong answer is not used.
    fn find_out(&mut self) {
        let Ok(page) = sys::own_page() else {
            return;
        };
        // SAFETY: the page is this program's; the read maps the zero page.
        unsafe { (page as *const u8).read_volatile() };
        self.zero = pfn_of(page);
        // SAFETY: as above.
        unsafe { (page as *mut u8).write_volatile(1) };
        super::hotplug::drain();
        let pfn = pfn_of(page);
        if self.words(self.flags, pfn).is_none_or(|flags| flags & ANON == 0) {
            self.flags = -1;
        }
        if self.words(self.counts, pfn) != Some(1) {
            self.counts = -1;
        }
        let mut record = [0; STRUCT_PAGE];
        if !self.record(pfn, &mut record) || i32_at(&record, REFCOUNT) != 1 {
            self.kcore = None;
        }
        self.exclusive =
            exclusive_mask().filter(|mask| self.kcore.is_some() && u64_at(&record, 0) & mask != 0);
        sys::give_up(page);
    }

    /// Fields of places that stay hidden on this kernel.
    pub(crate) fn hidden(&self) -> Vec<String> {
        let mut hidden = Vec::new();
        let mut unless = |shown: bool, field: &str| {
            if !shown {
                hidden.push(field.to_owned());
            }
        };
        unless(self.finds_swapped(), "page of a swap pte");
        unless(self.counts >= 0, "mapcount");
        unless(self.kcore.is_some(), "count");
        unless(self.flags >= 0, "swapcache");
        unless(self.exclusive.is_some(), "exclusive");
        hidden
    }

    /// Whether nothing at all is known of a frame but its number.
    pub(crate) fn is_blind(&self) -> bool {
        self.flags < 0
    }

    fn finds_swapped(&self) -> bool {
        self.flags >= 0 && self.kcore.is_some()
    }

    fn words(&self, fd: i32, pfn: u64) -> Option<u64> {
        let mut word = [0; 8];
        (fd >= 0 && sys::read_at(fd, &mut word, pfn * 8) == Ok(8)).then(|| u64::from_le_bytes(word))
    }

    fn record(&self, pfn: u64, into: &mut [u8]) -> bool {
        self.kcore
            .as_ref()
            .is_some_and(|kcore| kcore.read(VMEMMAP + pfn * STRUCT_PAGE as u64, into))
    }

    /// What there is to see of a frame.
    pub(crate) fn look(&self, pfn: u64) -> Frame {
        let flags = self.words(self.flags, pfn);
        let zero = pfn == self.zero || flags.is_some_and(|flags| flags & ZERO_PAGE != 0);
        let mut record = [0; STRUCT_PAGE];
        let record = self.record(pfn, &mut record).then_some(record);
        let anon = flags.is_some_and(|flags| flags & ANON != 0);
        Frame {
            pfn,
            zero,
            mapcount: self.words(self.counts, pfn).map(|count| count as u32),
            count: record.map(|record| i32_at(&record, REFCOUNT) as u32),
            swapcache: flags.map(|flags| flags & SWAPCACHE != 0),
            exclusive: self
                .exclusive
                .and_then(|mask| Some(anon && u64_at(&record?, 0) & mask != 0)),
            quiet: zero
                || flags.is_none_or(|flags| flags & WRITEBACK == 0 && (flags & LRU != 0 || !anon)),
        }
    }

    /// The frame in the swap cache for a slot of the first area, looking at these first.
    pub(crate) fn in_swap_cache(&self, slot: u64, likely: &[u64]) -> Option<u64> {
        if !self.finds_swapped() {
            return None;
        }
        let mut record = [0; STRUCT_PAGE];
        let first = likely
            .iter()
            .copied()
            .find(|pfn| self.record(*pfn, &mut record) && self.is_for(*pfn, &record, slot));
        first.or_else(|| self.ram.iter().find_map(|(from, to)| self.search(slot, *from, *to)))
    }

    fn search(&self, slot: u64, from: u64, to: u64) -> Option<u64> {
        let mut chunk = vec![0; CHUNK * STRUCT_PAGE];
        let mut pfn = from;
        while pfn < to {
            let count = CHUNK.min((to - pfn) as usize);
            let records = &mut chunk[..count * STRUCT_PAGE];
            if self.record(pfn, records) {
                for (record, pfn) in records.chunks_exact(STRUCT_PAGE).zip(pfn..) {
                    if self.is_for(pfn, record, slot) {
                        return Some(pfn);
                    }
                }
            }
            pfn += count as u64;
        }
        None
    }

    /// Whether a frame is in the swap cache for a slot.
    fn is_for(&self, pfn: u64, record: &[u8], slot: u64) -> bool {
        u64_at(record, PRIVATE) == slot
            && u64_at(record, MAPPING) & MAPPING_FLAGS == MAPPING_ANON
            && i32_at(record, REFCOUNT) > 0
            && self.words(self.flags, pfn).is_some_and(|flags| flags & SWAPCACHE != 0)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        sys::close(self.flags);
        sys::close(self.counts);
    }
}

/// PG_anon_exclusive of a kernel: PG_mappedtodisk's bit, later PG_owner_2's.
fn exclusive_mask() -> Option<u64> {
    let release = ask("/proc/sys/kernel/osrelease");
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next()?, numbers.next()?);
    match version {
        (6, 1) => Some(0x2_0000),
        (6, 12) | (7, 2) => Some(0x800),
        _ => None,
    }
}

/// Frame number of one of this program's pages.
fn pfn_of(page: usize) -> u64 {
    let Ok(fd) = sys::open("/proc/self/pagemap", libc::O_RDONLY) else {
        return 0;
    };
    let mut word = [0; 8];
    _ = sys::read_at(fd, &mut word, (page / PAGE * 8) as u64);
    sys::close(fd);
    u64::from_le_bytes(word) & ((1 << 55) - 1)
}

/// Lines of /proc/iomem like `00100000-1fffffff : System RAM`, as pfns.
fn system_ram() -> Vec<(u64, u64)> {
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    ask("/proc/iomem")
        .lines()
        .filter(|line| line.contains("System RAM"))
        .filter_map(|line| {
            let (from, to) = line.trim().split_once(' ')?.0.split_once('-')?;
            Some((number(from)? / PAGE as u64, (number(to)? + 1) / PAGE as u64))
        })
        .collect()
}
