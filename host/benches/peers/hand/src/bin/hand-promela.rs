//! `hand-promela A|B|C [bfs] [noveto]`: a configuration as Promela, on standard output.

use peers_hand::CONFIGURATIONS;
use peers_hand::promela::Use;
use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    match CONFIGURATIONS.iter().find(|(name, _)| arguments.first().is_some_and(|a| a == name)) {
        Some((_, bounds)) => {
            print!(
                "{}",
                bounds.promela(Use { veto: !named("noveto"), breadth_first: named("bfs") })
            );
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("usage: hand-promela A|B|C [bfs] [noveto]");
            ExitCode::from(2)
        }
    }
}
