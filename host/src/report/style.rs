//! Colours: which style means what.
//!
//! This module does not know whether anybody sees colours.

use anstyle::{AnsiColor, Style};

use crate::trace::{Event, Outcome, StepTrace};

/// Titles and names.
pub(super) const STRONG: Style = Style::new().bold();
/// What is there for completeness.
pub(super) const FAINT: Style = Style::new().dimmed();
/// An error of the kernel or the policy.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Undefined behaviour, or a difference.
pub(super) const ODD: Style = AnsiColor::Yellow.on_default();
/// As it should be.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Nothing special.
pub(super) const NORMAL: Style = Style::new();

/// Text in a style.
pub(super) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// The style of an outcome's word.
pub(super) fn of_outcome(outcome: &Outcome) -> Style {
    match (outcome.error, outcome.word.as_str()) {
        (true, _) => BAD,
        (false, "ok") => GOOD,
        (false, _) => ODD,
    }
}

/// The style of a step's result.
pub(super) fn of_step(step: &StepTrace) -> Style {
    let style = |event: &Event| match event {
        Event::Finding(finding) if !finding.error => Some(ODD),
        Event::Finding(_)
        | Event::FactFails { .. }
        | Event::Violation { .. }
        | Event::PolicyFault { .. } => Some(BAD),
        Event::Stage { .. }
        | Event::Asked(_)
        | Event::Pte { .. }
        | Event::Page { .. }
        | Event::Waits { .. }
        | Event::Stopped { .. }
        | Event::SwapIo { .. }
        | Event::Note { .. } => None,
    };
    step.events.iter().find_map(style).unwrap_or(NORMAL)
}

/// A report's text without styles.
#[must_use]
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
