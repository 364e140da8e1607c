//! Words like `A.P[0..8].lo`: pages of a mapping that exist.
//!
//! Knows how ranges are written and which mappings there are. Does not know verbs.

use super::args::Args;
use super::cast::Kind;
use super::table::list;
use super::words::Word;
use crate::{Range, Sectors};

/// How finely a verb may name memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// `P[2].lo`
    Sectors,
    /// `P[2]`
    Pages,
    /// `P`
    Mapping,
}

impl Extent {
    fn form(self, process: &str) -> String {
        match self {
            Self::Sectors => format!(
                "`{process}P`, `{process}P[2]`, `{process}P[0..8]`, each also with `.lo` or `.hi`"
            ),
            Self::Pages => format!("`{process}P`, `{process}P[2]` or `{process}P[0..8]`"),
            Self::Mapping => format!("a whole mapping: `{process}P`"),
        }
    }
}

impl<'s> Args<'_, 's> {
    /// Pages of a mapping. A process names its own, everybody else says whose.
    pub(super) fn range(&mut self, extent: Extent) -> Option<Range> {
        self.range_unless_gone(extent, true)
    }

    /// The same, also where the mapping or its process is gone.
    pub(super) fn range_even_if_gone(&mut self, extent: Extent) -> Option<Range> {
        self.range_unless_gone(extent, false)
    }

    fn range_unless_gone(&mut self, extent: Extent, check: bool) -> Option<Range> {
        let word = self.word("a mapping")?;
        let pieces = Pieces::of(&word);
        let (process, owner) = match self.kind {
            Kind::Task(own) => {
                if let Some(process) = &pieces.process {
                    // `P.mid`: meant as a sector of an own mapping.
                    if self.cast.process(own).maps.iter().any(|map| map.name == process.text) {
                        self.no_sector(&pieces.map);
                        return None;
                    }
                    let message =
                        format!("`{}` names its own mappings without a process", self.actor);
                    self.problems.add(process.span.clone(), message).expected(extent.form(""));
                    return None;
                }
                (None, own)
            }
            _ => {
                let owner = match &pieces.process {
                    Some(process) => self.find_process(process)?,
                    None => self.only_owner(&pieces.map)?,
                };
                (Some(self.cast.process(owner).name.clone()), owner)
            }
        };
        if check {
            self.alive(pieces.process.as_ref().unwrap_or(&pieces.map), owner)?;
        }
        let length = self.mapping(owner, &pieces.map, check)?;
        let (first, pages) = self.pages(&pieces, extent, length)?;
        let sectors = self.which_sectors(&pieces, extent)?;
        Some(Range { process, map: pieces.map.text.to_owned(), first, pages, sectors })
    }

    /// The one initial process that has the mapping.
    fn only_owner(&mut self, map: &Word<'s>) -> Option<usize> {
        let owners = self.cast.initial_with(map.text);
        match owners[..] {
            [owner] => Some(owner),
            [] => {
                self.unknown_mapping(
                    map,
                    "no process starts with",
                    self.cast.map_names().into_iter().map(str::to_owned).collect(),
                );
                None
            }
            _ => {
                let names = owners
                    .iter()
                    .map(|&owner| format!("{}.{}", self.cast.process(owner).name, map.text));
                let names: Vec<_> = names.collect();
                self.problems
                    .add(
                        map.span.clone(),
                        format!("{} processes have a mapping `{}`", owners.len(), map.text),
                    )
                    .expected(list(names.iter().map(String::as_str)));
                None
            }
        }
    }

    /// The length in pages of a process's mapping.
    fn mapping(&mut self, owner: usize, map: &Word<'s>, check: bool) -> Option<u32> {
        let process = self.cast.process(owner);
        match process.maps.iter().find(|mapping| mapping.name == map.text) {
            Some(mapping) => match &mapping.gone {
                Some(how) if check && !process.leaving => {
                    self.problems
                        .add(map.span.clone(), how.clone())
                        .expected("a mapping that exists at this step");
                    None
                }
                _ => Some(mapping.pages),
            },
            None => {
                let names = process.maps.iter().map(|mapping| mapping.name.clone()).collect();
                let whose = format!("`{}` has no mapping", process.name);
                self.unknown_mapping(map, &whose, names);
                None
            }
        }
    }

    fn unknown_mapping(&mut self, map: &Word<'s>, prefix: &str, names: Vec<String>) {
        if self.cast.is_suspect(map.text) {
            return;
        }
        let names = || names.iter().map(String::as_str);
        let problem = self.problems.add(map.span.clone(), format!("{prefix} `{}`", map.text));
        if names().next().is_some() {
            problem.expected(list(names())).nearest(map.text, names());
        }
    }

    /// First page and number of pages; number 0: to the end.
    fn pages(&mut self, pieces: &Pieces<'s>, extent: Extent, length: u32) -> Option<(u32, u32)> {
        let Some(index) = &pieces.index else {
            return Some((0, 0));
        };
        let whose = if pieces.process.is_some() { "A." } else { "" };
        if extent == Extent::Mapping {
            self.problems
                .add(index.span.clone(), "this works on a whole mapping")
                .expected(extent.form(whose));
            return None;
        }
        let bounds = match index.split_once('.') {
            Some((first, rest)) => first
                .text
                .parse()
                .ok()
                .zip(rest.text.strip_prefix('.').and_then(|t| t.parse().ok())),
            None => index.text.parse().ok().map(|page: u32| (page, page.saturating_add(1))),
        };
        let Some((first, end)) = bounds.filter(|(first, end)| first < end) else {
            self.problems
                .add(index.span.clone(), format!("`{}` does not name pages", index.text))
                .expected(extent.form(whose));
            return None;
        };
        if end > length {
            let map = pieces.map.text;
            self.problems
                .add(index.span.clone(), format!("`{map}` has no page {}", end - 1))
                .expected(if length == 1 {
                    "page 0".to_owned()
                } else {
                    format!("pages 0 to {}", length - 1)
                });
            return None;
        }
        Some((first, end - first))
    }

    fn which_sectors(&mut self, pieces: &Pieces<'s>, extent: Extent) -> Option<Sectors> {
        let Some(word) = &pieces.sector else {
            return Some(Sectors::All);
        };
        if extent != Extent::Sectors {
            let whose = if pieces.process.is_some() { "A." } else { "" };
            self.problems
                .add(word.span.clone(), "this works on whole pages")
                .expected(extent.form(whose));
            return None;
        }
        match word.text {
            "lo" => Some(Sectors::Lo),
            "hi" => Some(Sectors::Hi),
            _ => {
                self.no_sector(word);
                None
            }
        }
    }

    fn no_sector(&mut self, word: &Word<'s>) {
        self.problems
            .add(word.span.clone(), format!("`{}` is not a sector", word.text))
            .expected("`lo`, `hi`");
    }
}

