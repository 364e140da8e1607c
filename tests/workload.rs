//! `cowpath workload` as a user meets it: reports, exit codes, wrong sizes.

use std::process::{Command, Output};

const POLICIES: [&str; 4] = ["vanilla", "iwamoto", "hugh", "hugh-mail"];

fn hot_remove(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cowpath"));
    command.args(["workload", "hot-remove"]).args(arguments).output().unwrap()
}

#[track_caller]
fn prints(arguments: &[&str]) -> String {
    let output = hot_remove(arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.as_str()), (Some(0), ""), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn complains(arguments: &[&str]) -> String {
    let output = hot_remove(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_policy_is_clean_and_two_runs_give_the_same_bytes() {
    for policy in POLICIES {
        let arguments = ["--pages", "2000", "--sharers", "5", "--section", "256", "-p", policy];
        let report = prints(&arguments);
        assert!(report.starts_with(&format!("hot-remove of 2000 pages under {policy}\n")));
        assert!(report.ends_with("  no findings, all counts add up\n"), "{report}");
        assert!(!report.contains("CLEAN"), "{report}");
        assert_eq!(report, prints(&arguments));
    }
}

#[test]
fn the_policies_of_the_discussion_are_the_default() {
    let arguments = ["--pages", "200", "--sharers", "2", "--section", "16"];
    let of = |policy| prints(&[&arguments[..], &["-p", policy]].concat());
    assert_eq!(prints(&arguments), POLICIES.map(of).join("\n"));
}

#[test]
fn orders_counters_and_grafts_can_be_chosen() {
    let with = |more: &[&str]| prints(&[&["--pages", "800", "--section", "64"], more].concat());
    let plain = with(&["-p", "vanilla"]);
    assert_eq!(plain, with(&["-p", "vanilla", "--order", "replace_first", "--counters", "two"]));
    assert_ne!(plain, with(&["-p", "vanilla", "--order", "unmap_first"]));
    with(&["-p", "vanilla", "--counters", "packed"]);
    let graft = "vanilla+iwamoto:try_to_unmap_one";
    assert!(with(&["-p", graft]).contains(graft));
}

#[test]
fn sizes_out_of_range_are_refused() {
    for (option, wrong, range) in [
        ("--pages", "63", "64..=2000000"),
        ("--pages", "2000001", "64..=2000000"),
        ("--sharers", "0", "1..=200"),
        ("--sharers", "201", "1..=200"),
        ("--section", "0", "1..=1048576"),
        ("--section", "1048577", "1..=1048576"),
    ] {
        let error = complains(&[option, wrong]);
        assert!(error.contains(option) && error.contains(range), "{error}");
    }
    assert!(complains(&["--pages", "many"]).contains("invalid digit"));
    assert!(complains(&["--order", "first"]).contains("replace_first, unmap_first"));
    assert!(complains(&["--counters", "three"]).contains("two, packed"));
}

#[test]
fn policies_that_cannot_be_had_are_refused() {
    for spec in ["./policy.so", "policy.so", "vanilla+./policy.so:do_wp_page"] {
        let error = complains(&["-p", spec]);
        assert!(error.contains("policy.so: No such file"), "{error}");
    }
    assert!(complains(&["-p", "hug"]).contains("hugh"));
    assert!(complains(&["-p", "hugh", "-p", "hugh"]).contains("two policies are called"));
}

#[test]
fn a_policy_that_fails_ends_with_3_and_the_others_still_run() {
    // It asks what hugh does not answer.
    let fails = "hugh+vanilla:can_share_swap_page";
    let output = hot_remove(&["--pages", "400", "-p", fails, "-p", "hugh"]);
    assert_eq!(output.status.code(), Some(3));
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("  policy at fault: ") && report.contains("  NOT CLEAN\n"), "{report}");
    assert!(report.ends_with("  no findings, all counts add up\n"), "{report}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, format!("warning: policy {fails}: not clean, see its report\n"));
}

#[test]
fn help_fits() {
    let help = String::from_utf8(hot_remove(&["--help"]).stdout).unwrap();
    assert!(help.contains("Usage: cowpath workload hot-remove"), "{help}");
    assert!(help.lines().all(|line| line.trim_end().chars().count() <= 80), "{help}");
}
