//! The scenario language: what it accepts, and what it says about what it does not.

use std::fs;
use std::path::Path;

use cowpath::scenario::{
    Act, Fact, LoadError, MapSpec, MigrateOrder, Over, Range, Scenario, ScenarioError, Sectors,
    builtin, explain, load, parse, parse_with_stages,
};

/// Stages for the broken file that names unknown ones.
const STAGES: [&str; 3] = ["do_swap_page.lookup", "do_swap_page.lock_page", "do_wp_page.copy"];

fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// A scenario with the given steps: processes A (thread A2; P of 4 pages, Q) and C (P, file mapping M).
fn with_steps(steps: &[&str]) -> String {
    let steps: Vec<_> = steps.iter().map(|step| format!("  {step:?},\n")).collect();
    format!(
        r#"# A claim
#   of two lines.
#
# And a third.
title = "a title"
memory = {{ pages = 16, section = 4, swap = [8, {{ slots = 4, priority = 5, bad = [3] }}, 2], page_cluster = 3, pagevec = 1 }}

[file.F]
pages = 2

[process.C]
anon = ["P"]
file = {{ M = {{ file = "F", page = 1, pages = 1, write = false }} }}

[process.A]
threads = ["A2"]
anon = {{ P = {{ pages = 4 }}, Q = {{ locked = true, reserved = true }} }}

[run]
steps = [
{}]
"#,
        steps.concat()
    )
}

#[track_caller]
fn good(steps: &[&str]) -> Scenario {
    match parse("good", &with_steps(steps)) {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

fn act(step: &str) -> Act {
    good(&[step]).steps.remove(0).act
}

fn range(process: Option<&str>, map: &str, (first, pages): (u32, u32), sectors: Sectors) -> Range {
    Range { process: process.map(str::to_owned), map: map.to_owned(), first, pages, sectors }
}

#[test]
fn broken_scenarios_say_what_is_wrong() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios-broken");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let stages = if stem == "unknown_stages" { &STAGES[..] } else { &[] };
        let source = fs::read_to_string(&path).unwrap();
        let Err(error) = parse_with_stages(&format!("{stem}.toml"), &source, stages) else {
            panic!("{stem} is not broken");
        };
        spans_fit(&error);
        snapshots().bind(|| insta::assert_snapshot!(format!("scenario_error__{stem}"), error));
    }
}

/// Every caret stands inside the source, at the line and column that the problem states.
fn spans_fit(error: &ScenarioError) {
    assert!(!error.problems.is_empty());
    for problem in &error.problems {
        let before = &error.source[..problem.span.start];
        assert!(error.source.get(problem.span.clone()).is_some(), "{problem:?}");
        assert_eq!(problem.line as usize, before.matches('\n').count() + 1, "{problem:?}");
        let start_of_line = before.rfind('\n').map_or(0, |newline| newline + 1);
        assert_eq!(
            problem.column as usize,
            before[start_of_line..].chars().count() + 1,
            "{problem:?}"
        );
    }
}

#[test]
fn tables_are_read_in_the_order_of_the_file() {
    let scenario = good(&["A: load P"]);
    assert_eq!(scenario.name, "good");
    assert_eq!(scenario.title, "a title");
    assert_eq!(scenario.claim, "A claim of two lines. And a third.");
    let memory = &scenario.memory;
    assert_eq!((memory.pages, memory.section, memory.page_cluster, memory.pagevec), (16, 4, 3, 1));
    let areas: Vec<_> =
        memory.swap.iter().map(|area| (area.slots, area.priority, &area.bad[..])).collect();
    assert_eq!(areas, [(8, -1, &[][..]), (4, 5, &[3]), (2, -2, &[])]);
    let names: Vec<_> = scenario.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["C", "A"]);
    assert_eq!(scenario.processes[1].threads, ["A2"]);
    let plain = MapSpec {
        name: "P".into(),
        pages: 1,
        write: true,
        locked: false,
        reserved: false,
        file: None,
    };
    let file =
        MapSpec { name: "M".into(), write: false, file: Some(("F".into(), 1)), ..plain.clone() };
    assert_eq!(scenario.processes[0].maps, [plain.clone(), file]);
    let long = MapSpec { pages: 4, ..plain.clone() };
    let locked = MapSpec { name: "Q".into(), locked: true, reserved: true, ..plain };
    assert_eq!(scenario.processes[1].maps, [long, locked]);
}

