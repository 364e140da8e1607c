//! What makes a change of outcome, in words.
//!
//! This module does not know how a cause is found.

use super::parting::list;
use crate::change::{Cause, CausingHunk, Role};

/// `by do_wp_page or do_swap_page`, `by do_wp_page and without exclusive_mark`; `quote` is
/// put around each name. `parting in do_wp_page` if no hunk is known: a graft's.
pub(super) fn by(cause: &Cause, quote: &str) -> String {
    let quoted = |name: &str| format!("{quote}{name}{quote}");
    if let Some(function) = &cause.function {
        return format!("parting in {}", quoted(function));
    }
    let (absent, present): (Vec<&CausingHunk>, Vec<_>) =
        cause.hunks.iter().partition(|one| one.absent);
    let each_alone = cause.hunks.iter().all(|one| one.role == Role::Alone);
    let part = |word: &str, hunks: &[&CausingHunk]| {
        let names: Vec<String> = hunks.iter().map(|one| quoted(&one.hunk)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let names = if each_alone { names.join(" or ") } else { list(&names) };
        (!hunks.is_empty()).then(|| format!("{word} {names}"))
    };
    let parts = [part("by", &present), part("without", &absent)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(if each_alone { " or " } else { " and " })
}
