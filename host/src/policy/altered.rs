//! A policy with one of its answers replaced by another legal one: a deliberately wrong
//! policy, for those who want to know whether that would be noticed.

use cowpath_abi::{Answer, Hook};

use super::Policy;

/// Wherever a hook gives an answer at a point, another one is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alteration {
    /// The hook.
    pub hook: Hook,
    /// Which of the hook's questions.
    pub at: u32,
    /// The answer that the hook gives.
    pub answer: u8,
    /// The one that is taken.
    pub other: u8,
}

impl Alteration {
    /// Every other answer that the hook may give in place of one.
    pub fn of(hook: Hook, at: u32, answer: u8) -> impl Iterator<Item = Self> {
        let others = hook.answers(at).iter().map(|(code, _)| *code);
        others.filter(move |&other| other != answer).map(move |other| Self {
            hook,
            at,
            answer,
            other,
        })
    }

    /// The words of the two answers.
    ///
    /// Panics if one of them is not legal there.
    #[must_use]
    pub fn words(&self) -> [&'static str; 2] {
        [self.answer, self.other].map(|code| {
            let legal = self.hook.answers(self.at).iter().find(|answer| answer.0 == code);
            legal.unwrap_or_else(|| panic!("{code} is no answer of {self:?}")).1
        })
    }

    #[inline]
    pub(super) fn apply(&self, hook: Hook, at: u32, answer: Answer) -> Answer {
        let asked = (self.hook, self.at, self.answer) == (hook, at, answer.code);
        if asked { Answer::from(self.other) } else { answer }
    }
}

impl Policy {
    /// The same policy with one answer replaced; what was replaced before is not any more.
    ///
    /// Panics if an answer is not legal at that point.
    #[must_use]
    pub fn altered(&self, alteration: Alteration) -> Self {
        let [answer, other] = alteration.words();
        let Alteration { hook, at, .. } = alteration;
        let name = format!("{}, {} at {at}: {other} for {answer}", self.name, hook.name());
        Self { name, altered: Some(alteration), ..self.clone() }
    }
}
