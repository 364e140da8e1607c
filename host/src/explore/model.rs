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

#[cfg(test)]
pub(super) mod toy {
    use super::*;
    use crate::explore::system::{Choice, flag, mixed};

    /// So many worlds, each of which may have 64 states.
    const WORLDS: u64 = 8000;

    /// A number by which a state is something, which few are: the first of them in a wide level.
    fn rare(toy: &Toy, state: &State<2>) -> u64 {
        mixed(mixed(state[0] << 8 | state[1]) + toy.0) % 60_000
    }

    /// States by the hundred thousand, each with up to six transitions, two to each other state.
    /// A number tells apart one from another.
    pub struct Toy(pub u64);

    impl Model<2> for Toy {
        type Scratch = ();

        fn scratch(&self) {}

        fn initial(&self) -> State<2> {
            [0, 1]
        }

        fn error(&self, state: &State<2>) -> Option<&'static str> {
            matches!(rare(self, state), 0..6).then_some("BUG")
        }

        fn verdict(&self, (): &mut (), state: &State<2>) -> Option<&'static str> {
            match rare(self, state) {
                6..12 => Some("BUG"),
                12..18 => Some("FILE DAMAGE"),
                _ => self.error(state),
            }
        }

        fn end(&self, (): &mut (), _: &State<2>) -> &'static str {
            "ok"
        }

        fn successors(&self, (): &mut (), state: &State<2>, found: &mut Vec<Successor<2>>) {
            let all = mixed(state[0] << 8 | state[1]);
            let many = if *state == self.initial() { 40 } else { all % 7 };
            for which in 0..many as u8 {
                let to = mixed(all + u64::from(which / 2));
                let flags = if to.is_multiple_of(7) { flag::UNDEFINED } else { 0 };
                let by = Choice { by: 0, which };
                found.push(Successor { state: [to % WORLDS, to >> 58], by, flags });
            }
        }

        fn fetch(&self, (): &mut (), _: &State<2>) {}

        fn bytes(&self) -> (u64, u64) {
            (0, 0)
        }

        fn remember_more(&self, _: u64) {}

        fn coverage(&self) -> u64 {
            0
        }

        fn forget_steps(&self, _: u64) {}
    }
}
