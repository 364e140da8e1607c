//! One step: `actor: verb ... until function.stage`.
//!
//! Knows the outer form of a step. Verbs are in `verbs`, facts in `fact`.

use std::ops::Range;

use super::args::Args;
use super::cast::{Cast, Kind};
use super::error::{Problems, position};
use super::table::list;
use super::words::{Word, is_name};
use super::{fact, verbs};
use crate::{Act, Step};

const STEP_FORM: &str = "`actor: verb ...`, as in `A: store P.hi`";
const STAGE_FORM: &str = "`until function.stage` at the end of the step";

/// Reads steps in order; what they introduce is known to the next one.
pub(super) struct Steps<'a, 's> {
    pub(super) cast: Cast,
    /// Names of stages; empty: any name does.
    pub(super) stages: &'a [&'a str],
    pub(super) problems: &'a mut Problems,
    pub(super) source: &'s str,
}

impl<'s> Steps<'_, 's> {
    /// Reads one step from a TOML string.
    pub(super) fn read(&mut self, string: &Word<'s>) -> Option<Step> {
        let before = self.problems.count();
        let step = self.step(string);
        if self.problems.count() > before {
            let words: Vec<_> = string.text.split_whitespace().collect();
            if let [_, verb, .., name] = words[..]
                && verbs::may_name(verb)
            {
                self.cast.suspect(name);
            }
        }
        step
    }

    fn step(&mut self, string: &Word<'s>) -> Option<Step> {
        let parts = string.split_once(':').map(|(actor, rest)| (actor.trimmed(), rest));
        let Some((actor, rest)) = parts.filter(|(actor, _)| !actor.text.is_empty()) else {
            self.problems.add(string.span.clone(), "a step without an actor").expected(STEP_FORM);
            return None;
        };
        let mut words = rest.split();
        let kind = self.actor(&actor)?;
        let until = self.until(&mut words, (&actor, kind), &string.end());
        let (line, _) = position(self.source, string.span.start);
        let text = words.iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
        let act = self.act(&actor, kind, &words, (line, string.end()));
        self.cast.start(actor.text);
        if let Kind::Task(process) = kind {
            let stops = until.as_ref().is_some_and(Option::is_some);
            match &act {
                Some(Act::Exit | Act::Munmap(_)) => self.cast.leave(process, stops),
                Some(Act::Continue) if !stops => self.cast.leave(process, false),
                _ => {}
            }
        }
        Some(Step {
            text: format!("{}: {text}", actor.text),
            line,
            actor: actor.text.to_owned(),
            act: act?,
            until: until?,
        })
    }

    /// Finds the actor.
    fn actor(&mut self, actor: &Word<'s>) -> Option<Kind> {
        let kind = self.cast.kind(actor.text);
        if kind.is_none() && !self.cast.is_suspect(actor.text) {
            let names = self.cast.actors(|_| true);
            self.problems
                .add(actor.span.clone(), format!("unknown actor `{}`", actor.text))
                .expected(list(names.iter().copied()))
                .nearest(actor.text, names);
        }
        kind
    }

    /// Takes `until STAGE` off the end. The outer `None`: it is wrong.
    fn until(
        &mut self,
        words: &mut Vec<Word<'s>>,
        (actor, kind): (&Word<'s>, Kind),
        end: &Range<usize>,
    ) -> Option<Option<String>> {
        let Some(at) = words.iter().position(|word| word.text == "until") else {
            return Some(None);
        };
        let tail = words.split_off(at);
        if !kind.runs() {
            let message = format!("`{}` does not stop at stages", actor.text);
            self.problems
                .add(tail[0].span.clone(), message)
                .expected("`until` behind what a process or a kernel thread does");
            return None;
        }
        let Some(stage) = tail.get(1) else {
            self.problems.add(end.clone(), "the stage is missing").expected(STAGE_FORM);
            return None;
        };
        if let Some(word) = tail.get(2) {
            self.problems
                .add(word.span.clone(), format!("`{}` is too much", word.text))
                .expected(STAGE_FORM);
            return None;
        }
        self.stage(stage).then(|| Some(stage.text.to_owned()))
    }

    fn stage(&mut self, stage: &Word<'s>) -> bool {
        let function = stage
            .split_once('.')
            .filter(|(function, name)| is_name(function.text) && is_name(name.text));
        let Some((function, _)) = function else {
            self.problems
                .add(stage.span.clone(), format!("`{}` is not a stage", stage.text))
                .expected(STAGE_FORM);
            return false;
        };
        if self.stages.is_empty() || self.stages.contains(&stage.text) {
            return true;
        }
        // The stages of the function, if it has any; else the functions.
        let of_function =
            self.stages.iter().copied().filter(|s| s.split('.').next() == Some(function.text));
        let mut choices: Vec<_> = of_function.collect();
        if choices.is_empty() {
            choices = self.stages.iter().filter_map(|s| s.split('.').next()).collect();
            choices.dedup();
        }
        self.problems
            .add(stage.span.clone(), format!("unknown stage `{}`", stage.text))
            .expected(list(choices))
            .nearest(stage.text, self.stages.iter().copied());
        false
    }

    /// Reads what the actor does.
    fn act(
        &mut self,
        actor: &Word<'s>,
        kind: Kind,
        words: &[Word<'s>],
        (line, end): (u32, Range<usize>),
    ) -> Option<Act> {
        let mut args = Args {
            actor: actor.text,
            kind,
            line,
            form: "actor: verb ...",
            words,
            end,
            cast: &mut self.cast,
            problems: self.problems,
        };
        if kind == Kind::Check {
            let fact = fact::fact(&mut args);
            return finished(args, fact).map(Act::Check);
        }
        let word = args.word("the verb")?;
        let Some(verb) = verbs::of(kind).iter().find(|verb| verb.word == word.text) else {
            unknown_verb(&mut args, &word);
            return None;
        };
        if verb.word == "continue" && !args.cast.started(actor.text) {
            let message = format!("`{}` has not begun anything", actor.text);
            args.problems.add(word.span, message).expected("an earlier step of the same actor");
            return None;
        }
        if let Some(how) = args.cast.over(actor.text).filter(|_| verb.word != "continue") {
            let how = how.clone();
            args.problems.add(actor.span.clone(), how).expected("no more steps of this actor");
            return None;
        }
        args.form = verb.form;
        let act = (verb.read)(&mut args);
        finished(args, act)
    }
}

/// What was read, unless words are left. One complaint in a step is enough.
fn finished<T>(mut args: Args<'_, '_>, read: Option<T>) -> Option<T> {
    if read.is_some() {
        args.finish();
    }
    read
}

fn unknown_verb(args: &mut Args<'_, '_>, word: &Word<'_>) {
    let verbs = || verbs::of(args.kind).iter().map(|verb| verb.word);
    let actor = args.actor;
    let message = if verbs::exists(word.text) && args.kind == Kind::Inject {
        format!("`{}` is not for `{actor}`", word.text)
    } else if verbs::exists(word.text) {
        format!("`{}` is not for `{actor}`, which is {}", word.text, args.kind.describe())
    } else {
        format!("unknown verb `{}`", word.text)
    };
    args.problems
        .add(word.span.clone(), message)
        .expected(list(verbs()))
        .nearest(word.text, verbs());
}
