//! The model against transcripts: what is the same compares equal, whatever is altered is
//! found and named, a transcript that cannot be used says why, and wrong policies are
//! noticed.
//!
//! No kernel is at hand here: the transcripts are the model's own, some of them altered.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs, thread};

use cowpath::policy::{Policy, resolve};
use cowpath::routines::stage_names;
use cowpath::run::{Options, observe, run};
use cowpath::scenario::transcript::{Datum, FORM, Header, Observation, Outcome, Pte};
use cowpath::scenario::{Act, builtin, kernels, load_with_stages};
use cowpath::validate::{
    Difference, Explained, Field, LOOKED_AT, Mutant, Transcript, Validated, committed_explained,
    committed_transcripts, mutants, policy_for, validate,
};

fn header() -> Header {
    Header {
        transcript: FORM,
        kernel: "0.0.0-model".to_string(),
        package: "cowpath".to_string(),
        sha256: Vec::new(),
        machine: "the model".to_string(),
        hidden: Vec::new(),
        skipped: Vec::new(),
    }
}

/// What the model shows under a policy.
fn observations(names: &[&str], policy: &str) -> Vec<Observation> {
    let policy = resolve(policy).unwrap();
    let observed = |name: &&str| {
        let scenario = load_with_stages(name, &stage_names()).unwrap();
        let observed = observe(&scenario, &policy, LOOKED_AT);
        assert_eq!(observed.stopped, None, "{name}");
        let steps = scenario.steps.iter().filter(|step| !matches!(step.act, Act::Check(_)));
        assert_eq!(observed.observations.len(), steps.count(), "{name}");
        observed.observations
    };
    names.iter().flat_map(observed).collect()
}

fn text(header: &Header, observations: &[Observation]) -> String {
    let mut lines = vec![serde_json::to_string(header).unwrap()];
    lines.extend(observations.iter().map(|one| serde_json::to_string(one).unwrap()));
    lines.join("\n") + "\n"
}

fn transcript(header: &Header, observations: &[Observation]) -> Transcript {
    Transcript::read("some/folder/model.jsonl", &text(header, observations)).unwrap()
}

fn against(transcript: &Transcript, policy: &str) -> Validated {
    validate(transcript, &resolve(policy).unwrap(), &[], &Explained::default())
}

fn all() -> Vec<&'static str> {
    builtin().iter().map(|(name, _)| *name).collect()
}

/// A file of this run's own, in the folder that cargo gives to tests.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

fn cowpath(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cowpath"));
    command.args(arguments).env_remove("CLICOLOR_FORCE").output().unwrap()
}

#[test]
fn the_model_compares_equal_with_itself() {
    for policy in ["vanilla", "hugh"] {
        let observations = observations(&all(), policy);
        let validated = against(&transcript(&header(), &observations), policy);
        assert_eq!(validated.differences, []);
        assert_eq!(validated.scenarios, all());
        let family: Vec<_> = kernels().into_iter().map(|(name, _)| name).collect();
        assert_eq!(validated.absent, family);
        assert_eq!(validated.steps, observations.len() as u64);
        let count = |field: Field| *validated.fields.iter().find(|f| f.field == field).unwrap();
        let places: usize = observations.iter().map(|one| one.places.len()).sum();
        assert_eq!(count(Field::Result).compared, observations.len() as u64);
        for field in [Field::Place, Field::Pte, Field::Page] {
            assert_eq!(count(field).compared, places as u64, "{field}");
        }
        let places = || observations.iter().flat_map(|one| &one.places);
        let frames = places().filter(|place| place.page.is_some()).count() as u64;
        for field in [Field::Mapcount, Field::Count, Field::Swapcache] {
            assert_eq!(count(field).compared, frames, "{field}");
        }
        let exclusive = places().filter(|place| place.exclusive.is_some()).count() as u64;
        assert_eq!(count(Field::Exclusive).compared, exclusive);
        assert_eq!(count(Field::Exclusive).hidden, frames - exclusive);
        let seen: usize = observations.iter().map(|one| one.seen.len()).sum();
        assert_eq!(count(Field::Seen).compared, seen as u64);
    }
}

