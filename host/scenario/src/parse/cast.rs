//! Who and what exists at a step: actors, mappings, swap areas, sections.
//!
//! Knows names and where they came from. Does not know verbs, nor what the machine does: whether an
//! IO was really submitted, say.

use std::collections::{BTreeMap, BTreeSet};

use crate::{MapSpec, MemorySpec, ProcessSpec, Range};

/// Words of the step grammar, which no name may be.
pub(super) const RESERVED: [&str; 9] =
    ["lo", "hi", "as", "over", "until", "all", "section", "inject", "check"];

/// What sort of actor a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A process's thread; the index of the process.
    Task(usize),
    Kswapd,
    Hotplug,
    Swapoff,
    Io,
    Pin,
    SwapArea(u32),
    Inject,
    Check,
}

impl Kind {
    /// How a message calls it.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Task(_) => "a process",
            Self::Kswapd | Self::Hotplug | Self::Swapoff => "a kernel thread",
            Self::Io => "a direct IO",
            Self::Pin => "a pin",
            Self::SwapArea(_) => "a swap area",
            Self::Inject | Self::Check => "a word of the step grammar",
        }
    }

    /// Whether it runs through kernel code, and so can stop at a stage.
    pub(super) fn runs(self) -> bool {
        matches!(self, Self::Task(_) | Self::Kswapd | Self::Hotplug | Self::Swapoff)
    }
}

/// Something that ended, how and on which line: `A exited on line 7`.
pub(super) type Ending = String;

#[derive(Debug)]
struct Actor {
    kind: Kind,
    started: bool,
    over: Option<Ending>,
}

#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub(super) name: String,
    pub(super) pages: u32,
    pub(super) gone: Option<Ending>,
}

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) name: String,
    pub(super) maps: Vec<Mapping>,
    pub(super) over: Option<Ending>,
    /// In the middle of `exit` or `munmap`: what it gives up may be there still.
    pub(super) leaving: bool,
}

