//! `measure [OPTION]... NAME=COMMAND...`: runs each command `--rounds` times, alternately,
//! and prints a Markdown table of medians.
//!
//! The first contestant is the one that the others are compared with. `--limit NAME` names
//! the one that only generates successors: what the others take beyond it is compared, too.
//! `--equal` demands the same number of states of all; SPIN may have one more. A command
//! that takes longer than `--timeout` seconds fails.
//!
//! A contestant prints `states=N transitions=N`, or what SPIN's verifier prints. If it says
//! `cpu=SECONDS`, that is taken for its processor time, otherwise the kernel's account of it
//! is: user and system. Memory is the largest resident set.

mod contestant;
mod table;

use contestant::{Contestant, Sample};
use std::env;
use std::process::ExitCode;
use table::Table;

/// What the command line says.
#[derive(Debug)]
struct Arguments {
    rounds: usize,
    timeout: u32,
    limit: Option<String>,
    equal: bool,
    contestants: Vec<Contestant>,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments =
        Arguments { rounds: 3, timeout: 600, limit: None, equal: false, contestants: Vec::new() };
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        let number = |text: String| text.parse().map_err(|_| format!("not a number: {text}"));
        match word.as_str() {
            "--rounds" => arguments.rounds = number(value()?)? as usize,
            "--timeout" => arguments.timeout = number(value()?)?,
            "--limit" => arguments.limit = Some(value()?),
            "--equal" => arguments.equal = true,
            _ => arguments.contestants.push(Contestant::parse(&word)?),
        }
    }
    if arguments.contestants.is_empty() || arguments.rounds == 0 {
        return Err("nothing to run".to_string());
    }
    Ok(arguments)
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); arguments.contestants.len()];
    for round in 1..=arguments.rounds {
        for (contestant, samples) in arguments.contestants.iter().zip(&mut samples) {
            let sample = contestant.run(arguments.timeout)?;
            let Sample { cpu, wall, .. } = sample;
            eprintln!("round {round}: {}: {cpu:.2} s, wall {wall:.2} s", contestant.name);
            samples.push(sample);
        }
    }
    let names = arguments.contestants.iter().map(|contestant| contestant.name.clone()).collect();
    let table = Table::new(names, &samples, arguments.limit.as_deref())?;
    print!("{table}");
    if arguments.equal { table.check_states() } else { Ok(()) }
}
