//! How far an exploration is, on stderr: a line on a terminal, or JSON.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Serialize;

use crate::explore::Progress;

/// How often it is told.
const TICK: Duration = Duration::from_millis(200);

/// How it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Style {
    /// A line if stderr is a terminal, nothing otherwise
    #[default]
    Auto,
    /// One line that changes
    Line,
    /// A JSON object in a line of its own, several times a second, and a last one
    Json,
    /// Not at all
    None,
}

/// Tells how far it is.
pub(super) struct Teller {
    style: Style,
    since: Instant,
    last: Instant,
    /// States when it was told last.
    states: u64,
    told: Option<Told>,
    shown: bool,
}

/// What is told.
#[derive(Clone, Debug, Serialize)]
struct Told {
    policy: String,
    states: u64,
    states_per_second: u64,
    depth: u32,
    /// States of the next level so far.
    frontier: u64,
    /// Bytes; 0: not known.
    memory: u64,
    seconds: f64,
    /// Whether this is the last.
    ended: bool,
}

impl Teller {
    pub fn new(style: Style) -> Self {
        let style = match style {
            Style::Auto if io::stderr().is_terminal() => Style::Line,
            Style::Auto => Style::None,
            other => other,
        };
        let now = Instant::now();
        Self { style, since: now, last: now, states: 0, told: None, shown: false }
    }

    /// Hears how far it is, and tells it if it is time.
    pub fn tell(&mut self, policy: &str, at: Progress) {
        if self.style == Style::None {
            return;
        }
        let passed = self.last.elapsed();
        let before = self.told.as_ref().map(|told| told.policy.as_str());
        let due = passed >= TICK;
        if !due && before == Some(policy) {
            let told = self.told.as_mut().expect("it has a policy");
            let Progress { states, depth, frontier, bytes } = at;
            (told.states, told.depth, told.frontier, told.memory) =
                (states, depth, frontier, bytes);
            return;
        }
        let new = at.states.saturating_sub(self.states) as f64;
        let told = Told {
            policy: policy.to_string(),
            states: at.states,
            states_per_second: (new / passed.as_secs_f64().max(1e-3)) as u64,
            depth: at.depth,
            frontier: at.frontier,
            memory: at.bytes,
            seconds: self.since.elapsed().as_secs_f64(),
            ended: false,
        };
        if due {
            self.write(&told);
            (self.last, self.states) = (Instant::now(), at.states);
        }
        self.told = Some(told);
    }

    /// Tells how far it came; the line goes.
    pub fn end(&mut self) {
        if let (Style::Json, Some(mut told)) = (self.style, self.told.take()) {
            (told.ended, told.seconds) = (true, self.since.elapsed().as_secs_f64());
            self.write(&told);
        }
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    // If stderr is closed, there is nobody to tell.
    fn write(&mut self, told: &Told) {
        if self.style == Style::Json {
            let text = serde_json::to_string(told).expect("plain data");
            let _ = writeln!(io::stderr(), "{text}");
            return;
        }
        self.shown = true;
        let Told { policy, states, states_per_second, depth, frontier, memory, seconds, .. } = told;
        let memory = match memory >> 20 {
            0 => String::new(),
            megabytes => format!(", {megabytes} MiB"),
        };
        let _ = write!(
            io::stderr(),
            "\r\x1b[K{policy}: {states} states, {states_per_second}/s, depth {depth}, \
             {frontier} ahead{memory}, {seconds:.0} s"
        );
    }
}
