//! A question to a policy, in words: what it saw, what it answered, and why.

use cowpath_abi::{
    AT_ENTRY, AT_RECHECK, AT_SWAP_MAP, GUP_BEGIN, GUP_FOUND, SWAPIN_DECIDE, SWAPIN_FREE_SWAP,
    UNMAP_CLEARED, WP_DRAINED, WP_ENTRY, WP_LOCKED, WP_SWAP_FREED,
};

use crate::trace::{Event, Question, StepTrace};

/// The function that asked, and about which page: `do_wp_page (page locked), page 1`.
pub(super) fn asked(question: &Question) -> String {
    let Question { hook, page, .. } = question;
    if !has_page(question) {
        return hook.clone();
    }
    match point(question) {
        "" => format!("{hook}, page {page}"),
        point => format!("{hook} ({point}), page {page}"),
    }
}

/// Whether it was asked about a page; get_user_pages also asks before it has one.
pub(super) fn has_page(question: &Question) -> bool {
    (question.hook.as_str(), question.at) != ("get_user_pages", GUP_BEGIN)
}

/// Which of its questions a function asked.
fn point(question: &Question) -> &'static str {
    match (question.hook.as_str(), question.at) {
        ("do_wp_page", WP_ENTRY) => "on entry",
        ("do_wp_page", WP_LOCKED) => "page locked",
        ("do_wp_page", WP_SWAP_FREED) => "swap freed",
        ("do_wp_page", WP_DRAINED) => "pagevec drained",
        ("exclusive_swap_page" | "remove_exclusive_swap_page", AT_SWAP_MAP) => "swap_map",
        ("exclusive_swap_page" | "remove_exclusive_swap_page", AT_RECHECK) => "recheck",
        ("exclusive_swap_page" | "remove_exclusive_swap_page", AT_ENTRY) => "on entry",
        ("do_swap_page", SWAPIN_FREE_SWAP) => "free swap?",
        ("do_swap_page", SWAPIN_DECIDE) => "how to map?",
        ("try_to_unmap_one", UNMAP_CLEARED) => "pte cleared",
        ("get_user_pages", GUP_FOUND) => "page found",
        _ => "",
    }
}

/// What it answered, and why: `SWAP_FAIL: count != mapcount + 2`.
pub(super) fn answered(question: &Question) -> String {
    let Question { answer, reason, .. } = question;
    if reason.is_empty() { answer.clone() } else { format!("{answer}: {reason}") }
}

/// The same; if the answer leaves it to `exclusive_swap_page`, also what that said.
pub(super) fn settled(question: &Question, step: &StepTrace) -> String {
    let answer = answered(question);
    match exclusive(question, step) {
        Some(last) => {
            let Question { answer: word, reason, .. } = last;
            let comma = if reason.is_empty() { "" } else { ", " };
            format!("{answer}; exclusive_swap_page: {word}{comma}{reason}")
        }
        None => answer,
    }
}

/// The last answer of `exclusive_swap_page` that `can_share_swap_page` relied on.
fn exclusive<'a>(question: &Question, step: &'a StepTrace) -> Option<&'a Question> {
    let mut asked = step.events.iter().filter_map(|event| match event {
        Event::Asked(question) => Some(&**question),
        _ => None,
    });
    asked.find(|other| *other == question)?;
    asked.take_while(|other| other.hook == "exclusive_swap_page").last()
}

/// What it saw: the count with its holders, then the other counts.
pub(super) fn counts(question: &Question) -> String {
    let Question { count, holders, mapcount, swap_map, .. } = question;
    let equals = if holders.is_empty() { String::new() } else { format!(" = {holders}") };
    format!("count {count}{equals}; mapcount {mapcount}, swap_map {swap_map}")
}
