//! What a policy was asked and what it answered, as bits.

use crate::policy::Hook;
use cowpath_abi::HOOKS;

/// Coverage in words, `hook answer`, in the order of hooks.
pub(in crate::explore) fn asked_and_answered(bits: u64) -> Vec<String> {
    let hooks = HOOKS.into_iter().flat_map(|hook| {
        let answers = (0..4).flat_map(move |at| hook.answers(at).iter().copied());
        let mut answers: Vec<_> = answers.collect();
        answers.sort_unstable();
        answers.dedup_by_key(|answer| answer.0);
        answers.into_iter().map(move |(code, word)| (hook, code, word))
    });
    let seen = hooks.filter(|&(hook, code, _)| bits & bit(hook, code) != 0);
    seen.map(|(hook, _, word)| format!("{} {word}", hook.name())).collect()
}

/// The bit of a question and its answer: five for each hook.
pub(in crate::explore) fn bit(hook: Hook, code: u8) -> u64 {
    1 << ((hook as u32 * 5 + u32::from(code).min(4)) % 64)
}

const _: () = assert!(HOOKS.len() * 5 <= 64);
