//! Scenarios that nobody wrote: each built-in one with a step left out, doubled, or
//! moved. Whatever still parses must run to its end, without a panic and without a
//! violation of the kernel's own accounting.

use cowpath::policy::{Policy, bundled, resolve};
use cowpath::run::{Options, run};
use cowpath::scenario::{builtin, parse};

/// How the line of a step that never ends reads; swapoff's passes are another matter.
const ENDLESS: &str = "stages in one step";

/// The lines of a source, and which of them are steps.
fn steps(source: &str) -> (Vec<&str>, Vec<usize>) {
    let lines: Vec<&str> = source.lines().collect();
    let first = lines.iter().position(|line| line.starts_with("steps")).expect("has steps") + 1;
    let is_step = |line: &&str| line.trim_start().starts_with('"');
    let steps = (first..lines.len()).filter(|&i| is_step(&lines[i])).collect();
    (lines, steps)
}

/// Verbs that are written alike, one in place of another.
const ALIKE: &[(&str, &str)] = &[
    (": direct_read ", ": direct_write "),
    (": get_user_pages ", ": pin_user_pages "),
    (": pin_user_pages ", ": get_user_pages "),
    (": io_uring_register ", ": vmsplice "),
    (": vmsplice ", ": io_uring_register "),
    (": madvise_pageout ", ": madvise_dontneed "),
    (": madvise_dontneed ", ": madvise_pageout "),
    (": munmap ", ": mlock "),
    ("kswapd: shrink ", "hotplug: move_pages "),
    ("hotplug: migrate ", "hotplug: move_pages "),
    (" unmap_first", " replace_first"),
    (" replace_first", " unmap_first"),
];

/// Every source that one small change to the steps makes.
fn mutations(source: &str) -> Vec<String> {
    let (lines, steps) = steps(source);
    let mut all = Vec::new();
    for (n, &at) in steps.iter().enumerate() {
        let mut without = lines.clone();
        without.remove(at);
        all.push(without.join("\n"));
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        all.push(doubled.join("\n"));
        if let Some(&next) = steps.get(n + 1) {
            let mut swapped = lines.clone();
            swapped.swap(at, next);
            all.push(swapped.join("\n"));
        }
        for (from, to) in ALIKE.iter().filter(|(from, _)| lines[at].contains(from)) {
            let mut other = lines.clone();
            let line = lines[at].replace(from, to);
            other[at] = &line;
            all.push(other.join("\n"));
        }
        // Everything is reclaimed, or the page is moved, between any two steps.
        for added in [r#"  "kswapd: memory_reclaim","#, r#"  "hotplug: move_pages A.P","#] {
            let mut more = lines.clone();
            more.insert(at, added);
            all.push(more.join("\n"));
        }
    }
    all
}

/// Runs what parses under a policy, of every `step` mutations one; the number of runs.
fn run_all(policy: &str, first: usize, step: usize) -> u32 {
    let policy: Policy = resolve(policy).expect("a bundled policy");
    let mut runs = 0;
    for (name, source) in builtin() {
        for mutated in mutations(source).into_iter().skip(first % step).step_by(step) {
            let Ok(scenario) = parse(name, &mutated) else { continue };
            let trace = run(&scenario, &policy, Options::default());
            let broken = ["BUG", "POLICY"].contains(&trace.outcome.word.as_str())
                || trace.outcome.line.contains(ENDLESS);
            assert!(!broken, "{name} under {}: {}\n{mutated}", policy.name(), trace.outcome.line);
            runs += 1;
        }
    }
    runs
}

/// All mutations under all policies take a minute: each policy gets every so manyth, and no
/// two neighbours the same. 1 runs them all.
const EVERY: usize = 12;

#[test]
fn mutated_scenarios_never_break_any_kernel() {
    for (number, policy) in bundled().iter().enumerate() {
        assert!(run_all(policy.id, number, EVERY) > 1500 / EVERY as u32, "most mutations parse");
    }
}