#[test]
fn steps_keep_their_text_line_and_stage() {
    let scenario = good(&[
        "A2:  store   P[1].hi",
        "kswapd: shrink Q until shrink_list.trylock",
        "kswapd: continue",
    ]);
    let steps: Vec<_> = scenario
        .steps
        .iter()
        .map(|step| (step.line, step.actor.as_str(), step.text.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            (21, "A2", "A2: store P[1].hi"),
            (22, "kswapd", "kswapd: shrink Q"),
            (23, "kswapd", "kswapd: continue")
        ]
    );
    assert_eq!(scenario.steps[1].until.as_deref(), Some("shrink_list.trylock"));
    assert_eq!(scenario.steps[2].until, None);
}

#[test]
fn ranges_name_mapping_pages_and_sectors() {
    let all = Sectors::All;
    assert_eq!(act("A: store P"), Act::Store(range(None, "P", (0, 0), all)));
    assert_eq!(act("A: store P.lo"), Act::Store(range(None, "P", (0, 0), Sectors::Lo)));
    assert_eq!(act("A: load P[2].hi"), Act::Load(range(None, "P", (2, 1), Sectors::Hi)));
    assert_eq!(act("A: load P[1..4]"), Act::Load(range(None, "P", (1, 3), all)));
    let shrink = |ignore_references| Act::Shrink {
        range: range(Some("A"), "P", (3, 1), all),
        ignore_references,
    };
    assert_eq!(act("kswapd: shrink A.P[3]"), shrink(false));
    assert_eq!(act("kswapd: shrink A.P[3] ignore_references"), shrink(true));
    assert_eq!(
        act("kswapd: shrink Q"),
        Act::Shrink { range: range(Some("A"), "Q", (0, 0), all), ignore_references: false },
        "only A has Q"
    );
    assert_eq!(
        act("inject: lock M"),
        Act::Lock(range(Some("C"), "M", (0, 0), all)),
        "only C has M"
    );
}

#[test]
fn every_verb_is_read() {
    let p = || range(None, "P", (0, 0), Sectors::All);
    let named = || range(Some("A"), "P", (0, 0), Sectors::All);
    assert_eq!(act("A: direct_read P as io"), Act::DirectRead(p(), Over::Block, "io".into()));
    assert_eq!(
        act("A: direct_write P over nfs as io"),
        Act::DirectWrite(p(), Over::Nfs, "io".into())
    );
    let pin = Act::PinUserPages { range: p(), write: true, name: "pin".into() };
    assert_eq!(act("A: pin_user_pages P write as pin"), pin);
    assert_eq!(act("A: vmsplice P as pipe"), Act::Vmsplice(p(), "pipe".into()));
    assert_eq!(act("A: io_uring_register P as ring"), Act::IoUringRegister(p(), "ring".into()));
    assert_eq!(act("A: madvise_pageout P"), Act::MadvisePageout(p()));
    assert_eq!(act("kswapd: memory_reclaim"), Act::MemoryReclaim);
    for (words, write, force) in
        [("read", false, false), ("write", true, false), ("write force", true, true)]
    {
        let expected = Act::GetUserPages { range: p(), write, force, name: "pin".into() };
        assert_eq!(act(&format!("A: get_user_pages P {words} as pin")), expected);
    }
    assert_eq!(act("A: fork B"), Act::Fork("B".into()));
    assert_eq!(act("A: exit"), Act::Exit);
    assert_eq!(act("A: munmap P"), Act::Munmap(p()));
    assert_eq!(act("A: madvise_dontneed P"), Act::MadviseDontneed(p()));
    assert_eq!(act("A: mprotect P read"), Act::Mprotect(p(), false));
    assert_eq!(act("A: mprotect P write"), Act::Mprotect(p(), true));
    assert_eq!(act("A: mlock P"), Act::Mlock(p()));
    assert_eq!(act("A: munlock P"), Act::Munlock(p()));
    assert_eq!(act("kswapd1: shrink_cache 8"), Act::ShrinkCache(8));
    assert_eq!(act("kswapd: refill_inactive_zone 8"), Act::RefillInactive(8));
    assert_eq!(act("kswapd: lru_add_drain"), Act::LruAddDrain);
    assert_eq!(act("swapoff: swapoff swap2"), Act::Swapoff(2));
    assert_eq!(
        act("hotplug: migrate A.P replace_first"),
        Act::Migrate(named(), MigrateOrder::ReplaceFirst)
    );
    assert_eq!(act("hotplug: offline 3 unmap_first"), Act::Offline(3, MigrateOrder::UnmapFirst));
    assert_eq!(act("hotplug1: online 0"), Act::Online(0));
    assert_eq!(act("swap0: hold"), Act::Hold);
    assert_eq!(act("swap1: release"), Act::Release);
    assert_eq!(act("swap1: complete"), Act::Complete);
    assert_eq!(act("swap1: fail"), Act::Fail);
    assert_eq!(act("inject: no_memory 2"), Act::NoMemory(2));
    assert_eq!(act("inject: no_swap 1"), Act::NoSwap(1));
    assert_eq!(act("inject: lock A.P"), Act::Lock(named()));
    assert_eq!(act("inject: mmap_sem C"), Act::MmapSem("C".into()));
}

