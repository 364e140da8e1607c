//! `hand-promela A|B|C [bfs] [noveto]`: a configuration as Promela, on standard output.
//! `hand-promela A|B|C states`: the number of its states.

use peers_hand::CONFIGURATIONS;
use peers_hand::promela::Use;
use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let named = |word: &str| arguments.iter().any(|argument| argument == word);
    let Some(configuration) = CONFIGURATIONS.iter().find(|it| named(it.name)) else {
        eprintln!("usage: hand-promela A|B|C [bfs] [noveto] [states]");
        return ExitCode::from(2);
    };
    if named("states") {
        println!("{}", configuration.states);
    } else {
        let how = Use { veto: !named("noveto"), breadth_first: named("bfs") };
        print!("{}", configuration.bounds.promela(how));
    }
    ExitCode::SUCCESS
}
