//! Transcripts: what one kernel showed at each step of scenarios, as JSON lines.
//!
//! The guest program on a real kernel writes them, and the model writes the same of
//! itself, so that the two can be compared field by field. The first line is a
//! [`Header`], every other one an [`Observation`]. No pfn, address, pid or time is in
//! them: the same kernel gives the same bytes.

use serde::{Deserialize, Serialize};

/// The form of transcripts that this crate reads and writes.
pub const FORM: u32 = 1;

/// In [`Header::hidden`]: the kernel shows no frame for a swap pte, so that a frame has a
/// number only as long as some pte is present.
pub const SWAP_FRAMES: &str = "page of a swap pte";

/// Which kernel a transcript is of, and what it could not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORM`].
    pub transcript: u32,
    /// `uname -r` of the kernel.
    pub kernel: String,
    /// The package that the kernel came in, `name version`, or the file's name.
    pub package: String,
    /// SHA-256 of the package's files, hexadecimal, in the order of `package`.
    pub sha256: Vec<String>,
    /// The machine: `qemu pc tcg`, `user-mode linux`.
    pub machine: String,
    /// Fields of [`Place`] that this kernel does not let anybody see, such as `exclusive`. `page
    /// of a swap pte`: whether a swap entry's frame is still in the swap cache, and with it
    /// every field of the frame of such a place.
    pub hidden: Vec<String>,
    /// Scenarios that were not run, each with the reason, `name: reason`.
    pub skipped: Vec<String>,
}

/// What there was to see once a step was over and everything had settled: writeback,
/// LRU batches, completions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The scenario's name.
    pub scenario: String,
    /// Number of the step, from 1.
    pub step: u32,
    /// The step as written: `A: store P.hi`.
    pub text: String,
    /// What came of it, see [`Outcome`].
    pub result: Outcome,
    /// What a load or a read through a reference saw: `[lo, hi]`, none for a sector that
    /// was not looked at. Empty for other steps.
    pub seen: Vec<Option<Datum>>,
    /// Every page of every mapping of every living process, by process in order of
    /// appearance, mapping, page.
    pub places: Vec<Place>,
}

/// What came of a step, as far as a system call tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Ok,
    /// SIGSEGV or EFAULT.
    Fault,
    /// move_pages: the page has another frame now.
    Moved,
    /// move_pages or offline: still there.
    Busy,
    /// move_pages: ENOENT, the pte is not present.
    NotPresent,
    /// The memory block is offline.
    Offline,
    /// swapoff is done.
    Off,
    /// ENOMEM.
    NoMemory,
}

/// What a sector held: every store and transfer writes data that nothing else writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    /// Never written.
    Zero,
    /// Stored, or written through a reference, in this step.
    Step(u32),
    /// What the device had for this request.
    Io(String),
    /// The data of a file.
    File,
    /// None of these.
    Garbage,
}

/// One page of one mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// `A.P[2]`; `A.P` where the mapping has one page.
    pub place: String,
    /// What the pte is.
    pub pte: Pte,
    /// The frame that it leads to, present or through the swap cache: a number by first
    /// sight within the scenario. A frame that an observation does not see at any place
    /// loses its number. None: not in memory, or the zero page.
    pub page: Option<u32>,
    /// Whether the frame is the zero page.
    pub zero: Option<bool>,
    /// page_mapcount of the frame.
    pub mapcount: Option<u32>,
    /// page_count of the frame, without the references of LRU batches, reclaim, writeback
    /// and whoever looks.
    pub count: Option<u32>,
    /// Whether the frame is in the swap cache.
    pub swapcache: Option<bool>,
    /// PG_anon_exclusive of the frame.
    pub exclusive: Option<bool>,
}

/// What a pte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pte {
    /// Nothing.
    None,
    /// A page.
    Present,
    /// A swap entry.
    Swap,
}

/// Numbers frames by first sight; see [`Place::page`].
#[derive(Clone, Debug, Default)]
pub struct Labels {
    known: Vec<(u64, u32)>,
    seen: Vec<u64>,
    next: u32,
}

impl Labels {
    /// Begins an observation.
    pub fn begin(&mut self) {
        self.seen.clear();
    }

    /// The number of a frame.
    pub fn of(&mut self, pfn: u64) -> u32 {
        self.seen.push(pfn);
        if let Some(&(_, label)) = self.known.iter().find(|known| known.0 == pfn) {
            return label;
        }
        let label = self.next;
        self.next += 1;
        self.known.push((pfn, label));
        label
    }

    /// Ends an observation: frames that it did not see lose their numbers.
    pub fn end(&mut self) {
        let seen = &self.seen;
        self.known.retain(|known| seen.contains(&known.0));
    }
}
