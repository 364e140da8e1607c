//! Names: what the scenario calls processes, tasks, mappings, requests and data.

use crate::mm::{FileId, IoId, Memory, MmId, TaskId, Token, VmaId};
use crate::oracle::Finding;
use crate::trace::FindingText;

/// Names of everything that a trace mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Names {
    processes: Vec<String>,
    tasks: Vec<(String, TaskId, MmId)>,
    /// Mappings: name, first address, length. Processes of one family share them.
    maps: Vec<(MmId, String, u32, u32)>,
    files: Vec<String>,
    ios: Vec<String>,
    /// Stores, in the order of their numbers: what each is called.
    tokens: Vec<(Token, String)>,
}

impl Names {
    pub fn add_file(&mut self, name: &str) {
        self.files.push(name.to_string());
    }

    pub fn file(&self, name: &str) -> FileId {
        let place = self.files.iter().position(|f| f == name);
        FileId(place.expect("the scenario was checked") as u16)
    }

    pub fn add_process(&mut self, name: &str) {
        self.processes.push(name.to_string());
    }

    pub fn process(&self, mm: MmId) -> &str {
        &self.processes[mm.index()]
    }

    /// The process of a name that was given last (a name is used once).
    pub fn mm(&self, name: &str) -> Option<MmId> {
        let place = self.processes.iter().rposition(|p| p == name)?;
        Some(MmId(place as u16))
    }

    pub fn add_map(&mut self, name: &str, start: u32, pages: u32) {
        let mm = MmId(self.processes.len() as u16 - 1);
        self.maps.push((mm, name.to_string(), start, pages));
    }

    /// fork: the child has the parent's mappings.
    pub fn inherit(&mut self, parent: MmId, child: MmId) {
        let inherited: Vec<_> = (self.maps.iter())
            .filter(|map| map.0 == parent)
            .map(|map| (child, map.1.clone(), map.2, map.3))
            .collect();
        self.maps.extend(inherited);
    }

    /// First address and length of each mapping of a process.
    pub fn maps_of(&self, mm: MmId) -> impl Iterator<Item = (u32, u32)> {
        self.maps.iter().filter(move |map| map.0 == mm).map(|map| (map.2, map.3))
    }

    /// First address and length of a mapping.
    pub fn map(&self, mm: MmId, name: &str) -> Option<(u32, u32)> {
        let map = self.maps.iter().find(|map| map.0 == mm && map.1 == name)?;
        Some((map.2, map.3))
    }

    pub fn add_task(&mut self, name: &str, task: TaskId, mm: MmId) {
        self.tasks.push((name.to_string(), task, mm));
    }

    pub fn task_id(&self, name: &str) -> Option<TaskId> {
        self.tasks.iter().find(|task| task.0 == name).map(|task| task.1)
    }

    /// The threads of a process.
    pub fn tasks_of(&self, mm: MmId) -> impl Iterator<Item = TaskId> {
        self.tasks.iter().filter(move |task| task.2 == mm).map(|task| task.1)
    }

    pub fn task(&self, id: TaskId) -> String {
        let task = self.tasks.iter().find(|task| task.1 == id);
        task.map_or_else(|| "somebody".to_string(), |task| task.0.clone())
    }

    pub fn add_io(&mut self, name: &str) {
        self.ios.push(name.to_string());
    }

    pub fn io(&self, io: IoId) -> &str {
        &self.ios[io as usize]
    }

    pub fn io_id(&self, name: &str) -> Option<IoId> {
        self.ios.iter().rposition(|io| io == name).map(|io| io as IoId)
    }

    /// Names the data that were stored last, if they have no name yet.
    pub fn name_token(&mut self, mem: &Memory, name: String) {
        let newest = self.tokens.iter().map(|t| t.0.seq()).max().unwrap_or(0);
        for seq in newest + 1..=mem.seq {
            let authors = (1..=mem.mms.len() as u8).chain([Token::DEVICE]);
            self.tokens.extend(authors.map(|author| (Token::new(author, seq), name.clone())));
        }
    }

    /// Names the data of the requests that were submitted last.
    pub fn name_requests(&mut self, mem: &Memory) {
        let newest = self.tokens.iter().map(|t| t.0.seq()).max().unwrap_or(0);
        for (io, name) in self.ios.iter().enumerate() {
            for holder in mem.holders_of(io as IoId) {
                for token in mem.holders[holder.index()].token {
                    if token.author() == Token::DEVICE && token.seq() > newest {
                        self.tokens.push((token, format!("the data of {name}")));
                    }
                }
            }
        }
    }

    /// `A.P[2]`, without the index where the mapping has one page.
    pub fn place(&self, mem: &Memory, vma: VmaId, address: u32) -> String {
        self.address(mem.vmas[vma.index()].mm, address)
    }

    pub fn address(&self, mm: MmId, address: u32) -> String {
        let process = self.process(mm);
        let map =
            self.maps.iter().find(|map| map.0 == mm && address >= map.2 && address - map.2 < map.3);
        match map {
            Some((_, name, _, 1)) => format!("{process}.{name}"),
            Some((_, name, start, _)) => format!("{process}.{name}[{}]", address - start),
            None => format!("{process}:{address}"),
        }
    }

    /// What a sector holds: `A's store 3`, `data of io`.
    pub fn token(&self, token: Token) -> String {
        if token == Token::ZERO {
            return "zero".to_string();
        }
        let named = self.tokens.iter().find(|t| t.0 == token);
        if let Some((_, name)) = named {
            return name.clone();
        }
        match token.author() {
            0 => "the file's data".to_string(),
            Token::DEVICE => "a device's data".to_string(),
            Token::SETTLED => "a store".to_string(),
            author => format!("a store of {}", self.processes[author as usize - 1]),
        }
    }

    pub fn finding(&self, finding: &Finding) -> FindingText {
        let sector = if finding.sector == 0 { "lo" } else { "hi" };
        FindingText {
            word: finding.kind.word().to_string(),
            error: finding.kind.is_error(),
            place: format!("{}.{sector}", self.address(finding.mm, finding.address)),
            seen: self.token(finding.seen),
            expected: self.token(finding.expected),
        }
    }
}
