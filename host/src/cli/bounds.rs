//! The bounds of a universe, as options of `cowpath explore`.

use clap::Args;

use super::Error;
use crate::explore::{Grain, Reductions, Times, Universe, Verb};
use crate::scenario::MigrateOrder;

/// Options that change a universe.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Bounds of a universe")]
pub(super) struct Bounds {
    /// Processes at the start, unrelated
    #[arg(long, value_name = "N", requires = "universe", value_parser = range(1, 4))]
    processes: Option<u8>,
    /// Address spaces at a time, with those of children
    #[arg(long, value_name = "N", requires = "universe", value_parser = range(1, 6))]
    spaces: Option<u8>,
    /// Pages of each process
    #[arg(long, value_name = "N", requires = "universe", value_parser = range(1, 8))]
    pages: Option<u8>,
    /// Page frames
    #[arg(long, value_name = "N", requires = "universe", value_parser = range(1, 64))]
    frames: Option<u8>,
    /// Swap slots
    #[arg(long, value_name = "N", requires = "universe", value_parser = range(0, 64))]
    slots: Option<u8>,
    /// Requests of direct IO and long-lived references at a time
    #[arg(long, value_name = "N", requires = "universe", value_parser = range(0, 4))]
    requests: Option<u8>,
    /// Whether a process may fork or exit while direct IO of its own is in flight
    #[arg(long, value_name = "BOOL", requires = "universe")]
    fork_during_io: Option<bool>,
    /// Operations of each process: a number, or * for any
    #[arg(long, value_name = "N", requires = "universe", value_parser = times)]
    operations: Option<Times>,
    /// Operations of each child
    #[arg(long, value_name = "N", requires = "universe", value_parser = times)]
    child_operations: Option<Times>,
    /// What processes may do
    #[arg(long, value_name = "VERB,...", requires = "universe", value_delimiter = ',',
        value_parser = verb)]
    verbs: Option<Vec<Verb>>,
    /// What children may do
    #[arg(long, value_name = "VERB,...", requires = "universe", value_delimiter = ',',
        value_parser = verb)]
    child_verbs: Option<Vec<Verb>>,
    /// What process A has done before, undisturbed; empty: nothing
    #[arg(long, value_name = "VERB,...", requires = "universe", value_delimiter = ',',
        value_parser = verb, num_args = 0..)]
    setup: Option<Vec<Verb>>,
    /// Scans of a page by reclaim
    #[arg(long, value_name = "N", requires = "universe", value_parser = times)]
    reclaim: Option<Times>,
    /// Whether reclaim takes pages whether they were used or not
    #[arg(long, value_name = "BOOL", requires = "universe", num_args = 0..=1,
        default_missing_value = "true")]
    ignore_references: Option<bool>,
    /// Migrations of a page
    #[arg(long, value_name = "N", requires = "universe", value_parser = times)]
    migrate: Option<Times>,
    /// The order of migration: replace_first or unmap_first
    #[arg(long, value_name = "ORDER", requires = "universe", value_parser = order)]
    order: Option<MigrateOrder>,
    /// Whether swap may be turned off
    #[arg(long, value_name = "BOOL", requires = "universe")]
    swapoff: Option<bool>,
    /// Whether swap IO is complete as soon as it is submitted, as on a RAM disk
    #[arg(long, value_name = "BOOL", requires = "universe")]
    synchronous_swap: Option<bool>,
    /// Pages that the LRU-add pagevecs take before they go onto the LRU; 1: at once
    #[arg(long, value_name = "N", requires = "universe", value_parser = range(1, 14))]
    pagevec: Option<u8>,
    /// Page allocations that may fail
    #[arg(long, value_name = "N", requires = "universe")]
    no_memory: Option<u8>,
    /// Allocations of a swap slot that may fail
    #[arg(long, value_name = "N", requires = "universe")]
    no_swap: Option<u8>,
    /// Requests of direct IO that may fail
    #[arg(long, value_name = "N", requires = "universe")]
    io_failures: Option<u8>,
    /// What one transition is: a stage or an operation
    #[arg(long, value_name = "GRAIN", requires = "universe", value_parser = grain)]
    grain: Option<Grain>,
    /// Leave out partial-order reduction and, of universes, symmetry of names and contents
    #[arg(long)]
    no_reduce: bool,
}

fn range(least: i64, most: i64) -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(least..=most)
}

fn times(text: &str) -> Result<Times, String> {
    match text {
        "*" => Ok(Times::Always),
        _ => match text.parse() {
            Ok(n @ 0..=254) => Ok(Times::Most(n)),
            _ => Err("a number below 255, or * for any number of times".to_string()),
        },
    }
}

fn verb(text: &str) -> Result<Verb, String> {
    let found = Verb::ALL.iter().find(|one| one.1 == text);
    found.map(|one| one.0).ok_or_else(|| {
        let words: Vec<_> = Verb::ALL.iter().map(|one| one.1).collect();
        format!("one of {}", words.join(", "))
    })
}

fn order(text: &str) -> Result<MigrateOrder, &'static str> {
    match text {
        "replace_first" => Ok(MigrateOrder::ReplaceFirst),
        "unmap_first" => Ok(MigrateOrder::UnmapFirst),
        _ => Err("replace_first or unmap_first"),
    }
}

fn grain(text: &str) -> Result<Grain, &'static str> {
    match text {
        "stage" => Ok(Grain::Stage),
        "operation" => Ok(Grain::Operation),
        _ => Err("stage or operation"),
    }
}

impl Bounds {
    /// The universe of a name, with what the options change.
    pub fn of(&self, name: &str) -> Result<Universe, Error> {
        let mut all = Universe::builtin();
        let place = all.iter().position(|universe| universe.name == name);
        let Some(place) = place else {
            let known = all.into_iter().map(|universe| universe.name).collect();
            return Err(Error::UnknownUniverse { name: name.to_string(), known });
        };
        let mut universe = all.swap_remove(place);
        macro_rules! change {
            ($($field:ident)*) => {$(
                if let Some(value) = &self.$field {
                    universe.$field = value.clone();
                }
            )*};
        }
        change! {
            processes spaces pages frames slots requests fork_during_io operations child_operations verbs
            child_verbs setup reclaim ignore_references migrate order swapoff synchronous_swap pagevec grain
        }
        universe.failures.no_memory = self.no_memory.unwrap_or(universe.failures.no_memory);
        universe.failures.no_swap = self.no_swap.unwrap_or(universe.failures.no_swap);
        universe.failures.io = self.io_failures.unwrap_or(universe.failures.io);
        universe.spaces = universe.spaces.max(universe.processes);
        universe.swapoff &= universe.slots > 0;
        Ok(universe)
    }

    pub const fn reductions(&self) -> Reductions {
        if self.no_reduce { Reductions::NONE } else { Reductions::ALL }
    }
}
