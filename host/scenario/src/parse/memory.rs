//! The tables of a scenario file that describe the machine: memory, swap areas, files.
//!
//! Knows keys, defaults and limits. Does not know steps.

use toml::de::DeValue;

use super::cast::RESERVED;
use super::error::Problems;
use super::table::{self, Entry, Value, entries, get, only_keys};
use super::words::is_name;
use crate::{FileSpec, MemorySpec, PAGEVEC_SIZE, SwapSpec};

/// Pages and slots that a scenario may have of each kind.
pub(super) const LARGEST: u32 = 4096;
/// `MAX_SWAPFILES`.
const MOST_AREAS: usize = 32;
/// The largest priority that swapon(2) accepts.
const HIGHEST_PRIORITY: u32 = 0x7fff;
/// Readahead of `1 << 12` slots is all of the largest area.
const LARGEST_CLUSTER: u32 = 12;

const MEMORY_FORM: &str = "`memory = { pages = 8, swap = [8] }`";
const SWAP_FORM: &str = "a number of slots, or `{ slots = 8, priority = 0, bad = [3] }`";

/// Reads `memory`.
pub(super) fn memory(value: &Value<'_>, problems: &mut Problems) -> Option<MemorySpec> {
    let table = table::as_table(value, MEMORY_FORM, problems)?;
    only_keys(table, &["pages", "section", "movable", "swap", "page_cluster", "pagevec"], problems);
    if get(table, "pages").is_none() {
        problems.add(value.span(), "memory has no `pages`").expected(MEMORY_FORM);
    }
    let pages = table::number(table, ("pages", LARGEST), 1..=LARGEST, problems);
    let section = table::number(table, ("section", 0), 1..=LARGEST, problems);
    if let Some(value) =
        get(table, "section").filter(|_| section != 0 && !pages.is_multiple_of(section))
    {
        problems
            .add(value.span(), format!("sections of {section} frames do not divide {pages}"))
            .expected("a number that divides `pages`");
    }
    let movable = table::number(table, ("movable", 0), 0..=LARGEST, problems);
    let sections = pages.checked_div(section).unwrap_or(0);
    if let Some(value) = get(table, "movable").filter(|_| movable > sections) {
        problems
            .add(value.span(), format!("{movable} movable sections of {sections}"))
            .expected("at most as many as `section` makes of `pages`");
    }
    Some(MemorySpec {
        pages,
        section,
        movable,
        swap: get(table, "swap").map(|value| swap(value, problems)).unwrap_or_default(),
        page_cluster: table::number(table, ("page_cluster", 0), 0..=LARGEST_CLUSTER, problems),
        pagevec: table::number(table, ("pagevec", PAGEVEC_SIZE), 1..=PAGEVEC_SIZE, problems),
    })
}

fn swap(value: &Value<'_>, problems: &mut Problems) -> Vec<SwapSpec> {
    let areas = table::as_array(value, "an array: one entry for each swap area", problems);
    if areas.len() > MOST_AREAS {
        problems
            .add(value.span(), format!("{} swap areas", areas.len()))
            .expected(format!("at most {MOST_AREAS}"));
    }
    // mm/swapfile.c:sys_swapon (2.6.11): an area without a priority gets --least_priority.
    let mut least_priority = 0;
    areas.iter().map(|value| area(value, &mut least_priority, problems)).collect()
}

fn area(value: &Value<'_>, least_priority: &mut i16, problems: &mut Problems) -> SwapSpec {
    let table = match value.get_ref() {
        DeValue::Table(table) => Some(table),
        DeValue::Integer(_) => None,
        _ => {
            table::wrong_type(value, SWAP_FORM, problems);
            None
        }
    };
    let slots = match table {
        Some(table) => {
            only_keys(table, &["slots", "priority", "bad"], problems);
            if get(table, "slots").is_none() {
                problems.add(value.span(), "the swap area has no `slots`").expected(SWAP_FORM);
            }
            table::number(table, ("slots", LARGEST), 1..=LARGEST, problems)
        }
        None if value.get_ref().is_integer() => {
            table::as_number(value, 1..=LARGEST, problems).unwrap_or(LARGEST)
        }
        None => LARGEST,
    };
    let priority = match table.and_then(|table| get(table, "priority")) {
        Some(value) => table::as_number(value, 0..=HIGHEST_PRIORITY, problems).unwrap_or(0) as i16,
        None => {
            *least_priority -= 1;
            *least_priority
        }
    };
    let bad = table.and_then(|table| get(table, "bad")).map(|value| bad(value, slots, problems));
    SwapSpec { slots, priority, bad: bad.unwrap_or_default() }
}

fn bad(value: &Value<'_>, slots: u32, problems: &mut Problems) -> Vec<u32> {
    let mut bad = Vec::new();
    for value in table::as_array(value, "an array of slot numbers, from 1", problems) {
        let Some(slot) = table::as_number(value, 1..=slots, problems) else {
            continue;
        };
        if bad.contains(&slot) {
            problems.add(value.span(), format!("slot {slot} is named twice"));
        } else {
            bad.push(slot);
        }
    }
    bad
}

/// Reads the tables `[file.NAME]`.
pub(super) fn files(value: &Value<'_>, problems: &mut Problems) -> Vec<FileSpec> {
    let form = "tables like `[file.F]` with `pages = 1`";
    let Some(files) = table::as_table(value, form, problems) else {
        return Vec::new();
    };
    let mut specs = Vec::new();
    for entry in entries(files) {
        check_name(&entry, problems);
        let pages = table::as_table(entry.value, form, problems).map_or(1, |table| {
            only_keys(table, &["pages"], problems);
            table::number(table, ("pages", 1), 1..=LARGEST, problems)
        });
        specs.push(FileSpec { name: entry.key.to_owned(), pages });
    }
    specs
}

/// Complains about a name that is no identifier or is a word of the grammar.
pub(super) fn check_name(entry: &Entry<'_, '_>, problems: &mut Problems) {
    let Entry { key, span, .. } = entry;
    if !is_name(key) {
        problems
            .add(span.clone(), format!("`{key}` is not a name"))
            .expected("letters, digits and `_`");
    } else if RESERVED.contains(key) {
        problems
            .add(span.clone(), format!("`{key}` is a word of the step grammar"))
            .expected("another name");
    }
}
