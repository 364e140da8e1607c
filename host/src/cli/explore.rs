//! `cowpath explore`.
//!
//! States are explored in this process, each once; a policy that the user brings as a file
//! answers from another one.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{Args, value_parser};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::bounds::Bounds;
use super::guests::Guests;
use super::inputs::{self, RunOptions};
use super::output::{Format, complain, print, print_json};
use super::progress::{Style, Teller};
use super::{Error, Exit};
use crate::explore::{
    Budget, Disk, Explored, Keep, KeepError, MOST_ACTORS, Progress, Question, Universe, Verdict,
    Written, actors, explore_and_keep, explore_until,
};
use crate::policy::Policy;
use crate::report::{ExploreDocument, differences, explored, universes};
use crate::run::Options;

/// Most threads.
const MOST_THREADS: i64 = 64;

/// What follows the options in `--help`.
pub(super) const HELP: &str = "\
Each actor does its steps in their order; steps of different actors interleave
freely, and swap IO completes at any time. `until` and `continue` are ignored,
`check` is left out. A universe has no steps, only bounds: the explorer chooses
what actors do. Stages that come to the same before and after what others do run
at once, so a transition may be several stages; states of a universe that differ
in names alone are one. Where transitions are operations, those that differ in
what pages hold are one, too, until somebody might see something wrong: then all
is explored again with contents told apart. --no-reduce leaves out all three.

The verdict is EXHAUSTIVE; BOUNDED(states, depth, time, memory or interrupted);
SAMPLED(walks, seed); or VACUOUS, if the policy was never asked anything. Each
error comes with its shortest schedule, replayed from the start. What can go on
for ever is asked of a universe that is EXHAUSTIVE: STUCK and NO PROGRESS, as
fair cycles. Ctrl-C ends it in order: what is known is printed; a second one
ends it at once.

A universe can be gone on with: --checkpoint writes a file, --resume reads it,
and the result is that of a run that was not interrupted. With --disk, visited
states, the schedules' log and both levels go to files when --memory is full;
distinct parts of states stay in memory, an eighth of it is kept for the tables.

Examples:
  cowpath explore swap_in_race --policy iwamoto --policy hugh --pairs
  cowpath explore -u tiny -p iwamoto --write found.toml
  cowpath run found.toml --policy iwamoto
  cowpath explore -u tiny -p vanilla+./mine.so:try_to_unmap_one -p vanilla --pairs
  cowpath explore -u pipe -p all --pairs --grain operation
  cowpath explore -u large -p hugh --sample 100000 --seed 7
  cowpath explore -u medium -p hugh --time 3600 --checkpoint hugh.ckp
  cowpath explore -u medium -p hugh --resume hugh.ckp --memory 4096 --disk tmp
  cowpath explore my.toml -p vanilla --states 1000000 --time 60 --threads 2

A policy in a file answers from a process of its own, each question once, and all
of them a second time at the end: a hook must depend on nothing but its view. One
that ends its process is a finding, POLICY, with the shortest schedule to it.

Exit codes:
    0  done, whatever was found
    2  the command line or a file is wrong
    3  a policy failed: it panicked, ended its process, gave an illegal answer, or
       two answers to the same view
  101  cowpath itself is broken, please report it";

/// What `explore` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A built-in scenario, or a path that ends in .toml
    #[arg(value_name = "SCENARIO", required_unless_present_any = ["universe", "list"])]
    scenario: Option<String>,
    /// No scenario, but a universe, built-in: bounds, in which the explorer chooses
    #[arg(
        short,
        long = "universe",
        id = "universe",
        value_name = "NAME",
        conflicts_with = "scenario"
    )]
    universes: Vec<String>,
    /// Not every state, but so many random walks
    #[arg(long, value_name = "WALKS", conflicts_with_all = ["pairs", "checkpoint", "resume"])]
    sample: Option<u64>,
    /// What the walks are chosen by
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sample")]
    seed: u64,
    /// List the built-in universes
    #[arg(long)]
    list: bool,
    /// For each ordered pair of policies: the shortest schedule on which the first goes wrong
    /// and the second does not
    #[arg(long)]
    pairs: bool,
    /// With --pairs: one schedule for each hook that parts them
    #[arg(long, requires = "pairs")]
    all: bool,
    #[command(flatten)]
    bounds: Bounds,
    /// A policy: bundled, a plugin's file, a graft such as
    /// vanilla+./mine.so:try_to_unmap_one, or `all` for every bundled one; each is explored,
    /// and each error's schedule is replayed under the others
    #[arg(short, long = "policy", value_name = "POLICY", required_unless_present = "list")]
    policies: Vec<String>,
    /// Stop at so many states
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    states: Option<u64>,
    /// Follow no schedule beyond so many transitions
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// Stop after so many seconds, for each policy
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,
    /// Stop at so many MiB of memory
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,
    /// Go on from a checkpoint of the same exploration; budgets may be others
    #[arg(long, value_name = "FILE", requires = "universe")]
    resume: Option<PathBuf>,
    /// Write a checkpoint when it ends early, and about every minute
    #[arg(long, value_name = "FILE", requires = "universe")]
    checkpoint: Option<PathBuf>,
    /// Keep visited states in files of an empty folder when the memory is full
    #[arg(long, value_name = "FOLDER", requires_all = ["memory", "universe"])]
    disk: Option<PathBuf>,
    /// How to tell on stderr how far it is
    #[arg(long, value_enum, value_name = "STYLE", default_value = "auto")]
    progress: Style,
    /// Threads: the result is the same at any number
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = value_parser!(u16).range(1..=MOST_THREADS))]
    threads: u16,
    /// How to print: for people or for programs
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Write the first finding as a scenario that `cowpath run` reproduces
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    #[command(flatten)]
    options: RunOptions,
}

