//! The reference memory as a short row of bytes, and back: see `crate::mm::codec`.

use super::{Also, Oracle};
use crate::mm::codec::{Codec, Coded, code_all};
use crate::mm::{MmId, SECTORS, Token};

impl Coded for Also {
    fn code(&mut self, codec: &mut impl Codec) {
        let mut during = self.during.map_or(u32::MAX, u32::from);
        self.index.code(codec);
        self.sector.code(codec);
        self.token.code(codec);
        codec.number(&mut during);
        self.during = u16::try_from(during).ok();
    }
}

impl Coded for (Token, MmId, u32) {
    fn code(&mut self, codec: &mut impl Codec) {
        self.0.code(codec);
        self.1.code(codec);
        self.2.code(codec);
    }
}

impl Oracle {
    /// Everything but the findings.
    pub(crate) fn code(&mut self, codec: &mut impl Codec) {
        let also = Also { index: 0, sector: 0, token: Token::ZERO, during: None };
        code_all(&mut self.expect, &[Token::ZERO; SECTORS], codec);
        code_all(&mut self.also, &also, codec);
        code_all(&mut self.raced, &Token::ZERO, codec);
        code_all(&mut self.pinned, &(Token::ZERO, MmId::NONE, 0), codec);
    }

    /// Becomes what another one is, in the same allocations.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.expect.clone_from(&other.expect);
        self.also.clone_from(&other.also);
        self.raced.clone_from(&other.raced);
        self.pinned.clone_from(&other.pinned);
        self.findings.clone_from(&other.findings);
    }

    /// Forgets what is known of tokens that are nowhere any more, and whose what was written
    /// through long-lived references is, unless it can tell anything: whose, and since when.
    pub(crate) fn keep_tokens(
        &mut self,
        mut mentioned: impl FnMut(Token) -> bool,
        tells: impl Fn(MmId, u32) -> bool,
    ) {
        if self.raced.is_empty() && self.pinned.is_empty() {
            return;
        }
        let Self { expect, also, raced, pinned, .. } = self;
        let mut kept = |token: Token| {
            mentioned(token)
                || expect.iter().flatten().any(|&t| t == token)
                || also.iter().any(|also| also.token == token)
        };
        raced.retain(|&token| kept(token));
        pinned.retain(|&(token, mm, held)| {
            kept(token) && (raced.contains(&token) || tells(mm, held))
        });
    }

    /// Forgets that sectors may hold tokens that are nowhere.
    pub(crate) fn forget_also(&mut self, somewhere: impl Fn(Token) -> bool) {
        if self.also.is_empty() {
            return;
        }
        let Self { expect, also, .. } = self;
        also.retain(|also| {
            let expected = expect.get(also.index as usize);
            let same = expected.is_some_and(|data| data[usize::from(also.sector)] == also.token);
            let zero = also.token.author() == 0;
            also.during.is_some() || !same && (zero || somewhere(also.token))
        });
        also.sort_unstable();
        also.dedup();
    }

    /// Whether a token is what somebody may expect to see.
    pub(crate) fn mentions(&self, token: Token) -> bool {
        self.expect.iter().flatten().any(|&t| t == token)
            || self.also.iter().any(|also| also.token == token)
    }

    /// Whether every sector may hold one value, and nothing is remembered of who wrote it.
    pub(crate) const fn is_plain(&self) -> bool {
        let Self { also, raced, pinned, .. } = self;
        also.is_empty() && raced.is_empty() && pinned.is_empty()
    }

    /// From now on a pte index is expected to hold this.
    pub(crate) fn expect(&mut self, index: usize, data: [Token; SECTORS]) {
        *self.slot(index) = data;
    }

    /// Whether a token's owner forked before the device moved it.
    pub(crate) fn raced(&self, token: Token) -> bool {
        self.raced.contains(&token)
    }

    /// Whether a process wrote what is remembered of long-lived references.
    pub(crate) fn mentions_mm(&self, mm: MmId) -> bool {
        self.pinned.iter().any(|pinned| pinned.1 == mm)
    }

    /// Forgets what ptes hold that no vma has.
    pub(crate) fn forget_ptes_where(&mut self, unused: impl Fn(usize) -> bool) {
        for (index, data) in self.expect.iter_mut().enumerate() {
            if unused(index) {
                *data = [Token::ZERO; SECTORS];
            }
        }
        while self.expect.last().is_some_and(|_| unused(self.expect.len() - 1)) {
            self.expect.pop();
        }
        self.also.retain(|also| !unused(also.index as usize));
    }
}
