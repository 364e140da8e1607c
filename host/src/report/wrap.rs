//! Lines that fit: words in at most [`WIDTH`] columns, with hanging indents.
//!
//! Columns are characters. This module does not know what it wraps.

/// Columns of a report.
pub(super) const WIDTH: usize = 80;

/// Breaks words into lines of at most `width` characters; a longer word has a line to itself.
pub(super) fn lines(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// Appends words after `head`, later lines indented by `indent`.
pub(crate) fn hanging(text: &mut String, head: &str, indent: usize, words: &str) {
    let wide = length(&super::plain(head));
    let pad = indent.saturating_sub(wide);
    let room = WIDTH.saturating_sub(indent.max(wide)).max(1);
    text.push_str(head);
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
    fn a_long_word_has_a_line_to_itself() {
        assert_eq!(lines("a long-word b", 4), ["a", "long-word", "b"]);
    }
}
