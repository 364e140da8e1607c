//! The committed transcripts and the tables beside them, embedded in the binary.
//!
//! Knows where they are kept. Does not know what is in them.

use serde::Deserialize;

use super::error::{InputError, read_table};
use super::explained::Explained;
use super::transcript::{Transcript, name_of};

macro_rules! committed {
    ($($file:literal,)*) => {
        &[$(($file, include_str!(concat!("../../../tests/kernels/", $file))),)*]
    };
}

/// File name and text of each transcript, oldest kernel first.
static TRANSCRIPTS: &[(&str, &str)] = committed![
    "5.10.jsonl",
    "uml-5.10.jsonl",
    "6.1.jsonl",
    "uml-6.1.jsonl",
    "6.12.jsonl",
    "7.2.jsonl",
];

const KERNELS: &str = include_str!("../../../tests/kernels/kernels.toml");
const EXPLAINED: &str = include_str!("../../../tests/kernels/explained.toml");

/// File name and text of each committed transcript, oldest kernel first.
#[must_use]
pub fn committed() -> &'static [(&'static str, &'static str)] {
    TRANSCRIPTS
}

/// Reads every committed transcript.
///
/// # Errors
/// The first that is wrong.
pub fn committed_transcripts() -> Result<Vec<Transcript>, InputError> {
    TRANSCRIPTS.iter().map(|(file, text)| Transcript::read(file, text)).collect()
}

/// The committed list of explained differences.
///
/// # Errors
/// The list is wrong.
pub fn committed_explained() -> Result<Explained, InputError> {
    Explained::read("tests/kernels/explained.toml", EXPLAINED)
}

/// The policy that a transcript of this name is held against.
///
/// # Errors
/// The table is wrong, or does not name the transcript.
pub fn policy_for(transcript: &str) -> Result<String, InputError> {
    let file = "tests/kernels/kernels.toml";
    let table: Table = read_table(file, KERNELS)?;
    let named = |kernel: &Kernel| name_of(&kernel.transcript) == transcript;
    let found = table.kernel.into_iter().find(named);
    found.map(|kernel| kernel.policy).ok_or_else(|| InputError {
        file: file.to_string(),
        line: 0,
        what: format!("no policy is given for the transcript {transcript}"),
        remedy: "add it there, or name one with --policy".to_string(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    kernel: Vec<Kernel>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kernel {
    transcript: String,
    policy: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    #[test]
    fn the_list_equals_the_folder() {
        let folder = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kernels")).unwrap();
        let files = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files: BTreeSet<_> = files.filter(|file| file.ends_with(".jsonl")).collect();
        let listed: BTreeSet<_> = TRANSCRIPTS.iter().map(|(file, _)| (*file).to_string()).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn the_table_names_exactly_the_transcripts() {
        let table: Table = read_table("kernels.toml", KERNELS).unwrap();
        let named: BTreeSet<_> = table.kernel.iter().map(|one| one.transcript.as_str()).collect();
        let listed: BTreeSet<_> = TRANSCRIPTS.iter().map(|(file, _)| *file).collect();
        assert_eq!(named, listed);
        assert_eq!(named.len(), table.kernel.len(), "a transcript is named twice");
    }
}
