//! Programs that read packages and modules.

use std::path::Path;
use std::process::{Command, Stdio};

use super::RecordError;

/// Runs one to its end and returns what it wrote.
pub(super) fn run(
    tool: &'static str,
    arguments: &[&str],
    path: &Path,
) -> Result<Vec<u8>, RecordError> {
    let output = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| RecordError::NoTool { tool, error })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(RecordError::ToolFailed { tool, path: path.to_owned(), said })
}
