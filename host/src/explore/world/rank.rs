//! Event numbers: which of them tell anything, and as few as will do.

use super::{PARTS, World};
use crate::machine::Machine;
use crate::mm::{Io, IoKind, IoState, Memory, MmId, Token};
use crate::oracle::Oracle;
use std::cell::RefCell;

/// Replaces event numbers by as few as will do.
///
/// A new number is larger than all before. Of two that exist, nothing asks more than
/// whether two tokens are the same, and whether one came after a *mark*: the birth of an
/// address space, or the submission of a request whose device looks at pages. So tokens
/// between the same two marks are numbered in the order in which they are met, and a mark
/// past which nothing lies is none. Births are asked of stores that tell somebody something
/// and of when requests got their pages; the others are settled: who made them is forgotten,
/// and they are after submissions only.
pub(in crate::explore) fn rank(machine: &mut Machine) {
    let Machine { mem, oracle, .. } = machine;
    settle(mem, oracle);
    RANKS.with_borrow_mut(|ranks| ranks.replace(mem, oracle));
    oracle.sort();
}

/// Whether no event number is another than in another world, of which some parts are known
/// to be the same.
pub(in crate::explore) fn same_numbers(
    machine: &Machine,
    as_in: &World,
    same: [bool; PARTS],
) -> bool {
    let (mem, other) = (&machine.mem, &as_in.mem);
    let [pages, spaces, rest] = same;
    let data = |index: usize| mem.pages[index].data == other.pages[index].data;
    let born = |index: usize| mem.mms[index].born == other.mms[index].born;
    // Who is there decides what numbers tell.
    let there = |index: usize| looks(mem, index) == looks(other, index);
    rest && (pages || (0..mem.pages.len()).all(data))
        && (spaces
            || mem.mms.len() == other.mms.len()
                && (0..mem.mms.len()).all(|index| born(index) && there(index)))
}

/// Whether somebody is there who must not see what is an owner's since then: another
/// process, not forked since. Nobody who comes to be later on is.
pub(super) fn tells(mem: &Memory, owner: MmId, since: u32) -> bool {
    let other = |index: usize| owner.index() != index && mem.mms[index].born < since;
    (0..mem.mms.len()).any(|index| other(index) && looks(mem, index))
}

/// Whether anything is ever seen for a process: by itself, or by its requests.
pub(super) fn looks(mem: &Memory, index: usize) -> bool {
    let mm = &mem.mms[index];
    let of = |io: &Io| io.pages > 0 && io.state != IoState::Done && io.mm.index() == index;
    mm.alive || mm.users > 0 || mm.mmap.is_some() || mem.ios.iter().any(of)
}

/// When requests were submitted whose device looks at pages.
pub(super) fn submissions(mem: &Memory) -> impl Iterator<Item = u32> {
    mem.ios.iter().filter(|io| is_asked_when(io)).flat_map(|io| {
        let holders = io.first as usize..(io.first + io.pages) as usize;
        let held = mem.holders[holders].iter().map(|holder| holder.held);
        held.chain([io.submitted]).filter(|&number| number > 0)
    })
}

/// Whether it matters when a request was submitted: its device looks at pages.
fn is_asked_when(io: &Io) -> bool {
    io.pages > 0 && io.state != IoState::Done && io.kind == IoKind::DirectWrite
}

/// Forgets who made stores that tell nobody anything.
fn settle(mem: &mut Memory, oracle: &mut Oracle) {
    RANKS.with_borrow_mut(|ranks| {
        let births = &mut ranks.births;
        births.clear();
        let there = (0..mem.mms.len()).filter(|&index| looks(mem, index));
        births.extend(there.map(|index| (index as u8 + 1, mem.mms[index].born)));
        each_token(mem, oracle, &mut |token| {
            let (author, seq) = (token.author(), token.seq());
            let tells = || births.iter().any(|&(mm, born)| mm != author && born < seq);
            if !matches!(author, 0 | Token::SETTLED | Token::DEVICE) && !tells() {
                *token = Token::new(Token::SETTLED, seq);
            }
        });
    });
}

/// Event numbers that are being replaced.
#[derive(Debug, Default)]
struct Ranks {
    /// Of processes that are there, by the author of their stores.
    births: Vec<(u8, u32)>,
    /// Births and submissions, in ascending order.
    marks: Vec<u32>,
    /// Submissions.
    submissions: Vec<u32>,
    /// Tokens that were met: number, span, number inside the span.
    tokens: Vec<(u32, u32, u32)>,
    /// Between two marks: first how many numbers there are, then the number before them.
    spans: Vec<u32>,
    /// Of each span, how many numbers there are.
    lens: Vec<u32>,
}

