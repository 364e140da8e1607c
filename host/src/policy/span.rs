//! A part of the generations: since one, until one.
//!
//! A bound is a policy, a kernel version or a date. Proposals and variants come along
//! with the mainline policy that they start from, and stand for it.

use std::fmt;

use super::generation::Generation;
use super::graft::closest;
use super::kernels::{Kernels, Lineage, Version};

/// Why there is no such part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanError {
    /// A bound is no policy, version or date.
    Unknown {
        /// `--since` or `--until`.
        option: &'static str,
        /// The bound as given.
        bound: String,
        /// The policy that was probably meant.
        nearest: Option<String>,
        /// Each mainline policy, with its kernels and date.
        known: Vec<String>,
    },
    /// No generation is between the bounds.
    Empty {
        /// The bounds as given.
        bounds: String,
        /// Each mainline policy, with its kernels and date.
        known: Vec<String>,
    },
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match self {
            Self::Unknown { option, bound, nearest, known } => {
                write!(f, "{option} \"{bound}\" is no policy, kernel version or YYYY-MM-DD")?;
                if let Some(nearest) = nearest {
                    write!(f, ", did you mean \"{nearest}\"?")?;
                }
                known
            }
            Self::Empty { bounds, known } => {
                write!(f, "no generation is {bounds}")?;
                known
            }
        };
        write!(f, "; generations are {}", known.join(", "))
    }
}

impl std::error::Error for SpanError {}

/// The generations from one bound to the other, both included, with what begins each
/// held against nothing.
///
/// A version as a bound takes the policy whose kernels it is among; a date, those
/// dated since or until then.
///
/// # Errors
/// A bound says nothing, or nothing is between them.
pub fn span(
    all: Vec<Generation>,
    since: Option<&str>,
    until: Option<&str>,
) -> Result<Vec<Generation>, SpanError> {
    let [from, to] = [("--since", since), ("--until", until)]
        .map(|(option, bound)| bound.map(|bound| Bound::read(&all, option, bound)).transpose());
    let (from, to) = (from?, to?);
    let within = |index: usize| {
        let place = mainline_of(&all, index);
        from.as_ref().is_none_or(|bound| bound.follows(&all, place))
            && to.as_ref().is_none_or(|bound| bound.precedes(&all, place))
    };
    let kept: Vec<usize> = (0..all.len()).filter(|index| within(*index)).collect();
    if kept.is_empty() {
        let words = [("since", since), ("until", until)];
        let words = words.iter().filter_map(|(word, bound)| Some(format!("{word} {}", (*bound)?)));
        let bounds = words.collect::<Vec<_>>().join(" and ");
        return Err(SpanError::Empty { bounds, known: known(&all) });
    }
    let moved = |base: Option<usize>| base.and_then(|base| kept.binary_search(&base).ok());
    let keep = |(index, mut one): (usize, Generation)| {
        one.base = moved(one.base);
        kept.contains(&index).then_some(one)
    };
    Ok(all.into_iter().enumerate().filter_map(keep).collect())
}

/// The mainline policy that a generation is, or starts from.
fn mainline_of(all: &[Generation], index: usize) -> usize {
    if all[index].is_mainline() { index } else { all[index].base.unwrap_or(index) }
}

fn known(all: &[Generation]) -> Vec<String> {
    let mainline = all.iter().filter(|one| one.is_mainline());
    mainline
        .map(|one| {
            let manifest = &one.manifest;
            format!("{} ({}; {})", manifest.id, manifest.kernels, manifest.date)
        })
        .collect()
}

enum Bound {
    /// A mainline policy's index.
    Policy(usize),
    Version(Version),
    Date(String),
}

impl Bound {
    fn read(all: &[Generation], option: &'static str, text: &str) -> Result<Self, SpanError> {
        if let Some(index) = all.iter().position(|one| one.manifest.id == text) {
            return Ok(Self::Policy(mainline_of(all, index)));
        }
        if is_date(text) {
            return Ok(Self::Date(text.to_owned()));
        }
        Version::parse(text).map(Self::Version).ok_or_else(|| {
            let ids = all.iter().map(|one| one.manifest.id.as_str());
            let nearest = closest(text, ids).map(str::to_owned);
            SpanError::Unknown { option, bound: text.to_owned(), nearest, known: known(all) }
        })
    }

    fn follows(&self, all: &[Generation], place: usize) -> bool {
        match self {
            Self::Policy(index) => place >= *index,
            Self::Version(version) => kernels(&all[place]).is_some_and(|one| one.reach(version)),
            Self::Date(date) => all[place].manifest.date >= *date,
        }
    }

    fn precedes(&self, all: &[Generation], place: usize) -> bool {
        match self {
            Self::Policy(index) => place <= *index,
            Self::Version(version) => kernels(&all[place]).is_some_and(|one| one.begun_by(version)),
            Self::Date(date) => all[place].manifest.date <= *date,
        }
    }
}

fn kernels(one: &Generation) -> Option<&Kernels> {
    match &one.lineage {
        Lineage::Mainline(kernels) => Some(kernels),
        Lineage::Side(_) => None,
    }
}

fn is_date(text: &str) -> bool {
    let digits = |at: usize| text.as_bytes()[at].is_ascii_digit();
    text.len() == 10
        && (0..10)
            .all(|at| if at == 4 || at == 7 { text.as_bytes()[at] == b'-' } else { digits(at) })
}

#[cfg(test)]
mod tests {
    use super::super::generation::tests::many;
    use super::*;

    fn ids(since: Option<&str>, until: Option<&str>) -> String {
        let all = span(many(), since, until).unwrap();
        let ids: Vec<_> = all.iter().map(|one| one.manifest.id.as_str()).collect();
        ids.join(" ")
    }

    #[test]
    fn bounds_are_policies_versions_and_dates() {
        assert_eq!(ids(None, None), "m0 m11 rfc answer m13 m29 m61 uml m7");
        assert_eq!(ids(Some("m61"), None), "m61 uml m7");
        assert_eq!(ids(Some("uml"), Some("m61")), "m61 uml");
        assert_eq!(ids(Some("2.6.11"), Some("2.6.20")), "m11 rfc answer m13");
        assert_eq!(ids(Some("5.9"), Some("5.18")), "m29");
        assert_eq!(ids(Some("8.1"), None), "m7");
        assert_eq!(ids(None, Some("2.6.12")), "m0 m11 rfc answer");
        assert_eq!(ids(Some("2005-06-01"), Some("2009-12-31")), "m13 m29");
    }

    #[test]
    fn what_begins_a_part_is_held_against_nothing() {
        let bases: Vec<_> = span(many(), Some("m11"), Some("m13")).unwrap();
        let bases: Vec<_> = bases.iter().map(|one| one.base).collect();
        assert_eq!(bases, [None, Some(0), Some(0), Some(0)]);
    }

    #[test]
    fn a_wrong_bound_is_told_with_what_there_is() {
        let error = span(many(), Some("m29x"), None).unwrap_err().to_string();
        assert!(error.starts_with("--since \"m29x\" is no policy, kernel version or"), "{error}");
        assert!(error.contains("did you mean \"m29\"?"), "{error}");
        assert!(error.contains("m61 (5.19 to 6.19; 2022-07-31)"), "{error}");
        let error = span(many(), Some("m61"), Some("2.6.20")).unwrap_err().to_string();
        assert!(error.starts_with("no generation is since m61 and until 2.6.20; "), "{error}");
    }
}