#[test]
fn what_a_step_shows() {
    let steps = observations(&["vmsplice_fork"], "vanilla");
    let places = |step: usize| {
        let places = steps[step].places.iter();
        places.map(|one| (one.place.as_str(), one.page, one.mapcount, one.count))
    };
    assert_eq!(steps[0].text, "A: store P.lo");
    assert!(places(0).eq([("A.P", Some(0), Some(1), Some(1))]));
    assert_eq!(steps[0].places[0].pte, Pte::Present);
    assert_eq!(steps[1].text, "A: fork B");
    assert!(places(1).eq([("A.P", Some(0), Some(2), Some(2)), ("B.P", Some(0), Some(2), Some(2))]));
    let read = steps.iter().find(|one| one.text == "pin: read lo").unwrap();
    assert_eq!(read.seen, [Some(Datum::Step(1)), None]);

    let steps = observations(&["direct_read_store"], "vanilla");
    let load = steps.iter().rfind(|one| one.text == "A: load P").unwrap();
    let stored = steps.iter().rfind(|one| one.text == "A: store P.hi").unwrap();
    assert_eq!(load.seen, [Some(Datum::Io("io".into())), Some(Datum::Step(stored.step))]);

    let steps = observations(&["zero_page_read_store"], "vanilla");
    let place = &steps[0].places[0];
    assert_eq!((place.zero, place.page, place.count), (Some(true), None, None));
    assert_eq!(steps[0].seen, [Some(Datum::Zero), Some(Datum::Zero)]);

    let steps = observations(&["private_file_mapping_store"], "vanilla");
    assert!(steps.iter().any(|one| one.seen.contains(&Some(Datum::File))));
}

/// What is found if one observation is altered.
#[track_caller]
fn altered(alter: impl FnOnce(&mut Vec<Observation>)) -> Vec<Difference> {
    let mut observations = observations(&["vmsplice_fork"], "vanilla");
    alter(&mut observations);
    against(&transcript(&header(), &observations), "vanilla").differences
}

#[test]
fn each_altered_field_is_found_and_named() {
    type Alter = fn(&mut Observation);
    let cases: [(Field, Alter, &str, &str); 9] = [
        (Field::Result, |one| one.result = Outcome::NoMemory, "no memory", "ok"),
        (Field::Place, |one| drop(one.places.remove(0)), "not mapped", "mapped"),
        (Field::Pte, |one| one.places[0].pte = Pte::Swap, "swap", "present"),
        (Field::Page, |one| one.places[0].page = Some(7), "page 7", "page 0"),
        (Field::Zero, |one| one.places[0].zero = Some(true), "true", "false"),
        (Field::Mapcount, |one| one.places[0].mapcount = Some(9), "9", "2"),
        (Field::Count, |one| one.places[0].count = Some(9), "9", "2"),
        (Field::Swapcache, |one| one.places[0].swapcache = Some(true), "true", "false"),
        (
            Field::Seen,
            |one| one.seen = vec![None, None],
            "2 sectors: not looked at, not looked at",
            "nothing",
        ),
    ];
    for (field, alter, kernel, model) in cases {
        let [one] = &altered(|all| alter(&mut all[1]))[..] else { panic!("{field}: not one") };
        assert_eq!(
            (one.scenario.as_str(), one.step, one.text.as_str()),
            ("vmsplice_fork", 2, "A: fork B")
        );
        assert_eq!((one.field, one.kernel.as_str(), one.model.as_str()), (field, kernel, model));
        let of_step = matches!(field, Field::Result | Field::Seen);
        assert_eq!(one.place.as_deref(), (!of_step).then_some("A.P"), "{field}");
    }
    let found = altered(|all| {
        let read = all.iter_mut().find(|one| !one.seen.is_empty()).unwrap();
        read.seen = vec![Some(Datum::Garbage), None];
    });
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kernel, "something else, not looked at");
    assert_eq!(found[0].model, "stored in step 1, not looked at");
}

