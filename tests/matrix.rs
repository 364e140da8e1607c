//! Generations as reviewers read them: the scenarios of the mail, policy by policy.
//!
//! The policies are those of the discussion and grafts of them, so that a further
//! bundled policy changes nothing here.

use std::collections::BTreeSet;

use cowpath::attribute::{Attributed, Trial, attribute};
use cowpath::bisect::{Bisection, bisect};
use cowpath::change::{Direction, Role};
use cowpath::compare::{Comparison, compare};
use cowpath::matrix::{self, Column, Matrix, columns, columns_in_turn};
use cowpath::policy::{LoadError, Loader, Policy, discussed, in_order, manifest_of, resolve};
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

fn attributed(
    names: &[&str],
    specs: &[String],
    columns: &[Column],
) -> (Vec<Comparison>, Vec<Vec<Attributed>>) {
    let comparisons: Vec<_> = names.iter().map(|name| comparison(name, specs)).collect();
    let mut loader = Loader::default();
    let trial = |spec: &str, which: &[usize]| -> Result<_, LoadError> {
        let policy = loader.resolve(spec)?;
        let one = |index: &usize| run(&scenario(names[*index]), &policy, Options::default());
        Ok(which.iter().map(one).collect())
    };
    let changes = attribute(columns, specs, &comparisons, trial).unwrap();
    (comparisons, changes)
}

fn matrix_of(names: &[&str], (specs, columns): (Vec<String>, Vec<Column>)) -> Matrix {
    let (comparisons, all) = attributed(names, &specs, &columns);
    let changes = |of: Vec<Attributed>| of.into_iter().map(|one| one.change).collect();
    matrix::matrix(columns, &comparisons, all.into_iter().map(changes).collect())
}

fn bisected(name: &str, (specs, columns): (Vec<String>, Vec<Column>)) -> Bisection {
    let (mut comparisons, mut changes) = attributed(&[name], &specs, &columns);
    bisect(comparisons.remove(0), columns, changes.remove(0))
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
        let enough = |trials: &Option<Vec<Trial>>| {
            let trials = trials.as_ref().unwrap().iter().filter(|trial| trial.suffices);
            trials.map(|trial| trial.hunk.clone()).collect::<Vec<_>>()
        };
        assert_eq!(enough(&one.alone), ["try_to_unmap_one"]);
        assert_eq!(enough(&one.undone), ["try_to_unmap_one"]);
        for trial in one.alone.as_ref().unwrap() {
            let again =
                run(&scenario(MAIL[2]), &resolve(&trial.policy).unwrap(), Options::default());
            assert_eq!(again.outcome.word, trial.outcome);
        }
    }
    // From a graft nothing can be taken.
    let bisection = bisected("direct_read_load_store", in_turn(&STEPS[..2]));
    assert!(bisection.changes[0].alone.is_none() && bisection.changes[0].undone.is_some());
    let by = causes(&bisection);
    assert_eq!(by, ["vanilla+hugh:try_to_unmap_one by try_to_unmap_one needed"]);
}

/// Each change as `policy hunk hunk role`, with a `-` before what the policy does without.
fn causes(bisection: &Bisection) -> Vec<String> {
    let cause = |one: &Attributed| {
        let hunks = one.change.hunks.iter();
        let names = hunks.map(|one| format!("{}{}", if one.absent { "-" } else { "" }, one.hunk));
        let role = match one.change.hunks.first().map(|one| one.role) {
            Some(Role::Alone) => "alone",
            Some(Role::Together) => "together",
            Some(Role::Needed) => "needed",
            None => "unknown",
        };
        format!("{} by {} {role}", one.change.policy, names.collect::<Vec<_>>().join(" "))
    };
    bisection.changes.iter().map(cause).collect()
}

#[test]
fn a_change_is_by_the_hunks_that_make_it() {
    let policies = ["5.8", "5.9", "5.18", "5.19", "5.19+uml-6.1:exclusive_mark"];
    let cases: [(&str, &[&str]); 4] = [
        ("vmsplice_fork_swapped", &["5.9 by -get_user_pages alone", "5.18 by do_swap_page alone"]),
        ("fixed_buffer_fork_store", &["5.9 by copy_one_pte alone"]),
        (
            "read_pin_of_a_shared_page",
            &[
                "5.9 by -get_user_pages alone",
                "5.19 by do_wp_page get_user_pages exclusive_bit together",
            ],
        ),
        (
            "direct_read_store",
            &[
                "5.18 by do_swap_page alone",
                "5.19 by do_swap_page exclusive_bit exclusive_mark together",
                // What a graft takes away is seen by putting it back.
                "5.19+uml-6.1:exclusive_mark by exclusive_mark needed",
            ],
        ),
    ];
    for (name, expected) in cases {
        assert_eq!(causes(&bisected(name, in_turn(&policies))), expected, "{name}");
    }
}

#[test]
fn of_hunks_that_are_enough_together_none_can_be_left_out() {
    let bisection = bisected("direct_read_load_store", in_turn(&["5.18", "5.19"]));
    let Attributed { change, .. } = &bisection.changes[0];
    let names: Vec<&str> = change.hunks.iter().map(|one| one.hunk.as_str()).collect();
    assert!(names.len() > 1);
    let word = |names: &[&str]| {
        let policy = resolve(&format!("5.18+5.19:{}", names.join(","))).unwrap();
        run(&scenario("direct_read_load_store"), &policy, Options::default()).outcome.word
    };
    assert_eq!(word(&names), change.after);
    for left_out in &names {
        let rest: Vec<&str> = names.iter().copied().filter(|name| name != left_out).collect();
        assert_ne!(word(&rest), change.after, "{left_out}");
    }
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
