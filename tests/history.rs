//! `policies/HISTORY.md` is what the program prints.
//!
//! `UPDATE_HISTORY=1 cargo test --test history` writes it anew.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

fn printed() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cowpath")).arg("history").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_history_is_current() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies/HISTORY.md");
    let history = printed();
    if env::var_os("UPDATE_HISTORY").is_some() {
        fs::write(&file, &history).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == history,
        "policies/HISTORY.md is not what the policies do: look at the difference, then write it \
         anew with UPDATE_HISTORY=1 cargo test --test history"
    );
}

#[test]
fn no_line_begins_a_list_by_accident() {
    for line in printed().lines() {
        let word = line.split(' ').next().unwrap_or_default();
        assert!(!["+", "*", "=", ">", "<"].contains(&word) && !word.ends_with(')'), "{line}");
    }
}

#[test]
fn every_policy_and_scenario_is_told() {
    let history = printed();
    for policy in cowpath::policy::bundled() {
        assert!(history.contains(&format!("\n## {}\n", policy.id)), "{}", policy.id);
    }
    let words: Vec<_> = history.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    for (name, _) in cowpath::scenario::builtin() {
        assert!(words.contains(name), "{name}");
    }
}
