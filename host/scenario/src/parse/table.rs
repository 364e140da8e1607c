//! Reading TOML values of a wanted type, with complaints where they are something else.
//!
//! Knows TOML. Does not know which keys a scenario has.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problems;

/// A value and where it stands.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// A key and where it stands, with its value.
pub(super) struct Entry<'t, 'i> {
    pub(super) key: &'t str,
    pub(super) span: Range<usize>,
    pub(super) value: &'t Value<'i>,
}

/// The table's entries in the order of the file.
pub(super) fn entries<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| Entry { key: key.get_ref(), span: key.span(), value })
        .collect();
    entries.sort_by_key(|entry| entry.span.start);
    entries
}

/// The value of a key.
pub(super) fn get<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t Value<'i>> {
    table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, value)| value)
}

/// Complains about keys that are not among `known`.
pub(super) fn only_keys(table: &DeTable<'_>, known: &[&str], problems: &mut Problems) {
    for entry in entries(table) {
        if !known.contains(&entry.key) {
            problems
                .add(entry.span, format!("unknown key `{}`", entry.key))
                .expected(list(known.iter().copied()))
                .nearest(entry.key, known.iter().copied());
        }
    }
}

pub(super) fn as_table<'t, 'i>(
    value: &'t Value<'i>,
    form: &str,
    problems: &mut Problems,
) -> Option<&'t DeTable<'i>> {
    let table = value.get_ref().as_table();
    if table.is_none() {
        wrong_type(value, form, problems);
    }
    table
}

pub(super) fn as_text<'t>(
    value: &'t Value<'_>,
    form: &str,
    problems: &mut Problems,
) -> Option<&'t str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        wrong_type(value, form, problems);
    }
    text
}

pub(super) fn as_array<'t, 'i>(
    value: &'t Value<'i>,
    form: &str,
    problems: &mut Problems,
) -> &'t [Value<'i>] {
    match value.get_ref().as_array() {
        Some(array) => array,
        None => {
            wrong_type(value, form, problems);
            &[]
        }
    }
}

/// A key that is `true` or `false`, with its default.
pub(super) fn flag(table: &DeTable<'_>, key: &str, default: bool, problems: &mut Problems) -> bool {
    let Some(value) = get(table, key) else {
        return default;
    };
    value.get_ref().as_bool().unwrap_or_else(|| {
        wrong_type(value, "true or false", problems);
        default
    })
}

/// A whole number within limits.
pub(super) fn as_number(
    value: &Value<'_>,
    limits: RangeInclusive<u32>,
    problems: &mut Problems,
) -> Option<u32> {
    let form = format!("a whole number from {} to {}", limits.start(), limits.end());
    let Some(integer) = value.get_ref().as_integer() else {
        wrong_type(value, &form, problems);
        return None;
    };
    let number =
        u32::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|n| limits.contains(n));
    if number.is_none() {
        problems.add(value.span(), "the number is out of range").expected(form);
    }
    number
}

/// A key that is a whole number, with its default.
pub(super) fn number(
    table: &DeTable<'_>,
    (key, default): (&str, u32),
    limits: RangeInclusive<u32>,
    problems: &mut Problems,
) -> u32 {
    get(table, key).and_then(|value| as_number(value, limits, problems)).unwrap_or(default)
}

/// Complains that a value is not what it has to be.
pub(super) fn wrong_type(value: &Value<'_>, form: &str, problems: &mut Problems) {
    let found = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    problems.add(value.span(), format!("{found} does not fit here")).expected(form);
}

/// The words in backquotes, separated by commas.
pub(super) fn list<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let quoted: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
