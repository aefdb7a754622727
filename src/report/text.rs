//! Text that came from a target, made safe to print.

use std::borrow::Cow;

/// What a CI system takes for a command wherever it stands in a line of a log.
const COMMANDS: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// Makes control characters, characters that turn the direction of writing, and those that look like a space or like nothing
/// visible as escapes; and likewise what would begin a command of a CI system that reads the log.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unsafe) {
        return Cow::Owned(without_commands(&escaped(text)).into_owned());
    }
    without_commands(text)
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            c if is_unsafe(c) && u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if is_unsafe(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn without_commands(text: &str) -> Cow<'_, str> {
    let begins = text.trim_start().starts_with("::");
    if !begins && !COMMANDS.iter().any(|command| text.contains(command)) {
        return Cow::Borrowed(text);
    }
    let mut text = if begins {
        text.replacen("::", "\\x3a:", 1)
    } else {
        text.to_owned()
    };
    for command in COMMANDS {
        text = text.replace(command, &format!("#\\x23{}", &command[2..]));
    }
    Cow::Owned(text)
}

/// The same for text of several lines: line feeds stay.
pub(super) fn safe_lines(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text
        .split('\n')
        .map(|line| safe(line.strip_suffix('\r').unwrap_or(line)))
        .collect();
    lines.join("\n")
}

/// Text of several lines, made safe, of which at most `limit` characters are left.
pub(super) fn brief_lines(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => safe_lines(text),
        Some((end, _)) => format!("{}… ({} bytes in all)", safe_lines(&text[..end]), text.len()),
    }
}

/// The same, cut after `limit` characters.
pub(super) fn brief(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => safe(text).into_owned(),
        Some((end, _)) => format!("{}… ({} characters)", safe(&text[..end]), text.chars().count()),
    }
}

/// `1 case`, `2 cases`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_cannot_write_to_the_terminal() {
        assert_eq!(
            safe("\u{1b}[2J\r\n\u{202e}x\u{9b}"),
            "\\x1b[2J\\x0d\\x0a\\u{202e}x\\x9b"
        );
        assert_eq!(safe("plain é ✓"), "plain é ✓");
    }

    #[test]
    fn what_looks_like_a_space_is_told_from_one() {
        assert_eq!(
            safe("4\u{2028}\u{a0}\u{3000}\u{200b} x"),
            "4\\u{2028}\\xa0\\u{3000}\\u{200b} x"
        );
    }

    #[test]
    fn a_target_cannot_command_a_ci_system() {
        assert_eq!(safe("::error::x"), "\\x3a:error::x");
        assert_eq!(
            safe(" \u{1b}::x ##vso[x] ##[y] ## z"),
            " \\x1b::x #\\x23vso[x] #\\x23[y] ## z"
        );
        assert_eq!(safe("a::b"), "a::b");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(brief("ééé", 2), "éé… (3 characters)");
        assert_eq!(brief("éé", 2), "éé");
    }
}
