//! The command line as a user meets it: exit codes, errors, pipes, widths, colours.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use cowpath::policy::{bundled, discussed};
use cowpath::scenario::builtin;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cowpath"));
    command.args(arguments).env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR");
    command
}

fn cowpath(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

#[track_caller]
fn ends(arguments: &[&str], code: i32) -> Output {
    let output = cowpath(arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    output
}

#[track_caller]
fn prints(arguments: &[&str]) -> String {
    String::from_utf8(ends(arguments, 0).stdout).unwrap()
}

#[track_caller]
fn complains(arguments: &[&str]) -> String {
    let output = ends(arguments, 2);
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The shared object of a crate under `tests/plugins/`.
fn fixture(name: &str) -> String {
    let library = format!("libcowpath_fixture_{name}.so");
    let path: PathBuf = env::current_exe().unwrap().with_file_name(library);
    path.to_str().unwrap().to_string()
}

/// A scenario whose outcomes differ, found by the program itself.
fn that_differs() -> String {
    let text = prints(&["compare", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let all = document["scenarios"].as_array().unwrap();
    let one = all.iter().find(|one| one["differs"] == true).unwrap();
    one["scenario"].as_str().unwrap().to_string()
}

#[test]
fn differences_end_with_1_only_when_asked_for() {
    let name = that_differs();
    ends(&["compare", &name], 0);
    ends(&["compare", &name, "--exit-code"], 1);
    ends(&["compare", &name, "--exit-code", "-p", "hugh"], 0);
    ends(&["compare", "--exit-code", "direct_read_alone"], 0);
}

#[test]
fn a_policy_that_fails_ends_with_3() {
    let panics = fixture("panics");
    let output = ends(&["compare", "fork_store_parent", "-p", "vanilla", "-p", &panics], 3);
    assert!(String::from_utf8_lossy(&output.stdout).contains("POLICY"));
    ends(&["compare", "fork_store_parent", "-p", "vanilla", "-p", &panics, "--exit-code"], 3);
    ends(&["run", "fork_store_parent", "-p", &panics], 3);
    // Not asked in this scenario, but found in the audit of its hooks, or when loaded.
    ends(&["run", "direct_read_alone", "-p", &fixture("impure")], 3);
    ends(&["run", "direct_read_alone", "-p", &fixture("exits_early")], 3);
    // Explorations and workloads go on.
    let [crashes, impure] =
        ["crashes", "impure"].map(|name| format!("vanilla+{}:try_to_unmap_one", fixture(name)));
    let tiny = ["explore", "-u", "tiny", "--grain", "operation", "-p"];
    let output = ends(&[&tiny[..], &[&crashes, "-p", "vanilla"]].concat(), 3);
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(found.contains("POLICY after 32 transitions"), "{found}");
    assert!(found.contains("under vanilla: ok"), "{found}");
    let output = ends(&[&tiny[..], &[&impure]].concat(), 3);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("to the same view"), "{told}");
    ends(&["workload", "hot-remove", "--pages", "64", "-p", &crashes], 3);
}

#[test]
fn wrong_input_ends_with_2_and_names_the_nearest_word() {
    let error = complains(&["compare", "direct_read_stor"]);
    assert!(error.starts_with("error: ") && error.contains("direct_read_store"), "{error}");
    let error = complains(&["compare", "-p", "hug", "direct_read_store"]);
    assert!(error.contains("unknown policy \"hug\"") && error.contains("hugh"), "{error}");
    let error = complains(&["run", "swap_in_race", "-p", "vanilla+hugh:do_wp_pag"]);
    assert!(error.contains("unknown hunk") && error.contains("do_wp_page"), "{error}");
    let error = complains(&["compare", "-p", "hugh", "-p", "hugh"]);
    assert!(error.contains("two policies are called \"hugh\""), "{error}");
    let error = complains(&["explore", "-u", "tiny", "-p", "hugh", "--setup", "fork,fork,fork"]);
    assert!(error.contains("universe tiny") && error.contains("--setup"), "{error}");
    for wrong in [&["compair"][..], &["run"], &["compare", "--format", "xml"], &[]] {
        let error = complains(wrong);
        assert!(error.contains("--help") || error.contains("Usage:"), "{wrong:?}: {error}");
    }
}

#[test]
fn broken_scenarios_are_explained() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios-broken");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let path = path.to_str().unwrap();
        assert!(complains(&["scenario", "check", path]).contains("--> "), "{path}");
    }
    let names: Vec<_> = builtin().iter().map(|(name, _)| *name).collect();
    let all = [&["scenario", "check"], &names[..]].concat();
    assert_eq!(prints(&all).lines().count(), names.len());
}

#[test]
fn every_command_explains_itself() {
    let commands: [&[&str]; 20] = [
        &[],
        &["compare"],
        &["run"],
        &["matrix"],
        &["bisect"],
        &["explore"],
        &["scenario"],
        &["scenario", "list"],
        &["scenario", "show"],
        &["scenario", "check"],
        &["scenario", "explain"],
        &["scenario", "stages"],
        &["policy"],
        &["validate"],
        &["validate", "record"],
        &["workload"],
        &["workload", "hot-remove"],
        &["policy", "show"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        let help = prints(&[command, &["--help"]].concat());
        assert!(help.contains("Usage: cowpath"), "{command:?}");
        // clap leaves blanks on empty lines.
        let lines: Vec<_> = help.lines().map(str::trim_end).collect();
        fits(&lines.join("\n"), command);
    }
    let help = prints(&["--help"]);
    for code in ["0  done", "1  outcomes differ", "2  the command line", "3  a policy failed"] {
        assert!(help.contains(code), "{help}");
    }
    assert!(!help.contains("worker") && !help.contains("history"));
}

#[test]
fn lists_and_descriptions_fit() {
    let cases: [&[&str]; 8] = [
        &["scenario", "list"],
        &["scenario", "list", "--kernels"],
        &["scenario", "stages"],
        &["scenario", "explain", "swap_in_race"],
        &["policy", "list"],
        &["policy", "show", "vanilla"],
        &["policy", "show", "vanilla+hugh:do_swap_page"],
        &["compare"],
    ];
    for case in cases {
        fits(&prints(case), case);
    }
    let family = prints(&["scenario", "show", "held_block_pageout_load_store"]);
    assert!(family.contains("direct_read P.lo as io"), "{family}");
    let list = prints(&["policy", "list"]);
    let ids = list.lines().filter(|line| !line.starts_with(' '));
    let ids: Vec<_> = ids.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(ids, bundled().iter().map(|policy| policy.id).collect::<Vec<_>>());
    assert!(prints(&["scenario", "show", "swap_in_race"]).contains("steps = ["));
}

#[test]
fn generations_fit_and_never_hide_a_scenario() {
    let text = prints(&["matrix"]);
    fits(&text, &["matrix"]);
    let words: Vec<_> = text.split([' ', ',', '\n']).collect();
    for (name, _) in builtin() {
        assert!(words.contains(name), "{name}");
    }
    // Each takes half a second in a debug build.
    for (name, _) in builtin().iter().step_by(8) {
        let arguments = ["bisect", name];
        fits(&prints(&arguments), &arguments);
    }
}

#[test]
fn parts_of_the_generations_can_be_chosen() {
    let policies = |arguments: &[&str]| {
        let text = prints(&[&["matrix", "vmsplice_fork", "--format", "json"], arguments].concat());
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let columns = document["matrix"]["policies"].as_array().unwrap().iter();
        columns.map(|one| one["policy"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let mut all = policies(&[]);
    let part = policies(&["--since", "2.6.11", "--until", "2.6.13"]);
    assert_eq!(part, ["vanilla", "iwamoto", "hugh-mail", "hugh"]);
    assert_eq!(policies(&["--since", "vanilla", "--until", "2005-06-21"]), part);
    assert_eq!(policies(&["--since", "2.6.20", "--until", "hugh"]), ["hugh"]);
    let mut bundled: Vec<_> = policies(&["-p", "all"]);
    all.sort();
    bundled.sort();
    assert_eq!(all, bundled);

    let error = complains(&["matrix", "--since", "hughs"]);
    assert!(error.starts_with("error: --since \"hughs\" is no policy, kernel version"), "{error}");
    assert!(error.contains("did you mean \"hugh\"?"), "{error}");
    assert!(error.contains("hugh (2.6.13 to 2.6.28; 2005-06-21)"), "{error}");
    let error = complains(&["bisect", "vmsplice_fork", "--since", "hugh", "--until", "2.6.9"]);
    assert!(error.contains("no generation is since hugh and until 2.6.9"), "{error}");
    let error = complains(&["matrix", "--since", "2.6.11", "-p", "hugh"]);
    assert!(error.contains("--since"), "{error}");
    let error = complains(&["bisect", "vmsplice_for"]);
    assert!(error.contains("vmsplice_fork"), "{error}");
    for wrong in [&["bisect"][..], &["matrix", "--width", "79"], &["matrix", "--width", "wide"]] {
        complains(wrong);
    }
}

#[test]
fn generations_end_as_comparisons_do() {
    let policies = ["-p", "vanilla", "-p", "hugh"];
    for command in ["matrix", "bisect"] {
        let run = [&[command, "vmsplice_fork"], &policies[..]].concat();
        ends(&run, 0);
        ends(&[&run[..], &["--exit-code"]].concat(), 1);
        ends(&[command, "direct_read_store", "-p", "hugh", "--exit-code"], 0);
        ends(&[command, "fork_store_parent", "-p", "vanilla", "-p", &fixture("panics")], 3);
    }
    // A policy from a file has a manifest, and its hunks are tried in a worker, too.
    let file = fixture("mapcount_only");
    let text = prints(&["bisect", "vmsplice_fork", "-p", "vanilla", "-p", &file]);
    assert!(text.contains("can_share_swap_page") && text.contains("kernels"), "{text}");
}

#[test]
fn a_plugin_is_described_without_being_run() {
    let path = fixture("panics");
    let text = prints(&["policy", "show", &path]);
    assert!(text.contains("a hook that panics") && text.contains("--load"), "{text}");
    assert!(prints(&["policy", "show", &path, "--load"]).contains("do_swap_page: "));
}

#[test]
fn everything_about_every_scenario_fits() {
    fits(&prints(&["compare", "--full"]), &["compare", "--full"]);
    for (name, _) in builtin() {
        for policy in ["vanilla", "hugh"] {
            let arguments = ["run", name, "-p", policy, "--full"];
            fits(&prints(&arguments), &arguments);
        }
    }
}

#[track_caller]
fn fits(text: &str, what: &[&str]) {
    for line in text.lines() {
        // A word that is too long by itself, such as a URL, cannot be broken.
        let unbreakable = line.split_whitespace().any(|word| word.len() > 60);
        assert!(line.chars().count() <= 80 || unbreakable, "{what:?}: {line}");
        assert_eq!(line, line.trim_end(), "{what:?}: blanks at the end");
    }
}

#[test]
fn two_runs_give_the_same_bytes() {
    for arguments in [&["compare", "--full"][..], &["compare", "--full", "--format", "json"]] {
        assert!(cowpath(arguments).stdout == cowpath(arguments).stdout, "{arguments:?}");
    }
}

#[test]
fn colours_are_for_terminals_or_on_demand() {
    let coloured = |output: Output| output.stdout.contains(&0x1b);
    let run = ["compare", "vmsplice_fork"];
    assert!(!coloured(cowpath(&run)));
    let always = [&["--color", "always"][..], &run].concat();
    assert!(coloured(cowpath(&always)));
    let plain = [&["--color", "never"][..], &run].concat();
    assert!(!coloured(command(&plain).env("CLICOLOR_FORCE", "1").output().unwrap()));
    assert!(!coloured(command(&run).env("NO_COLOR", "1").output().unwrap()));
    let text = anstream::adapter::strip_bytes(&cowpath(&always).stdout).into_vec();
    assert_eq!(text, cowpath(&run).stdout);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = command(&["compare", "--full", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(prints(&["completions", shell]).contains("cowpath"), "{shell}");
    }
    assert!(prints(&["man"]).contains(".TH"));
    let folder = env::temp_dir().join(format!("cowpath-man-{}", std::process::id()));
    prints(&["man", folder.to_str().unwrap()]);
    assert!(folder.join("cowpath-compare.1").is_file());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn grafts_are_numbered_in_tables() {
    let graft = "vanilla+iwamoto:try_to_unmap_one";
    let text = prints(&["compare", "direct_read_store", "-p", "vanilla", "-p", graft]);
    assert!(text.contains("[2] vanilla+iwamoto:try_to_unmap_one\n"), "{text}");
}

#[test]
fn the_discussion_is_the_default_and_all_is_every_bundled_policy() {
    let policies = |arguments: &[&str]| {
        let text = prints(&[&["compare", "vmsplice_fork", "--format", "json"], arguments].concat());
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let names = document["policies"].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(policies(&[]), discussed());
    let all: Vec<_> = bundled().iter().map(|policy| policy.id).collect();
    assert_eq!(policies(&["-p", "all"]), all);
    let error = complains(&["compare", "vmsplice_fork", "-p", "all", "-p", "hugh"]);
    assert!(error.contains("two policies are called \"hugh\""), "{error}");
}

#[test]
fn counters_can_be_packed() {
    prints(&["compare", "packed_counters_many_mappings", "--counters", "packed"]);
    let error = complains(&["compare", "--counters", "three"]);
    assert!(error.contains("two, packed"), "{error}");
}
