//! What is wrong with a scenario file, and how that is shown.
//!
//! Knows the file's text and spans in it. Knows nothing of scenarios.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// Everything that is wrong with one scenario file, in the order of the file.
///
/// `Display` renders each problem as rustc does: file, line, column, the source line, a caret, help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file as the user named it.
    pub file: String,
    /// Its text.
    pub source: String,
    /// What is wrong; never empty.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the source that the caret marks; empty: something is missing there.
    pub span: Range<usize>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What was found.
    pub message: String,
    /// What would be right here.
    pub expected: Option<String>,
    /// The valid word nearest to the one found.
    pub nearest: Option<String>,
}

impl Problem {
    /// Says what would be right.
    pub(super) fn expected(&mut self, expected: impl Into<String>) -> &mut Self {
        self.expected = Some(expected.into());
        self
    }

    /// Suggests the candidate nearest to `word`, if one is near.
    pub(super) fn nearest<'c>(
        &mut self,
        word: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> &mut Self {
        self.nearest = nearest(word, candidates);
        self
    }

    fn render(&self, file: &str, source: &str) -> String {
        let snippet = Snippet::source(source)
            .path(file)
            .annotation(AnnotationKind::Primary.span(self.span.clone()));
        let mut group = Level::ERROR.primary_title(&*self.message).element(snippet);
        if let Some(expected) = &self.expected {
            group = group.element(Level::NOTE.message(format!("expected {expected}")));
        }
        if let Some(nearest) = &self.nearest {
            group = group.element(Level::HELP.message(format!("the nearest is `{nearest}`")));
        }
        Renderer::plain().render(&[group])
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            f.write_str(&problem.render(&self.file, &self.source))?;
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioError {}

/// The problems found so far in one source.
pub(super) struct Problems {
    source: String,
    found: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(source: &str) -> Self {
        Self { source: source.to_owned(), found: Vec::new() }
    }

    /// Notes a problem; the caller may add to it.
    pub(super) fn add(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Problem {
        let (line, column) = position(&self.source, span.start);
        self.found.push(Problem {
            span,
            line,
            column,
            message: message.into(),
            expected: None,
            nearest: None,
        });
        self.found.last_mut().expect("just pushed")
    }

    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// The error, if anything was wrong.
    pub(super) fn into_error(mut self, file: &str) -> Option<ScenarioError> {
        self.found.sort_by_key(|problem| (problem.span.start, problem.span.end));
        let file = file.to_owned();
        (!self.found.is_empty()).then_some(ScenarioError {
            file,
            source: self.source,
            problems: self.found,
        })
    }
}

/// Line and column of a byte, both from 1.
pub(super) fn position(source: &str, at: usize) -> (u32, u32) {
    let before = &source.as_bytes()[..at];
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    // Continuation bytes of UTF-8 are no characters of their own.
    let column = 1 + before[start..].iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
    (line as u32, column as u32)
}

/// The candidate with the smallest edit distance, if that is at most a third of the word. Case counts for nothing.
pub(crate) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<String> {
    let limit = word.chars().count() / 3;
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        assert_eq!(position("a\né\"x", 5), (2, 3));
    }

    #[test]
    fn a_word_far_from_all_has_no_nearest() {
        assert_eq!(nearest("stoer", ["load", "store"]), Some("store".to_owned()));
        assert_eq!(nearest("io", ["load", "store"]), None);
    }
}
