//! Explorations of universes that are interrupted and gone on with, or whose visited states
//! go to disk, are what they would have been; files that do not fit are refused.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use cowpath::explore::{
    Budget, Disk, Explored, Keep, KeepError, Progress, Question, Reductions, Universe, Verdict,
    explore_and_keep, explore_universe,
};
use cowpath::policy::{Policy, resolve};
use cowpath::report::{ExploreDocument, explored};

fn universe(name: &str) -> Universe {
    Universe::builtin().into_iter().find(|universe| universe.name == name).unwrap()
}

fn policies(names: &[&str]) -> Vec<Policy> {
    names.iter().map(|name| resolve(name).unwrap()).collect()
}

/// Everything that is printed.
fn reports(found: &Explored) -> [String; 2] {
    [explored(found), serde_json::to_string(&ExploreDocument::new(slice::from_ref(found))).unwrap()]
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("resume").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn threads(threads: usize) -> Budget {
    Budget { threads, ..Budget::default() }
}

fn kept(
    universe: &Universe,
    policy: &str,
    budget: &Budget,
    keep: &Keep,
    mut tell: impl FnMut(Progress, &AtomicBool),
) -> Result<Explored, KeepError> {
    let stop = AtomicBool::new(false);
    let policies = policies(&[policy]);
    let kept = explore_and_keep(
        universe,
        &policies,
        Reductions::ALL,
        (Question::Each, budget),
        keep,
        &stop,
        &mut |_, at| tell(at, &stop),
    )?;
    assert!(kept.unsaved.is_none(), "{:?}", kept.unsaved);
    Ok(kept.explored)
}

fn whole(universe: &Universe, policy: &str, budget: &Budget) -> [String; 2] {
    let stop = AtomicBool::new(false);
    let policies = policies(&[policy]);
    let found = explore_universe(
        universe,
        &policies,
        Reductions::ALL,
        (Question::Each, budget),
        &stop,
        &mut |_, _| {},
    );
    reports(&found)
}

fn from(path: &Path) -> Keep {
    Keep { resume: Some(path.to_owned()), ..Keep::default() }
}

fn to(path: &Path) -> Keep {
    Keep { checkpoint: Some(path.to_owned()), ..Keep::default() }
}

/// Ends a search once it has so many states.
fn interrupt(
    universe: &Universe,
    policy: &str,
    threads: usize,
    states: u64,
    keep: &Keep,
) -> Explored {
    let budget = self::threads(threads);
    let found = kept(universe, policy, &budget, keep, |at, stop| {
        stop.fetch_or(at.states >= states, Relaxed);
    });
    found.unwrap()
}

#[test]
fn a_resumed_run_is_one_that_was_not_interrupted() {
    let path = folder("flag").join("checkpoint");
    // Under pre-2.6.7 contents have to be told apart, after a while.
    for (name, policy, points) in [
        ("tiny", "iwamoto", &[40_000][..]),
        ("pipe", "vanilla", &[1, 2500, 7000]),
        ("endless", "vanilla", &[1, 100]),
        ("endless", "pre-2.6.7", &[1, 20, 5000]),
    ] {
        let universe = universe(name);
        let expected = whole(&universe, policy, &threads(1));
        assert_eq!(whole(&universe, policy, &threads(2)), expected);
        for (index, &states) in points.iter().enumerate() {
            let [before, after] = [[1, 2], [2, 1], [1, 1]][index % 3];
            let found = interrupt(&universe, policy, before, states, &to(&path));
            let [one] = &found.explorations[..] else { panic!("one policy") };
            assert_eq!(one.verdict, Verdict::Interrupted, "{name} at {states}");
            assert!(one.counts.states >= states);
            let found = kept(&universe, policy, &threads(after), &from(&path), |_, _| {});
            assert_eq!(reports(&found.unwrap()), expected, "{name} at {states}");
        }
    }
}

#[test]
fn a_run_can_be_interrupted_again_and_again() {
    let path = folder("again").join("checkpoint");
    let universe = universe("direct_io");
    let mut keep = to(&path);
    let mut states = 0;
    let found = loop {
        states += 4000;
        let found = interrupt(&universe, "iwamoto", 1, states, &keep);
        if found.explorations[0].verdict == Verdict::Exhaustive {
            break found;
        }
        keep.resume = Some(path.clone());
    };
    assert!(keep.resume.is_some());
    assert_eq!(reports(&found), whole(&universe, "iwamoto", &threads(1)));
}

#[test]
fn a_checkpoint_beyond_a_limit_is_refused() {
    let path = folder("beyond").join("checkpoint");
    let universe = universe("pipe");
    let found = interrupt(&universe, "iwamoto", 1, 4000, &to(&path));
    let states = found.explorations[0].counts.states;
    let budget = Budget { states: Some(1000), ..Budget::default() };
    let refused = kept(&universe, "iwamoto", &budget, &from(&path), |_, _| {}).unwrap_err();
    let KeepError::Beyond { option, reached, most, .. } = refused else { panic!("{refused}") };
    assert_eq!((option, reached, most), ("--states", states, 1000));
}

#[test]
fn budgets_end_it_and_a_larger_one_goes_on() {
    let path = folder("budgets").join("checkpoint");
    let universe = universe("pipe");
    let expected = whole(&universe, "iwamoto", &threads(1));
    let states = |states| Budget { states: Some(states), ..Budget::default() };
    let depth = |depth| Budget { depth: Some(depth), ..Budget::default() };
    let time = Budget { time: Some(Duration::ZERO), ..Budget::default() };
    let memory = Budget { memory: Some(0), ..Budget::default() };
    for (budget, verdict) in [
        (states(700), Verdict::BoundedStates),
        (depth(9), Verdict::BoundedDepth),
        (time, Verdict::BoundedTime),
        (memory, Verdict::BoundedMemory),
    ] {
        let found = kept(&universe, "iwamoto", &budget, &to(&path), |_, _| {}).unwrap();
        assert_eq!(found.explorations[0].verdict, verdict);
        if matches!(verdict, Verdict::BoundedStates | Verdict::BoundedDepth) {
            let bounded = reports(&found);
            for threads in [1, 2] {
                let budget = Budget { threads, ..budget.clone() };
                assert_eq!(whole(&universe, "iwamoto", &budget), bounded);
                let again = kept(&universe, "iwamoto", &budget, &from(&path), |_, _| {}).unwrap();
                assert_eq!(reports(&again), bounded);
            }
        }
        let found = kept(&universe, "iwamoto", &threads(1), &from(&path), |_, _| {}).unwrap();
        assert_eq!(reports(&found), expected, "{verdict:?}");
    }
    kept(&universe, "iwamoto", &states(700), &to(&path), |_, _| {}).unwrap();
    let error = kept(&universe, "iwamoto", &depth(2), &from(&path), |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("is further than --depth 2"), "{error}");
    let error = kept(&universe, "iwamoto", &states(2), &from(&path), |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("is further than --states 2"), "{error}");
}

#[test]
fn it_is_saved_every_so_often() {
    let path = folder("every").join("checkpoint");
    let universe = universe("pipe");
    let keep = Keep { every: Duration::ZERO, ..to(&path) };
    let found = kept(&universe, "iwamoto", &threads(1), &keep, |_, _| {}).unwrap();
    assert_eq!(found.explorations[0].verdict, Verdict::Exhaustive);
    let again = kept(&universe, "iwamoto", &threads(2), &from(&path), |_, _| {}).unwrap();
    assert_eq!(reports(&again), reports(&found));
}

/// Every block goes to disk.
fn on_disk(folder: &Path) -> Keep {
    Keep { disk: Some(Disk { folder: folder.join("disk"), tables: 0 }), ..Keep::default() }
}

#[test]
fn on_disk_it_is_the_same() {
    let folder = folder("disk");
    let keep = on_disk(&folder);
    for (name, policy) in [("tiny", "iwamoto"), ("pipe", "vanilla")] {
        let universe = universe(name);
        let expected = whole(&universe, policy, &threads(1));
        for count in [1, 2] {
            let found = kept(&universe, policy, &threads(count), &keep, |_, _| {}).unwrap();
            assert_eq!(reports(&found), expected, "{name}, {count} threads");
        }
    }
    let left = fs::read_dir(folder.join("disk")).unwrap().count();
    assert_eq!(left, 0, "files are left behind");
}

#[test]
fn on_disk_budgets_are_the_same() {
    let folder = folder("disk-budgets");
    let keep = on_disk(&folder);
    let universe = universe("pipe");
    for states in [2, 300, 2049, 7000, 8215] {
        let budget = Budget { states: Some(states), ..Budget::default() };
        let found = kept(&universe, "iwamoto", &budget, &keep, |_, _| {}).unwrap();
        assert_eq!(reports(&found), whole(&universe, "iwamoto", &budget), "{states} states");
    }
    let budget = Budget { depth: Some(12), ..Budget::default() };
    let found = kept(&universe, "iwamoto", &budget, &keep, |_, _| {}).unwrap();
    assert_eq!(reports(&found), whole(&universe, "iwamoto", &budget));
}

#[test]
fn a_run_on_disk_is_resumed_in_memory_and_back() {
    let folder = folder("disk-and-back");
    let path = folder.join("checkpoint");
    let universe = universe("pipe");
    let expected = whole(&universe, "vanilla", &threads(1));
    let disk = on_disk(&folder);
    let keep = Keep { disk: disk.disk.clone(), ..to(&path) };
    interrupt(&universe, "vanilla", 1, 5000, &keep);
    for keep in [from(&path), Keep { disk: disk.disk, ..from(&path) }] {
        let found = kept(&universe, "vanilla", &threads(2), &keep, |_, _| {}).unwrap();
        assert_eq!(reports(&found), expected);
    }
    let budget = Budget { states: Some(6000), ..Budget::default() };
    kept(&universe, "vanilla", &budget, &keep, |_, _| {}).unwrap();
    let found = kept(&universe, "vanilla", &threads(1), &from(&path), |_, _| {}).unwrap();
    assert_eq!(reports(&found), expected);
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let folder = folder("refused");
    let path = folder.join("checkpoint");
    let tiny = universe("tiny");
    interrupt(&tiny, "iwamoto", 1, 100, &to(&path));
    let refused = |universe: &Universe, policy: &str, keep: &Keep| {
        kept(universe, policy, &threads(1), keep, |_, _| {}).unwrap_err().to_string()
    };
    let more = Universe { slots: 3, ..tiny.clone() };
    let message = refused(&more, "iwamoto", &from(&path));
    assert!(message.contains("universe slots: 2 in the checkpoint, 3 now"), "{message}");
    let message = refused(&tiny, "vanilla", &from(&path));
    assert!(
        message.contains("policy: \"iwamoto\"") || message.contains("policy: iwamoto in"),
        "{message}"
    );
    assert!(message.contains("plugin vanilla: none in the checkpoint"), "{message}");

    let bytes = fs::read(&path).unwrap();
    let other = folder.join("other");
    let damaged = "is truncated or damaged: its checksum does not fit";
    for length in [40, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&other, &bytes[..length]).unwrap();
        let message = refused(&tiny, "iwamoto", &from(&other));
        assert!(message.contains(damaged), "{length} bytes: {message}");
    }
    for place in [30, bytes.len() / 3, bytes.len() - 5] {
        let mut bytes = bytes.clone();
        bytes[place] ^= 4;
        fs::write(&other, bytes).unwrap();
        let message = refused(&tiny, "iwamoto", &from(&other));
        assert!(message.contains(damaged), "byte {place}: {message}");
    }
    let mut newer = bytes;
    newer[19] = 200;
    fs::write(&other, newer).unwrap();
    let message = refused(&tiny, "iwamoto", &from(&other));
    assert!(message.contains("is a checkpoint of format 200"), "{message}");
    fs::write(&other, "a letter").unwrap();
    for keep in [from(&other), to(&other)] {
        let message = refused(&tiny, "iwamoto", &keep);
        assert!(message.contains("is not a checkpoint"), "{message}");
    }
    assert_eq!(fs::read_to_string(&other).unwrap(), "a letter");
    let message = refused(&tiny, "iwamoto", &to(&folder.join("none/here")));
    assert!(message.contains("cannot write checkpoint"), "{message}");
    let message = refused(&tiny, "iwamoto", &from(&folder.join("none")));
    assert!(message.contains("cannot read checkpoint"), "{message}");
    let disk = Some(Disk { folder: folder.clone(), tables: 0 });
    let message = refused(&tiny, "iwamoto", &Keep { disk, ..Keep::default() });
    assert!(message.contains("is not empty"), "{message}");
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["checkpoint", "other"], "drafts are left behind");
}

