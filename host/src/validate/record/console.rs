//! What the guest program said among everything else on the console.

use serde::Deserialize;

use super::RecordError;
use crate::scenario::transcript::Observation;

/// What its lines begin with.
const MARK: &str = "@cowpath";
const PANIC: &str = "Kernel panic";

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) kernel: String,
    pub(super) hidden: Vec<String>,
    pub(super) skipped: Vec<String>,
    pub(super) observations: Vec<Observation>,
}

#[derive(Deserialize)]
struct Begin {
    kernel: String,
    hidden: Vec<String>,
}

/// Reads a console to the guest program's end.
pub(super) fn read(console: &str) -> Result<Said, RecordError> {
    let mut said = Said::default();
    let mut end = None;
    for line in console.lines() {
        // The firmware does not end its last line.
        let Some((_, text)) = line.trim_end().split_once(MARK) else {
            continue;
        };
        let (kind, text) = text.split_once(' ').unwrap_or((text, ""));
        let bad = |why: String| RecordError::BadLine { line: line.trim_end().to_owned(), why };
        match kind {
            "" => said
                .observations
                .push(serde_json::from_str(text).map_err(|error| bad(error.to_string()))?),
            "-begin" => {
                let begin: Begin =
                    serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
                (said.kernel, said.hidden) = (begin.kernel, begin.hidden);
            }
            "-skip" => said.skipped.push(text.to_owned()),
            "-fail" => return Err(RecordError::GaveUp { why: text.to_owned() }),
            "-end" => end = text.parse().ok(),
            _ => return Err(bad(format!("unknown kind `{kind}`"))),
        }
    }
    if let Some(at) = console.find(PANIC) {
        return Err(RecordError::Panicked { console: console[at..].to_owned() });
    }
    if end != Some(said.observations.len()) || said.kernel.is_empty() {
        return Err(RecordError::Incomplete {
            observations: said.observations.len(),
            console: console.to_owned(),
        });
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBSERVATION: &str = r#"@cowpath {"scenario":"s","step":1,"text":"A: store P","result":"ok","seen":[],"places":[]}"#;

    #[test]
    fn a_complete_console_is_read() {
        let console = format!(
            "BIOS@cowpath-begin {{\"kernel\":\"6.1\",\"hidden\":[]}}\r\n{OBSERVATION}\r\n@cowpath-skip t: no\r\n@cowpath-end 1\r\n"
        );
        let said = read(&console).unwrap();
        assert_eq!((said.kernel.as_str(), said.observations.len()), ("6.1", 1));
        assert_eq!(said.skipped, ["t: no"]);
    }

    #[test]
    fn a_console_without_an_end_is_incomplete() {
        let console =
            format!("@cowpath-begin {{\"kernel\":\"6.1\",\"hidden\":[]}}\n{OBSERVATION}\n");
        assert!(matches!(read(&console), Err(RecordError::Incomplete { observations: 1, .. })));
    }

    #[test]
    fn a_panic_is_told() {
        let error = read("Kernel panic - not syncing: no init").unwrap_err();
        assert!(error.to_string().contains("not syncing"), "{error}");
    }
}
