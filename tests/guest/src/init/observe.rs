//! What there is to see of a scenario's processes once everything has settled.

use std::collections::BTreeMap;

use cowpath_scenario::MapSpec;
use cowpath_scenario::transcript::{Labels, Place, Pte};

use super::frames::{Frame, Frames};
use super::layout;
use super::sys::{self, PAGE, ask};

/// Looks at the same before it counts as settled.
const SAME: u32 = 3;
/// Looks in all.
const MOST: u32 = 400;
/// Looks after which frames that never come to an LRU list are taken as they are.
const PATIENT: u32 = 200;

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const NUMBER: u64 = (1 << 55) - 1;

/// A living process, as far as it is observed.
#[derive(Clone, Debug)]
pub(crate) struct Watched<'s> {
    pub(crate) name: &'s str,
    pub(crate) pid: i32,
    /// Mappings that it still has, with their numbers.
    pub(crate) maps: Vec<(usize, &'s MapSpec)>,
}

/// One page of one mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spot {
    place: String,
    pte: Pte,
    frame: Option<Frame>,
}

/// What was seen of a scenario so far.
pub(crate) struct Observer {
    frames: Frames,
    labels: Labels,
    /// The frame that each place led to last.
    last: BTreeMap<String, u64>,
}

impl Observer {
    /// For a scenario.
    pub(crate) fn new() -> Self {
        Self { frames: Frames::open(), labels: Labels::default(), last: BTreeMap::new() }
    }

    /// Fields of places that stay hidden.
    pub(crate) fn hidden(&self) -> Vec<String> {
        self.frames.hidden()
    }

    /// Waits until everything has settled and says what there is.
    pub(crate) fn observe(&mut self, processes: &[Watched<'_>]) -> Result<Vec<Place>, String> {
        let spots = self.settle(processes)?;
        self.labels.begin();
        let mut places = Vec::new();
        for spot in spots {
            match &spot.frame {
                Some(frame) => self.last.insert(spot.place.clone(), frame.pfn),
                None => self.last.remove(&spot.place),
            };
            places.push(place(spot, &mut self.labels));
        }
        self.labels.end();
        Ok(places)
    }

    /// Looks until it is quiet and looks the same for a while.
    pub(crate) fn settle_only(&mut self, processes: &[Watched<'_>]) -> Result<bool, String> {
        let spots = self.settle(processes)?;
        Ok(spots.iter().any(|spot| spot.frame.is_some_and(|frame| !frame.zero)))
    }

    fn settle(&mut self, processes: &[Watched<'_>]) -> Result<Vec<Spot>, String> {
        let mut same = 0;
        let mut before = Vec::new();
        for look in 0..MOST {
            super::hotplug::drain();
            let spots = self.look(processes);
            let quiet = look > PATIENT
                || spots.iter().filter_map(|spot| spot.frame).all(|frame| frame.quiet);
            let calm = !self.frames.is_blind() || is_calm();
            same = if quiet && calm && spots == before { same + 1 } else { 0 };
            if same == SAME {
                return Ok(spots);
            }
            before = spots;
            sys::pause();
        }
        Err("the pages do not settle".to_owned())
    }

    fn look(&self, processes: &[Watched<'_>]) -> Vec<Spot> {
        let mut entries = Vec::new();
        for process in processes {
            let pagemap =
                sys::open(&format!("/proc/{}/pagemap", process.pid), libc::O_RDONLY).unwrap_or(-1);
            for (number, map) in &process.maps {
                for page in 0..map.pages {
                    let address = layout::address(*number) + page as usize * PAGE;
                    let mut entry = [0; 8];
                    _ = sys::read_at(pagemap, &mut entry, (address / PAGE * 8) as u64);
                    let place = match map.pages {
                        1 => format!("{}.{}", process.name, map.name),
                        _ => format!("{}.{}[{page}]", process.name, map.name),
                    };
                    entries.push((place, u64::from_le_bytes(entry)));
                }
            }
            sys::close(pagemap);
        }
        let present = entries
            .iter()
            .filter(|(_, entry)| entry & PRESENT != 0)
            .map(|(_, entry)| entry & NUMBER);
        let likely: Vec<u64> = present.chain(self.last.values().copied()).collect();
        entries.into_iter().map(|(place, entry)| self.spot(place, entry, &likely)).collect()
    }

    fn spot(&self, place: String, entry: u64, likely: &[u64]) -> Spot {
        let (pte, pfn) = match (entry & PRESENT != 0, entry & SWAPPED != 0) {
            (true, _) => (Pte::Present, Some(entry & NUMBER)),
            // Type in the low five bits, always of the first area; then the slot.
            (false, true) => (Pte::Swap, self.frames.in_swap_cache((entry & NUMBER) >> 5, likely)),
            (false, false) => (Pte::None, None),
        };
        Spot { place, pte, frame: pfn.map(|pfn| self.frames.look(pfn)) }
    }
}

fn place(spot: Spot, labels: &mut Labels) -> Place {
    let Spot { place, pte, frame } = spot;
    let counted = frame.filter(|frame| !frame.zero);
    Place {
        place,
        pte,
        page: counted.map(|frame| labels.of(frame.pfn)),
        zero: frame.map(|frame| frame.zero),
        mapcount: counted.and_then(|frame| frame.mapcount),
        count: counted.and_then(|frame| frame.count),
        swapcache: counted.and_then(|frame| frame.swapcache),
        exclusive: counted.and_then(|frame| frame.exclusive),
    }
}

/// Whether no page of the machine is under writeback.
fn is_calm() -> bool {
    ask("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("Writeback:"))
        .is_none_or(|rest| rest.split_whitespace().next() == Some("0"))
}
