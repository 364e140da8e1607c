//! `cowpath workload`: many generated pages under each policy, as plain text.
//!
//! Nothing is recorded. A policy that the user brings as a file answers from a process of
//! its own, each question once.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum, value_parser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::guests::Guests;
use super::inputs::RunOptions;
use super::output::{complain, print};
use super::{Error, Exit};
use crate::policy::Policy;
use crate::routines::Order;
use crate::run::Options;
use crate::workload::{self, HotRemove, MAX_PAGES, MAX_SHARERS, Progress, report};

/// Fewest pages.
const MIN_PAGES: i64 = 64;

/// Most frames in a section: 4 GB of them.
const MAX_SECTION: i64 = 1 << 20;

/// How long a run may take before there is a progress bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a progress bar's clock is drawn.
const TICK: Duration = Duration::from_millis(200);

/// What can be generated.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take all memory offline, section by section, under direct IO
    ///
    /// One process has a quarter of the pages and forks; another has the rest. Direct
    /// reads hold 1 % of the pages. All is reclaimed, a quarter is used again, and every
    /// section goes offline in turn. Two runs give the same report.
    #[command(after_help = super::exit::EXIT_CODES)]
    HotRemove(Arguments),
}

/// What `hot-remove` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Pages that processes store to
    #[arg(long, value_name = "N", default_value_t = 100_000,
        value_parser = value_parser!(u32).range(MIN_PAGES..=MAX_PAGES.into()))]
    pages: u32,
    /// A policy: bundled, a plugin's file, a graft such as
    /// vanilla+iwamoto:try_to_unmap_one, or `all` for every bundled one; may be
    /// repeated; default: those of the discussion of 2005
    #[arg(short, long = "policy", value_name = "POLICY")]
    policies: Vec<String>,
    /// Children that share a quarter of the pages with their parent
    #[arg(long, value_name = "N", default_value_t = HotRemove::of(0).sharers,
        value_parser = value_parser!(u16).range(1..=MAX_SHARERS.into()))]
    sharers: u16,
    /// Page frames in a section
    #[arg(long, value_name = "N", default_value_t = HotRemove::of(0).section,
        value_parser = value_parser!(u32).range(1..=MAX_SECTION))]
    section: u32,
    /// How migration goes about it
    #[arg(long, value_enum, value_name = "ORDER", default_value = "replace_first")]
    order: OrderArg,
    #[command(flatten)]
    options: RunOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum OrderArg {
    /// Replace, unmap, wait: the memory-hotplug tree's
    ReplaceFirst,
    /// Check, unmap, check, replace
    UnmapFirst,
}

impl From<OrderArg> for Order {
    fn from(argument: OrderArg) -> Self {
        match argument {
            OrderArg::ReplaceFirst => Self::ReplaceFirst,
            OrderArg::UnmapFirst => Self::UnmapFirst,
        }
    }
}

/// Runs the command.
pub(super) fn execute(command: &Command) -> Result<Exit, Error> {
    match command {
        Command::HotRemove(arguments) => hot_remove(arguments),
    }
}

fn hot_remove(arguments: &Arguments) -> Result<Exit, Error> {
    Guests::load(&arguments.policies)?.with(|policies| under(policies, arguments))
}

fn under(policies: &[Policy], arguments: &Arguments) -> Result<Exit, Error> {
    let sizes = arguments.sizes();
    let since = Instant::now();
    let mut exit = Exit::Done;
    for (number, policy) in policies.iter().enumerate() {
        let tally = run(&sizes, policy, since);
        let gap = if number > 0 { "\n" } else { "" };
        print(&format!("{gap}{}", report(&tally)))?;
        if !tally.clean() {
            complain(&format!("warning: policy {}: not clean, see its report", tally.policy));
        }
        if tally.fault.is_some() {
            exit = Exit::PolicyFailed;
        }
    }
    Ok(exit)
}

fn run(sizes: &HotRemove, policy: &Policy, since: Instant) -> workload::Tally {
    let mut bar = Bar::new(policy.name(), since);
    let tally = sizes.run(policy, |progress| bar.tell(progress));
    bar.bar.finish_and_clear();
    tally
}

impl Arguments {
    fn sizes(&self) -> HotRemove {
        let Options { counters, .. } = self.options.into();
        let &Self { pages, sharers, section, order, .. } = self;
        HotRemove { pages, sharers, section, order: order.into(), counters }
    }
}

/// A progress bar on stderr, if that is a terminal and there is something to wait for.
struct Bar {
    bar: ProgressBar,
    since: Instant,
    /// Where to draw, until drawing begins.
    target: Option<ProgressDrawTarget>,
}

impl Bar {
    fn new(policy: &str, since: Instant) -> Self {
        let style = ProgressStyle::with_template("{prefix}: {msg:11} [{bar:30}] {elapsed}")
            .expect("the template is in order")
            .progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
            .with_style(style)
            .with_prefix(policy.to_string());
        let target = io::stderr().is_terminal().then(ProgressDrawTarget::stderr);
        Self { bar, since, target }
    }

    fn tell(&mut self, Progress { phase, done, of }: Progress) {
        self.bar.set_length(of);
        self.bar.set_position(done);
        self.bar.set_message(phase.name());
        if self.since.elapsed() >= PATIENCE
            && let Some(target) = self.target.take()
        {
            self.bar.set_draw_target(target);
            self.bar.enable_steady_tick(TICK);
        }
    }
}