#[test]
fn what_the_kernel_does_not_show_is_counted_and_not_compared() {
    let mut observations = observations(&["vmsplice_fork"], "vanilla");
    observations[0].places[0].count = None;
    for place in observations.iter_mut().flat_map(|one| &mut one.places) {
        place.mapcount = Some(77);
        place.exclusive = Some(true);
    }
    let hidden = Header { hidden: vec!["mapcount".to_string()], ..header() };
    let validated = against(&transcript(&hidden, &observations), "vanilla");
    let count = |field: Field| *validated.fields.iter().find(|f| f.field == field).unwrap();
    let frames = observations.iter().flat_map(|one| &one.places).filter(|p| p.page.is_some());
    let frames = frames.count() as u64;
    assert_eq!((count(Field::Mapcount).compared, count(Field::Mapcount).hidden), (0, frames));
    assert_eq!((count(Field::Count).compared, count(Field::Count).hidden), (frames - 1, 1));
    assert_eq!(validated.differences.iter().filter(|d| d.field != Field::Exclusive).count(), 0);
}

#[test]
fn another_policy_differs_and_the_first_difference_comes_first() {
    let observations =
        observations(&["vmsplice_fork", "direct_read_alone", "fork_store_parent"], "vanilla");
    let validated = against(&transcript(&header(), &observations), "hugh");
    let groups = validated.by_scenario();
    let firsts: Vec<_> =
        groups.iter().map(|group| (group[0].scenario.as_str(), group[0].step)).collect();
    assert_eq!(firsts, [("vmsplice_fork", 5)]);
    assert!(groups.iter().all(|group| group.is_sorted_by_key(|difference| difference.step)));
}

/// The error of a transcript whose text was altered.
#[track_caller]
fn error(alter: impl FnOnce(&mut Vec<String>)) -> String {
    let observations = observations(&["vmsplice_fork", "fork_store_parent"], "vanilla");
    let mut lines: Vec<String> =
        text(&header(), &observations).lines().map(str::to_string).collect();
    alter(&mut lines);
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    Transcript::read("5.10.jsonl", &text).unwrap_err().to_string()
}

#[test]
fn a_transcript_that_cannot_be_used_says_why() {
    let anew = "; record the transcript anew";
    let error_is =
        |found: String, expected: &str| assert_eq!(found, format!("5.10.jsonl{expected}"));
    error_is(error(Vec::clear), &format!(": the file is empty{anew}"));
    error_is(
        error(|lines| lines[0] = lines[0].replace("\"transcript\":1", "\"transcript\":2")),
        ":1: the transcript has form 2, this program reads 1; \
         record it anew, or use the program that wrote it",
    );
    error_is(
        error(|lines| drop(lines.remove(0))),
        ":1: the first line is no header of a transcript; \
         its first key is `transcript`, the form's number",
    );
    error_is(
        error(|lines| lines[0] = lines[0].replace("\"hidden\":[]", "\"hidden\":[\"colour\"]")),
        ":1: `hidden` names `colour`, which is no field; \
         fields of a place are pte, page, zero, mapcount, count, swapcache, exclusive",
    );
    error_is(
        error(|lines| lines[2] = lines[2].replace("\"step\":2", "\"step\":\"two\"")),
        &format!(":3: invalid type: string \"two\", expected u32, at column 40{anew}"),
    );
    error_is(
        error(|lines| lines[1] = lines[1].replace("vmsplice_fork", "vmsplice_spoon")),
        &format!(":2: there is no scenario `vmsplice_spoon` any more{anew}"),
    );
    error_is(
        error(|lines| lines[3] = lines[3].replace("B: ", "C: ")),
        &format!(
            ":4: step 3 of `vmsplice_fork` was `C: get_user_pages P read as pin`, \
             today it is `B: get_user_pages P read as pin`{anew}"
        ),
    );
    error_is(
        error(|lines| drop(lines.remove(2))),
        &format!(":3: step 2 of `vmsplice_fork` is missing{anew}"),
    );
    error_is(
        error(|lines| drop(lines.pop())),
        &format!(
            ":{}: `fork_store_parent` ends before its step {}, the file is truncated{anew}",
            lines() - 1,
            load_with_stages("fork_store_parent", &[]).unwrap().steps.len(),
        ),
    );
    error_is(
        error(|lines| lines.push(lines[1].clone())),
        &format!(":{}: scenario `vmsplice_fork` comes twice{anew}", lines() + 1),
    );
}

