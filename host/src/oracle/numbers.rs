//! The tokens and numbers of the reference memory, for those who replace them.

use super::Oracle;
use crate::mm::{MmId, Token};

impl Oracle {
    /// Every token that the reference memory remembers, findings apart.
    pub(crate) fn each_token(&mut self, see: &mut impl FnMut(&mut Token)) {
        self.expect.iter_mut().flatten().for_each(&mut *see);
        self.also.iter_mut().for_each(|also| see(&mut also.token));
        self.raced.iter_mut().for_each(&mut *see);
        self.pinned.iter_mut().for_each(|pinned| see(&mut pinned.0));
    }

    /// Every number of an event that stands outside a token, and whose it is.
    pub(crate) fn each_number(&mut self, see: &mut impl FnMut(MmId, &mut u32)) {
        self.pinned.iter_mut().for_each(|pinned| see(pinned.1, &mut pinned.2));
    }

    /// Puts in order what is only ever searched.
    pub(crate) fn sort(&mut self) {
        self.also.sort_unstable();
        self.also.dedup();
        self.raced.sort_unstable();
        self.raced.dedup();
        self.pinned.sort_unstable();
    }
}