#[test]
fn a_checkpoint_is_of_one_policy() {
    let path = folder("several").join("checkpoint");
    let stop = AtomicBool::new(false);
    let two = policies(&["iwamoto", "hugh"]);
    let found = explore_and_keep(
        &universe("tiny"),
        &two,
        Reductions::ALL,
        (Question::Each, &threads(1)),
        &to(&path),
        &stop,
        &mut |_, _| {},
    );
    assert!(matches!(found, Err(KeepError::SeveralPolicies { policies: 2 })));
}

#[test]
fn a_checkpoint_is_of_one_universe() {
    let path = folder("universes").join("checkpoint");
    let output = Command::new(env!("CARGO_BIN_EXE_cowpath"))
        .args(["explore", "-u", "pin", "-u", "pipe", "-p", "hugh", "--checkpoint"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("one universe, and 2 are asked for"), "{said}");
    assert!(!path.exists());
}

#[test]
fn a_signal_ends_the_command_in_order() {
    let path = folder("signal").join("checkpoint");
    let checkpoint = path.to_str().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cowpath"))
        .args(["explore", "-u", "large", "-p", "iwamoto", "--progress", "json"])
        .args(["--checkpoint", checkpoint])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    let first: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&first["policy"], &first["ended"]), (&"iwamoto".into(), &false.into()));
    assert!(first["memory"].as_u64().unwrap() > 0, "{first}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{rest}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("iwamoto: BOUNDED(interrupted), "), "{text}");
    let last = rest.lines().find(|line| line.contains("\"ended\":true")).unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert!(text.contains(&format!(" {} states", last["states"])), "{last}: {text}");
    assert!(rest.contains("--resume"), "{rest}");
    let found = Command::new(env!("CARGO_BIN_EXE_cowpath"))
        .args(["explore", "-u", "large", "-p", "iwamoto", "--resume", checkpoint, "--time", "0"])
        .output()
        .unwrap();
    let again = String::from_utf8(found.stdout).unwrap();
    assert_eq!(again, text.replace("(interrupted)", "(time)"));
}
