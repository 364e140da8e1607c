//! Lines that fit: words in at most [`WIDTH`] columns, with hanging indents.
//!
//! Columns are characters. This module does not know what it wraps.

/// Columns of a report.
pub(super) const WIDTH: usize = 80;

/// Breaks words into lines of at most `width` characters; a longer word has a line to
/// itself. Words may be styled.
pub(super) fn lines(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if shown(line) + 1 + shown(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// Appends words after `head`, later lines indented by `indent`; a head that leaves no
/// gap before the words has a line to itself.
pub(crate) fn hanging(text: &mut String, head: &str, indent: usize, words: &str) {
    let plain = super::plain(head);
    let alone = length(&plain) >= indent && plain.ends_with(|c: char| !c.is_whitespace());
    let break_after = alone && !words.is_empty() && indent > 0;
    let wide = if break_after { 0 } else { length(&plain) };
    let pad = indent.saturating_sub(wide);
    let room = WIDTH.saturating_sub(indent.max(wide)).max(1);
    text.push_str(head);
    if break_after {
        text.push('\n');
    }
    for (i, line) in lines(words, room).iter().enumerate() {
        if i > 0 {
            text.push('\n');
        }
        text.push_str(&" ".repeat(if i == 0 { pad } else { indent }));
        text.push_str(line);
    }
    text.push('\n');
}

/// Appends a paragraph.
pub(super) fn paragraph(text: &mut String, words: &str) {
    hanging(text, "", 0, words);
}

/// Number of columns that text with styles takes.
fn shown(text: &str) -> usize {
    length(&super::plain(text))
}

/// Number of columns that plain text takes.
pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hang_below_the_first() {
        let mut text = String::new();
        hanging(&mut text, "a:", 4, &"word ".repeat(20));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("a:  word") && lines[0].len() <= WIDTH);
        assert!(lines[1].starts_with("    word"));
    }

    #[test]
    fn a_head_without_a_gap_stands_alone() {
        let told = |head: &str, indent| {
            let mut text = String::new();
            hanging(&mut text, head, indent, "word");
            text
        };
        assert_eq!(told("head", 4), "head\n    word\n");
        assert_eq!(told("longer", 4), "longer\n    word\n");
        assert_eq!(told("a: ", 3), "a: word\n");
        assert_eq!(told("head", 5), "head word\n");
    }

    #[test]
    fn styles_take_no_room() {
        let styled = super::super::style::paint(super::super::style::BAD, "four");
        assert_eq!(lines(&format!("{styled} five"), 9).len(), 1);
    }

    #[test]
    fn a_long_word_has_a_line_to_itself() {
        assert_eq!(lines("a long-word b", 4), ["a", "long-word", "b"]);
    }
}
