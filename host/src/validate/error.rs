//! What can be wrong with a transcript or with the tables beside it.

use std::fmt;

/// A file that cannot be used: where, what is wrong, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// The file, as the user or the list of committed ones names it.
    pub file: String,
    /// The line, from 1; 0: the file as a whole.
    pub line: u32,
    /// What was found, and what was expected.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, remedy } = self;
        match line {
            0 => write!(f, "{file}: {what}; {remedy}"),
            line => write!(f, "{file}:{line}: {what}; {remedy}"),
        }
    }
}

impl std::error::Error for InputError {}

/// Reads a table that stands beside the transcripts.
pub(super) fn read_table<T: serde::de::DeserializeOwned>(
    file: &str,
    text: &str,
) -> Result<T, InputError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().map_or("", |span| &text[..span.start]);
        InputError {
            file: file.to_string(),
            line: before.matches('\n').count() as u32 + 1,
            what: error.message().to_string(),
            remedy: "the comment at the file's head shows the form".to_string(),
        }
    })
}
