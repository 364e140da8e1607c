//! A tally as plain text.

use super::tally::Tally;
use std::fmt::{self, Write};

/// Findings that are printed one by one.
const FINDINGS: usize = 10;

/// The report of one run: the same on every machine.
#[must_use]
pub fn report(tally: &Tally) -> String {
    let mut text = String::new();
    write(&mut text, tally).expect("a String takes everything");
    text
}

fn write(out: &mut String, tally: &Tally) -> fmt::Result {
    let Tally { workload: sizes, costs, state, .. } = tally;
    writeln!(out, "hot-remove of {} pages under {}", sizes.pages, tally.policy)?;
    let line = |out: &mut String, name: &str, value: &dyn fmt::Display| {
        writeln!(out, "  {name:<34}{value:>12}")
    };
    line(out, "page frames", &sizes.frames())?;
    line(out, "swap slots", &sizes.slots())?;
    line(out, "pages shared by fork", &sizes.shared())?;
    line(out, "processes that share them", &(sizes.sharers + 1))?;
    line(out, "pages held by direct reads", &tally.held)?;
    line(out, "pages reclaimed", &tally.reclaimed)?;
    line(out, "pages faulted in", &tally.faulted_in)?;
    line(out, "copies", &costs.copies)?;
    line(out, "copies that nobody needed", &costs.needless_copies)?;
    line(out, "migration attempts", &costs.migrations)?;
    line(out, "sections", &tally.sections)?;
    line(out, "  offline at the first attempt", &tally.first_attempt)?;
    line(out, "  offline once direct IO was over", &tally.second_attempt)?;
    line(out, "  not offline", &(tally.sections - tally.first_attempt - tally.second_attempt))?;
    line(out, "stages", &tally.stages)?;
    for phase in &tally.phases {
        line(out, &format!("  {}", phase.phase), &phase.stages)?;
    }
    let per_frame = format!("{:.1}", state.engine_per_frame());
    line(out, "bytes of state per page frame", &per_frame)?;
    line(out, "bytes of page tables", &state.ptes)?;
    line(out, "bytes of reference memory", &state.reference)?;
    trouble(out, tally)
}

fn trouble(out: &mut String, tally: &Tally) -> fmt::Result {
    if let Some(fault) = &tally.fault {
        writeln!(out, "  policy at fault: {fault}")?;
    }
    if let Some(violation) = &tally.violation {
        writeln!(out, "  violation: {violation}")?;
    }
    for finding in tally.findings.iter().take(FINDINGS) {
        let mm = finding.mm.0;
        writeln!(out, "  {}: process {mm}, page {:#x}", finding.kind, finding.address)?;
    }
    let more = tally.findings.len().saturating_sub(FINDINGS);
    if more > 0 {
        writeln!(out, "  and {more} findings more")?;
    }
    writeln!(
        out,
        "  {}",
        if tally.clean() { "no findings, all counts add up" } else { "NOT CLEAN" }
    )
}
