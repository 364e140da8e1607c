//! Plugins that load and then break the contract.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::Command;

use cowpath::policy::{Hook, Impurity, PolicyFault, bundled, resolve};
use cowpath_abi::{AT_SWAP_MAP, PG_ANON, PageView, WP_ENTRY, WP_LOCKED, WP_TRYLOCK};

use super::load_fixture;

fn at(at: u32) -> PageView {
    PageView { at, ..PageView::default() }
}

#[test]
fn a_panic_stays_in_the_plugin() {
    let policy = load_fixture("panics");
    let hook = Hook::do_wp_page;
    assert_eq!(policy.ask(hook, &at(WP_ENTRY)).unwrap().code, WP_TRYLOCK);
    let fault = policy.ask(hook, &at(WP_LOCKED)).unwrap_err();
    assert_eq!(fault, PolicyFault::Panicked { hook, at: WP_LOCKED });
    assert_eq!(
        fault.to_string(),
        "hook do_wp_page panicked at point 1; a hook must answer whatever the view holds"
    );
    assert_eq!(policy.ask(hook, &at(WP_ENTRY)).unwrap().code, WP_TRYLOCK, "and it lives on");
}

#[test]
fn an_answer_out_of_range_is_a_fault() {
    let policy = load_fixture("out-of-range");
    policy.ask(Hook::do_wp_page, &at(WP_ENTRY)).unwrap();
    let cases = [
        (Hook::do_wp_page, WP_LOCKED, 2),
        (Hook::try_to_unmap_one, 0, 1 << 8 | 200),
        (Hook::can_share_swap_page, 0, 2 << 8),
    ];
    for (hook, point, raw) in cases {
        let fault = policy.ask(hook, &at(point)).unwrap_err();
        assert_eq!(fault, PolicyFault::OutOfRange { hook, at: point, raw });
    }
    assert_eq!(
        policy.ask(Hook::do_wp_page, &at(WP_LOCKED)).unwrap_err().to_string(),
        "hook do_wp_page answered 0x2 at point 1, expected 0 (copy), 1 (reuse), 4 (can_share), \
         5 (free_swap), with a reason number of its own list above the low byte"
    );
}

#[test]
fn a_hook_that_is_not_defined_is_a_fault_when_asked() {
    let policy = resolve("hugh").unwrap();
    let hook = Hook::exclusive_swap_page;
    assert!(!policy.defines(hook));
    let fault = policy.ask(hook, &at(AT_SWAP_MAP)).unwrap_err();
    assert_eq!(fault, PolicyFault::Undefined { hook, at: AT_SWAP_MAP });
    assert_eq!(
        fault.to_string(),
        "hook exclusive_swap_page is asked at point 0, but the policy does not define it; \
         graft one with +POLICY:exclusive_swap_page"
    );
}

#[test]
#[should_panic(expected = "try_to_unmap_one was asked at point 2")]
fn asking_at_a_point_that_does_not_exist_is_a_bug_of_the_host() {
    let _ = resolve("vanilla").unwrap().ask(Hook::try_to_unmap_one, &at(2));
}

#[test]
fn bundled_policies_pass_the_audit() {
    for policy in bundled() {
        let id = policy.id;
        assert_eq!(resolve(id).unwrap().audit_purity(), Ok(()), "{id}");
    }
    assert_eq!(load_fixture("mapcount-only").audit_purity(), Ok(()));
}

#[test]
fn the_audit_finds_a_hook_that_remembers() {
    let impurity = load_fixture("impure").audit_purity().unwrap_err();
    assert!(matches!(impurity, Impurity::Changed { hook: Hook::try_to_unmap_one, .. }));
    assert!(impurity.to_string().contains("to the same view"), "{impurity}");
}

#[test]
fn the_audit_finds_panics_and_wrong_answers() {
    for (name, hook) in [("panics", Hook::do_wp_page), ("out-of-range", Hook::do_wp_page)] {
        match load_fixture(name).audit_purity().unwrap_err() {
            Impurity::Fault { view, .. } => assert_eq!(view.at, WP_LOCKED, "{name}: {hook:?}"),
            changed @ Impurity::Changed { .. } => panic!("{name}: {changed}"),
        }
    }
}

#[test]
fn mapcount_only_shares_a_file_page_and_the_others_do_not() {
    let file_page = PageView { count: 2, mapcount: 1, ..PageView::default() };
    let share = |policy: &cowpath::policy::Policy, view: &PageView| {
        policy.ask(Hook::can_share_swap_page, view).unwrap().code
    };
    assert_eq!(share(&load_fixture("mapcount-only"), &file_page), 1);
    assert_eq!(share(&resolve("iwamoto").unwrap(), &file_page), 0);
    assert_eq!(share(&resolve("vanilla").unwrap(), &file_page), 0);
    // hugh relies on do_wp_page here.
    let entry = |flags| {
        let view = PageView { flags, ..file_page };
        resolve("hugh").unwrap().ask(Hook::do_wp_page, &view).unwrap().code
    };
    assert_eq!((entry(0), entry(PG_ANON)), (0, WP_TRYLOCK));
}

/// Does what the environment says, in a process of its own.
#[test]
fn asks_a_plugin_that_does_not_return() {
    if let Ok(name) = env::var("COWPATH_TEST_DEADLY") {
        let policy = load_fixture(&name);
        println!("asking {name}");
        let answer = policy.ask(Hook::try_to_unmap_one, &at(0));
        println!("came back with {answer:?}");
    }
}

#[test]
fn deadly_plugins_are_as_deadly_as_they_claim() {
    for (name, expected) in [("exits", Some(0)), ("crashes", None)] {
        let mut command = deadly(name);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), expected, "{name}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("came back"), "{name}");
    }
    let mut child = deadly("hangs").spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let asking = output.any(|line| line.unwrap().contains("asking hangs"));
    assert!(asking, "hangs ended before it was asked");
    assert_eq!(child.try_wait().unwrap(), None, "hangs came back");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn deadly(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", "faults::asks_a_plugin_that_does_not_return"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .env("COWPATH_TEST_DEADLY", name);
    command
}
