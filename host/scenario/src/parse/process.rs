//! The tables `[process.NAME]`: threads and mappings.
//!
//! Knows keys, defaults and limits. Does not know steps.

use toml::de::{DeTable, DeValue};

use super::cast::{Cast, RESERVED};
use super::error::Problems;
use super::memory::{LARGEST, check_name};
use super::table::{self, Entry, Value, entries, get, only_keys};
use crate::{FileSpec, MapSpec, ProcessSpec};

const ANON_FORM: &str = "names as in `[\"P\"]`, or `{ P = { pages = 1 } }`";
const MAP_FORM: &str =
    "`{ pages = 1 }`, also with `write = false`, `locked = true`, `reserved = true`";
const FILE_MAP_FORM: &str = "`{ M = { file = \"F\", page = 0, pages = 1 } }`";

/// Reads the tables `[process.NAME]` and makes the processes and threads known.
pub(super) fn processes(
    value: &Value<'_>,
    files: &[FileSpec],
    cast: &mut Cast,
    problems: &mut Problems,
) -> Vec<ProcessSpec> {
    let form = "tables like `[process.A]`";
    let Some(processes) = table::as_table(value, form, problems) else {
        return Vec::new();
    };
    let mut specs = Vec::new();
    let mut names = Vec::new();
    for entry in entries(processes) {
        let before = problems.count();
        check_free(&entry, &names, cast, problems);
        names.push(entry.key.to_owned());
        let mut spec =
            ProcessSpec { name: entry.key.to_owned(), threads: Vec::new(), maps: Vec::new() };
        if let Some(table) = table::as_table(entry.value, form, problems) {
            only_keys(table, &["threads", "anon", "file"], problems);
            spec.threads = get(table, "threads")
                .map_or(Vec::new(), |value| threads(value, &mut names, cast, problems));
            spec.maps = maps(table, files, problems);
        }
        if problems.count() > before {
            words_below(entry.value).into_iter().for_each(|word| cast.suspect(word));
        }
        cast.add_initial(&spec);
        specs.push(spec);
    }
    specs
}

/// Keys and strings below a value: the names that a wrong table may have meant to introduce.
fn words_below<'t>(value: &'t Value<'_>) -> Vec<&'t str> {
    match value.get_ref() {
        DeValue::String(text) => vec![text],
        DeValue::Array(values) => values.iter().flat_map(words_below).collect(),
        DeValue::Table(table) => entries(table)
            .into_iter()
            .flat_map(|entry| [vec![entry.key], words_below(entry.value)].concat())
            .collect(),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            Vec::new()
        }
    }
}

fn threads(
    value: &Value<'_>,
    names: &mut Vec<String>,
    cast: &Cast,
    problems: &mut Problems,
) -> Vec<String> {
    let form = "names as in `[\"A2\"]`";
    let mut threads = Vec::new();
    for value in table::as_array(value, form, problems) {
        let Some(name) = table::as_text(value, form, problems) else {
            continue;
        };
        check_free(&Entry { key: name, span: value.span(), value }, names, cast, problems);
        names.push(name.to_owned());
        threads.push(name.to_owned());
    }
    threads
}

/// Mappings in the order of the file.
fn maps(process: &DeTable<'_>, files: &[FileSpec], problems: &mut Problems) -> Vec<MapSpec> {
    let mut maps = Vec::new();
    for kind in entries(process) {
        match (kind.key, kind.value.get_ref()) {
            ("anon", DeValue::Array(names)) => {
                for value in names {
                    if let Some(name) = table::as_text(value, ANON_FORM, problems) {
                        let entry = Entry { key: name, span: value.span(), value };
                        add_map(&entry, plain_map(name), &mut maps, problems);
                    }
                }
            }
            ("anon", _) => {
                let Some(table) = table::as_table(kind.value, ANON_FORM, problems) else {
                    continue;
                };
                for entry in entries(table) {
                    add_map(&entry, anon_map(&entry, problems), &mut maps, problems);
                }
            }
            ("file", _) => {
                let Some(table) = table::as_table(kind.value, FILE_MAP_FORM, problems) else {
                    continue;
                };
                for entry in entries(table) {
                    add_map(&entry, file_map(&entry, files, problems), &mut maps, problems);
                }
            }
            _ => {}
        }
    }
    let total = maps.iter().map(|map| u64::from(map.pages)).sum::<u64>();
    if let Some(value) =
        get(process, "anon").or(get(process, "file")).filter(|_| total > u64::from(LARGEST))
    {
        problems
            .add(value.span(), format!("the mappings have {total} pages"))
            .expected(format!("at most {LARGEST} in a process"));
    }
    maps
}

