//! The `kernels` of a manifest: a range of releases, or what a proposal was made against.
//!
//! `2.6.13 to 2.6.28`, `up to 2.6.6`, `5.8` and `7.0 on` are ranges; `2.6.11-rc1-mm1` and
//! `6.1 on user-mode Linux` are none. This module does not know any policy.

use std::cmp::Ordering;

/// A kernel version such as 2.6.11, 5.9 or 2.6.11-rc1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    parts: Vec<u32>,
    /// Not yet the release: `-rc1`, `-mm1`.
    before_release: bool,
}

/// Releases that had the same rules; an end that is not given is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernels {
    /// The first of them.
    pub first: Option<Version>,
    /// The last of them.
    pub last: Option<Version>,
}

/// Whether rules were those of releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lineage {
    /// These releases had them.
    Mainline(Kernels),
    /// None had: a proposal, or a variant, and the version that it starts from, if the
    /// manifest names one.
    Side(Option<Version>),
}

impl Lineage {
    /// Reads it off a manifest's `kernels`.
    #[must_use]
    pub fn of(kernels: &str) -> Self {
        match range(kernels.trim()) {
            Some((range, rest)) if ends(rest) => Self::Mainline(range),
            _ => {
                let words = kernels.split(|c: char| c.is_whitespace() || c == ',');
                Self::Side(words.filter_map(Version::leading).map(|(version, _)| version).next())
            }
        }
    }
}

/// A range at the start of a text, and what follows it.
fn range(text: &str) -> Option<(Kernels, &str)> {
    if let Some(text) = text.strip_prefix("up to ") {
        let (last, rest) = Version::leading(text)?;
        return Some((Kernels { first: None, last: Some(last) }, rest));
    }
    let (first, rest) = Version::leading(text)?;
    if first.before_release {
        return None;
    }
    if let Some(text) = rest.strip_prefix(" to ") {
        let (last, rest) = Version::leading(text)?;
        return Some((Kernels { first: Some(first), last: Some(last) }, rest));
    }
    match rest.strip_prefix(" on") {
        Some(rest) => Some((Kernels { first: Some(first), last: None }, rest)),
        None => Some((Kernels { first: Some(first.clone()), last: Some(first) }, rest)),
    }
}

/// Whether a range is over here: a remark may follow it.
fn ends(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with([',', ';', ':', '('])
}

impl Version {
    /// Reads a version: `5.9`, `v5.9`, `2.6.11-rc1-mm1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        Self::leading(text).filter(|(_, rest)| rest.is_empty()).map(|(version, _)| version)
    }

    /// A version of two numbers or more at the start of a text, and what follows it.
    fn leading(text: &str) -> Option<(Self, &str)> {
        let numbers = |c: char| !c.is_ascii_digit() && c != '.';
        let end = text.find(numbers).unwrap_or(text.len());
        let (version, rest) = text.split_at(end);
        // The last of `2.5.x`.
        let (version, rest) = match (version.strip_suffix('.'), rest.strip_prefix('x')) {
            (Some(version), Some(rest)) => (version, rest),
            _ => (version, rest),
        };
        let parts = version.split('.').map(|part| part.parse().ok());
        let parts = parts.collect::<Option<Vec<u32>>>().filter(|parts| parts.len() > 1)?;
        let before_release = rest.starts_with("-rc") || rest.starts_with("-mm");
        let suffix = if before_release { rest.find([' ', ',']).unwrap_or(rest.len()) } else { 0 };
        Some((Self { parts, before_release }, &rest[suffix..]))
    }

    /// Compares as far as both are told: 2.6.11 and 2.6 are one.
    fn against(&self, other: &Self) -> Ordering {
        let length = self.parts.len().min(other.parts.len());
        let parts = self.parts[..length].cmp(&other.parts[..length]);
        parts.then(other.before_release.cmp(&self.before_release))
    }
}

impl Kernels {
    /// Whether one of these releases is the version, or follows it.
    #[must_use]
    pub fn reach(&self, version: &Version) -> bool {
        self.last.as_ref().is_none_or(|last| last.against(version).is_ge())
    }

    /// Whether one of these releases is the version, or precedes it.
    #[must_use]
    pub fn begun_by(&self, version: &Version) -> bool {
        self.first.as_ref().is_none_or(|first| first.against(version).is_le())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn ranges_of_releases_are_mainline() {
        let cases = [
            ("2.6.13 to 2.6.28", Some("2.6.13"), Some("2.6.28")),
            ("2.6.29 to 5.7", Some("2.6.29"), Some("5.7")),
            ("2.5.x to 2.6.6", Some("2.5"), Some("2.6.6")),
            ("up to 2.6.6", None, Some("2.6.6")),
            ("5.8", Some("5.8"), Some("5.8")),
            ("7.0 on", Some("7.0"), None),
            ("6.12 to 6.19, pages of order 0", Some("6.12"), Some("6.19")),
        ];
        for (text, first, last) in cases {
            let [first, last] = [first, last].map(|text| text.map(version));
            assert_eq!(Lineage::of(text), Lineage::Mainline(Kernels { first, last }), "{text}");
        }
    }

    #[test]
    fn everything_else_is_beside() {
        let cases = [
            ("2.6.11-rc1-mm1", Some("2.6.11-rc1-mm1")),
            ("6.1 on user-mode Linux", Some("6.1")),
            ("6.1 to 6.3 on user-mode Linux", Some("6.1")),
            ("a patch against 6.9-rc2, not merged", Some("6.9-rc2")),
            ("none", None),
            ("test", None),
        ];
        for (text, from) in cases {
            assert_eq!(Lineage::of(text), Lineage::Side(from.map(version)), "{text}");
        }
    }

    #[test]
    fn a_range_reaches_from_its_first_to_its_last() {
        let Lineage::Mainline(kernels) = Lineage::of("2.6.13 to 2.6.28") else { panic!() };
        let both = |text: &str| {
            let version = version(text);
            (kernels.begun_by(&version), kernels.reach(&version))
        };
        assert_eq!(both("2.6.9"), (false, true));
        assert_eq!(both("2.6.13-rc1"), (false, true));
        assert_eq!(both("2.6.13"), (true, true));
        assert_eq!(both("2.6.20.3"), (true, true));
        assert_eq!(both("2.6"), (true, true));
        assert_eq!(both("2.6.28"), (true, true));
        assert_eq!(both("2.6.29"), (true, false));
        assert_eq!(both("5.9"), (true, false));
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "5", "5.", "5.x", "hugh", "2005-02-03", "5.9 or so", "5..9"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
