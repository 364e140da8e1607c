//! Generations as reviewers read them: the scenarios of the mail, policy by policy.
//!
//! The policies are those of the discussion and grafts of them, so that a further
//! bundled policy changes nothing here.

use std::collections::BTreeSet;

use cowpath::bisect::{Bisection, bisect};
use cowpath::compare::{Comparison, compare};
use cowpath::matrix::{self, Column, Direction, Matrix, columns, columns_in_turn};
use cowpath::policy::{LoadError, Policy, discussed, in_order, manifest_of, resolve};
use cowpath::report::{bisection, plain};
use cowpath::routines::stage_names;
use cowpath::run::{Options, run};
use cowpath::scenario::{Scenario, load_with_stages};

const MAIL: [&str; 5] = [
    "direct_read_store",
    "direct_read_load_store",
    "overlapping_direct_reads_offline",
    "vmsplice_fork",
    "fork_during_direct_read",
];

/// A 2.6.11 on its way to the simplification, and back.
const STEPS: [&str; 5] = [
    "vanilla",
    "vanilla+hugh:try_to_unmap_one",
    "vanilla+hugh:do_wp_page,can_share_swap_page,exclusive_swap_page_lock",
    "hugh",
    "hugh+vanilla:try_to_unmap_one",
];

fn scenario(name: &str) -> Scenario {
    load_with_stages(name, &stage_names()).unwrap()
}

fn comparison(name: &str, specs: &[String]) -> Comparison {
    let policies: Vec<Policy> = specs.iter().map(|spec| resolve(spec).unwrap()).collect();
    compare(&scenario(name), &policies, Options::default())
}

/// The policies of the discussion in order of generation.
fn generations() -> (Vec<String>, Vec<Column>) {
    let manifests = discussed().iter().map(|id| manifest_of(id).unwrap().unwrap());
    let all = in_order(manifests.collect());
    (all.iter().map(|one| one.manifest.id.clone()).collect(), columns(&all))
}

/// Policies that each follow the one before.
fn in_turn(specs: &[&str]) -> (Vec<String>, Vec<Column>) {
    let named = specs.iter().map(|spec| ((*spec).to_string(), manifest_of(spec).unwrap()));
    let columns = columns_in_turn(&named.collect::<Vec<_>>());
    (specs.iter().map(|spec| (*spec).to_string()).collect(), columns)
}

fn matrix_of(names: &[&str], (specs, columns): (Vec<String>, Vec<Column>)) -> Matrix {
    let comparisons: Vec<_> = names.iter().map(|name| comparison(name, &specs)).collect();
    matrix::matrix(columns, &comparisons)
}

fn bisected(name: &str, (specs, columns): (Vec<String>, Vec<Column>)) -> Bisection {
    let one = scenario(name);
    let trial = |specs: &[String]| -> Result<_, LoadError> {
        specs.iter().map(|spec| Ok(run(&one, &resolve(spec)?, Options::default()))).collect()
    };
    bisect(comparison(name, &specs), columns, &specs, trial).unwrap()
}

