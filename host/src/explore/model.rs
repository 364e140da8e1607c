//! What a search explores: packed states, and what follows each of them.

use super::system::{State, Successor};

/// A transition system. States are the same bits on every way that leads to them; those
/// that stand for an error have no successors.
pub trait Model<const W: usize>: Sync {
    /// What one thread works with.
    type Scratch: Send;

    /// What a thread needs.
    fn scratch(&self) -> Self::Scratch;

    /// Where it begins.
    fn initial(&self) -> State<W>;

    /// The word of the error that a state stands for.
    fn error(&self, state: &State<W>) -> Option<&'static str>;

    /// The word of the error that a state is: it stands for one, or one is found when
    /// everything is looked at.
    fn verdict(&self, scratch: &mut Self::Scratch, state: &State<W>) -> Option<&'static str>;

    /// The word of the outcome, where nothing follows.
    fn end(&self, scratch: &mut Self::Scratch, state: &State<W>) -> &'static str;

    /// Adds all that can follow a state, in a fixed order.
    fn successors(
        &self,
        scratch: &mut Self::Scratch,
        state: &State<W>,
        found: &mut Vec<Successor<W>>,
    );

    /// The verdict of a state; and if there is none, adds all that can follow it.
    fn expand(
        &self,
        scratch: &mut Self::Scratch,
        state: &State<W>,
        found: &mut Vec<Successor<W>>,
    ) -> Option<&'static str> {
        let word = self.verdict(scratch, state);
        if word.is_none() {
            self.successors(scratch, state, found);
        }
        word
    }

    /// Asks for what is remembered of a state's steps to be brought near.
    fn fetch(&self, scratch: &mut Self::Scratch, state: &State<W>);

    /// Bytes taken by parts of states: those that grow with the states, and the memory of
    /// steps, which could do without.
    fn bytes(&self) -> (u64, u64);

    /// Makes room for more steps to be remembered, where it runs out, if that takes at most
    /// so many bytes more.
    fn remember_more(&self, bytes: u64);

    /// Questions asked and answers given so far, as bits.
    fn coverage(&self) -> u64;

    /// Forgets which steps were worked out, and sets what was covered by them.
    fn forget_steps(&self, coverage: u64);
}
