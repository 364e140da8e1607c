//! The hot-remove workload by size and policy: time per page, stages per second, bytes
//! per frame. See README.md.
//!
//! Not with divan: one run at 1,000,000 pages takes seconds, and what counts is the
//! ratio between sizes in one and the same run.

use cowpath::policy::{self, Policy, discussed};
use cowpath::workload::{HotRemove, Tally, report};
use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Sizes, in pages, and how often each is run; the fastest run counts.
const SIZES: [(u32, u32); 3] = [(10_000, 7), (100_000, 3), (1_000_000, 2)];

fn main() -> ExitCode {
    // `cargo bench` adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|a| a != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => table(),
        ["--once", policy, pages] => match (policy::resolve(policy), pages.parse()) {
            (Ok(policy), Ok(pages)) => print!("{}", report(&measured(&policy, pages))),
            (Err(error), _) => return usage(&error.to_string()),
            (_, Err(_)) => return usage(&format!("{pages:?} is not a number of pages")),
        },
        _ => return usage("unknown arguments"),
    }
    ExitCode::SUCCESS
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}\nusage: hot_remove [--once POLICY PAGES]");
    ExitCode::from(2)
}

/// What instructions.sh counts the instructions of.
#[inline(never)]
fn measured(policy: &Policy, pages: u32) -> Tally {
    black_box(HotRemove::of(black_box(pages)).run(policy, |_| ()))
}

fn table() {
    println!(
        "policy        pages  us/page  ratio  M stages/s      stages  B/frame  pte B/page  ref B/page"
    );
    for id in discussed() {
        let policy = policy::resolve(id).expect("a bundled policy is in order");
        let mut first = None;
        for (pages, repeats) in SIZES {
            let (tally, time) = fastest(&policy, pages, repeats);
            assert!(tally.clean(), "{}", report(&tally));
            let per_page = time.as_secs_f64() * 1e6 / f64::from(pages);
            let ratio = per_page / *first.get_or_insert(per_page);
            row(&tally, per_page, ratio, time);
        }
    }
}

fn fastest(policy: &Policy, pages: u32, repeats: u32) -> (Tally, Duration) {
    let once = |_| {
        let start = Instant::now();
        let tally = measured(policy, pages);
        (tally, start.elapsed())
    };
    (0..repeats).map(once).min_by_key(|run| run.1).expect("at least one run")
}

fn row(tally: &Tally, per_page: f64, ratio: f64, time: Duration) {
    let speed = tally.stages as f64 / time.as_secs_f64() / 1e6;
    let pages = f64::from(tally.workload.pages);
    let state = &tally.state;
    println!(
        "{:<10}{:>9}  {per_page:>7.2}  {ratio:>5.2}  {speed:>10.1}  {:>10}  {:>7.1}  {:>10.1}  {:>10.1}",
        tally.policy,
        tally.workload.pages,
        tally.stages,
        state.engine_per_frame(),
        state.ptes as f64 / pages,
        state.reference as f64 / pages,
    );
}
