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

    /// The line with every `<name>` replaced, once and from left to right: what is put in is not looked at again.
    pub(super) fn apply<'l>(&self, line: &'l str) -> Cow<'l, str> {
        let Some(first) = self.bindings.first().and_then(|_| line.find('<')) else {
            return Cow::Borrowed(line);
        };
        let mut out = line[..first].to_owned();
        let mut rest = &line[first..];
        while let Some(inner) = rest.strip_prefix('<') {
            match self.bindings.iter().find_map(|(name, value)| {
                Some((value, inner.strip_prefix(name.as_str())?.strip_prefix('>')?))
            }) {
                Some((value, after)) => {
                    out.push_str(value);
                    rest = after;
                }
                None => {
                    out.push('<');
                    rest = inner;
                }
            }
            let next = rest.find('<').unwrap_or(rest.len());
            out.push_str(&rest[..next]);
            rest = &rest[next..];
        }
        Cow::Owned(out)
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
        assert_eq!(Substitution::new(&bindings).apply("x<a><b><c><a"), "x<b>2<c><a");
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