#[test]
fn what_a_step_introduces_acts_in_later_ones() {
    let scenario = good(&[
        "A: direct_read P[0].lo as io",
        "io: transfer",
        "io: complete",
        "A: get_user_pages P[0] write as pin",
        "pin: read lo",
        "pin: write",
        "pin: put",
        "A2: fork B",
        "B: munmap Q",
        "B: fork D",
        "D: store P[3]",
        "inject: lock B.P[0]",
        "B: exit",
        "inject: unlock B.P[0]",
        "inject: mmap_sem D",
        "inject: up_write D",
        "kswapd: shrink D.P[3] until shrink_list.trylock",
        "A: exit",
        "A: continue",
    ]);
    let acts: Vec<_> = scenario.steps.iter().map(|step| &step.act).collect();
    assert_eq!(acts[1..3], [&Act::Transfer, &Act::Complete]);
    assert_eq!(
        acts[4..7],
        [&Act::PinRead(Sectors::Lo), &Act::PinWrite(Sectors::All), &Act::PinPut]
    );
    assert_eq!(acts[13], &Act::Unlock(range(Some("B"), "P", (0, 1), Sectors::All)));
}

#[test]
fn what_is_given_up_can_be_named_until_that_is_over() {
    let stopped = ["A: munmap P until exit_mmap.lock", "kswapd: shrink A.P[0]"];
    good(&stopped);
    good(&["A: exit until exit_mmap.lock", "kswapd: shrink A.P[0]", "A: continue"]);
    good(&["A: exit until exit_mmap.lock", "A: continue until exit_mmap.unlock", "C: fork B"]);
    let gone = [&stopped[..], &["A: continue", "kswapd: shrink A.P[0]"]].concat();
    for (steps, why) in [
        (&gone[..], "`A` unmapped `P` on line 21"),
        (&["A: exit", "kswapd: shrink A.P[0]"], "`A` exited on line 21"),
        (&["A: exit until exit_mmap.lock", "A2: store P[0]"], "`A` exited on line 21"),
    ] {
        let error = parse("bad", &with_steps(steps)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn every_fact_is_read() {
    let page = |process: &str, page| range(Some(process), "P", (page, 1), Sectors::All);
    let fact = |step: &str| match act(step) {
        Act::Check(fact) => fact,
        act => panic!("{act:?}"),
    };
    assert_eq!(fact("check: A.P[1] present"), Fact::Present(page("A", 1)));
    assert_eq!(fact("check: A.P[1] swapped"), Fact::Swapped(page("A", 1)));
    assert_eq!(fact("check: A.P[1] none"), Fact::NotMapped(page("A", 1)));
    assert_eq!(fact("check: A.P[1] same C.P[0]"), Fact::Same(page("A", 1), page("C", 0)));
    assert_eq!(fact("check: A.P[1] apart C.P[0]"), Fact::Apart(page("A", 1), page("C", 0)));
    assert_eq!(fact("check: section 3 offline"), Fact::SectionOffline(3));
    assert_eq!(fact("check: all free"), Fact::AllFree);
    assert_eq!(fact("check: A2 waiting"), Fact::Waiting("A2".into()));
}

#[test]
fn a_path_gives_the_name_and_is_shown_in_errors() {
    let source = with_steps(&["A: load P"]);
    assert_eq!(parse("some/where/case.toml", &source).unwrap().name, "case");
    let error = parse("some/where/case.toml", "").unwrap_err();
    assert_eq!(error.file, "some/where/case.toml");
}

#[test]
fn an_unknown_scenario_has_a_nearest_name() {
    let error = load("direct_read_stroe").unwrap_err();
    insta::assert_snapshot!(error, @"unknown scenario `direct_read_stroe`, the nearest is `direct_read_store`; `cowpath scenario list` shows all, a path ends in `.toml`");
    assert!(matches!(load("no/such/file.toml"), Err(LoadError::Unreadable { .. })));
}

#[test]
fn every_built_in_scenario_is_read() {
    for (name, source) in builtin() {
        let scenario = load(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.name, *name);
        assert!(
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{name}"
        );
        let comment = source.lines().take_while(|line| line.starts_with('#')).count();
        assert!((2..=5).contains(&comment), "{name}: the claim has {comment} lines");
        assert!(
            source.lines().all(|line| line.chars().count() <= 100),
            "{name}: a line is too long"
        );
        let explained = explain(&scenario);
        let last = format!("\n{:3}. ", scenario.steps.len());
        assert!(explained.contains(&last), "{name}: {explained}");
        assert!(explained.lines().all(|line| line.chars().count() <= 72), "{name}: {explained}");
    }
}

#[test]
fn titles_differ() {
    let mut titles: Vec<_> = builtin().iter().map(|(name, _)| load(name).unwrap().title).collect();
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), builtin().len());
}

#[test]
fn explanations_are_plain_words() {
    for name in ["direct_read_store", "swapoff_progress"] {
        let text = explain(&load(name).unwrap());
        snapshots().bind(|| insta::assert_snapshot!(format!("scenario_explain__{name}"), text));
    }
}

/// Every single change of a set, at every byte of a file that uses the whole grammar: no change makes
/// the parser panic, and every error it finds points into the file.
#[test]
fn no_mutation_makes_the_parser_panic() {
    let source = with_steps(&[
        "A: direct_read P[0..2].lo as io",
        "A2: get_user_pages P write force as pin",
        "A: fork B",
        "kswapd: shrink A.P[3] until shrink_list.trylock",
        "check: A.P[1] same B.P[1]",
        "inject: lock A.Q",
        "inject: unlock A.Q",
    ]);
    let insertions = ["\"", "]", ".", ":", " ", "\n", "#", "\u{fc}"];
    for at in (0..source.len()).filter(|&at| source.is_char_boundary(at)) {
        let (before, after) = source.split_at(at);
        never_panics(before);
        never_panics(after);
        if let Some(next) = after.chars().next() {
            let rest = &after[next.len_utf8()..];
            never_panics(&[before, rest].concat());
            for insertion in insertions {
                never_panics(&[before, insertion, after].concat());
            }
        }
    }
}

#[test]
fn swapped_words_do_not_make_the_parser_panic() {
    let source = builtin().iter().map(|(_, source)| *source).collect::<Vec<_>>().join("\n");
    let words: Vec<_> = source.split([' ', '\n']).filter(|word| !word.is_empty()).collect();
    let file = with_steps(&[
        "A: store P.hi",
        "A: direct_read P.lo as io",
        "kswapd: shrink A.P",
        "io: complete",
    ]);
    let places: Vec<_> = file.match_indices(' ').map(|(at, _)| at).collect();
    for (i, word) in words.iter().enumerate() {
        let at = places[i % places.len()];
        let end = file[at + 1..].find([' ', '\n']).map_or(file.len(), |length| at + 1 + length);
        never_panics(&[&file[..=at], word, &file[end..]].concat());
    }
}

fn never_panics(source: &str) {
    if let Err(error) = parse("mutated", source) {
        spans_fit(&error);
        assert!(!error.to_string().is_empty());
    }
}