/// Runs the command.
pub(super) fn execute(arguments: &Arguments) -> Result<Exit, Error> {
    if arguments.list {
        print(&universes(&Universe::builtin()))?;
        return Ok(Exit::Done);
    }
    Guests::load(&arguments.policies)?.with(|policies| explore_under(policies, arguments))
}

/// Explores what was asked for, and tells it.
fn explore_under(policies: &[Policy], arguments: &Arguments) -> Result<Exit, Error> {
    let Options { counters, .. } = arguments.options.into();
    let budget = arguments.budget();
    let stop = stop().map_err(Error::Signals)?;
    let mut teller = Teller::new(arguments.progress);
    let mut tell = |name: &str, at: Progress| teller.tell(name, at);
    let mut unsaved = None;
    let mut found = Vec::new();
    let keep = arguments.keep();
    let universes = arguments.universes.len();
    if universes > 1 && (keep.checkpoint.is_some() || keep.resume.is_some()) {
        return Err(KeepError::SeveralUniverses { universes }.into());
    }
    for name in &arguments.universes {
        let universe = arguments.bounds.of(name)?;
        if let Some(why) = policies.iter().find_map(|policy| universe.problem(policy)) {
            return Err(Error::Setup { name: name.clone(), why });
        }
        let reductions = arguments.bounds.reductions();
        let asked = (arguments.question(), &budget);
        let kept =
            explore_and_keep(&universe, policies, reductions, asked, &keep, &stop, &mut tell)?;
        unsaved = unsaved.or(kept.unsaved);
        found.push(kept.explored);
    }
    if let Some(scenario) = &arguments.scenario {
        let scenario = inputs::scenario(scenario)?;
        let actors = actors(&scenario);
        if actors > MOST_ACTORS {
            return Err(Error::TooManyActors { name: scenario.name, actors });
        }
        let asked = (arguments.question(), arguments.bounds.reductions(), &budget);
        found.push(explore_until(&scenario, policies, counters, asked, &stop, &mut tell));
    }
    teller.end();
    match arguments.format {
        Format::Text => {
            let mut texts: Vec<_> = found.iter().map(explored).collect();
            texts.extend(arguments.pairs.then(|| differences(&found)));
            print(&texts.join("\n"))?;
        }
        Format::Json => print_json(&ExploreDocument::new(&found))?,
    }
    if let Some(path) = &arguments.write {
        write(path, &found)?;
    }
    if let Some(error) = unsaved {
        return Err(error.into());
    }
    let mut explorations = found.iter().flat_map(|one| &one.explorations);
    let early =
        explorations.any(|one| !matches!(one.verdict, Verdict::Exhaustive | Verdict::Vacuous));
    if let (true, Some(path)) = (early, &arguments.checkpoint) {
        let path = path.display();
        complain(&format!("{path} is written: the same with --resume {path} goes on"));
    }
    let failed = found.iter().flat_map(|one| &one.explorations).flat_map(|one| &one.findings);
    let failed = failed.into_iter().any(|finding| finding.word == "POLICY");
    Ok(if failed { Exit::PolicyFailed } else { Exit::Done })
}

/// What SIGINT and SIGTERM set; a second one ends the program at once.
fn stop() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 128 + signal, stop.clone())?;
        flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

/// Writes the first finding that can be written.
fn write(path: &PathBuf, found: &[Explored]) -> Result<(), Error> {
    let explorations = found.iter().flat_map(|one| &one.explorations);
    let mut findings = explorations.flat_map(|one| &one.findings).peekable();
    if findings.peek().is_none() {
        complain(&format!("nothing was found, {} is not written", path.display()));
        return Ok(());
    }
    let text = findings.find_map(|finding| match &finding.written {
        Written::Reproduces(text) => Some(text),
        Written::CannotBe(_) => None,
    });
    let Some(text) = text else {
        let what = "no finding can be written as a scenario with `until` stops";
        complain(&format!("warning: {what}, {} is not written", path.display()));
        return Ok(());
    };
    fs::write(path, text).map_err(|error| Error::Unwritable { path: path.clone(), error })
}

impl Arguments {
    const fn question(&self) -> Question {
        match (self.pairs, self.all) {
            (false, _) => Question::Each,
            (true, false) => Question::Pairs,
            (true, true) => Question::AllPairs,
        }
    }

    fn keep(&self) -> Keep {
        let disk = self.disk.clone().map(|folder| Disk { folder, tables: u64::MAX });
        Keep {
            resume: self.resume.clone(),
            checkpoint: self.checkpoint.clone(),
            disk,
            ..Keep::default()
        }
    }

    fn budget(&self) -> Budget {
        Budget {
            states: self.states,
            depth: self.depth,
            time: self.time.map(Duration::from_secs),
            memory: self.memory.map(|megabytes| megabytes << 20),
            threads: usize::from(self.threads),
            sample: self.sample.map(|walks| (walks, self.seed)),
        }
    }
}
