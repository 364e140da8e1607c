//! Net changes: what a step did to each pte and page, all told.
//!
//! This module does not know why anything changed.

use crate::trace::{Event, StepTrace};

/// A pte or page before and after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetChange<'a> {
    /// `pte A.P` or `page 1`.
    pub what: String,
    /// Before the step.
    pub old: &'a str,
    /// After it.
    pub new: &'a str,
}

/// Ptes, then pages, each in the order in which they first changed; what is in the
/// end as it was is left out.
#[must_use]
pub fn net_changes(step: &StepTrace) -> Vec<NetChange<'_>> {
    let mut ptes = Vec::new();
    let mut pages = Vec::new();
    for event in &step.events {
        match event {
            Event::Pte { place, old, new } => add(&mut ptes, format!("pte {place}"), old, new),
            Event::Page { page, old, new } => add(&mut pages, format!("page {page}"), old, new),
            Event::Stage { .. }
            | Event::Asked(_)
            | Event::Waits { .. }
            | Event::Stopped { .. }
            | Event::SwapIo { .. }
            | Event::Finding(_)
            | Event::FactFails { .. }
            | Event::Violation { .. }
            | Event::PolicyFault { .. }
            | Event::Note { .. } => {}
        }
    }
    ptes.append(&mut pages);
    ptes.retain(|change| change.old != change.new);
    ptes
}

fn add<'a>(changes: &mut Vec<NetChange<'a>>, what: String, old: &'a str, new: &'a str) {
    match changes.iter_mut().find(|change| change.what == what) {
        Some(change) => change.new = new,
        None => changes.push(NetChange { what, old, new }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(page: u32, old: &str, new: &str) -> Event {
        Event::Page { page, old: old.to_string(), new: new.to_string() }
    }

    #[test]
    fn what_is_as_it_was_is_left_out() {
        let events = vec![page(1, "a", "b"), page(2, "c", "d"), page(1, "b", "a")];
        let number = 1;
        let [actor, text, result] = [(); 3].map(|()| String::new());
        let step = StepTrace { number, actor, text, result, events, state: String::new() };
        let change = NetChange { what: "page 2".to_string(), old: "c", new: "d" };
        assert_eq!(net_changes(&step), [change]);
    }
}
