//! What stands behind `check:`.
//!
//! Knows how facts are written. Does not know whether they hold.

use super::args::Args;
use super::pages::Extent;
use super::table::list;
use crate::{Fact, Range};

const FORM: &str = "A.P present | A.P swapped | A.P none | A.P same B.P | A.P apart B.P | section 0 offline | all free | A waiting";

/// Reads a fact.
pub(super) fn fact(a: &mut Args<'_, '_>) -> Option<Fact> {
    a.form = FORM;
    let is_waiting = a.words.get(1).is_some_and(|word| word.text == "waiting");
    match a.peek().map(|word| word.text) {
        None => {
            a.word("a fact");
            None
        }
        Some("all") => {
            a.word("`all`");
            a.one_of("`free`", &[("free", ())])?;
            Some(Fact::AllFree)
        }
        Some("section") => {
            a.word("`section`");
            let section = a.section();
            a.one_of("`offline`", &[("offline", ())])?;
            Some(Fact::SectionOffline(section?))
        }
        Some(_) if is_waiting => waiting(a),
        Some(_) => pages(a),
    }
}

fn waiting(a: &mut Args<'_, '_>) -> Option<Fact> {
    let word = a.word("an actor")?;
    a.word("`waiting`");
    let names = a.cast.actors(|kind| kind.runs());
    if !names.contains(&word.text) {
        if !a.cast.is_suspect(word.text) {
            a.problems
                .add(word.span, format!("`{}` cannot wait", word.text))
                .expected(list(names.iter().copied()))
                .nearest(word.text, names);
        }
        return None;
    }
    Some(Fact::Waiting(word.text.to_owned()))
}

#[derive(Clone, Copy)]
enum Relation {
    Present,
    Swapped,
    None,
    Same,
    Apart,
}

fn pages(a: &mut Args<'_, '_>) -> Option<Fact> {
    let range = a.range(Extent::Pages);
    let relation = a.one_of(
        "a fact about pages",
        &[
            ("present", Relation::Present),
            ("swapped", Relation::Swapped),
            ("none", Relation::None),
            ("same", Relation::Same),
            ("apart", Relation::Apart),
        ],
    )?;
    Some(match relation {
        Relation::Present => Fact::Present(range?),
        Relation::Swapped => Fact::Swapped(range?),
        Relation::None => Fact::NotMapped(range?),
        Relation::Same => {
            let (left, right) = pair(a, range)?;
            Fact::Same(left, right)
        }
        Relation::Apart => {
            let (left, right) = pair(a, range)?;
            Fact::Apart(left, right)
        }
    })
}

/// The second range of a comparison, which must have the length of the first.
fn pair(a: &mut Args<'_, '_>, left: Option<Range>) -> Option<(Range, Range)> {
    let word = a.peek().cloned();
    let right = a.range(Extent::Pages);
    let (left, right) = (left?, right?);
    let (ours, theirs) = (a.cast.length(&left), a.cast.length(&right));
    if ours != theirs {
        let word = word.expect("the range was read from it");
        a.problems
            .add(word.span, format!("{ours} pages are compared with {theirs}"))
            .expected("as many pages on both sides");
        return None;
    }
    Some((left, right))
}