/// Lines of the transcript that the errors are about.
fn lines() -> usize {
    1 + observations(&["vmsplice_fork", "fork_store_parent"], "vanilla").len()
}

#[test]
fn a_file_that_ends_in_the_middle_of_a_line_is_truncated() {
    let text = text(&header(), &observations(&["vmsplice_fork"], "vanilla"));
    let error = Transcript::read("5.10.jsonl", &text[..text.len() - 20]).unwrap_err();
    assert_eq!(error.line, text.lines().count() as u32);
    assert_eq!(error.what, "the file ends in the middle of a line");
}

const EXPLAINED: &str = r#"
[[difference]]
kernel = "mod*"
scenario = ["fork*", "vmsplice_fork"]
field = "count"
reason = "it jitters"
"#;

#[test]
fn an_explained_difference_stays_and_one_that_is_gone_does_not() {
    let mut observations = observations(&["vmsplice_fork"], "vanilla");
    let policy = resolve("vanilla").unwrap();
    let explained = Explained::read("explained.toml", EXPLAINED).unwrap();
    let same = transcript(&header(), &observations);
    let validated = [validate(&same, &policy, &[], &explained)];
    let entry = "kernel mod*, scenario fork*, vmsplice_fork, field count: it jitters";
    assert_eq!(explained.stale(&validated), [entry]);

    observations[1].places[0].count = Some(9);
    observations[2].places[1].mapcount = Some(9);
    let jitters = transcript(&header(), &observations);
    let validated = [validate(&jitters, &policy, &[], &explained)];
    assert_eq!(explained.stale(&validated), Vec::<String>::new());
    assert_eq!(validated[0].differences[0].explained.as_deref(), Some("it jitters"));
    let unexplained: Vec<_> = validated[0].unexplained().map(|one| one.field).collect();
    assert_eq!(unexplained, [Field::Mapcount]);
}

#[test]
fn a_list_that_is_wrong_says_where() {
    let text = EXPLAINED.replace("\"count\"", "\"colour\"");
    let error = Explained::read("explained.toml", &text).unwrap_err().to_string();
    assert!(error.starts_with("explained.toml:5: unknown variant `colour`"), "{error}");
    let error = Explained::read("explained.toml", "\n[[diff]]\n").unwrap_err().to_string();
    assert!(error.starts_with("explained.toml:2: unknown field `diff`"), "{error}");
}

/// Scenarios that a kernel can run: without stops inside it, and locks held from outside.
fn for_kernels() -> Vec<&'static str> {
    let fits = |name: &&str| {
        let scenario = load_with_stages(name, &stage_names()).unwrap();
        let inject = |act: &Act| {
            matches!(act, Act::NoMemory(_) | Act::NoSwap(_) | Act::Lock(_) | Act::MmapSem(_))
        };
        scenario.steps.iter().all(|step| step.until.is_none() && !inject(&step.act))
    };
    all().into_iter().filter(fits).collect()
}

