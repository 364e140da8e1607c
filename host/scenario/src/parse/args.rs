//! The words behind a verb, read one by one.
//!
//! Knows names and numbers; `pages` adds ranges. Does not know which verb wants what.

use std::ops;

use super::cast::{Cast, Kind};
use super::error::Problems;
use super::table::list;
use super::words::{Word, is_name};
use crate::{MigrateOrder, Over, Sectors};

/// The words of a step that are still to be read.
pub(super) struct Args<'a, 's> {
    /// The actor's name.
    pub(super) actor: &'s str,
    pub(super) kind: Kind,
    /// Line of the step.
    pub(super) line: u32,
    /// How the verb is written, for messages.
    pub(super) form: &'static str,
    /// What is left.
    pub(super) words: &'a [Word<'s>],
    /// Behind the last word.
    pub(super) end: ops::Range<usize>,
    pub(super) cast: &'a mut Cast,
    pub(super) problems: &'a mut Problems,
}

impl<'s> Args<'_, 's> {
    pub(super) fn peek(&self) -> Option<&Word<'s>> {
        self.words.first()
    }

    /// The next word; says what is missing if there is none.
    pub(super) fn word(&mut self, what: &str) -> Option<Word<'s>> {
        let word = self.peek().cloned();
        match word {
            Some(_) => self.words = &self.words[1..],
            None => {
                let form = format!("`{}`", self.form);
                self.problems.add(self.end.clone(), format!("{what} is missing")).expected(form);
            }
        }
        word
    }

    /// Whether the next word is this one, which may be left out.
    pub(super) fn may_say(&mut self, optional: &str) -> bool {
        let said = self.peek().is_some_and(|word| word.text == optional);
        if said {
            self.words = &self.words[1..];
        }
        said
    }

    /// Complains about words that are left.
    pub(super) fn finish(&mut self) {
        if let Some(word) = self.peek().cloned() {
            let form = format!("`{}`", self.form);
            self.problems.add(word.span, format!("`{}` is too much", word.text)).expected(form);
        }
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(&mut self, what: &str, choices: &[(&str, T)]) -> Option<T> {
        let word = self.word(what)?;
        let choice = choices.iter().find(|(name, _)| *name == word.text);
        if choice.is_none() {
            let names = || choices.iter().map(|&(name, _)| name);
            let problem = self.problems.add(word.span, format!("`{}` is not {what}", word.text));
            problem.expected(list(names())).nearest(word.text, names());
        }
        choice.map(|&(_, value)| value)
    }

    pub(super) fn number(&mut self, what: &str, limits: ops::RangeInclusive<u32>) -> Option<u32> {
        let word = self.word(what)?;
        let number = word.text.parse().ok().filter(|number| limits.contains(number));
        if number.is_none() {
            self.problems
                .add(word.span, format!("`{}` is not {what}", word.text))
                .expected(format!("a whole number from {} to {}", limits.start(), limits.end()));
        }
        number
    }

    /// `lo`, `hi` or nothing.
    pub(super) fn sectors(&mut self) -> Option<Sectors> {
        if self.peek().is_none() {
            return Some(Sectors::All);
        }
        self.one_of("a sector", &[("lo", Sectors::Lo), ("hi", Sectors::Hi)])
    }

    /// `over fuse`; a block device if there is no `over`.
    pub(super) fn over(&mut self) -> Option<Over> {
        if self.peek().is_none_or(|word| word.text != "over") {
            return Some(Over::Block);
        }
        self.word("`over`");
        self.one_of(
            "a way to the device",
            &[("block", Over::Block), ("fuse", Over::Fuse), ("nfs", Over::Nfs)],
        )
    }

    pub(super) fn order(&mut self) -> Option<MigrateOrder> {
        let choices = [
            ("replace_first", MigrateOrder::ReplaceFirst),
            ("unmap_first", MigrateOrder::UnmapFirst),
        ];
        self.one_of("an order of migration", &choices)
    }

    /// A section's number.
    pub(super) fn section(&mut self) -> Option<u32> {
        let last = self.cast.sections - 1;
        self.number("a section of this memory", 0..=last)
    }

    /// `swap0`: a swap area's number.
    pub(super) fn swap_area(&mut self) -> Option<u32> {
        let names: Vec<_> = (0..self.cast.swap_areas).map(|area| format!("swap{area}")).collect();
        let choices: Vec<_> = names.iter().map(String::as_str).zip(0..).collect();
        self.one_of("a swap area of this memory", &choices)
    }

    /// `as NAME`: a new name. It is made known even if the rest of the step is wrong.
    pub(super) fn named(&mut self, kind: Kind) -> Option<String> {
        self.one_of("`as`", &[("as", ())])?;
        let name = self.new_name()?;
        self.cast.add(&name, kind);
        Some(name)
    }

    /// A name that does not stand for anything yet.
    pub(super) fn new_name(&mut self) -> Option<String> {
        let word = self.word("a new name")?;
        if !is_name(word.text) {
            self.problems
                .add(word.span, format!("`{}` is not a name", word.text))
                .expected("letters, digits and `_`");
            return None;
        }
        if let Some(what) = self.cast.taken(word.text) {
            self.problems
                .add(word.span, format!("`{}` is already {what}", word.text))
                .expected("another name");
            return None;
        }
        Some(word.text.to_owned())
    }

    /// A process by name, alive.
    pub(super) fn process(&mut self) -> Option<String> {
        let word = self.word("a process")?;
        let index = self.find_process(&word)?;
        self.alive(&word, index)?;
        Some(word.text.to_owned())
    }

    pub(super) fn find_process(&mut self, word: &Word<'s>) -> Option<usize> {
        let index = self.cast.process_named(word.text);
        if index.is_none() && !self.cast.is_suspect(word.text) {
            let names: Vec<_> = self.cast.process_names().collect();
            self.problems
                .add(word.span.clone(), format!("unknown process `{}`", word.text))
                .expected(list(names.iter().copied()))
                .nearest(word.text, names);
        }
        index
    }

    pub(super) fn alive(&mut self, word: &Word<'s>, process: usize) -> Option<()> {
        let process = self.cast.process(process);
        match &process.over {
            Some(how) if !process.leaving => {
                self.problems
                    .add(word.span.clone(), how.clone())
                    .expected("a process that exists at this step");
                None
            }
            _ => Some(()),
        }
    }
}
