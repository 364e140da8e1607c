//! The manifest: who a policy is, as text in an ELF section of its own.
//!
//! One `key = value` a line, ended by a NUL, so that `readelf -p .cowpath.manifest`
//! shows it and no code of a plugin has to run for it. This module does not know
//! where the text comes from.

use std::fmt;

use crate::{AbiVersion, Hook};

/// The ELF section that holds the manifest.
pub const MANIFEST_SECTION: &str = ".cowpath.manifest";

/// Who a policy is and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The version of the contract that the plugin was built for.
    pub abi: AbiVersion,
    /// The name by which the command line, grafts and reports know the policy.
    pub id: String,
    /// One line for a human.
    pub title: String,
    /// The kernel versions that had these rules, or that the patch was made against.
    pub kernels: String,
    /// What the rules were read from: a release, a mail, a commit.
    pub source: String,
    /// The day of the source, `YYYY-MM-DD`.
    pub date: String,
    /// The git commit that brought the rules, if one did.
    pub commit: Option<String>,
    /// Where to read the source.
    pub url: Option<String>,
    /// The hooks that the policy defines.
    pub hooks: Vec<Hook>,
    /// What the reason numbers of answers mean: number n is entry n-1.
    pub reasons: Vec<String>,
}

/// Why a text is no manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// The line (from 1) is not `key = value`.
    NoKey {
        /// Line number, from 1.
        line: usize,
    },
    /// A key that this version of the contract does not have.
    UnknownKey {
        /// Line number, from 1.
        line: usize,
        /// The key as found.
        key: String,
    },
    /// A key that may come once came twice.
    Twice {
        /// Line number, from 1.
        line: usize,
        /// The key as found.
        key: String,
    },
    /// A value that cannot be read.
    BadValue {
        /// Line number, from 1.
        line: usize,
        /// The key as found.
        key: String,
        /// The value as found.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A key that must come did not.
    Missing {
        /// The key that is missing.
        key: &'static str,
    },
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey { line } => write!(f, "manifest line {line}: expected \"key = value\""),
            Self::UnknownKey { line, key } => {
                write!(f, "manifest line {line}: unknown key \"{key}\"")
            }
            Self::Twice { line, key } => {
                write!(f, "manifest line {line}: \"{key}\" is given twice")
            }
            Self::BadValue { line, key, value, expected } => {
                write!(f, "manifest line {line}: {key} is \"{value}\", expected {expected}")
            }
            Self::Missing { key } => write!(f, "manifest has no \"{key}\""),
        }
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// The contract version that a manifest names, even if the rest of it is from
    /// a version that this crate cannot read.
    #[must_use]
    pub fn abi_of(text: &str) -> Option<AbiVersion> {
        let value = text.lines().find_map(|line| line.strip_prefix("abi = "))?;
        AbiVersion::parse(value)
    }

    /// Reads a manifest; a NUL and what follows it are not part of the text.
    ///
    /// # Errors
    /// Names the first line that is not as it should be.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let text = text.split('\0').next().unwrap_or_default();
        let mut found = Found::default();
        for (index, line) in text.lines().enumerate() {
            found.line(index + 1, line)?;
        }
        found.finish()
    }
}

/// The keys met so far.
#[derive(Default)]
struct Found {
    abi: Option<AbiVersion>,
    id: Option<String>,
    title: Option<String>,
    kernels: Option<String>,
    source: Option<String>,
    date: Option<String>,
    commit: Option<String>,
    url: Option<String>,
    hooks: Vec<Hook>,
    reasons: Vec<String>,
}

impl Found {
    fn line(&mut self, line: usize, text: &str) -> Result<(), ManifestError> {
        let (key, value) = text.split_once(" = ").ok_or(ManifestError::NoKey { line })?;
        let bad = |expected| ManifestError::BadValue {
            line,
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        };
        let once = match key {
            "abi" => {
                let abi = AbiVersion::parse(value).ok_or_else(|| bad("\"major.minor\""))?;
                return set(&mut self.abi, abi, line, key);
            }
            "hook" => {
                let hook = Hook::from_name(value).ok_or_else(|| bad("the name of a hook"))?;
                if self.hooks.contains(&hook) {
                    return Err(bad("each hook once"));
                }
                self.hooks.push(hook);
                return Ok(());
            }
            "reason" => {
                self.reasons.push(value.to_owned());
                return Ok(());
            }
            "id" if !is_id(value) => {
                return Err(bad("lower-case letters, digits, \"-\", \".\" and \"_\""));
            }
            "id" => &mut self.id,
            "title" => &mut self.title,
            "kernels" => &mut self.kernels,
            "source" => &mut self.source,
            "date" if !is_date(value) => return Err(bad("YYYY-MM-DD")),
            "date" => &mut self.date,
            "commit" => &mut self.commit,
            "url" => &mut self.url,
            _ => {
                return Err(ManifestError::UnknownKey { line, key: key.to_owned() });
            }
        };
        set(once, value.to_owned(), line, key)
    }

    fn finish(self) -> Result<Manifest, ManifestError> {
        let missing = |key| ManifestError::Missing { key };
        Ok(Manifest {
            abi: self.abi.ok_or(missing("abi"))?,
            id: self.id.ok_or(missing("id"))?,
            title: self.title.ok_or(missing("title"))?,
            kernels: self.kernels.ok_or(missing("kernels"))?,
            source: self.source.ok_or(missing("source"))?,
            date: self.date.ok_or(missing("date"))?,
            commit: self.commit,
            url: self.url,
            hooks: self.hooks,
            reasons: self.reasons,
        })
    }
}

fn set<T>(slot: &mut Option<T>, value: T, line: usize, key: &str) -> Result<(), ManifestError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(ManifestError::Twice { line, key: key.to_owned() }),
    }
}

fn is_id(value: &str) -> bool {
    let legal =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    !value.is_empty() && value.bytes().all(legal)
}

fn is_date(value: &str) -> bool {
    value.len() == 10
        && value.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "abi = 1.0\nid = a-1\ntitle = T\nkernels = 2.6.11\nsource = s\n\
        date = 2005-02-03\nhook = try_to_unmap_one\nreason = a = b\nreason = c\n\0ignored";

    #[test]
    fn a_manifest_is_read() {
        let manifest = Manifest::parse(GOOD).unwrap();
        assert_eq!(manifest.id, "a-1");
        assert_eq!(manifest.commit, None);
        assert_eq!(manifest.hooks, [Hook::try_to_unmap_one]);
        assert_eq!(manifest.reasons, ["a = b", "c"]);
    }

    #[test]
    fn a_wrong_manifest_names_its_line() {
        let cases = [
            ("abi = 1.0", "", "manifest line 1: expected \"key = value\""),
            ("abi = 1.0\n", "", "manifest has no \"abi\""),
            ("abi = 1.0", "abi = one", "manifest line 1: abi is \"one\", expected \"major.minor\""),
            ("title", "titel", "manifest line 3: unknown key \"titel\""),
            ("title", "kernels", "manifest line 4: \"kernels\" is given twice"),
            ("2005-02-03", "3 Feb", "manifest line 6: date is \"3 Feb\", expected YYYY-MM-DD"),
            (
                "try_to",
                "try to",
                "manifest line 7: hook is \"try to_unmap_one\", expected the name of a hook",
            ),
        ];
        for (from, to, message) in cases {
            let error = Manifest::parse(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn the_version_of_a_later_manifest_is_read() {
        let later = AbiVersion { major: 9, minor: 1 };
        assert_eq!(Manifest::abi_of("abi = 9.1\ncolour = blue\n"), Some(later));
    }
}