/// Wrong answers that the scenarios for kernels do not tell from the policy's, and why.
const SURVIVORS: &[(&str, &str, &str)] = &[
    (
        "vanilla",
        "do_wp_page at 0: lock for trylock",
        "no page is locked by others when a store comes",
    ),
    (
        "vanilla",
        "can_share_swap_page at 0: if exclusive for no",
        "exclusive_swap_page says no there, too",
    ),
    (
        "vanilla",
        "can_share_swap_page at 0: yes, delete from cache for yes",
        "the page is not in the swap cache",
    ),
    (
        "vanilla",
        "can_share_swap_page at 0: yes for if exclusive",
        "exclusive_swap_page says yes whenever it is asked",
    ),
    (
        "vanilla",
        "remove_exclusive_swap_page at 2: yes for no",
        "the counts are tested again under tree_lock",
    ),
    (
        "vanilla",
        "free_swap_and_cache at 0: no for yes",
        "what is left in the swap cache has no place that leads to it",
    ),
    (
        "vanilla",
        "do_swap_page at 1: writable for read-only",
        "a pte that a read fault made writable does not show",
    ),
    (
        "vanilla",
        "do_swap_page at 1: if can_share for read-only",
        "a pte that a read fault made writable does not show",
    ),
    (
        "vanilla",
        "do_swap_page at 1: exclusive, read-only for read-only",
        "without exclusive pages that is read-only",
    ),
    (
        "vanilla",
        "do_swap_page at 1: exclusive, writable for read-only",
        "a pte that a read fault made writable does not show",
    ),
    (
        "vanilla",
        "do_swap_page at 1: read-only for if can_share",
        "do_wp_page asks can_share_swap_page right after",
    ),
    (
        "vanilla",
        "do_swap_page at 1: exclusive, read-only for if can_share",
        "do_wp_page asks can_share_swap_page right after",
    ),
    (
        "hugh",
        "do_wp_page at 0: drain for copy",
        "it asks again once drained, and mappings decide then",
    ),
    ("hugh", "do_wp_page at 0: lock for trylock", "no page is locked by others when a store comes"),
    (
        "hugh",
        "do_wp_page at 0: drain for trylock",
        "it asks again once drained, and mappings decide then",
    ),
    (
        "hugh",
        "remove_exclusive_swap_page at 2: yes for no",
        "the counts are tested again under tree_lock",
    ),
    (
        "hugh",
        "free_swap_and_cache at 0: no for yes",
        "what is left in the swap cache has no place that leads to it",
    ),
    (
        "hugh",
        "do_swap_page at 1: if can_share for read-only",
        "a pte that a read fault made writable does not show",
    ),
    (
        "hugh",
        "do_swap_page at 1: exclusive, read-only for read-only",
        "without exclusive pages that is read-only",
    ),
    (
        "hugh",
        "do_swap_page at 1: read-only for if can_share",
        "do_wp_page asks can_share_swap_page right after",
    ),
    (
        "hugh",
        "do_swap_page at 1: exclusive, read-only for if can_share",
        "do_wp_page asks can_share_swap_page right after",
    ),
];

#[test]
fn wrong_answers_are_noticed() {
    let mut survivors = Vec::new();
    for policy in ["vanilla", "hugh"] {
        let transcript = transcript(&header(), &observations(&for_kernels(), policy));
        for mutant in mutants(&transcript, &resolve(policy).unwrap(), &[]) {
            assert!(mutant.caught_in <= mutant.scenarios, "{mutant:?}");
            assert_eq!(mutant.survives(), mutant.caught_in == 0, "{mutant:?}");
            assert!(mutant.survives() || !mutant.same_memory, "{mutant:?}");
            if mutant.survives() {
                let Mutant { hook, at, answer, other, .. } = mutant;
                survivors.push((policy, format!("{hook} at {at}: {other} for {answer}")));
            }
        }
    }
    let survivors: Vec<_> = survivors.iter().map(|(p, m)| (*p, m.as_str())).collect();
    let known: Vec<_> = SURVIVORS.iter().map(|&(policy, mutant, _)| (policy, mutant)).collect();
    assert_eq!(survivors, known);
}

/// What the hooks that a kernel's scenarios reach do shows in its transcript, but for these.
const INVISIBLE: &[(&str, &str)] = &[
    ("free_swap_and_cache", "what is left in the swap cache has no place that leads to it"),
    ("change_pte_range", "whether a pte is writable does not show, only what a store comes to"),
];

#[test]
fn a_wrong_hook_is_noticed_on_every_kernel() {
    let transcripts = committed_transcripts().unwrap();
    thread::scope(|scope| {
        for transcript in &transcripts {
            scope.spawn(|| notices_wrong_hooks(transcript));
        }
    });
}

fn notices_wrong_hooks(transcript: &Transcript) {
    let policy = resolve(&policy_for(&transcript.name).unwrap()).unwrap();
    let mut hooks: BTreeMap<String, bool> = BTreeMap::new();
    for mutant in mutants(transcript, &policy, &[]) {
        *hooks.entry(mutant.hook.clone()).or_default() |= !mutant.survives();
    }
    assert!(hooks.len() >= 7, "{}: {hooks:?}", transcript.name);
    let missed: Vec<_> = hooks.iter().filter(|(_, caught)| !**caught).collect();
    for (hook, _) in missed {
        let known = INVISIBLE.iter().any(|(invisible, _)| invisible == hook);
        assert!(known, "{}: no wrong answer of {hook} is noticed", transcript.name);
    }
}

