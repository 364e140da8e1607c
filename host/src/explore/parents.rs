//! How each state was reached first: by which choice, and from which state.
//!
//! States are numbered in the order in which they were found, and so are their parents:
//! a parent is as far as the last one or a little further. That takes two bytes a state.

use super::system::Choice;

/// States between two places from which the log can be read.
const STRIDE: u64 = 1024;

/// The log.
#[derive(Clone, Debug, Default)]
pub(super) struct Parents {
    bytes: Vec<u8>,
    /// Every choice that occurs; a byte stands for each.
    choices: Vec<Choice>,
    /// For each 1024th state: where it is in the log, and the parent of the one before.
    marks: Vec<(u64, u64)>,
    len: u64,
    last: u64,
}

impl Parents {
    /// Notes the next state's parent, which is not before the last one's.
    pub fn push(&mut self, parent: u64, by: Choice) {
        if self.len % STRIDE == 0 {
            self.marks.push((self.bytes.len() as u64, self.last));
        }
        let known = self.choices.iter().position(|&choice| choice == by);
        let code = known.unwrap_or_else(|| {
            self.choices.push(by);
            self.choices.len() - 1
        });
        self.bytes.push(u8::try_from(code).expect("fewer than 256 different choices"));
        let mut further = parent - self.last;
        while further >= 0x80 {
            self.bytes.push(further as u8 | 0x80);
            further >>= 7;
        }
        self.bytes.push(further as u8);
        self.last = parent;
        self.len += 1;
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        (self.bytes.capacity() + self.marks.capacity() * size_of::<(u64, u64)>()) as u64
    }

    /// The choices that lead to a state: state 0 is the initial one and not in the log.
    pub fn schedule(&self, mut state: u64) -> Vec<Choice> {
        let mut choices = Vec::new();
        while state > 0 {
            let (parent, by) = self.get(state - 1);
            choices.push(by);
            state = parent;
        }
        choices.reverse();
        choices
    }

    fn get(&self, index: u64) -> (u64, Choice) {
        let (at, mut parent) = self.marks[(index / STRIDE) as usize];
        let mut bytes = self.bytes[at as usize..].iter();
        let mut next = || *bytes.next().expect("the log is as long as its length");
        let mut code = 0;
        for _ in 0..=index % STRIDE {
            code = next();
            let mut shift = 0;
            loop {
                let byte = next();
                parent += u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
        }
        (parent, self.choices[usize::from(code)])
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
        assert_eq!(parents.schedule(4999), expected);
        assert!(parents.schedule(0).is_empty());
    }
}
