//! A policy in a process of its own that is asked one question after the other, each once:
//! for those who ask millions of times and the same few hundred questions.
//!
//! A hook is a function of its view, so an answer is as good as the hook. A question that
//! ends the process has that end as its answer, and the next one gets a new process.
//!
//! One thread starts all these processes and outlives them: a child of ours is killed when
//! the thread that started it ends.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::process;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Instant;

use cowpath_abi::{Hook, PageView, RawAnswer};
use foldhash::fast::FixedState;

use super::opening;
use super::process::{Child, Heard};
use super::report::{Inquiry, Job, Question, Report, Work};
use super::{Worker, WorkerError};
use crate::policy::{Answers, Description, Ending, Policy};

/// From how many bytes on what further children print is not kept.
const PRINTED: usize = 64 * 1024;

type Answer = Result<RawAnswer, Ending>;

type Known = RwLock<HashMap<Question, Answer, FixedState>>;

/// A policy's answers, and who gets those that are not known yet.
#[derive(Debug)]
pub struct Respondent {
    known: Arc<Known>,
    wishes: Sender<Wish>,
}

/// What the thread is to find out, and whom to tell.
#[derive(Debug)]
enum Wish {
    Answer(Question, Sender<Answer>),
    Impurity(Sender<Option<String>>),
    Printed(Sender<String>),
}

impl Respondent {
    /// Loads a policy; who answers for it, and the policy as it is known here.
    pub(super) fn open(worker: &Worker, spec: &str) -> Result<(Policy, Arc<Self>), WorkerError> {
        let (wishes, to_fulfil) = channel();
        let known = Arc::<Known>::default();
        let line = Line {
            worker: worker.clone(),
            spec: spec.to_owned(),
            known: known.clone(),
            child: None,
            gone: false,
            printed: String::new(),
        };
        let (opened, opening) = channel();
        // It ends with the last wish: when this respondent goes.
        thread::spawn(move || line.serve(&opened, &to_fulfil));
        let description = opening.recv().expect("the thread says how it went")?;
        let respondent = Arc::new(Self { known, wishes });
        let policy = description.into_policy(respondent.clone());
        let policy = policy.map_err(|error| WorkerError::Refused { message: error.to_string() })?;
        Ok((policy, respondent))
    }

    /// What the policy as a whole is at fault for: a hook that gives the same view two
    /// answers. Another process is audited, and then asked once more whatever was asked, in
    /// another order. None if it was asked nothing, or nothing that it survived.
    #[must_use]
    pub fn impurity(&self) -> Option<String> {
        self.wish(Wish::Impurity)
    }

    /// The beginning of what the policy wrote to stdout and stderr; ends its process.
    #[must_use]
    pub fn printed(&self) -> String {
        self.wish(Wish::Printed)
    }

    fn wish<T>(&self, wish: impl FnOnce(Sender<T>) -> Wish) -> T {
        let (sender, answer) = channel();
        let sent = self.wishes.send(wish(sender)).ok();
        let answer = sent.and_then(|()| answer.recv().ok());
        answer.expect("the thread serves as long as there are wishes")
    }
}

impl Answers for Respondent {
    fn answer(&self, hook: Hook, view: &PageView) -> Answer {
        let question = Question::new(hook, view);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known.get(&question) {
            return *answer;
        }
        drop(known);
        self.wish(|sender| Wish::Answer(question, sender))
    }
}

/// The thread's side: the process that is asked.
struct Line {
    worker: Worker,
    spec: String,
    known: Arc<Known>,
    /// None: the last one ended.
    child: Option<Child>,
    /// It could not be loaded again.
    gone: bool,
    printed: String,
}

impl Line {
    fn serve(mut self, opened: &Sender<Result<Description, WorkerError>>, wishes: &Receiver<Wish>) {
        let started = start(&self.worker, &self.spec);
        let description = started.map(|(child, description)| {
            self.child = Some(child);
            description
        });
        // Whoever does not wait any more does not want to know.
        let _ = opened.send(description);
        for wish in wishes {
            let _ = match wish {
                Wish::Answer(question, whom) => whom.send(self.answer(question)).ok(),
                Wish::Impurity(whom) => whom.send(self.impurity()).ok(),
                Wish::Printed(whom) => {
                    self.end();
                    whom.send(self.printed.clone()).ok()
                }
            };
        }
    }

    /// Asks what was not asked before.
    fn answer(&mut self, question: Question) -> Answer {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known.get(&question) {
            return *answer;
        }
        drop(known);
        let answer = self.ask(question);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(question, answer);
        answer
    }

    fn impurity(&mut self) -> Option<String> {
        self.end();
        let mut asked = self.survived();
        asked.sort_unstable_by_key(|(question, _)| Reverse(*question));
        if asked.is_empty() {
            return None;
        }
        let limits = self.worker.limits;
        let child = self.child().ok()?;
        child.ask(&Inquiry::Audit);
        let impurity = opening::audit(child, &limits, "after it had answered everything");
        if impurity.is_some() {
            self.end();
            return impurity;
        }
        asked.into_iter().find_map(|(question, first)| {
            let then = self.ask(question);
            (then != Ok(first)).then(|| differs(&question, first, then))
        })
    }

    /// The questions that did not end the process, with their answers.
    fn survived(&self) -> Vec<(Question, RawAnswer)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let asked = known.iter().map(|(question, answer)| Some((*question, answer.ok()?)));
        asked.flatten().collect()
    }

    /// Asks the process.
    fn ask(&mut self, question: Question) -> Answer {
        let limit = self.worker.limits.answer;
        let child = self.child()?;
        child.ask(&Inquiry::Ask(question));
        let ending = match child.next(Instant::now() + limit) {
            Heard::Report(Report::Answered(raw)) => return Ok(raw),
            Heard::Report(_) => Ending::Garbled,
            Heard::Nothing => Ending::NoAnswer(limit),
            Heard::End(ending) => ending,
        };
        self.end();
        Err(ending)
    }

    /// The process; a new one if the last one has ended.
    fn child(&mut self) -> Result<&mut Child, Ending> {
        if self.child.is_none() && !self.gone {
            match start(&self.worker, &self.spec) {
                Ok((child, _)) => self.child = Some(child),
                Err(_) => self.gone = true,
            }
        }
        self.child.as_mut().ok_or(Ending::NotAgain)
    }

    /// Ends the process.
    fn end(&mut self) {
        if let Some(child) = self.child.take() {
            let printed = child.into_printed();
            if self.printed.len() < PRINTED {
                self.printed.push_str(&printed);
            }
        }
    }
}

fn start(worker: &Worker, spec: &str) -> Result<(Child, Description), WorkerError> {
    let executable = worker.program();
    let job = Job { parent: process::id(), spec: spec.to_owned(), work: Work::Answer };
    let mut child = Child::start(&executable, &job)?;
    match opening::loaded(&mut child, spec, &executable, &worker.limits) {
        Ok(description) => Ok((child, description)),
        Err(WorkerError::EndedInLoading { spec, why, .. }) => {
            let printed = child.into_printed();
            Err(WorkerError::EndedInLoading { spec, why, printed })
        }
        Err(error) => Err(error),
    }
}

fn differs(question: &Question, first: RawAnswer, then: Answer) -> String {
    let hook = question.hook().map_or("an unknown hook", Hook::name);
    let then = match then {
        Ok(raw) => format!("answered {raw:#x}"),
        Err(ending) => ending.to_string(),
    };
    format!(
        "hook {hook} answered {first:#x} and then {then} to the same view; a hook must depend \
         on nothing but its view; it saw {:?}",
        question.view()
    )
}
