//! How each state was reached first: by which choice, and from which state.
//!
//! States are numbered in the order in which they were found, and so are their parents:
//! a parent is as far as the last one or a little further. That takes two bytes a state.

use super::spill::{Folder, Log};
use super::system::Choice;
use std::io;

/// States between two places from which the log can be read.
const STRIDE: u64 = 1024;

/// In place of the byte of a choice that has not occurred.
const NONE: u16 = u16::MAX;

/// The log.
#[derive(Debug, Default)]
pub(super) struct Parents {
    log: Log,
    /// Every choice that occurs; a byte stands for each.
    choices: Vec<Choice>,
    /// That byte, by the choice's own two; none before the first is asked for.
    codes: Vec<u16>,
    /// For each 1024th state: where it is in the log, and the parent of the one before.
    marks: Vec<(u64, u64)>,
    len: u64,
    last: u64,
}

/// How far a log was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Bytes.
    pub bytes: u64,
    /// States.
    pub len: u64,
    /// The last one's parent.
    pub last: u64,
}

impl Parents {
    /// Notes the next state's parent, which is not before the last one's.
    #[inline]
    pub fn push(&mut self, parent: u64, by: Choice) {
        if self.len.is_multiple_of(STRIDE) {
            self.marks.push((self.log.len(), self.last));
        }
        let code = match self.codes.get(place(by)) {
            Some(&code) if code != NONE => code as u8,
            _ => self.code_of_new(by),
        };
        let further = parent - self.last;
        if further < 0x80 {
            self.log.tail.extend_from_slice(&[code, further as u8]);
        } else {
            self.push_far(code, further);
        }
        self.last = parent;
        self.len += 1;
    }

    /// An entry with a parent that is further from the last one.
    #[cold]
    fn push_far(&mut self, code: u8, mut further: u64) {
        self.log.tail.push(code);
        while further >= 0x80 {
            self.log.tail.push(further as u8 | 0x80);
            further >>= 7;
        }
        self.log.tail.push(further as u8);
    }

    /// The byte that stands for a choice from now on.
    #[cold]
    fn code_of_new(&mut self, by: Choice) -> u8 {
        let Self { choices, codes, .. } = self;
        if codes.is_empty() {
            codes.resize(1 << 16, NONE);
            for (code, choice) in (0..).zip(&*choices) {
                codes[place(*choice)] = code;
            }
        }
        let code = &mut codes[place(by)];
        if *code == NONE {
            *code = choices.len() as u16;
            choices.push(by);
        }
        u8::try_from(*code).expect("fewer than 256 different choices")
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        self.log.bytes() + (self.marks.capacity() * size_of::<(u64, u64)>()) as u64
    }

    /// From now on it is on disk.
    pub fn store(&mut self, folder: &Folder) -> io::Result<()> {
        self.log.store(folder)
    }

    /// Writes what has come together, if it is on disk and enough.
    pub fn flush(&mut self) -> io::Result<()> {
        self.log.flush()
    }

    /// How far it is.
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.log.len(), len: self.len, last: self.last }
    }

    /// Every choice that occurs.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// The bytes up to a mark, one piece after the other.
    pub fn each(&self, upto: Mark, mut see: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut at = 0;
        while at < upto.bytes {
            let mut piece = vec![0; (upto.bytes - at).min(1 << 20) as usize];
            self.log.read(at, &mut piece)?;
            see(&piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// A log of these choices, to which entries are added.
    pub fn with_choices(choices: Vec<Choice>) -> Self {
        Self { choices, ..Self::default() }
    }

    /// The choices that lead to a state: state 0 is the initial one and not in the log.
    pub fn schedule(&self, mut state: u64) -> io::Result<Vec<Choice>> {
        let mut choices = Vec::new();
        while state > 0 {
            let (parent, by) = self.get(state - 1)?;
            choices.push(by);
            state = parent;
        }
        choices.reverse();
        Ok(choices)
    }

    fn get(&self, index: u64) -> io::Result<(u64, Choice)> {
        let mark = (index / STRIDE) as usize;
        let (at, mut parent) = self.marks[mark];
        let end = self.marks.get(mark + 1).map_or(self.log.len(), |next| next.0);
        let mut bytes = vec![0; (end - at) as usize];
        self.log.read(at, &mut bytes)?;
        let mut bytes = bytes.iter().copied();
        let mut next = || bytes.next().expect("the log is as long as its length");
        let mut code = 0;
        for _ in 0..=index % STRIDE {
            let (one, further) = entry(&mut next);
            code = one;
            parent += further;
        }
        Ok((parent, self.choices[usize::from(code)]))
    }
}

/// A choice's own two bytes, as one number.
const fn place(by: Choice) -> usize {
    u16::from_le_bytes([by.which, by.by]) as usize
}

/// An entry: a choice's code, and how much further its parent is than the last one.
pub(super) fn entry(next: &mut impl FnMut() -> u8) -> (u8, u64) {
    let code = next();
    let (mut further, mut shift) = (0, 0);
    loop {
        let byte = next();
        further += u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return (code, further);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_back() {
        let mut parents = Parents::default();
        let parent = |state: u64| if state < 3 { 0 } else { state / 3 + state / 1000 * 7 };
        let by = |state: u64| Choice { by: (state % 5) as u8, which: (state % 3) as u8 };
        for state in 1..5000 {
            parents.push(parent(state), by(state));
        }
        let mut expected = Vec::new();
        let mut state = 4999;
        while state > 0 {
            expected.push(by(state));
            state = parent(state);
        }
        expected.reverse();
        assert_eq!(parents.schedule(4999).unwrap(), expected);
        assert!(parents.schedule(0).unwrap().is_empty());
    }
}