#[test]
fn observing_changes_nothing() {
    for policy in ["vanilla", "iwamoto"] {
        let policy = resolve(policy).unwrap();
        for name in all() {
            let scenario = load_with_stages(name, &stage_names()).unwrap();
            let observed = observe(&scenario, &policy, Options::default());
            assert_eq!(observed.trace, run(&scenario, &policy, Options::default()), "{name}");
        }
    }
}

#[test]
fn a_policy_that_fails_is_found() {
    let observations = observations(&["fork_store_parent"], "vanilla");
    let transcript = transcript(&header(), &observations);
    let library = env::current_exe().unwrap().with_file_name("libcowpath_fixture_panics.so");
    let policy = resolve(library.to_str().unwrap()).unwrap();
    let validated = validate(&transcript, &policy, &[], &Explained::default());
    let [one] = &validated.differences[..] else { panic!("{:?}", validated.differences) };
    assert_eq!((one.field, one.kernel.as_str()), (Field::Result, "ok"));
    assert!(one.model.starts_with("POLICY: "), "{}", one.model);
}

#[test]
fn the_command_shows_what_differs_and_ends_with_1() {
    let same = text(&header(), &observations(&all(), "vanilla"));
    let same = file("validate-same.jsonl", &same);
    let same = same.to_str().unwrap();
    let output = cowpath(&["validate", same, "-p", "vanilla"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = cowpath(&["validate", same, "-p", "hugh"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("validate-same against hugh\n"), "{shown}");
    assert!(shown.contains("more in this scenario"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let every = cowpath(&["validate", same, "-p", "hugh", "--all-differences"]);
    let every = String::from_utf8(every.stdout).unwrap();
    assert!(!every.contains("more in this scenario") && every.len() > shown.len());
    let arguments = ["validate", same, "-p", "hugh", "-s", "direct_read_alone"];
    assert_eq!(cowpath(&arguments).status.code(), Some(0));
}

#[test]
fn the_command_refuses_what_it_cannot_use() {
    let one = text(&header(), &observations(&["vmsplice_fork"], "vanilla"));
    let one = file("validate-one.jsonl", &one);
    let one = one.to_str().unwrap();
    let complains = |arguments: &[&str]| {
        let output = cowpath(arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let told = complains(&["validate", one]);
    assert!(told.contains("no policy is given for the transcript validate-one"), "{told}");
    let told = complains(&["validate", one, "-p", "vanilla", "-s", "swap_in_race"]);
    assert!(told.contains("scenario `swap_in_race`: no transcript has it"), "{told}");
    let told = complains(&["validate", one, "-p", "vanilla", "-s", "swap_in_rac"]);
    assert!(told.contains("the nearest is `swap_in_race`"), "{told}");
    let told = complains(&["validate", one, "-p", "./some.so"]);
    assert!(told.contains("use a bundled policy"), "{told}");
    let told = complains(&["validate", "nowhere.jsonl", "-p", "vanilla"]);
    assert!(told.contains("nowhere.jsonl"), "{told}");
}

#[test]
fn what_is_committed_can_be_used_and_nothing_is_unexplained() {
    let explained = committed_explained().unwrap();
    let held = |transcript: Transcript| {
        assert_eq!(transcript.absent(), Vec::<String>::new(), "{}", transcript.name);
        let policy: Policy = resolve(&policy_for(&transcript.name).unwrap()).unwrap();
        validate(&transcript, &policy, &[], &explained)
    };
    let validated: Vec<_> = committed_transcripts().unwrap().into_iter().map(held).collect();
    for one in &validated {
        assert_eq!(one.unexplained().collect::<Vec<_>>(), Vec::<&Difference>::new());
    }
    assert_eq!(explained.stale(&validated), Vec::<String>::new());
}
