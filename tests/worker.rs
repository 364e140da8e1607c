//! Policies in processes of their own: whatever a plugin does, every scenario gets
//! its verdict.
//!
//! The fixtures define single hooks, so they are grafted onto vanilla: a scenario
//! that never asks the hook must come out as under vanilla. This binary has its own
//! main function, because it is the worker that its tests start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};
use std::{env, io};

use cowpath::explore::{Budget, Question, Reductions, Universe, Verdict, explore_universe};
use cowpath::policy::{Ending, Hook, Policy, PolicyFault, resolve};
use cowpath::run::{Options, run};
use cowpath::scenario::{Scenario, builtin, load};
use cowpath::trace::{Event, Trace};
use cowpath::worker::{Limits, PolicyRun, Respondent, Worker, WorkerError, serve, traces};
use cowpath_abi::{PG_ANON, PageView};
use libtest_mimic::{Arguments, Trial};

/// Set for a process that runs one policy with [`traces`], for ever if need be.
const PARENT: &str = "COWPATH_TEST_PARENT";

macro_rules! trials {
    ($($name:ident,)*) => {
        vec![$(Trial::test(stringify!($name), || {
            $name();
            Ok(())
        }),)*]
    };
}

fn main() -> ExitCode {
    if let Ok(spec) = env::var(PARENT) {
        return match traces(&all(), &spec, Options::default(), &patient()) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let worker = env::args().nth(1).is_some_and(|argument| argument == "worker");
    // `cargo test worker` is a filter, not a worker.
    if worker && env::var_os("COWPATH_WORKER").is_some() {
        return serve();
    }
    let trials = trials![
        a_worker_gives_the_traces_of_a_run_in_process,
        a_hook_that_exits_costs_only_the_scenarios_that_ask_it,
        a_hook_that_crashes_costs_only_the_scenarios_that_ask_it,
        a_hook_that_hangs_is_given_up_after_the_limit,
        a_scenario_that_takes_too_long_is_given_up,
        a_panic_and_an_answer_out_of_range_are_those_of_a_run_in_process,
        a_hook_that_remembers_is_found_and_pure_ones_are_not,
        a_hook_that_dies_in_the_audit_only_is_found,
        what_a_hook_prints_is_no_report,
        a_policy_that_cannot_be_loaded_is_refused_in_the_loaders_words,
        a_policy_that_ends_the_process_when_it_is_loaded_is_an_error,
        a_program_that_is_no_worker_is_an_error,
        a_worker_starts_no_workers,
        a_worker_ends_with_its_parent,
        a_policy_that_answers_from_elsewhere_is_the_same_policy,
        a_universe_is_explored_under_a_policy_that_answers_from_elsewhere,
        what_ends_the_process_that_answers_is_a_fault_and_no_more,
        a_hook_that_does_not_answer_is_given_up,
        two_answers_to_the_same_question_are_found,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn a_worker_gives_the_traces_of_a_run_in_process() {
    for (spec, packed) in [("vanilla", false), ("hugh+iwamoto:can_share_swap_page", true)] {
        let mut options = Options::default();
        if packed {
            options.counters = cowpath::mm::Counters::Packed;
        }
        let policy = resolve(spec).unwrap();
        let scenarios = all();
        let expected = scenarios.iter().map(|scenario| run(scenario, &policy, options));
        let found = traces(&scenarios, spec, options, &Limits::default()).unwrap();
        for (found, expected) in found.traces.iter().zip(expected) {
            assert_eq!(*found, expected, "{spec}");
        }
        assert_eq!(found.traces.len(), scenarios.len());
        assert_eq!(found.policy, spec);
        assert_eq!(found.impurity, None);
    }
}

fn a_hook_that_exits_costs_only_the_scenarios_that_ask_it() {
    check_ended("exits", &all(), "the policy called exit(0)", patient());
}

fn a_hook_that_crashes_costs_only_the_scenarios_that_ask_it() {
    check_ended("crashes", &all(), "the policy was killed by SIGABRT", patient());
}

fn a_hook_that_hangs_is_given_up_after_the_limit() {
    let names = ["fork_store_parent", "suspend_the_holder", "fork_store_child"];
    let limits = Limits { answer: Duration::from_secs(1), ..patient() };
    let what = "the policy did not answer within 1 s";
    check_ended("hangs", &named(&names), what, limits);
}

fn a_scenario_that_takes_too_long_is_given_up() {
    let limits = Limits { scenario: Duration::from_secs(3), ..patient() };
    let what = "the policy was not through within 3 s";
    check_ended("hangs", &named(&["suspend_the_holder"]), what, limits);
}

/// Under vanilla with the fixture's `try_to_unmap_one`, scenarios that ask the hook
/// end at the step that does, and the others come out as under vanilla.
fn check_ended(name: &str, scenarios: &[Scenario], what: &str, limits: Limits) {
    let vanilla = resolve("vanilla").unwrap();
    let found = run_graft(name, "try_to_unmap_one", scenarios, limits);
    assert_eq!(found.traces.len(), scenarios.len());
    assert_eq!(children(), "", "{name} left a process");
    let mut ended = 0;
    for (scenario, found) in scenarios.iter().zip(found.traces) {
        let mut expected = run(scenario, &vanilla, Options::default());
        expected.policy.clone_from(&found.policy);
        let Some(step) = first_question(&expected, "try_to_unmap_one") else {
            assert_eq!(found, expected, "{name}");
            continue;
        };
        ended += 1;
        let place = match &expected.steps[step] {
            end if end.actor == "end" => "at the end".to_owned(),
            step => format!("at step {}", step.number),
        };
        let line = format!("{what} while asked try_to_unmap_one {place}");
        let outcome = &found.outcome;
        assert_eq!(outcome.line, line, "{}", scenario.name);
        assert_eq!(outcome.word, "POLICY");
        assert!(outcome.error && outcome.policy_fault);
        assert_eq!(found.steps[..step], expected.steps[..step], "{}", scenario.name);
        let last = found.steps.last().unwrap();
        assert_eq!(last.events.last(), Some(&Event::PolicyFault { text: line }));
    }
    assert_ne!(ended, 0, "no scenario asks try_to_unmap_one");
}

fn a_panic_and_an_answer_out_of_range_are_those_of_a_run_in_process() {
    let scenarios = named(&["fork_store_parent", "suspend_the_holder", "mlock_keeps_the_page"]);
    for name in ["panics", "out-of-range"] {
        let policy = resolve(&graft(name, "do_wp_page")).unwrap();
        let found = run_graft(name, "do_wp_page", &scenarios, patient());
        let mut faults = 0;
        for (scenario, found) in scenarios.iter().zip(found.traces) {
            assert_eq!(found, run(scenario, &policy, Options::default()), "{name}");
            faults += usize::from(found.outcome.policy_fault);
        }
        assert_eq!(faults, 2, "{name}: one of the scenarios asks no such question");
        let impurity = found.impurity.unwrap();
        assert!(impurity.contains("hook do_wp_page"), "{name}: {impurity}");
    }
}

fn a_hook_that_remembers_is_found_and_pure_ones_are_not() {
    let scenarios = named(&["suspend_the_holder"]);
    let found = run_graft("impure", "try_to_unmap_one", &scenarios, patient());
    assert!(!found.traces[0].outcome.policy_fault);
    let impurity = found.impurity.unwrap();
    assert!(impurity.contains("hook try_to_unmap_one answered"), "{impurity}");
    let found = run_graft("mapcount-only", "try_to_unmap_one", &scenarios, patient());
    assert_eq!(found.impurity, None);
}

fn a_hook_that_dies_in_the_audit_only_is_found() {
    let scenarios = named(&["fork_store_parent"]);
    let audit = "in the audit of its hooks, which had come to try_to_unmap_one at point 0";
    let limits = Limits { answer: Duration::from_secs(1), ..patient() };
    for (name, what) in [
        ("exits", "the policy called exit(0)"),
        ("crashes", "the policy was killed by SIGABRT"),
        ("hangs", "the policy did not answer within 1 s"),
    ] {
        let found = run_graft(name, "try_to_unmap_one", &scenarios, limits);
        assert!(!found.traces[0].outcome.policy_fault, "{name}");
        assert_eq!(found.impurity, Some(format!("{what} {audit}")));
        assert_eq!(children(), "", "{name} left a process");
    }
}

fn what_a_hook_prints_is_no_report() {
    let scenarios = all();
    let found = run_graft("prints", "try_to_unmap_one", &scenarios, patient());
    assert_eq!(found.traces.len(), scenarios.len());
    assert!(found.traces.iter().all(|trace| !trace.outcome.policy_fault));
    assert!(found.traces.iter().any(|trace| first_question(trace, "try_to_unmap_one").is_some()));
    assert_eq!(found.impurity, None);
    assert!(found.printed.starts_with("{\"Done\":"), "{}", found.printed);
}

fn a_policy_that_cannot_be_loaded_is_refused_in_the_loaders_words() {
    let no_entry = fixture("no-entry");
    for spec in ["vanila", no_entry.to_str().unwrap()] {
        let expected = resolve(spec).unwrap_err().to_string();
        let found = traces(&all(), spec, Options::default(), &patient()).unwrap_err();
        assert!(matches!(found, WorkerError::Refused { .. }), "{found:?}");
        assert_eq!(found.to_string(), expected);
        assert_eq!(children(), "");
    }
}

fn a_policy_that_ends_the_process_when_it_is_loaded_is_an_error() {
    let spec = fixture("exits-early");
    let spec = spec.to_str().unwrap();
    let found = traces(&all(), spec, Options::default(), &patient()).unwrap_err();
    let expected = format!(
        "policy {spec} called exit(0) while it was loaded; \
         a plugin must do nothing before it is asked\n  exits-early goes home"
    );
    assert_eq!(found.to_string(), expected);
    assert_eq!(children(), "");
}

fn a_program_that_is_no_worker_is_an_error() {
    let start = |program: &str| {
        let worker = Worker { executable: Some(program.into()), limits: patient() };
        let found = worker.run(&all(), "vanilla", Options::default());
        assert_eq!(children(), "", "{program} was left");
        found.unwrap_err().to_string()
    };
    for (program, why) in [("true", "it called exit(0)"), ("echo", "it does not say hello")] {
        let found = start(program);
        let expected = format!("{program} is no worker of this version of cowpath: {why};");
        assert!(found.starts_with(&expected), "{found}");
    }
    let found = start("/no/such/program");
    assert!(found.starts_with("cannot start /no/such/program as a worker: "), "{found}");
}

fn a_worker_starts_no_workers() {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(PARENT, "vanilla").env("COWPATH_WORKER", "1");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("a worker was to start a worker;"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

/// The parent is killed while the child hangs.
fn a_worker_ends_with_its_parent() {
    if !Path::new("/proc/thread-self/children").exists() {
        println!("skipped: this system does not list children");
        return;
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(PARENT, graft("hangs", "try_to_unmap_one")).stderr(Stdio::null());
    let mut parent = command.spawn().unwrap();
    let id = parent.id();
    let list = format!("/proc/{id}/task/{id}/children");
    let child = wait_for("a child", || {
        let children = fs::read_to_string(&list).unwrap();
        children.split_whitespace().next().map(str::to_owned)
    });
    parent.kill().unwrap();
    parent.wait().unwrap();
    // Whoever inherits it may be slow to reap it.
    wait_for("the child's end", || match fs::read_to_string(format!("/proc/{child}/stat")) {
        Ok(stat) => stat.rsplit(')').next().unwrap().trim_start().starts_with('Z').then_some(()),
        Err(error) => {
            let gone = [io::ErrorKind::NotFound, io::ErrorKind::Other];
            (gone.contains(&error.kind()) || error.raw_os_error() == Some(3)).then_some(())
        }
    });
}

fn wait_for<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if let Some(found) = found() {
            return found;
        }
        thread::yield_now();
    }
    panic!("{what} did not come");
}

fn a_policy_that_answers_from_elsewhere_is_the_same_policy() {
    let file = fixture("mapcount-only");
    let whole = graft("mapcount-only", "do_wp_page,can_share_swap_page");
    for spec in ["6.1", "hugh+iwamoto:can_share_swap_page", file.to_str().unwrap(), &whole] {
        let here = resolve(spec).unwrap();
        let (there, respondent) = elsewhere(spec, patient());
        assert_eq!((there.name(), there.rules()), (here.name(), here.rules()));
        assert_eq!(there.swap_in_order(), here.swap_in_order());
        let hash = |policy: &Policy| {
            policy.plugins().iter().map(|plugin| plugin.hash.clone()).collect::<Vec<_>>()
        };
        assert_eq!(hash(&there), hash(&here));
        for scenario in all() {
            let expected = run(&scenario, &here, Options::default());
            assert_eq!(run(&scenario, &there, Options::default()), expected, "{spec}");
        }
        assert_eq!((respondent.impurity(), respondent.printed()), (None, String::new()));
    }
    assert_eq!(children(), "", "this thread started one");
}

/// Threads of a search end before the search does; whoever answers must not end with them.
fn a_universe_is_explored_under_a_policy_that_answers_from_elsewhere() {
    let (there, _respondent) = elsewhere("vanilla", patient());
    let here = resolve("vanilla").unwrap();
    let (crashes, _another) = elsewhere(&graft("crashes", "try_to_unmap_one"), patient());
    for threads in [1, 2] {
        let explored = |policy: &Policy| {
            let budget = Budget { threads, ..Budget::default() };
            let (universe, asked) = (Universe::tiny(), (Question::Each, &budget));
            let policies = std::slice::from_ref(policy);
            let never = AtomicBool::new(false);
            explore_universe(&universe, policies, Reductions::ALL, asked, &never, &mut |_, _| {})
        };
        assert_eq!(explored(&there), explored(&here), "{threads} threads");
        let [found] = &explored(&crashes).explorations[..] else { panic!("one policy") };
        assert_eq!(found.verdict, Verdict::Exhaustive);
        let [finding] = &found.findings[..] else { panic!("{:?}", found.findings) };
        let line = "the policy was killed by SIGABRT while asked try_to_unmap_one";
        assert_eq!((finding.word, finding.line.as_str()), ("POLICY", line));
        assert_eq!((found.counts.states, finding.transitions), (23222, 32), "{threads} threads");
    }
}

fn what_ends_the_process_that_answers_is_a_fault_and_no_more() {
    for (name, ending) in [("exits", Ending::Exited(0)), ("crashes", Ending::Killed(6))] {
        let (policy, respondent) = elsewhere(&graft(name, "try_to_unmap_one"), patient());
        let vanilla = resolve("vanilla").unwrap();
        let ask = |policy: &Policy, hook: Hook, view: &PageView| {
            policy.ask(hook, view).map(|answer| answer.code)
        };
        for count in (1..4).chain(1..4) {
            let view = PageView { count, mapcount: 1, flags: PG_ANON, ..PageView::default() };
            let fault = PolicyFault::Ended { hook: Hook::try_to_unmap_one, at: 0, ending };
            assert_eq!(ask(&policy, Hook::try_to_unmap_one, &view), Err(fault));
            let expected = ask(&vanilla, Hook::can_share_swap_page, &view);
            assert_eq!(ask(&policy, Hook::can_share_swap_page, &view), expected);
        }
        let impurity = respondent.impurity().unwrap();
        let place = "in the audit of its hooks, which had come to try_to_unmap_one at point 0";
        assert_eq!(impurity, format!("the policy {ending} {place}"));
    }
}

fn a_hook_that_does_not_answer_is_given_up() {
    let answer = Duration::from_millis(500);
    let limits = Limits { answer, ..patient() };
    let (policy, _respondent) = elsewhere(&graft("hangs", "try_to_unmap_one"), limits);
    let view = PageView::default();
    let (hook, at, ending) = (Hook::try_to_unmap_one, 0, Ending::NoAnswer(answer));
    let began = Instant::now();
    for _ in 0..1000 {
        let found = policy.ask(hook, &view).unwrap_err();
        assert_eq!(found, PolicyFault::Ended { hook, at, ending });
    }
    assert!(began.elapsed() < answer * 1000, "it is asked once");
}

fn two_answers_to_the_same_question_are_found() {
    let (policy, respondent) = elsewhere(&graft("impure", "try_to_unmap_one"), patient());
    assert_eq!(respondent.impurity(), None, "it was asked nothing");
    let view = PageView { count: 2, ..PageView::default() };
    let first = policy.ask(Hook::try_to_unmap_one, &view);
    assert_eq!(policy.ask(Hook::try_to_unmap_one, &view), first);
    let impurity = respondent.impurity().unwrap();
    assert!(impurity.starts_with("hook try_to_unmap_one answered"), "{impurity}");
}

/// A policy, and who answers for it.
fn elsewhere(spec: &str, limits: Limits) -> (Policy, Arc<Respondent>) {
    Worker { executable: None, limits }.policy(spec).unwrap()
}

/// Limits that a busy machine does not reach.
fn patient() -> Limits {
    Limits {
        loading: Duration::from_secs(60),
        answer: Duration::from_secs(60),
        scenario: Duration::from_secs(300),
    }
}

fn run_graft(name: &str, hook: &str, scenarios: &[Scenario], limits: Limits) -> PolicyRun {
    traces(scenarios, &graft(name, hook), Options::default(), &limits).unwrap()
}

/// Vanilla with one hook of a crate under `tests/plugins/`.
fn graft(name: &str, hook: &str) -> String {
    format!("vanilla+{}:{hook}", fixture(name).display())
}

/// Cargo puts what a test depends on beside the test itself.
fn fixture(name: &str) -> PathBuf {
    let library = format!("libcowpath_fixture_{}.so", name.replace('-', "_"));
    env::current_exe().unwrap().with_file_name(library)
}

fn all() -> Vec<Scenario> {
    builtin().iter().map(|(name, _)| load(name).unwrap()).collect()
}

fn named(names: &[&str]) -> Vec<Scenario> {
    names.iter().map(|name| load(name).unwrap()).collect()
}

/// Index of the step with the first question to the hook.
fn first_question(trace: &Trace, hook: &str) -> Option<usize> {
    let asks = |event: &Event| matches!(event, Event::Asked(question) if question.hook == hook);
    trace.steps.iter().position(|step| step.events.iter().any(asks))
}

/// Processes that this thread has started and not reaped.
fn children() -> String {
    fs::read_to_string("/proc/thread-self/children").unwrap_or_default()
}
