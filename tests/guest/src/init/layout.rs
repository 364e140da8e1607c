//! Where mappings are: at the same addresses in every process and every run.

use cowpath_scenario::{MapSpec, Range, Scenario, Sectors};

use super::pattern;
use super::sys::PAGE;

const BASE: usize = 0x10_0000_0000;
const APART: usize = 0x4000_0000;

/// Memory that a step names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// Of its first page.
    pub(crate) page: usize,
    /// How many pages.
    pub(crate) pages: usize,
    /// Which sectors of each.
    pub(crate) sectors: Sectors,
}

impl Piece {
    /// What an actor's range is.
    pub(crate) fn of(scenario: &Scenario, actor: &str, range: &Range) -> Self {
        let process = range.process.as_deref().unwrap_or(actor);
        let maps = scenario.maps_of(process);
        let map = maps
            .iter()
            .position(|map| map.name == range.map)
            .expect("the parser knows every mapping");
        let page = address(map) + range.first as usize * PAGE;
        Self { page, pages: scenario.pages_in(actor, range) as usize, sectors: range.sectors }
    }

    /// Length of its pages.
    pub(crate) fn bytes(self) -> usize {
        self.pages * PAGE
    }

    /// Address and length in one piece: of the sectors, if it is one page.
    pub(crate) fn span(self) -> (usize, usize) {
        let (offset, length) = pattern::span(self.sectors);
        if self.pages == 1 { (self.page + offset, length) } else { (self.page, self.bytes()) }
    }
}

/// Address of a process's mapping, by its number.
pub(crate) fn address(map: usize) -> usize {
    BASE + map * APART
}

/// Length of a mapping.
pub(crate) fn length(map: &MapSpec) -> usize {
    map.pages as usize * PAGE
}
