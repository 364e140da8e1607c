//! Is every hook a function of its view, and is every answer legal?
//!
//! A hook that remembers, counts or draws lots would make a run depend on what ran
//! before. Every point is asked over a grid of views, twice, in different orders.

use std::fmt;

use cowpath_abi::{
    Answer, HOOKS, Hook, PG_ANON, PG_PRIVATE, PG_RESERVED, PG_SWAPCACHE, PG_WRITEBACK, PageView,
    VM_SWAP_FULL, WP_DRAIN, WP_DRAINED, WP_FREE_SWAP, WP_SWAP_FREED, WRITE_FAULT,
};

use super::{Policy, PolicyFault};

/// A hook that cannot be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impurity {
    /// The policy broke the contract.
    Fault {
        /// How it did.
        fault: PolicyFault,
        /// What it saw.
        view: PageView,
    },
    /// One view, two answers.
    Changed {
        /// The hook.
        hook: Hook,
        /// What it saw, both times.
        view: PageView,
        /// What it said, each time.
        answers: [Answer; 2],
    },
}

impl fmt::Display for Impurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault { fault, view } => write!(f, "{fault}; it saw {view:?}"),
            Self::Changed { hook, view, answers: [first, then] } => write!(
                f,
                "hook {} answered {} and then {} to the same view; \
                 a hook must depend on nothing but its view; it saw {view:?}",
                hook.name(),
                first.code,
                then.code
            ),
        }
    }
}

impl std::error::Error for Impurity {}

impl Policy {
    /// Asks every hook that the policy defines, at every point that its own answers
    /// can lead to.
    ///
    /// # Errors
    /// Describes the first answer that is not legal or not repeated.
    pub fn audit_purity(&self) -> Result<(), Impurity> {
        let views = views();
        let mut points = Vec::new();
        let mut answers = Vec::new();
        for (hook, at) in all_points() {
            // The points that only an answer leads to come after those that can give it.
            if self.defines(hook) && reached(hook, at, &answers) {
                points.push((hook, at));
                for view in &views {
                    answers.push((hook, self.answer(hook, at, view)?));
                }
            }
        }
        for (index, view) in views.iter().enumerate().rev() {
            for (row, (hook, at)) in points.iter().copied().enumerate().rev() {
                let first = answers[row * views.len() + index].1;
                let then = self.answer(hook, at, view)?;
                if first != then {
                    return Err(Impurity::Changed {
                        hook,
                        view: PageView { at, ..*view },
                        answers: [first, then],
                    });
                }
            }
        }
        Ok(())
    }

    fn answer(&self, hook: Hook, at: u32, view: &PageView) -> Result<Answer, Impurity> {
        let view = PageView { at, ..*view };
        self.ask(hook, &view).map_err(|fault| Impurity::Fault { fault, view })
    }
}

fn all_points() -> impl Iterator<Item = (Hook, u32)> {
    HOOKS.into_iter().flat_map(|hook| {
        let points = (0..4).filter(move |at| !hook.answers(*at).is_empty());
        points.map(move |at| (hook, at))
    })
}

fn reached(hook: Hook, at: u32, answers: &[(Hook, Answer)]) -> bool {
    let given = |code| answers.iter().any(|(other, answer)| *other == hook && answer.code == code);
    match (hook, at) {
        (Hook::do_wp_page, WP_SWAP_FREED) => given(WP_FREE_SWAP),
        (Hook::do_wp_page, WP_DRAINED) => given(WP_DRAIN),
        _ => true,
    }
}

fn views() -> Vec<PageView> {
    let bits = |number: u32, masks: &[u32]| {
        let chosen = masks.iter().enumerate().filter(|(bit, _)| number >> bit & 1 == 1);
        chosen.fold(0, |flags, (_, mask)| flags | mask)
    };
    let mut views = Vec::new();
    for (count, mapcount, swap_map) in grid() {
        for flags in 0..16 {
            for env in 0..4 {
                for pins in 0..2 {
                    views.push(PageView {
                        count: count + 1024 * pins,
                        mapcount,
                        swap_map,
                        flags: bits(flags, &[PG_ANON, PG_RESERVED, PG_WRITEBACK, PG_PRIVATE])
                            | if swap_map > 0 { PG_SWAPCACHE } else { 0 },
                        env: bits(env, &[VM_SWAP_FULL, WRITE_FAULT]),
                        pins,
                        ..PageView::default()
                    });
                }
            }
        }
    }
    views
}

fn grid() -> impl Iterator<Item = (u32, u32, u32)> {
    (1..6).flat_map(|count| {
        (0..4).flat_map(move |mapcount| (0..4).map(move |swap_map| (count, mapcount, swap_map)))
    })
}
