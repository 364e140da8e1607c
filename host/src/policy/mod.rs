//! Policies: loading them, mixing them, and the one place where they are asked.
//!
//! This part does not know what a hook is asked for, nor what an answer leads to:
//! it takes a view to the right function and lets only legal answers back.

mod altered;
mod audit;
mod bundled;
mod cache;
mod distinct;
mod elsewhere;
mod ending;
mod fault;
mod generation;
mod graft;
mod kernels;
mod load;
mod load_error;
mod manifest;
mod order;
mod plugin;
mod span;

use std::sync::Arc;

use cowpath_abi::{HOOKS, HookFn, PANICKED, PageView, RawAnswer};

pub use altered::Alteration;
pub use audit::Impurity;
pub use bundled::{BundledPolicy, bundled, discussed};
pub use cowpath_abi::{ABI, AbiVersion, Answer, Hook, Manifest, Rules, SwapInStep};
pub use distinct::check_distinct;
pub(crate) use elsewhere::{Answers, Description};
pub use ending::Ending;
pub(crate) use ending::LOST_PIPE;
pub use fault::PolicyFault;
pub use generation::{Generation, generations, in_order};
pub use graft::{Differing, Hunk, differing, grafted, names_file, resolve};
pub use kernels::{Kernels, Lineage, Version};
pub use load::Loader;
pub use load_error::LoadError;
pub use manifest::{manifest_of, read_manifest};
pub use order::OrderError;
pub use plugin::{Origin, Plugin};
pub use span::{SpanError, span};

/// A table of hooks with its data, from one plugin or grafted from several.
#[derive(Clone, Debug)]
pub struct Policy {
    name: String,
    slots: [Slot; HOOKS.len()],
    rules: Rules,
    order: [SwapInStep; 8],
    /// The base first, then those that hunks were taken from.
    plugins: Vec<Arc<Plugin>>,
    /// An answer that is replaced.
    altered: Option<Alteration>,
    /// Who is asked in place of the functions.
    elsewhere: Option<Arc<dyn Answers>>,
}

/// One hook of the table.
#[derive(Clone, Copy, Debug)]
struct Slot {
    function: HookFn,
    defined: bool,
    /// How many reasons the plugin lists.
    reasons: u8,
    /// Index into `Policy::plugins`.
    plugin: u8,
}

/// For each hook and point, the legal codes as bits; none for points above 3.
const LEGAL: [[u32; 5]; HOOKS.len()] = legal();

impl Policy {
    /// The name in reports, such as `vanilla` or `vanilla+iwamoto:try_to_unmap_one`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks a hook.
    ///
    /// # Errors
    /// The hook is not defined, panicked, or gave an answer that it may not give there.
    #[inline]
    pub fn ask(&self, hook: Hook, view: &PageView) -> Result<Answer, PolicyFault> {
        let slot = &self.slots[hook as usize];
        let raw = match &self.elsewhere {
            None => (slot.function)(view),
            Some(answers) => slot.ask(answers.as_ref(), hook, view)?,
        };
        let reason = raw >> 8;
        let legal = LEGAL[hook as usize][view.at.min(4) as usize];
        if raw & 0xe0 == 0 && legal >> (raw & 0x1f) & 1 == 1 && reason <= u32::from(slot.reasons) {
            let answer = Answer::because(raw as u8, reason as u8);
            Ok(self.altered.map_or(answer, |altered| altered.apply(hook, view.at, answer)))
        } else {
            Err(slot.fault(hook, view.at, raw))
        }
    }

    /// What a hook's function says, whatever it is.
    pub(crate) fn ask_function(&self, hook: Hook, view: &PageView) -> RawAnswer {
        (self.slots[hook as usize].function)(view)
    }

    /// The same policy, with each hook that it defines replaced by what `with` makes of it.
    #[must_use]
    pub(crate) fn with_hooks(mut self, mut with: impl FnMut(Hook, HookFn) -> HookFn) -> Self {
        for hook in HOOKS {
            let slot = &mut self.slots[hook as usize];
            if slot.defined {
                slot.function = with(hook, slot.function);
            }
        }
        self
    }

    /// What the policy says for its answer, in the words of the plugin that the
    /// hook is from; empty if it says nothing.
    #[must_use]
    pub fn reason(&self, hook: Hook, answer: Answer) -> &str {
        let Some(index) = usize::from(answer.reason).checked_sub(1) else {
            return "";
        };
        let reasons = &self.plugin_of(hook).manifest.reasons;
        reasons.get(index).map_or("", String::as_str)
    }

    /// The policy's data.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether the kernel has a mechanism, a bit of `Rules::mechanisms`.
    #[must_use]
    #[inline]
    pub fn has(&self, mechanism: u32) -> bool {
        self.rules.mechanisms & mechanism != 0
    }

    /// The order of operations in `do_swap_page`, each step exactly once.
    #[must_use]
    pub fn swap_in_order(&self) -> &[SwapInStep; 8] {
        &self.order
    }

    /// Whether the policy defines the hook.
    #[must_use]
    pub fn defines(&self, hook: Hook) -> bool {
        self.slots[hook as usize].defined
    }

    /// The plugin that the hook is from.
    #[must_use]
    pub fn plugin_of(&self, hook: Hook) -> &Plugin {
        &self.plugins[usize::from(self.slots[hook as usize].plugin)]
    }

    /// The plugins that the policy is made of, the base first.
    #[must_use]
    pub fn plugins(&self) -> &[Arc<Plugin>] {
        &self.plugins
    }
}

impl Slot {
    /// Asks a hook of a policy that is elsewhere.
    fn ask(
        &self,
        answers: &dyn Answers,
        hook: Hook,
        view: &PageView,
    ) -> Result<RawAnswer, PolicyFault> {
        if !self.defined {
            return Ok(PANICKED);
        }
        let at = view.at;
        answers.answer(hook, view).map_err(|ending| PolicyFault::Ended { hook, at, ending })
    }

    #[cold]
    fn fault(&self, hook: Hook, at: u32, raw: RawAnswer) -> PolicyFault {
        assert!(
            !hook.answers(at).is_empty(),
            "{} was asked at point {at}, where it has no answers",
            hook.name()
        );
        if !self.defined {
            PolicyFault::Undefined { hook, at }
        } else if raw == PANICKED {
            PolicyFault::Panicked { hook, at }
        } else {
            PolicyFault::OutOfRange { hook, at, raw }
        }
    }
}

const fn legal() -> [[u32; 5]; HOOKS.len()] {
    let mut table = [[0; 5]; HOOKS.len()];
    let mut hook = 0;
    while hook < HOOKS.len() {
        let mut at = 0;
        while at < 4 {
            let answers = HOOKS[hook].answers(at);
            let mut index = 0;
            while index < answers.len() {
                table[hook][at as usize] |= 1 << answers[index].0;
                index += 1;
            }
            at += 1;
        }
        hook += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_answers_are_those_of_the_contract() {
        for hook in HOOKS {
            for at in 0..10 {
                let bits = LEGAL[hook as usize][at.min(4) as usize];
                let codes = hook.answers(at).iter().map(|(code, _)| 1 << code);
                assert_eq!(bits, codes.fold(0, |bits, bit: u32| bits | bit), "{hook:?} at {at}");
            }
        }
    }
}
