//! A step as words, each with its place in the file.
//!
//! Knows blanks, and where a TOML string stands. Knows no verbs and no names.

use std::ops::Range;

/// A word, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Word<'s> {
    pub(super) text: &'s str,
    /// Where it stands in the file; the whole string if that is written with escapes.
    pub(super) span: Range<usize>,
    exact: bool,
}

impl<'s> Word<'s> {
    /// A TOML string's value as one word, found in the source at `span`.
    pub(super) fn of_string(text: &'s str, span: Range<usize>, source: &str) -> Self {
        let inside = span.start + 1..span.end.saturating_sub(1);
        let exact = source.get(inside.clone()) == Some(text);
        Self { text, span: if exact { inside } else { span }, exact }
    }

    /// The part at these bytes of the text.
    pub(super) fn part(&self, bytes: Range<usize>) -> Self {
        let span = if self.exact {
            self.span.start + bytes.start..self.span.start + bytes.end
        } else {
            self.span.clone()
        };
        Self { text: &self.text[bytes], span, exact: self.exact }
    }

    /// What stands before and after the first `mark`.
    pub(super) fn split_once(&self, mark: char) -> Option<(Self, Self)> {
        let at = self.text.find(mark)?;
        Some((self.part(0..at), self.part(at + mark.len_utf8()..self.text.len())))
    }

    /// Without the blanks around it.
    pub(super) fn trimmed(&self) -> Self {
        let start = self.text.len() - self.text.trim_start().len();
        self.part(start..start + self.text.trim().len())
    }

    /// Its words.
    pub(super) fn split(&self) -> Vec<Self> {
        let mut at = 0;
        let mut words = Vec::new();
        for word in self.text.split_whitespace() {
            // Only blanks lie between `at` and the word, so the first match is the word itself.
            let start = at + self.text[at..].find(word).expect("a word of the text");
            at = start + word.len();
            words.push(self.part(start..at));
        }
        words
    }

    /// The place right behind it.
    pub(super) fn end(&self) -> Range<usize> {
        if self.exact { self.span.end..self.span.end } else { self.span.clone() }
    }
}

/// Whether a name could be an identifier of C.
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_place() {
        let source = "  \"A: store  P.hi\"";
        let text = Word::of_string("A: store  P.hi", 2..18, source);
        let (actor, rest) = text.split_once(':').unwrap();
        assert_eq!(&source[actor.span], "A");
        assert_eq!(
            rest.split().iter().map(|word| &source[word.span.clone()]).collect::<Vec<_>>(),
            ["store", "P.hi"]
        );
    }

    #[test]
    fn a_string_with_escapes_is_marked_as_a_whole() {
        let source = "\"A: \\u0073tore P\"";
        let text = Word::of_string("A: store P", 0..source.len(), source);
        assert_eq!(text.split()[1].span, 0..source.len());
    }
}