impl Ranks {
    fn replace(&mut self, mem: &mut Memory, oracle: &mut Oracle) {
        self.marks.clear();
        self.submissions.clear();
        self.submissions.extend(submissions(mem));
        self.tokens.clear();
        self.spans.clear();
        self.lens.clear();
        each_mark(mem, &mut |number| self.mark(*number));
        self.marks.sort_unstable();
        self.marks.dedup();
        self.spans.resize(self.marks.len() + 1, 0);
        each_token(mem, oracle, &mut |token| self.token(*token));
        each_point(mem, oracle, &mut |whose, number| self.point(self.span_since(whose, *number)));
        // A submission is not 0.
        (0..self.submissions.len())
            .for_each(|place| self.point(Some(self.span(self.submissions[place]))));
        mem.seq = self.number();
        each_token(mem, oracle, &mut |token| *token = self.of_token(*token));
        each_point(mem, oracle, &mut |whose, number| {
            *number = self.span_since(whose, *number).map_or(0, |span| self.spans[span] + 1);
        });
        for io in &mut mem.ios {
            let before = self.submissions.iter().copied().filter(|&mark| mark <= io.completed);
            io.completed = before.max().map_or(0, |mark| self.of_mark(mark));
        }
        each_mark(mem, &mut |number| *number = self.of_mark(*number));
    }

    fn mark(&mut self, number: u32) {
        self.marks.push(number);
    }

    /// The span of a number: how many marks are before it.
    fn span(&self, number: u32) -> usize {
        self.marks.iter().take_while(|&&mark| mark < number).count()
    }

    /// The span of a token: after the last submission before it, and after births if it
    /// tells anything.
    fn span_of(&self, token: Token) -> usize {
        match token.author() {
            Token::SETTLED | Token::DEVICE => self.span_after(token.seq()),
            _ => self.span(token.seq()),
        }
    }

    /// The span that begins with the last submission before a number.
    fn span_after(&self, number: u32) -> usize {
        let before = self.submissions.iter().copied().filter(|&submitted| submitted < number);
        before.max().map_or(0, |submitted| self.span(submitted + 1))
    }

    /// The span of the number since when something is somebody's: after births if that
    /// tells anything. None: no number.
    fn span_since(&self, whose: MmId, number: u32) -> Option<usize> {
        let other = |author: u8| usize::from(author) != whose.index() + 1;
        let tells = || self.births.iter().any(|&(mm, born)| other(mm) && born < number);
        match number {
            0 => None,
            _ if tells() => Some(self.span(number)),
            _ => Some(0),
        }
    }

    /// A number that stands for no token is in a span.
    fn point(&mut self, span: Option<usize>) {
        if let Some(span) = span {
            self.spans[span] = self.spans[span].max(1);
        }
    }

    fn token(&mut self, token: Token) {
        if token.author() == 0 || self.tokens.iter().any(|one| one.0 == token.seq()) {
            return;
        }
        let span = self.span_of(token);
        let inside = 1 + self.tokens.iter().filter(|one| one.1 == span as u32).count() as u32;
        self.tokens.push((token.seq(), span as u32, inside));
        self.spans[span] = self.spans[span].max(inside);
    }

    /// Fixes the numbers; how many there are.
    fn number(&mut self) -> u32 {
        self.lens.extend_from_slice(&self.spans);
        let mut before = 0;
        for span in &mut self.spans {
            before += std::mem::replace(span, before);
        }
        before
    }

    fn of_token(&self, token: Token) -> Token {
        if token.author() == 0 {
            return token;
        }
        let met = self.tokens.iter().find(|one| one.0 == token.seq()).expect("it was met");
        Token::new(token.author(), self.spans[met.1 as usize] + met.2)
    }

    /// A mark comes after all that is before it, and before all that is after it.
    fn of_mark(&self, number: u32) -> u32 {
        let span = self.span(number);
        self.spans[span] + self.lens[span]
    }
}

thread_local! {
    static RANKS: RefCell<Ranks> = RefCell::default();
}

/// Numbers that others are compared with. 0: none.
fn each_mark(mem: &mut Memory, see: &mut impl FnMut(&mut u32)) {
    for index in 0..mem.mms.len() {
        if looks(mem, index) {
            see(&mut mem.mms[index].born);
        } else {
            mem.mms[index].born = 0;
        }
    }
    for io in 0..mem.ios.len() {
        let Io { first, pages, .. } = mem.ios[io];
        if !is_asked_when(&mem.ios[io]) {
            mem.ios[io].submitted = 0;
            continue;
        }
        let held = mem.holders[first as usize..(first + pages) as usize].iter_mut();
        // It becomes the request's beginning.
        let held = held.map(|holder| &mut holder.held);
        held.chain([&mut mem.ios[io].submitted]).filter(|number| **number > 0).for_each(&mut *see);
    }
}

/// Numbers that are compared with births, and stand for no token, with whose they are. 0:
/// none.
fn each_point(mem: &mut Memory, oracle: &mut Oracle, see: &mut impl FnMut(MmId, &mut u32)) {
    for io in mem.ios.iter().filter(|io| !is_asked_when(io)) {
        let holders = io.first as usize..(io.first + io.pages) as usize;
        mem.holders[holders].iter_mut().for_each(|holder| see(io.mm, &mut holder.held));
    }
    oracle.each_number(see);
}

/// What was there before the run has no author, and keeps its number.
fn each_token(mem: &mut Memory, oracle: &mut Oracle, see: &mut impl FnMut(&mut Token)) {
    mem.pages.iter_mut().flat_map(|page| &mut page.data).for_each(&mut *see);
    mem.areas.iter_mut().flat_map(|area| area.data.iter_mut().flatten()).for_each(&mut *see);
    for holder in &mut mem.holders {
        holder.token.iter_mut().chain(&mut holder.start).for_each(&mut *see);
    }
    oracle.each_token(see);
}
