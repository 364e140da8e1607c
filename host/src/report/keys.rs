//! Short keys for tables that are narrow: of outcomes, two characters; of policies, letters.
//!
//! This module does not know which outcomes there are.

use std::collections::BTreeMap;

/// A key for each word: the initials of its first and last word, in the word's own case;
/// `.` for `ok`.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(BTreeMap<String, String>);

impl Keys {
    /// Keys of words; words with the same initials are told apart by a number.
    pub fn new<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let mut keys = Self::default();
        for word in words {
            if !keys.0.contains_key(word) {
                let key = keys.free(word);
                keys.0.insert(word.to_string(), key);
            }
        }
        keys
    }

    fn free(&self, word: &str) -> String {
        let key = initials(word);
        let taken = |key: &String| self.0.values().any(|other| other == key);
        let first: String = key.chars().take(1).collect();
        let numbered = (2..).map(|number: u32| format!("{first}{number}"));
        let mut tried = std::iter::once(key).chain(numbered);
        tried.find(|key| !taken(key)).expect("there is always another number")
    }

    /// The key of a word; the word itself if it has none.
    pub fn of<'a>(&'a self, word: &'a str) -> &'a str {
        self.0.get(word).map_or(word, String::as_str)
    }

    /// `key word`, the words in order.
    pub fn legend(&self) -> Vec<(&str, &str)> {
        let mut legend: Vec<(&str, &str)> =
            self.0.iter().map(|(word, key)| (key.as_str(), word.as_str())).collect();
        // Errors, in capitals, come first in order of characters; all is well before them.
        legend.sort_by_key(|(_, word)| (*word != "ok", *word));
        legend
    }
}

fn initials(word: &str) -> String {
    if word == "ok" {
        return ".".to_string();
    }
    let mut words = word.split_whitespace();
    let first = words.next().unwrap_or_default();
    match words.last() {
        Some(last) => first.chars().take(1).chain(last.chars().take(1)).collect(),
        None => first.chars().take(2).collect(),
    }
}

/// `a` to `z`, then `aa`.
pub(super) fn letter(index: usize) -> String {
    let last = char::from(b'a' + (index % 26) as u8);
    match index / 26 {
        0 => last.to_string(),
        more => letter(more - 1) + &last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_initials_and_distinct() {
        let words = ["ok", "LOST IO", "STUCK", "io to child", "LOST IO", "LONG INPUT"];
        let keys = Keys::new(words.into_iter());
        assert_eq!(words.map(|word| keys.of(word)), [".", "LI", "ST", "ic", "LI", "L2"]);
        assert_eq!(keys.of("BUG"), "BUG");
        assert_eq!(keys.legend()[0], (".", "ok"));
    }

    #[test]
    fn letters_do_not_run_out() {
        assert_eq!([0, 25, 26, 27, 52].map(letter), ["a", "z", "aa", "ab", "ba"]);
    }
}
