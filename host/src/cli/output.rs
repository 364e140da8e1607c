//! Where text goes: stdout and stderr, with colours if they are wanted.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use clap::{ColorChoice, ValueEnum};

use super::Error;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; see host/schema.
    Json,
}

/// Fixes when stdout and stderr have colours.
pub(super) fn choose_color(choice: ColorChoice) {
    let choice = match choice {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// Prints a result.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Prints a result that is not for terminals: no styles are looked for in it.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// Prints a document.
pub(super) fn print_json(document: &impl serde::Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(document).map_err(io::Error::from)?;
    text.push('\n');
    print_bytes(text.as_bytes())
}

/// Says what went wrong, or anything else that is no result.
pub(super) fn complain(message: &impl std::fmt::Display) {
    let red: Style = AnsiColor::Red.on_default().bold();
    let message = message.to_string();
    let styled = match message.strip_prefix("error:") {
        Some(rest) => format!("{red}error{red:#}:{rest}"),
        None => message,
    };
    // If stderr is closed, there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "{styled}");
}

/// Columns of the terminal that stdout is, if it is one.
pub(super) fn terminal_width() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}
