//! The `cowpath` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    cowpath::cli::main()
}
