//! `machine-search UNIVERSE [THREADS]`: all states, by cowpath's own search.

use peers_machine::search;
use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(universe) = env::args().nth(1) else {
        eprintln!("usage: machine-search UNIVERSE [THREADS]");
        return ExitCode::from(2);
    };
    let threads = env::args().nth(2).map_or(1, |n| n.parse().expect("THREADS is a number"));
    let found = search(&universe, threads);
    println!("states={} transitions={}", found.states, found.transitions);
    ExitCode::SUCCESS
}
