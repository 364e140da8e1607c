//! The built-in scenarios, embedded in the binary, in reading order.
//!
//! Knows where scenarios are kept. Does not know what is in them.

use std::fmt;
use std::fs;

use super::Scenario;
use super::held::kernels;
use super::parse::{ScenarioError, nearest, parse_with_stages};

macro_rules! corpus {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../builtin/", $name, ".toml"))),)*]
    };
}

/// Name and source of each built-in scenario.
static BUILTIN: &[(&str, &str)] = corpus![
    "direct_read_alone",
    "direct_read_store",
    "direct_read_load_store",
    "pin_between_add_to_swap_and_unmap",
    "direct_reads_complete_out_of_order",
    "direct_write_and_reclaim",
    "dontneed_during_direct_read",
    "exit_during_direct_read",
    "direct_read_fails",
    "overlapping_direct_reads",
    "overlapping_direct_reads_migrate",
    "overlapping_direct_reads_offline",
    "overlapping_direct_reads_shared_by_fork",
    "overlapping_direct_writes_shared_by_fork",
    "suspend_the_holder",
    "migrate_while_pinned_replace_first",
    "migrate_while_pinned_unmap_first",
    "exit_during_migration",
    "fork_during_migration",
    "offline_section_during_direct_io_replace_first",
    "offline_section_during_direct_io_unmap_first",
    "long_read_pin_through_swap",
    "long_write_pin_through_swap",
    "write_pin_mprotect_store",
    "direct_read_mprotect_store",
    "trylock_copy",
    "sole_owner_store_page_locked",
    "vmsplice_fork",
    "vmsplice_fork_swapped",
    "vmsplice_fork_mirror",
    "vmsplice_fork_direct_read",
    "async_direct_write_inherited",
    "zero_page_read_store",
    "read_gup_of_untouched_memory",
    "fork_store_parent",
    "fork_store_child",
    "fork_child_exits_parent_stores",
    "fork_during_direct_read",
    "fork_during_direct_read_unaligned",
    "no_memory_during_cow_copy",
    "private_file_mapping_store",
    "packed_counters_many_mappings",
    "packed_counters_many_references",
    "swapin_sole_owner_store",
    "swap_cache_reuse_after_writeback",
    "store_during_writeback",
    "swapped_shared_store_both",
    "swap_in_race",
    "swap_in_race_unlocked",
    "swap_full_frees_the_slot",
    "swap_exhausted",
    "no_swap_slot_once",
    "swap_priorities",
    "bad_slot",
    "readahead",
    "read_error_on_swap_in",
    "munmap_of_a_swapped_page",
    "munmap_during_writeback",
    "mlock_keeps_the_page",
    "reserved_vma_keeps_the_page",
    "swapoff_progress",
    "swapoff_passes",
    "swapoff_during_direct_read",
    "swapoff_finds_the_page_first",
    "swapoff_against_munmap",
    "lru_reclaim_during_direct_read",
    "swapped_direct_read_fork_load_store",
    "fixed_buffer_pageout_store",
    "fixed_buffer_fork_store",
    "fixed_buffer_fork_no_memory",
    "read_pin_of_a_shared_page",
    "store_after_the_child_copied",
    "store_after_the_child_copied_on_lru",
    "load_then_store_after_swap",
    "mark_survives_swapoff",
    "mprotect_store_twice",
    "move_pages_of_a_held_page",
    "fault_during_move_pages",
    "fork_during_move_pages",
    "exit_during_move_pages",
    "mprotect_during_move_pages",
    "reclaim_of_a_shared_fixed_buffer",
];

/// The built-in scenarios as name and source, in reading order.
pub fn builtin() -> &'static [(&'static str, &'static str)] {
    BUILTIN
}

/// Why a scenario could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// It is neither built in nor a path that ends in `.toml`.
    Unknown {
        /// The name as given.
        name: String,
        /// The nearest built-in name.
        nearest: Option<String>,
    },
    /// The file cannot be read.
    Unreadable {
        /// The path as given.
        path: String,
        /// The reason.
        error: std::io::Error,
    },
    /// The file is wrong.
    Broken(ScenarioError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, nearest } => {
                write!(f, "unknown scenario `{name}`")?;
                if let Some(nearest) = nearest {
                    write!(f, ", the nearest is `{nearest}`")?;
                }
                f.write_str("; `cowpath scenario list` shows all, a path ends in `.toml`")
            }
            Self::Unreadable { path, error } => write!(f, "{path}: {error}"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}

/// Loads a built-in scenario or one of [`kernels`] by name, or a file by its path ending
/// in `.toml`.
pub fn load(name_or_path: &str) -> Result<Scenario, LoadError> {
    load_with_stages(name_or_path, &[])
}

/// The same, with the stages that `until` may name; an empty list lets every name pass.
pub fn load_with_stages(name_or_path: &str, stages: &[&str]) -> Result<Scenario, LoadError> {
    if let Some((name, source)) = BUILTIN.iter().find(|(name, _)| *name == name_or_path) {
        return parse_with_stages(name, source, stages).map_err(LoadError::Broken);
    }
    if !name_or_path.ends_with(".toml") {
        let family = kernels();
        if let Some((name, source)) = family.iter().find(|(name, _)| name == name_or_path) {
            return parse_with_stages(name, source, stages).map_err(LoadError::Broken);
        }
        let name = name_or_path.to_owned();
        let names = BUILTIN.iter().map(|(name, _)| *name);
        let nearest = nearest(&name, names.chain(family.iter().map(|(name, _)| name.as_str())));
        return Err(LoadError::Unknown { name, nearest });
    }
    let source = fs::read_to_string(name_or_path)
        .map_err(|error| LoadError::Unreadable { path: name_or_path.to_owned(), error })?;
    parse_with_stages(name_or_path, &source, stages).map_err(LoadError::Broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_equals_the_folder() {
        let folder = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/builtin")).unwrap();
        let files: BTreeSet<_> =
            folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let listed: BTreeSet<_> = BUILTIN.iter().map(|(name, _)| format!("{name}.toml")).collect();
        assert_eq!(files, listed);
        assert_eq!(listed.len(), BUILTIN.len(), "a name is listed twice");
    }
}
