//! Differences that are understood and stay, from a committed list.
//!
//! An entry that matches no difference is an error: the list only shrinks by itself.

use serde::Deserialize;

use super::difference::{Difference, Validated};
use super::error::{InputError, read_table};
use super::field::Field;

/// The list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    #[serde(default)]
    difference: Vec<Entry>,
}

/// One entry of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kernel: String,
    scenario: Scenarios,
    field: Field,
    reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Scenarios {
    One(String),
    Any(Vec<String>),
}

impl Explained {
    /// Reads the list.
    ///
    /// # Errors
    /// Names the line and what is wrong with it.
    pub fn read(file: &str, text: &str) -> Result<Self, InputError> {
        read_table(file, text)
    }

    /// Why a difference of a kernel's transcript stays.
    pub(super) fn reason(&self, kernel: &str, difference: &Difference) -> Option<&str> {
        let entry = self.difference.iter().find(|entry| entry.matches(kernel, difference))?;
        Some(&entry.reason)
    }

    /// Entries that match no difference, as a report names them; all that the list is for
    /// has been compared.
    #[must_use]
    pub fn stale(&self, validated: &[Validated]) -> Vec<String> {
        let needed = |entry: &Entry| {
            let mut all = validated.iter().flat_map(|one| {
                one.differences.iter().map(|difference| (one.name.as_str(), difference))
            });
            all.any(|(kernel, difference)| entry.matches(kernel, difference))
        };
        self.difference.iter().filter(|entry| !needed(entry)).map(Entry::describe).collect()
    }
}

impl Entry {
    fn scenarios(&self) -> &[String] {
        match &self.scenario {
            Scenarios::One(scenario) => std::slice::from_ref(scenario),
            Scenarios::Any(scenarios) => scenarios,
        }
    }

    fn matches(&self, kernel: &str, difference: &Difference) -> bool {
        self.field == difference.field
            && glob(&self.kernel, kernel)
            && self.scenarios().iter().any(|one| glob(one, &difference.scenario))
    }

    fn describe(&self) -> String {
        let Self { kernel, field, reason, .. } = self;
        format!(
            "kernel {kernel}, scenario {}, field {field}: {reason}",
            self.scenarios().join(", ")
        )
    }
}

/// Whether a pattern, in which `*` stands for anything, is a name.
fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            let mut starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            starts.any(|at| glob(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, fits) in [
            ("*", "swap_in_race", true),
            ("swap*", "swap_in_race", true),
            ("*_race", "swap_in_race", true),
            ("s*in*e", "swap_in_race", true),
            ("swap", "swap_in_race", false),
            ("*_rac", "swap_in_race", false),
            ("", "", true),
        ] {
            assert_eq!(glob(pattern, name), fits, "{pattern} {name}");
        }
    }
}
