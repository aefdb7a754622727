//! Putting the values of `each` into a line.

use std::borrow::Cow;

/// Values by name.
#[derive(Debug, Default)]
pub(super) struct Substitution<'b> {
    bindings: &'b [(String, String)],
}

impl<'b> Substitution<'b> {
    pub(super) fn new(bindings: &'b [(String, String)]) -> Self {
        Self { bindings }
    }

    /// Whether what is put in makes more than `most` bytes of the line.
    pub(super) fn is_too_long(&self, line: &str, most: usize) -> bool {
        let longest = self
            .bindings
            .iter()
            .map(|(_, value)| value.len())
            .max()
            .unwrap_or(0);
        let places = line.bytes().filter(|byte| *byte == b'<').count();
        // An upper bound first: it nearly always holds, and the rest is work.
        line.len() + places * longest > most && self.pieces(line).map(str::len).sum::<usize>() > most
    }

    /// The line with every `<name>` replaced, once and from left to right: what is put in is not looked at again.
    pub(super) fn apply<'l>(&self, line: &'l str) -> Cow<'l, str> {
        if self.bindings.is_empty() || !line.contains('<') {
            return Cow::Borrowed(line);
        }
        Cow::Owned(self.pieces(line).collect())
    }

    /// The parts that the new line is made of.
    fn pieces<'a>(&'a self, line: &'a str) -> impl Iterator<Item = &'a str> {
        let mut rest = line;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let value = rest.strip_prefix('<').and_then(|inner| {
                let bound = |(name, value): &'a (String, String)| {
                    Some((
                        value.as_str(),
                        inner.strip_prefix(name.as_str())?.strip_prefix('>')?,
                    ))
                };
                self.bindings.iter().find_map(bound)
            });
            if let Some((value, after)) = value {
                rest = after;
                return Some(value);
            }
            let first = rest.chars().next().map_or(1, char::len_utf8);
            let len = rest[first..].find('<').map_or(rest.len(), |at| first + at);
            let (piece, after) = rest.split_at(len);
            rest = after;
            Some(piece)
        })
    }

    /// For diagnostics: `with query = ?EIO=4`.
    pub(super) fn describe(&self) -> Option<String> {
        let parts: Vec<String> = self
            .bindings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        (!parts.is_empty()).then(|| format!("with {}", parts.join(", ")))
    }
}

/// The text of a case with the values of `each` put in, line for line: what a trial plays, with the line
/// numbers of the file. The header keeps its `each` lines.
pub fn substitute(text: &str, bindings: &[(String, String)]) -> String {
    let substitution = Substitution::new(bindings);
    let lines: Vec<Cow<'_, str>> = text
        .split('\n')
        .map(|line| {
            if line.starts_with("each ") {
                Cow::Borrowed(line)
            } else {
                substitution.apply(line)
            }
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_once() {
        let bindings = [
            ("a".to_owned(), "<b>".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ];
        let substitution = Substitution::new(&bindings);
        assert_eq!(substitution.apply("éx<a><b><c><a<<b>>"), "éx<b>2<c><a<2>");
        assert_eq!(substitution.apply("é"), "é");
        assert!(substitution.is_too_long("<b><b>", 1) && !substitution.is_too_long("<b><b>", 2));
        assert_eq!(
            Substitution::new(&bindings).describe().as_deref(),
            Some("with a = <b>, b = 2")
        );
    }

    #[test]
    fn each_lines_stay_as_they_are() {
        let bindings = [("a".to_owned(), "1".to_owned())];
        assert_eq!(
            substitute("title: <a>\neach a: 1\n\n> <a>\n", &bindings),
            "title: 1\neach a: 1\n\n> 1\n"
        );
    }
}
