//! `cowpath validate`.

use std::fs;

use clap::{Args, Subcommand};

use super::inputs;
use super::output::{Format, print, print_json};
use super::{Error, Exit};
use crate::policy::{Policy, names_file, resolve};
use crate::report::{self, MutantsDocument, MutantsOf, ValidateDocument};
use crate::validate::{
    InputError, Transcript, committed_explained, committed_transcripts, mutants, policy_for,
    validate,
};

/// What `validate` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    against: Against,
}

/// What else can be done with real kernels.
#[derive(Debug, Subcommand)]
enum Command {
    /// Boot a kernel, have it act scenarios out, and write down what it shows
    ///
    /// The kernel runs in QEMU without KVM, or is user-mode Linux; needs no privileges.
    #[command(after_help = super::exit::EXIT_CODES)]
    Record(super::record::Arguments),
}

/// What is held against what.
#[derive(Debug, Args)]
struct Against {
    /// Transcripts, paths of .jsonl files; default: all built-in ones
    #[arg(value_name = "TRANSCRIPT")]
    transcripts: Vec<String>,
    /// The policy to run under, a bundled one or a graft of bundled ones; default:
    /// the one that tests/kernels/kernels.toml names for each transcript
    #[arg(short, long, value_name = "POLICY")]
    policy: Option<String>,
    /// A scenario of the transcripts; may be repeated; default: all
    #[arg(short, long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// Show every difference, not only the first of each scenario
    #[arg(long)]
    all_differences: bool,
    /// Replace each answer of the policy by each other legal one, and show which of
    /// these wrong policies the transcripts tell from the right one
    #[arg(long)]
    mutants: bool,
    /// How to print: for people or for programs
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Runs the command.
pub(super) fn execute(arguments: &Arguments) -> Result<Exit, Error> {
    match &arguments.command {
        Some(Command::Record(record)) => record.execute(),
        None => arguments.against.execute(),
    }
}

impl Against {
    fn execute(&self) -> Result<Exit, Error> {
        for name in &self.scenarios {
            inputs::scenario(name)?;
        }
        let transcripts = self.transcripts()?;
        self.check_scenarios(&transcripts)?;
        let pairs = transcripts.iter().map(|one| Ok((one, self.policy_of(one)?)));
        let pairs = pairs.collect::<Result<Vec<_>, Error>>()?;
        if self.mutants { self.mutants(&pairs) } else { self.validate(&pairs) }
    }

    fn validate(&self, pairs: &[(&Transcript, Policy)]) -> Result<Exit, Error> {
        let explained = committed_explained()?;
        let one = |(transcript, policy): &(&Transcript, Policy)| {
            validate(transcript, policy, &self.scenarios, &explained)
        };
        let validated: Vec<_> = pairs.iter().map(one).collect();
        // Whether an entry is needed shows only where everything is compared.
        let stale = if self.is_whole() { explained.stale(&validated) } else { Vec::new() };
        match self.format {
            Format::Text => print(&report::validated(&validated, &stale, self.all_differences))?,
            Format::Json => print_json(&ValidateDocument::new(&validated, &stale))?,
        }
        let differ = validated.iter().any(|one| one.unexplained().next().is_some());
        Ok(if differ || !stale.is_empty() { Exit::Differ } else { Exit::Done })
    }

    fn mutants(&self, pairs: &[(&Transcript, Policy)]) -> Result<Exit, Error> {
        let one = |(transcript, policy): &(&Transcript, Policy)| MutantsOf {
            name: transcript.name.clone(),
            policy: policy.name().to_string(),
            mutants: mutants(transcript, policy, &self.scenarios),
        };
        let all: Vec<_> = pairs.iter().map(one).collect();
        match self.format {
            Format::Text => {
                let texts = all.iter().map(|MutantsOf { name, policy, mutants }| {
                    report::mutants(name, policy, mutants)
                });
                print(&texts.collect::<Vec<_>>().join("\n"))?;
            }
            Format::Json => print_json(&MutantsDocument::new(&all))?,
        }
        Ok(Exit::Done)
    }

    fn is_whole(&self) -> bool {
        self.transcripts.is_empty() && self.policy.is_none() && self.scenarios.is_empty()
    }

    fn transcripts(&self) -> Result<Vec<Transcript>, InputError> {
        if self.transcripts.is_empty() {
            let committed = committed_transcripts()?;
            if committed.is_empty() {
                let remedy = "give the path of one";
                return Err(wrong("built-in transcripts", "there are none", remedy));
            }
            return Ok(committed);
        }
        let read = |path: &String| {
            let text = fs::read_to_string(path).map_err(|error| {
                wrong(path, &error.to_string(), "give the path of a transcript")
            })?;
            Transcript::read(path, &text)
        };
        self.transcripts.iter().map(read).collect()
    }

    /// Each scenario that was asked for is in one of the transcripts.
    fn check_scenarios(&self, transcripts: &[Transcript]) -> Result<(), InputError> {
        let recorded = transcripts.iter().flat_map(|one| &one.scenarios);
        for name in &self.scenarios {
            if !recorded.clone().any(|one| one.scenario.name == *name) {
                let mut skipped = transcripts.iter().flat_map(|one| &one.header.skipped);
                let named = |skipped: &&String| skipped.split(':').next() == Some(name);
                let why = skipped.find(named).map_or_else(String::new, |why| format!(" ({why})"));
                let what = format!("no transcript has it{why}");
                let remedy = "choose another, or none for all";
                return Err(wrong(&format!("scenario `{name}`"), &what, remedy));
            }
        }
        Ok(())
    }

    fn policy_of(&self, transcript: &Transcript) -> Result<Policy, Error> {
        let spec = match &self.policy {
            Some(policy) => policy.clone(),
            None => policy_for(&transcript.name)?,
        };
        if names_file(&spec) {
            let what = "a policy from a file runs in a process that cannot be observed";
            return Err(wrong(&spec, what, "use a bundled policy or a graft of them").into());
        }
        Ok(resolve(&spec)?)
    }
}

fn wrong(file: &str, what: &str, remedy: &str) -> InputError {
    let (what, remedy) = (what.to_string(), remedy.to_string());
    InputError { file: file.to_string(), line: 0, what, remedy }
}
