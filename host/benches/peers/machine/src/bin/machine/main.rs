//! `machine search|verdict|generate|stateright UNIVERSE [N]`: all states of a universe.
//!
//! - `search`: by cowpath's own search, with `N` threads
//! - `verdict`: the same with all reductions: what it takes to be sure
//! - `generate`: the successors of all states, or of the first `N`, and nothing else
//! - `stateright`: by Stateright, breadth first, with one thread

mod generate;
mod search;
mod stateright;

use cowpath::explore::Reductions;
use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (what, universe, n) = match words[..] {
        [what, universe] => (what, universe, None),
        [what, universe, n] => (what, universe, n.parse().ok()),
        _ => return usage(),
    };
    match what {
        "search" => search::run(universe, n.unwrap_or(1), Reductions::NONE),
        "verdict" => search::run(universe, n.unwrap_or(1), Reductions::ALL),
        "generate" => generate::run(universe, n.unwrap_or(usize::MAX)),
        "stateright" => stateright::run(universe),
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: machine search|verdict|generate|stateright UNIVERSE [N]");
    ExitCode::from(2)
}