/// `swap0`, `swap1`, ..., whether or not this memory has so many.
fn is_swap_area(name: &str) -> bool {
    let number = name.strip_prefix("swap").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Everything that a step may name.
#[derive(Debug)]
pub(super) struct Cast {
    actors: BTreeMap<String, Actor>,
    processes: Vec<Process>,
    initial: usize,
    /// What `inject: lock` holds now.
    pub(super) locked: Vec<Range>,
    /// Whose mmap_sem `inject: mmap_sem` holds now.
    pub(super) held: Vec<String>,
    pub(super) sections: u32,
    pub(super) swap_areas: u32,
    /// Words of lines that were wrong: they may have been meant to introduce a name.
    suspects: BTreeSet<String>,
}

impl Cast {
    pub(super) fn new(memory: &MemorySpec) -> Self {
        let swap_areas = memory.swap.len() as u32;
        let mut cast = Self {
            actors: BTreeMap::new(),
            processes: Vec::new(),
            initial: 0,
            locked: Vec::new(),
            held: Vec::new(),
            sections: if memory.section == 0 { 1 } else { memory.pages.div_ceil(memory.section) },
            swap_areas,
            suspects: BTreeSet::new(),
        };
        for (name, kind) in [
            ("kswapd", Kind::Kswapd),
            ("kswapd1", Kind::Kswapd),
            ("hotplug", Kind::Hotplug),
            ("hotplug1", Kind::Hotplug),
            ("swapoff", Kind::Swapoff),
            ("inject", Kind::Inject),
            ("check", Kind::Check),
        ] {
            cast.add(name, kind);
        }
        for area in 0..swap_areas {
            cast.add(&format!("swap{area}"), Kind::SwapArea(area));
        }
        cast
    }

    /// Makes a name known; the caller has made sure that it is free.
    pub(super) fn add(&mut self, name: &str, kind: Kind) {
        self.actors.insert(name.to_owned(), Actor { kind, started: false, over: None });
    }

    /// Adds a process that exists at the start.
    pub(super) fn add_initial(&mut self, process: &ProcessSpec) {
        let index = self.processes.len();
        let maps = process.maps.iter().map(|MapSpec { name, pages, .. }| Mapping {
            name: name.clone(),
            pages: *pages,
            gone: None,
        });
        self.processes.push(Process {
            name: process.name.clone(),
            maps: maps.collect(),
            over: None,
            leaving: false,
        });
        self.initial = self.processes.len();
        for name in std::iter::once(&process.name).chain(&process.threads) {
            // A name that is taken was complained about, and goes on to mean what it meant.
            if self.kind(name).is_none() {
                self.add(name, Kind::Task(index));
            }
        }
    }

    /// Adds a process that an earlier one forks.
    pub(super) fn fork(&mut self, parent: usize, child: &str) {
        let index = self.processes.len();
        let maps =
            self.processes[parent].maps.iter().filter(|map| map.gone.is_none()).cloned().collect();
        self.processes.push(Process { name: child.to_owned(), maps, over: None, leaving: false });
        self.add(child, Kind::Task(index));
    }

    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        self.actors.get(name).map(|actor| actor.kind)
    }

    /// What a name that is taken stands for.
    pub(super) fn taken(&self, name: &str) -> Option<&'static str> {
        match self.kind(name) {
            Some(kind) => Some(kind.describe()),
            None if is_swap_area(name) => Some("a name for a swap area"),
            None => RESERVED.contains(&name).then_some("a word of the step grammar"),
        }
    }

    /// Names of actors that a test picks.
    pub(super) fn actors(&self, pick: impl Fn(Kind) -> bool) -> Vec<&str> {
        self.actors
            .iter()
            .filter(|(_, actor)| pick(actor.kind))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    pub(super) fn started(&self, name: &str) -> bool {
        self.actors.get(name).is_some_and(|actor| actor.started)
    }

    pub(super) fn start(&mut self, name: &str) {
        if let Some(actor) = self.actors.get_mut(name) {
            actor.started = true;
        }
    }

    /// How an actor ended, if it did.
    pub(super) fn over(&self, name: &str) -> Option<&Ending> {
        let actor = self.actors.get(name)?;
        match actor.kind {
            Kind::Task(process) => self.processes[process].over.as_ref(),
            _ => actor.over.as_ref(),
        }
    }

    /// Notes that an actor ended, on this line; a thread takes its process with it.
    pub(super) fn end(&mut self, name: &str, how: &str, line: u32) {
        let Some(actor) = self.actors.get_mut(name) else {
            return;
        };
        match actor.kind {
            Kind::Task(process) => {
                let process = &mut self.processes[process];
                process.over = Some(format!("`{}` {how} on line {line}", process.name));
            }
            _ => actor.over = Some(format!("`{name}` {how} on line {line}")),
        }
    }

    /// Notes whether a process is in the middle of giving something up.
    pub(super) fn leave(&mut self, process: usize, leaving: bool) {
        self.processes[process].leaving = leaving;
    }

    pub(super) fn process(&self, index: usize) -> &Process {
        &self.processes[index]
    }

    pub(super) fn unmap(&mut self, process: usize, map: &str, how: &Ending) {
        for mapping in self.processes[process].maps.iter_mut().filter(|mapping| mapping.name == map)
        {
            mapping.gone = Some(how.clone());
        }
    }

    /// The process by its own name, not by a thread's.
    pub(super) fn process_named(&self, name: &str) -> Option<usize> {
        self.processes.iter().position(|process| process.name == name)
    }

    pub(super) fn process_names(&self) -> impl Iterator<Item = &str> {
        self.processes.iter().map(|process| process.name.as_str())
    }

    /// The initial processes that have a mapping of this name.
    pub(super) fn initial_with(&self, map: &str) -> Vec<usize> {
        (0..self.initial)
            .filter(|&process| self.processes[process].maps.iter().any(|m| m.name == map))
            .collect()
    }

    /// How many pages a range of somebody's mapping has.
    pub(super) fn length(&self, range: &Range) -> u32 {
        let owner = range.process.as_deref().and_then(|name| self.process_named(name));
        let maps = owner.map_or(&[][..], |owner| &self.processes[owner].maps);
        let all = maps.iter().find(|map| map.name == range.map).map_or(0, |map| map.pages);
        if range.pages == 0 { all - range.first } else { range.pages }
    }

    /// Every mapping's name, once.
    pub(super) fn map_names(&self) -> BTreeSet<&str> {
        self.processes
            .iter()
            .flat_map(|process| &process.maps)
            .map(|map| map.name.as_str())
            .collect()
    }

    /// Remembers a word whose line was wrong, so that its later use is not a second error.
    pub(super) fn suspect(&mut self, word: &str) {
        self.suspects.insert(word.to_owned());
    }

    pub(super) fn is_suspect(&self, word: &str) -> bool {
        self.suspects.contains(word)
    }
}
