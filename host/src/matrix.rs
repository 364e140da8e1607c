//! The matrix: what every scenario comes to under every policy, in order of generation.
//!
//! A policy is held against the one that it follows, not against the first. Rows come
//! in groups: those whose outcomes change at the same policies by the same hunks, then
//! those whose costs alone differ, then those that are alike throughout.

use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{Cause, Change, change};
use crate::compare::Comparison;
use crate::policy::{Generation, Manifest};
use crate::trace::{Outcome, Trace};

/// Scenarios under policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Matrix {
    /// The policies, in order of generation.
    pub policies: Vec<Column>,
    /// Scenarios whose outcome changes, those with one cause together.
    pub groups: Vec<Group>,
    /// Scenarios with one outcome throughout, at different costs.
    pub other_costs: Vec<Row>,
    /// Scenarios with one outcome and one cost throughout.
    pub alike: Vec<Row>,
}

/// A policy of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Column {
    /// The policy.
    pub policy: String,
    /// The policy that it is held against; null for one that nothing precedes.
    pub base: Option<String>,
    /// Whether it is a proposal or variant, which no policy follows.
    pub side: bool,
    /// Where it comes from; null for a graft.
    pub provenance: Option<Provenance>,
}

/// Where a policy comes from, as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Provenance {
    /// One line for a human.
    pub title: String,
    /// The kernel versions that had its rules, or that it was made against.
    pub kernels: String,
    /// What the rules were read from.
    pub source: String,
    /// The day of the source, `YYYY-MM-DD`.
    pub date: String,
    /// The git commit that brought the rules, if one did.
    pub commit: Option<String>,
    /// Where to read the source.
    pub url: Option<String>,
}

/// Scenarios whose outcomes change for the same causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Group {
    /// Where the outcomes change, and through what.
    pub causes: Vec<Cause>,
    /// The scenarios, those with the same outcomes together.
    pub rows: Vec<Row>,
}

/// One scenario under each policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// What each policy came to.
    pub cells: Vec<Cell>,
    /// Where the outcome changes from one policy to the next.
    pub changes: Vec<Change>,
}

/// One scenario under one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cell {
    /// The policy.
    pub policy: String,
    /// What the run came to.
    pub outcome: Outcome,
    /// Pages copied by `do_wp_page`.
    pub copies: u64,
    /// Of those, copies although no other process could see the page.
    pub needless_copies: u64,
}

/// The columns of generations.
#[must_use]
pub fn columns(generations: &[Generation]) -> Vec<Column> {
    let id = |index: usize| generations[index].manifest.id.clone();
    let column = |one: &Generation| Column {
        policy: one.manifest.id.clone(),
        base: one.base.map(id),
        side: !one.is_mainline(),
        provenance: Some(Provenance::from(&one.manifest)),
    };
    generations.iter().map(column).collect()
}

/// The columns of policies in an order that somebody chose: each follows the one before.
#[must_use]
pub fn columns_in_turn(policies: &[(String, Option<Manifest>)]) -> Vec<Column> {
    let before = |index: usize| index.checked_sub(1).map(|index| policies[index].0.clone());
    let column = |(index, (policy, manifest)): (usize, &(String, Option<Manifest>))| Column {
        policy: policy.clone(),
        base: before(index),
        side: false,
        provenance: manifest.as_ref().map(Provenance::from),
    };
    policies.iter().enumerate().map(column).collect()
}

impl From<&Manifest> for Provenance {
    fn from(manifest: &Manifest) -> Self {
        let Manifest { title, kernels, source, date, commit, url, .. } = manifest;
        Self {
            title: title.clone(),
            kernels: kernels.clone(),
            source: source.clone(),
            date: date.clone(),
            commit: commit.clone(),
            url: url.clone(),
        }
    }
}

/// Makes the matrix of comparisons whose traces are those of the columns, in their order,
/// and of the changes of each.
#[must_use]
pub fn matrix(
    policies: Vec<Column>,
    comparisons: &[Comparison],
    changes: Vec<Vec<Change>>,
) -> Matrix {
    let mut groups: Vec<Group> = Vec::new();
    let (mut other_costs, mut alike) = (Vec::new(), Vec::new());
    for (comparison, changes) in comparisons.iter().zip(changes) {
        let row = row(comparison, changes);
        if !row.same(|cell| cell.outcome.word.clone()) {
            let causes: Vec<Cause> = row.changes.iter().map(Change::cause).collect();
            match groups.iter_mut().find(|group| group.causes == causes) {
                Some(group) => group.rows.push(row),
                None => groups.push(Group { causes, rows: vec![row] }),
            }
        } else if !row.same(|cell| (cell.copies, cell.needless_copies)) {
            other_costs.push(row);
        } else {
            alike.push(row);
        }
    }
    for group in &mut groups {
        together(&mut group.rows);
    }
    groups.sort_by_cached_key(|group| place(&policies, group));
    Matrix { policies, groups, other_costs, alike }
}

fn row(comparison: &Comparison, changes: Vec<Change>) -> Row {
    let cell = |trace: &Trace| Cell {
        policy: trace.policy.clone(),
        outcome: trace.outcome.clone(),
        copies: trace.costs.copies,
        needless_copies: trace.costs.needless_copies,
    };
    Row {
        scenario: comparison.scenario.clone(),
        title: comparison.title.clone(),
        cells: comparison.traces.iter().map(cell).collect(),
        changes,
    }
}

/// The changes of outcome from each policy to the next, in order, without their hunks.
#[must_use]
pub fn changes(policies: &[Column], traces: &[Trace]) -> Vec<Change> {
    let of = |(column, trace): (&Column, &Trace)| {
        let base = traces.iter().find(|trace| Some(&trace.policy) == column.base.as_ref())?;
        change(base, trace)
    };
    policies.iter().zip(traces).filter_map(of).collect()
}

/// Rows with the same outcomes next to each other, otherwise in the order given.
fn together(rows: &mut [Row]) {
    let words: Vec<Vec<String>> = rows.iter().map(Row::words).collect();
    rows.sort_by_cached_key(|row| {
        let words_of = row.words();
        words.iter().position(|words| *words == words_of)
    });
}

/// Groups whose outcomes change at the same policies are neighbours, the earliest first.
fn place(policies: &[Column], group: &Group) -> (Vec<Option<usize>>, Vec<String>) {
    let index = |cause: &Cause| policies.iter().position(|one| one.policy == cause.policy);
    let words = group.rows.first().map(Row::words);
    (group.causes.iter().map(index).collect(), words.unwrap_or_default())
}

impl Matrix {
    /// Every row, in order of the groups.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        let changed = self.groups.iter().flat_map(|group| &group.rows);
        changed.chain(&self.other_costs).chain(&self.alike)
    }
}

impl Row {
    /// The words of the outcomes.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.cells.iter().map(|cell| cell.outcome.word.clone()).collect()
    }

    fn same<T: PartialEq>(&self, of: impl Fn(&Cell) -> T) -> bool {
        self.cells.iter().all(|cell| of(cell) == of(&self.cells[0]))
    }
}
