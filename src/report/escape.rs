//! Text that came from a target, made safe to stand in Markdown as CI systems render it.

use crate::report::text::{brief, brief_lines};

/// Text of one line in which nothing is markup: neither Markdown nor HTML, no mention, no link.
///
/// Characters with a meaning become references, which are read after all markup: so it is safe within HTML tags as well.
pub(super) fn text(of: &str, limit: usize) -> String {
    let shown = brief(of, limit);
    let mut out = String::with_capacity(shown.len() + 16);
    for c in shown.chars() {
        if "\\`*_[]<>&|~@$:#\"'".contains(c) {
            out.push_str(&format!("&#{};", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out.replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")
}

/// Text of one line as code. It may stand in a table.
pub(super) fn code(of: &str, limit: usize) -> String {
    let shown = brief(of, limit).replace('|', "¦");
    let ticks = "`".repeat(longest_run(&shown) + 1);
    match shown.trim().is_empty() {
        true => String::new(),
        false if shown.starts_with(['`', ' ']) || shown.ends_with(['`', ' ']) => {
            format!("{ticks} {shown} {ticks}")
        }
        false => format!("{ticks}{shown}{ticks}"),
    }
}

/// Text of several lines as a block of code, ending in a line break.
pub(super) fn block(of: &str, language: &str, limit: usize) -> String {
    let shown = brief_lines(of.trim_end(), limit);
    let ticks = "`".repeat(longest_run(&shown).max(2) + 1);
    format!("{ticks}{language}\n{shown}\n{ticks}\n")
}

/// Text in which the addresses of the web are links.
pub(super) fn linked(of: &str, limit: usize) -> String {
    let words: Vec<String> = brief(of, limit).split(' ').map(word).collect();
    words.join(" ")
}

fn word(word: &str) -> String {
    let address = word.trim_matches(|c: char| "()[]<>\"'.,;".contains(c));
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    match url::Url::parse(address) {
        Ok(url) if is_web => {
            let (before, after) = word.split_once(address).unwrap_or(("", ""));
            let url = String::from(url).replace('|', "%7C").replace('`', "%60");
            format!("{}<{url}>{}", text(before, 40), text(after, 40))
        }
        _ => text(word, word.len()),
    }
}

fn longest_run(of: &str) -> usize {
    of.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_with_a_meaning_is_left() {
        let hostile =
            "<script>[x](javascript:y) `z` @all #1 **b** | www.x.org https://x.org ~~s~~ $a$ \\ &lt;\n# h";
        let safe = text(hostile, 500);
        assert!(
            !safe.contains(['<', '>', '[', ']', '`', '@', '*', '|', '~', '$', '\\', '\n', ':']),
            "{safe}"
        );
        assert!(!safe.contains("www."), "{safe}");
        assert!(!safe.replace("&#", "").contains(['&', '#']), "{safe}");
    }

    #[test]
    fn code_cannot_be_left_from_inside() {
        assert_eq!(code("a`b``c", 99), "```a`b``c```");
        assert_eq!(code("`", 99), "`` ` ``");
        assert_eq!(code("a|b\nc", 99), "`a¦b\\x0ac`");
        assert_eq!(block("x\n```\n# y\n", "", 99), "````\nx\n```\n# y\n````\n");
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert_eq!(
            linked("see (https://x.org/a_b), too", 99),
            "see (<https://x.org/a_b>), too"
        );
        assert!(!linked("javascript:alert(1) data:text/html,x", 99).contains(':'));
        assert!(!linked("https://x.org/\"><script>|`", 99)[1..].contains(['"', '<', '|', '`']));
    }
}
