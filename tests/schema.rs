//! The JSON documents: their schemas in `host/schema/` are current, and what the
//! program prints is what they say.
//!
//! `UPDATE_SCHEMA=1 cargo test --test schema` writes them anew.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use cowpath::policy::resolve;
use cowpath::report::schemas;
use cowpath::run::{Options, observe};
use cowpath::scenario::load;
use serde_json::Value;

const GRAFT: &str = "hugh+vanilla:can_share_swap_page,exclusive_swap_page";

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("host/schema").join(format!("{name}.json"))
}

fn json(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_cowpath")).args(arguments).output().unwrap();
    // 1: kernel and model differ.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_schema_files_are_current() {
    for (name, schema) in schemas() {
        if env::var_os("UPDATE_SCHEMA").is_some() {
            fs::create_dir_all(file(name).parent().unwrap()).unwrap();
            fs::write(file(name), &schema).unwrap();
        }
        let found = fs::read_to_string(file(name)).unwrap_or_default();
        assert!(found == schema, "{name}: write it anew with UPDATE_SCHEMA=1");
    }
    let files = fs::read_dir(file("x").parent().unwrap()).unwrap();
    assert_eq!(files.count(), schemas().len(), "host/schema has a file too many");
}

#[test]
fn what_is_printed_is_what_the_schema_says() {
    let transcript = transcript();
    let cases: [&[&str]; 12] = [
        &["compare", "--format", "json"],
        &["compare", "direct_read_alone", "--format", "json", "--full"],
        &["compare", "vmsplice_fork", "swap_in_race", "--format", "json", "--full"],
        &["matrix", "--format", "json"],
        &["matrix", "vmsplice_fork", "-p", "hugh", "--format", "json"],
        &["bisect", "vmsplice_fork", "--format", "json"],
        &["bisect", "vmsplice_fork", "-p", "hugh", "-p", GRAFT, "--format", "json"],
        &["run", "vmsplice_fork", "-p", "hugh", "--format", "json"],
        &["run", "swap_in_race", "-p", "hugh", "-p", "vanilla", "--format", "json"],
        &["explore", "trylock_copy", "-p", "vanilla", "-p", "hugh", "--format", "json"],
        &["validate", &transcript, "-p", "hugh", "--format", "json"],
        &["validate", &transcript, "-p", "hugh", "--format", "json", "--mutants"],
    ];
    for arguments in cases {
        let document = json(arguments);
        let name = document["schema"].as_str().unwrap();
        let mutants = arguments.contains(&"--mutants");
        assert_eq!(name, format!("cowpath-{}", if mutants { "mutants" } else { arguments[0] }));
        let schema: Value = serde_json::from_str(&schemas()[name]).unwrap();
        if let Err(error) = (Checker { root: &schema }).check(&schema, &document, "$") {
            panic!("{arguments:?}: {error}");
        }
    }
}

/// A transcript that differs from what the model shows under hugh: under vanilla.
fn transcript() -> String {
    let policy = resolve("vanilla").unwrap();
    let observed = observe(&load("vmsplice_fork").unwrap(), &policy, Options::default());
    let header = r#"{"transcript":1,"kernel":"","package":"","sha256":[],"machine":"","hidden":[],"skipped":[]}"#;
    let lines = observed.observations.iter().map(|one| serde_json::to_string(one).unwrap());
    let text = lines.fold(format!("{header}\n"), |text, line| text + &line + "\n");
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("schema.jsonl");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let mut document = json(&["run", "vmsplice_fork", "-p", "hugh", "--format", "json"]);
    let schema: Value = serde_json::from_str(&schemas()["cowpath-run"]).unwrap();
    let checker = Checker { root: &schema };
    document["comparison"]["traces"][0]["costs"]["copies"] = Value::from(-1);
    let error = checker.check(&schema, &document, "$").unwrap_err();
    assert_eq!(error, "$.comparison.traces[0].costs.copies: -1 is below 0");
    document["comparison"]["traces"][0]["costs"] = Value::from("none");
    let error = checker.check(&schema, &document, "$").unwrap_err();
    assert_eq!(error, "$.comparison.traces[0].costs: \"none\" is no object");
}

/// The part of JSON Schema that schemars uses for our types. It refuses every other
/// keyword, so that nothing is left unchecked; a crate that knows all of it brings
/// seventy others along.
struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        // What has the wrong type lacks every key, too: the type first.
        if let Some(says) = schema.get("type") {
            self.keyword("type", says, schema, value, at)?;
        }
        for (keyword, says) in schema.as_object().ok_or(format!("{at}: no schema"))? {
            self.keyword(keyword, says, schema, value, at)?;
        }
        Ok(())
    }

    fn keyword(
        &self,
        keyword: &str,
        says: &Value,
        schema: &Value,
        value: &Value,
        at: &str,
    ) -> Result<(), String> {
        let fail = |what: String| Err(format!("{at}: {what}"));
        match keyword {
            "$schema" | "$defs" | "title" | "description" | "format" => Ok(()),
            "type" => match is_type(says, value) {
                true => Ok(()),
                false => fail(format!("{value} is no {}", says.as_str().unwrap_or("such type"))),
            },
            "const" if says != value => fail(format!("{value} is not {says}")),
            "minimum" if value.as_f64() < says.as_f64() => fail(format!("{value} is below {says}")),
            "const" | "minimum" => Ok(()),
            "required" => {
                let missing = |key: &&Value| value.get(key.as_str().unwrap()).is_none();
                match says.as_array().unwrap().iter().find(missing) {
                    Some(key) => fail(format!("{key} is missing")),
                    None => Ok(()),
                }
            }
            "properties" => {
                let Some(object) = value.as_object() else { return Ok(()) };
                object.iter().try_for_each(|(key, value)| match says.get(key) {
                    Some(schema) => self.check(schema, value, &format!("{at}.{key}")),
                    // A tag or a $ref beside the properties brings keys of its own.
                    None if schema.get("$ref").is_some() => Ok(()),
                    None => fail(format!("{key} is not in the schema")),
                })
            }
            "items" => {
                let Some(items) = value.as_array() else { return Ok(()) };
                let mut items = items.iter().enumerate();
                items.try_for_each(|(i, item)| self.check(says, item, &format!("{at}[{i}]")))
            }
            "$ref" => {
                let name = says.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                let target = &self.root["$defs"][name];
                let Some(beside) = schema.get("properties") else {
                    return self.check(target, value, at);
                };
                // Keys that stand beside the reference are checked there.
                let mut value = value.clone();
                let object = value.as_object_mut().unwrap();
                object.retain(|key, _| beside.get(key).is_none());
                self.check(target, &value, at)
            }
            "anyOf" | "oneOf" => {
                let all = says.as_array().unwrap();
                let errors: Vec<_> =
                    all.iter().map_while(|schema| self.check(schema, value, at).err()).collect();
                match errors.len() == all.len() {
                    true => fail(format!("fits none of: {}", errors.join("; "))),
                    false => Ok(()),
                }
            }
            _ => fail(format!("the schema has the keyword {keyword}, which is not checked")),
        }
    }
}

fn is_type(says: &Value, value: &Value) -> bool {
    if let Some(any) = says.as_array() {
        return any.iter().any(|says| is_type(says, value));
    }
    match says.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("null") => value.is_null(),
        _ => false,
    }
}