fn add_map(entry: &Entry<'_, '_>, map: MapSpec, maps: &mut Vec<MapSpec>, problems: &mut Problems) {
    check_name(entry, problems);
    if maps.iter().any(|earlier| earlier.name == map.name) {
        problems.add(entry.span.clone(), format!("the process has two mappings `{}`", map.name));
    } else {
        maps.push(map);
    }
}

fn plain_map(name: &str) -> MapSpec {
    MapSpec {
        name: name.to_owned(),
        pages: 1,
        write: true,
        locked: false,
        reserved: false,
        file: None,
    }
}

fn anon_map(entry: &Entry<'_, '_>, problems: &mut Problems) -> MapSpec {
    match table::as_table(entry.value, MAP_FORM, problems) {
        Some(table) => {
            only_keys(table, &["pages", "write", "locked", "reserved"], problems);
            sized_map(entry.key, table, problems)
        }
        None => plain_map(entry.key),
    }
}

fn sized_map(name: &str, table: &DeTable<'_>, problems: &mut Problems) -> MapSpec {
    MapSpec {
        pages: table::number(table, ("pages", 1), 1..=LARGEST, problems),
        write: table::flag(table, "write", true, problems),
        locked: table::flag(table, "locked", false, problems),
        reserved: table::flag(table, "reserved", false, problems),
        ..plain_map(name)
    }
}

fn file_map(entry: &Entry<'_, '_>, files: &[FileSpec], problems: &mut Problems) -> MapSpec {
    let Some(table) = table::as_table(entry.value, FILE_MAP_FORM, problems) else {
        return plain_map(entry.key);
    };
    only_keys(table, &["file", "page", "pages", "write", "locked", "reserved"], problems);
    let mut map = sized_map(entry.key, table, problems);
    let page = table::number(table, ("page", 0), 0..=LARGEST - 1, problems);
    let Some(value) = get(table, "file") else {
        problems
            .add(entry.span.clone(), format!("mapping `{}` names no file", entry.key))
            .expected(FILE_MAP_FORM);
        return map;
    };
    let Some(name) = table::as_text(value, FILE_MAP_FORM, problems) else {
        return map;
    };
    match files.iter().find(|file| file.name == name) {
        None => {
            let names = || files.iter().map(|file| file.name.as_str());
            let problem = problems.add(value.span(), format!("unknown file `{name}`"));
            problem.expected(if files.is_empty() {
                "a table `[file.F]`".into()
            } else {
                table::list(names())
            });
            problem.nearest(name, names());
        }
        Some(file) if page + map.pages > file.pages => {
            problems
                .add(
                    value.span(),
                    format!("the mapping ends at page {}, behind the file", page + map.pages),
                )
                .expected(format!("at most the {} pages of `{name}`", file.pages));
        }
        Some(_) => map.file = Some((name.to_owned(), page)),
    }
    map
}

/// Complains about a name that also stands for something else.
fn check_free(entry: &Entry<'_, '_>, names: &[String], cast: &Cast, problems: &mut Problems) {
    check_name(entry, problems);
    let taken = if names.iter().any(|name| name == entry.key) {
        Some("a process")
    } else {
        cast.taken(entry.key)
    };
    if let Some(what) = taken.filter(|_| !RESERVED.contains(&entry.key)) {
        problems
            .add(entry.span.clone(), format!("`{}` is already {what}", entry.key))
            .expected("another name");
    }
}
