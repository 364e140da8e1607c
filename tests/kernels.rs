//! Transcripts of real kernels are complete and are of the scenarios as they are now.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use cowpath::scenario::transcript::{FORM, Header, Observation, Outcome};
use cowpath::scenario::{Act, Scenario, builtin, kernels, parse, realisable};
use cowpath::validate::record::{RecordError, RecordOptions, record};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/kernels")
}

/// Every scenario that a kernel is given, in order.
fn scenarios() -> Vec<Scenario> {
    let own = |(name, source): &(&str, &str)| ((*name).to_owned(), (*source).to_owned());
    let all = kernels().into_iter().chain(builtin().iter().map(own));
    all.map(|(name, source)| parse(&name, &source).unwrap()).collect()
}

fn transcripts() -> BTreeMap<String, (Header, Vec<Observation>)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let header = serde_json::from_str(lines.next().unwrap()).unwrap();
        let observations = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        all.insert(
            path.file_stem().unwrap().to_string_lossy().into_owned(),
            (header, observations),
        );
    }
    assert!(!all.is_empty());
    all
}

#[test]
fn every_scenario_is_recorded_or_skipped_with_a_reason() {
    for (kernel, (header, observations)) in transcripts() {
        assert_eq!(header.transcript, FORM, "{kernel}");
        for scenario in scenarios() {
            let skipped =
                header.skipped.iter().any(|line| line.starts_with(&format!("{}: ", scenario.name)));
            let steps: Vec<_> = observations
                .iter()
                .filter(|observation| observation.scenario == scenario.name)
                .map(|observation| (observation.step, observation.text.as_str()))
                .collect();
            let expected: Vec<_> = (1..)
                .zip(&scenario.steps)
                .filter(|(_, step)| !skipped && !matches!(step.act, Act::Check(_)))
                .map(|(number, step)| (number, step.text.as_str()))
                .collect();
            assert_eq!(steps, expected, "{kernel}: {}: record it again", scenario.name);
            assert!(skipped || realisable(&scenario).is_ok(), "{kernel}: {}", scenario.name);
        }
    }
}

#[test]
fn hidden_fields_are_in_no_observation() {
    for (kernel, (header, observations)) in transcripts() {
        let hides = |field: &str| header.hidden.iter().any(|hidden| hidden == field);
        for place in observations.iter().flat_map(|observation| &observation.places) {
            assert!(!hides("mapcount") || place.mapcount.is_none(), "{kernel}: {place:?}");
            assert!(!hides("count") || place.count.is_none(), "{kernel}: {place:?}");
            assert!(!hides("swapcache") || place.swapcache.is_none(), "{kernel}: {place:?}");
            assert!(!hides("exclusive") || place.exclusive.is_none(), "{kernel}: {place:?}");
        }
    }
}

#[test]
fn only_a_store_to_a_read_only_mapping_faults() {
    for (kernel, (_, observations)) in transcripts() {
        let faults: Vec<_> = observations
            .iter()
            .filter(|observation| observation.result == Outcome::Fault)
            .map(|observation| (observation.scenario.as_str(), observation.text.as_str()))
            .collect();
        assert_eq!(faults, [("plain_mprotect", "A: store P.lo")], "{kernel}");
    }
}

fn options(kernel: &str, guest: &str) -> RecordOptions {
    RecordOptions {
        kernel: vec![kernel.into()],
        modules: None,
        guest: guest.into(),
        scenarios: kernels(),
        timeout: Duration::from_secs(1),
    }
}

#[test]
fn a_kernel_that_is_not_there_is_told() {
    let error = record(&options("/nowhere/vmlinuz", "/nowhere/guest")).unwrap_err();
    assert!(matches!(error, RecordError::File { .. }), "{error}");
    assert!(error.to_string().starts_with("/nowhere/vmlinuz: "), "{error}");
}

#[test]
fn a_guest_that_is_no_static_program_is_told() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let error = record(&options(file, file)).unwrap_err();
    assert!(error.to_string().contains("not a program; build it with"), "{error}");
    let own = std::env::current_exe().unwrap();
    let error = record(&options(file, own.to_str().unwrap())).unwrap_err();
    assert!(error.to_string().contains("linked dynamically"), "{error}");
}
