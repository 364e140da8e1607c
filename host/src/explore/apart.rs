//! For each ordered pair of policies the shortest schedule on which the first goes wrong and
//! the second does not.

use super::breadth::Limits;
use super::model::Model;
use super::narrate::Narrated;
use super::over::Question;
use super::pairs::{self, Pairs};
use super::replay::replay_what_can_be;
use super::system::Choice;
use super::{Difference, Elsewhere, Exploration, Fair, Finding, Subject, Verdict, Written};
use crate::compare::compare;
use crate::mm::Counters;
use crate::policy::Policy;
use crate::routines::stage_names;
use crate::run::{Options, Script, is_error};
use crate::scenario::parse_with_stages;
use std::collections::BTreeSet;

/// Schedules that are looked at to tell one difference of two policies from the others.
const MOST_LOOKED_AT: usize = 500;

/// What is asked, and how much of it.
pub(super) struct Apart<'a> {
    pub question: Question,
    pub limits: &'a Limits<'a>,
    pub counters: Counters,
}

impl Apart<'_> {
    /// All pairs, if that is the question. `model` gives what is explored under a policy,
    /// without reductions; `tell` a schedule of it as a scenario.
    pub fn all<'p, M: Model<W>, const W: usize>(
        &self,
        explorations: &[Exploration],
        policies: &'p [Policy],
        model: &impl Fn(&'p Policy) -> M,
        tell: &impl Fn(&M, &[Choice]) -> Narrated,
    ) -> Vec<Difference> {
        let mut differences = Vec::new();
        if self.question == Question::Each {
            return differences;
        }
        for wrong in 0..policies.len() {
            for right in (0..policies.len()).filter(|&right| right != wrong) {
                let found = [wrong, right].map(|one| &explorations[one]);
                let policies = [wrong, right].map(|one| &policies[one]);
                differences.extend(self.pair(found, policies, model, tell));
            }
        }
        differences
    }

    /// The shortest schedules on which one policy goes wrong and another does not.
    fn pair<'p, M: Model<W>, const W: usize>(
        &self,
        [one, other]: [&Exploration; 2],
        [policy, reference]: [&'p Policy; 2],
        model: &impl Fn(&'p Policy) -> M,
        tell: &impl Fn(&M, &[Choice]) -> Narrated,
    ) -> Vec<Difference> {
        let difference = |finding: Option<Finding>, verdict, states, parted_by| Difference {
            wrong: one.policy.clone(),
            right: other.policy.clone(),
            verdict,
            states,
            finding,
            parted_by,
        };
        let states = one.counts.states;
        let shortest = one.findings.iter().min_by_key(|finding| finding.transitions);
        let Some(shortest) = shortest else {
            return vec![difference(None, one.verdict, states, None)];
        };
        let clean = other.verdict == Verdict::Exhaustive && other.findings.is_empty();
        if clean && self.question == Question::Pairs {
            let mut finding = shortest.clone();
            finding.elsewhere.retain(|elsewhere| elsewhere.policy == other.policy);
            let parted_by = parted_by(&finding, policy, reference);
            return vec![difference(Some(finding), Verdict::Exhaustive, states, parted_by)];
        }
        let models = [policy, reference].map(model);
        let mut pairs = Pairs::new([&models[0], &models[1]]);
        let (mut found, mut parted, mut looked_at) = (Vec::new(), BTreeSet::new(), 0);
        let verdict = pairs.run(self.limits, |pairs::Parted { wrong, word, schedule }| {
            if wrong != 0 {
                return false;
            }
            looked_at += 1;
            let told = tell(&models[0], &schedule);
            let Some(finding) = self.only_here(policy, reference, word, &told) else {
                return looked_at >= MOST_LOOKED_AT;
            };
            let by = parted_by(&finding, policy, reference);
            if parted.insert((word, by.clone())) {
                found.push((finding, by));
            }
            self.question == Question::Pairs || looked_at >= MOST_LOOKED_AT
        });
        let states = pairs.counts.states;
        let for_ever = one.findings.iter().find(|finding| {
            let never = |fair: &Fair| fair.word == finding.word && fair.states == Some(0);
            finding.repeats.is_some() && other.fair.iter().any(never)
        });
        if let (true, Some(finding)) = (found.is_empty(), for_ever) {
            let mut finding = finding.clone();
            finding.elsewhere.retain(|elsewhere| elsewhere.policy == other.policy);
            let by = parted_by(&finding, policy, reference);
            return vec![difference(Some(finding), Verdict::Exhaustive, states, by)];
        }
        if found.is_empty() {
            return vec![difference(None, verdict, states, None)];
        }
        let all = found.into_iter().map(|(finding, parted_by)| {
            difference(Some(finding), Verdict::Exhaustive, states, parted_by)
        });
        all.collect()
    }

    /// The finding, if the other policy does not go wrong, too, when it makes the moves of the
    /// schedule that it can make and then goes on to the end.
    fn only_here(
        &self,
        policy: &Policy,
        other: &Policy,
        word: &'static str,
        told: &Narrated,
    ) -> Option<Finding> {
        let script = Script::of(&told.scenario);
        let (scenario, counters) = (&told.scenario, self.counters);
        let subject = Subject { scenario, script: &script, counters };
        let there = replay_what_can_be(&subject, other, &told.moves);
        if is_error(there.end.word) {
            return None;
        }
        let mut finding = subject.finding(policy, &[], word, &told.moves);
        finding.elsewhere.push(Elsewhere {
            policy: other.name().to_string(),
            word: Some(there.end.word),
            line: there.end.line,
            parts_at: None,
        });
        Some(finding)
    }
}

/// The first question on a finding's schedule that two policies answer differently.
fn parted_by(finding: &Finding, policy: &Policy, other: &Policy) -> Option<String> {
    let Written::Reproduces(text) = &finding.written else { return None };
    let scenario = parse_with_stages("written", text, &stage_names()).ok()?;
    let comparison = compare(&scenario, &[policy.clone(), other.clone()], Options::default());
    let parting = comparison.partings.first()?.as_ref()?;
    let answer = |question: &Option<crate::trace::Question>| {
        question.as_ref().map_or("not asked", |question| question.answer.as_str()).to_string()
    };
    let (here, there) = (answer(&parting.base), answer(&parting.other));
    Some(format!("{}: {here}, {there}", parting.function))
}