fn text(matrix: &Matrix, width: usize) -> String {
    plain(&cowpath::report::matrix(matrix, width))
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_matrix_of_the_mail() {
    snapshot("matrix__mail", &text(&matrix_of(&MAIL, generations()), 80));
}

#[test]
fn the_matrix_of_grafts_has_letters() {
    snapshot("matrix__grafts", &text(&matrix_of(&MAIL, in_turn(&STEPS)), 80));
}

#[test]
fn the_mail_is_bisected() {
    for name in MAIL {
        let text = plain(&bisection(&bisected(name, generations())));
        snapshot(&format!("bisect__{name}"), &text);
    }
}

#[test]
fn grafts_are_bisected() {
    let text = plain(&bisection(&bisected("direct_read_load_store", in_turn(&STEPS))));
    snapshot("bisect__grafts", &text);
}

#[test]
fn proposals_are_held_against_their_base_and_nothing_against_them() {
    let (_, columns) = generations();
    let told: Vec<_> =
        columns.iter().map(|one| (&*one.policy, one.base.as_deref(), one.side)).collect();
    let expected = [
        ("vanilla", None, false),
        ("iwamoto", Some("vanilla"), true),
        ("hugh-mail", Some("vanilla"), true),
        ("hugh", Some("vanilla"), false),
    ];
    assert_eq!(told, expected);
}

#[test]
fn every_change_has_a_direction() {
    let bisection = bisected("direct_read_load_store", in_turn(&STEPS[..3]));
    let directions: Vec<_> = bisection.changes.iter().map(|one| one.change.direction).collect();
    assert_eq!(directions, [Direction::Opened, Direction::Fixed]);
}

#[test]
fn a_hunk_that_suffices_does_so_by_itself() {
    let bisection = bisected("overlapping_direct_reads_offline", generations());
    for one in &bisection.changes {
        let enough = |trials: &Option<Vec<cowpath::bisect::Trial>>| {
            let trials = trials.as_ref().unwrap().iter().filter(|trial| trial.suffices);
            trials.map(|trial| trial.hunk.clone()).collect::<Vec<_>>()
        };
        assert_eq!(enough(&one.alone), ["try_to_unmap_one"]);
        assert_eq!(enough(&one.taken_back), ["try_to_unmap_one"]);
        for trial in one.alone.as_ref().unwrap() {
            let again =
                run(&scenario(MAIL[2]), &resolve(&trial.policy).unwrap(), Options::default());
            assert_eq!(again.outcome.word, trial.outcome);
        }
    }
    // From a graft nothing can be taken.
    let bisection = bisected("direct_read_load_store", in_turn(&STEPS[..2]));
    assert!(bisection.changes[0].alone.is_none() && bisection.changes[0].taken_back.is_some());
}

/// Fifteen policies, of which the first is held against nothing.
fn fifteen() -> (Vec<String>, Vec<Column>) {
    let hunks = [
        "do_wp_page",
        "can_share_swap_page",
        "remove_exclusive_swap_page",
        "free_swap_and_cache",
        "try_to_unmap_one",
        "do_swap_page",
        "unuse_process",
    ];
    let graft = |base: &str, donor: &str| hunks.map(|hunk| format!("{base}+{donor}:{hunk}"));
    let mut specs = vec!["vanilla".to_string()];
    specs.extend(graft("vanilla", "iwamoto"));
    specs.extend(graft("vanilla", "hugh-mail"));
    in_turn(&specs.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn fifteen_policies_fit_into_80_columns_and_wide_terminals_show_words() {
    let matrix = matrix_of(&MAIL, fifteen());
    assert_eq!(matrix.policies.len(), 15);
    let narrow = text(&matrix, 80);
    for line in narrow.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert_eq!(line, line.trim_end());
    }
    assert!(narrow.contains(". ok") && narrow.contains("LI LOST IO"), "{narrow}");
    let wide = text(&matrix, 220);
    assert!(wide.contains("LOST IO") && !wide.contains("LI LOST IO"), "{wide}");
    let four = matrix_of(&MAIL, generations());
    let wide = text(&four, 200);
    assert!(wide.contains("MISSED COW") && !wide.contains("MC "), "{wide}");
}

#[test]
fn every_scenario_has_one_row() {
    let names: Vec<&str> = cowpath::scenario::builtin().iter().map(|(name, _)| *name).collect();
    let matrix = matrix_of(&names, generations());
    let rows: Vec<&str> = matrix.rows().map(|row| row.scenario.as_str()).collect();
    assert_eq!(rows.len(), names.len());
    assert_eq!(BTreeSet::from_iter(rows), BTreeSet::from_iter(names));
    for group in &matrix.groups {
        let words: Vec<_> = group.rows.iter().map(|row| row.words()).collect();
        let mut seen = words.clone();
        seen.dedup();
        let distinct: BTreeSet<_> = words.into_iter().collect();
        assert_eq!(seen.len(), distinct.len(), "rows with the same outcomes are together");
    }
}