/// A word like `A.P[0..8].lo` taken apart.
struct Pieces<'s> {
    process: Option<Word<'s>>,
    map: Word<'s>,
    /// Between the brackets; with the opening one if it is not closed.
    index: Option<Word<'s>>,
    sector: Option<Word<'s>>,
}

impl<'s> Pieces<'s> {
    fn of(word: &Word<'s>) -> Self {
        let (names, index, after) = match word.split_once('[') {
            None => (word.clone(), None, None),
            Some((names, rest)) => match rest.split_once(']') {
                Some((index, after)) => (names, Some(index), Some(after)),
                None => (names.clone(), Some(word.part(names.text.len()..word.text.len())), None),
            },
        };
        let mut parts = Vec::new();
        let mut rest = names;
        while let Some((part, more)) = rest.split_once('.') {
            parts.push(part);
            rest = more;
        }
        parts.push(rest);
        // Behind brackets only a sector can stand; without them the last part may be one.
        let last_is_sector =
            parts.len() > 2 || parts.len() == 2 && matches!(parts[1].text, "lo" | "hi");
        let sector = match after {
            Some(after) if after.text.is_empty() => None,
            Some(after) => Some(
                after
                    .split_once('.')
                    .filter(|(before, _)| before.text.is_empty())
                    .map_or(after, |(_, sector)| sector),
            ),
            None if last_is_sector => parts.pop(),
            None => None,
        };
        let map = parts.pop().expect("split yields at least one part");
        Self { process: parts.pop(), map, index, sector }
    }
}
