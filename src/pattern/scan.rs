//! The smallest parts of a text: `<…>`, `\xNN`, and what `<repeat …>` generates.

use super::json;
use std::fmt;

/// A pattern or template that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// Where in the text, in bytes.
    pub offset: usize,
    /// How many bytes are wrong.
    pub len: usize,
    /// What is wrong.
    pub message: String,
    /// What would have been right.
    pub expected: Option<String>,
}

impl PatternError {
    pub(super) fn new(start: usize, end: usize, message: impl Into<String>) -> Self {
        Self {
            offset: start,
            len: end.saturating_sub(start),
            message: message.into(),
            expected: None,
        }
    }

    pub(super) fn expected(mut self, what: impl Into<String>) -> Self {
        self.expected = Some(what.into());
        self
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.expected {
            Some(expected) => write!(f, ": expected {expected}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PatternError {}

/// What kind of value a wildcard takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    Number,
    Int,
    Bool,
    Any,
}

impl Kind {
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("int", Self::Int),
        ("bool", Self::Bool),
        ("any", Self::Any),
    ];

    fn of(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, kind)| *kind)
    }
}

/// What stands between `<` and `>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Angle {
    /// `<int>`
    Wild(Kind),
    /// `<id:int>`
    Keep(String, Kind),
    /// `<id>`
    Ref(String),
    /// `<#>`
    Counter,
}

/// The pattern that begins at `at`, where there stands one, and its end. A `<` that begins none is literal.
pub(super) fn angle(text: &str, at: usize) -> Result<Option<(Angle, usize)>, PatternError> {
    let Some(inner) = text[at..].strip_prefix('<') else {
        return Ok(None);
    };
    let Some(len) = inner
        .bytes()
        .take(140)
        .position(|b| !(b.is_ascii_alphanumeric() || b"_:#".contains(&b)))
    else {
        return Ok(None);
    };
    let end = at + 1 + len + 1;
    let inner = &inner[..len];
    let starts_right = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '#');
    if !starts_right || text.as_bytes()[end - 1] != b'>' {
        return Ok(None);
    }
    let angle = match inner.split_once(':') {
        None if inner == "#" => Angle::Counter,
        None if inner.contains('#') => return Ok(None),
        None => Kind::of(inner).map_or_else(|| Angle::Ref(inner.to_owned()), Angle::Wild),
        Some((name, kind)) => {
            let known = Kind::of(kind).ok_or_else(|| {
                PatternError::new(at, end, format!("`{kind}` is no kind of value"))
                    .expected("`string`, `number`, `int`, `bool` or `any` behind the colon")
            })?;
            if name.contains('#') || Kind::of(name).is_some() {
                return Err(
                    PatternError::new(at, end, format!("`{name}` cannot be the name of a value"))
                        .expected("letters, digits and `_`, and not the word of a kind"),
                );
            }
            Angle::Keep(name.to_owned(), known)
        }
    };
    Ok(Some((angle, end)))
}

/// The byte that `\xNN` at `at` stands for. Four characters long.
pub(super) fn escape(text: &str, at: usize) -> Result<Option<u8>, PatternError> {
    let Some(digits) = text[at..].strip_prefix("\\x") else {
        return Ok(None);
    };
    let hex = digits
        .as_bytes()
        .get(..2)
        .filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    match hex.and_then(|_| u8::from_str_radix(&digits[..2], 16).ok()) {
        Some(byte) => Ok(Some(byte)),
        None => Err(PatternError::new(at, at + 2, "`\\x` stands for no byte")
            .expected("two hexadecimal digits, as in `\\x1e`; for a backslash before an `x` write `\\x5c`")),
    }
}

/// A text with everything generated that `<repeat …>` asks for.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// From where in `text` which place of the source applies, and whether it is generated.
    spans: Vec<(usize, usize, bool)>,
    /// How many bytes it comes to, also where not all of it is written out.
    pub(super) size: usize,
}

/// The most that one text may come to, in bytes.
pub(super) const MOST_GENERATED: usize = 64 << 20;

/// The most that `<repeat N …>` may say.
const MOST_REPEATS: usize = 10_000_000;

pub(super) fn expand(source: &str) -> Result<Expanded, PatternError> {
    expand_to(source, MOST_REPEATS)
}

/// The same with nothing repeated more than twice: enough to check a text in which no part depends on another.
pub(super) fn outline(source: &str) -> Result<Expanded, PatternError> {
    expand_to(source, 2)
}

fn expand_to(source: &str, most: usize) -> Result<Expanded, PatternError> {
    let mut size = source.len();
    let mut text = String::new();
    let mut spans = vec![(0, 0, false)];
    let mut at = 0;
    while let Some(found) = source[at..].find("<repeat ") {
        let start = at + found;
        text.push_str(&source[at..start]);
        let (count, unit, end) = generator(source, start)?;
        size = (size - (end - start)).saturating_add(count.saturating_mul(unit.len()));
        if count > MOST_REPEATS || size > MOST_GENERATED {
            return Err(PatternError::new(start, end, "this generates too much")
                .expected("at most 10,000,000 times and 64 MiB"));
        }
        spans.push((text.len(), start, true));
        text.push_str(&unit.repeat(count.min(most)));
        spans.push((text.len(), end, false));
        at = end;
    }
    text.push_str(&source[at..]);
    Ok(Expanded { text, spans, size })
}

/// `<repeat 3 "ab">` at `start`: how often, what, and where it ends.
fn generator(source: &str, start: usize) -> Result<(usize, String, usize), PatternError> {
    let stop = source.len().min(start + 20);
    let wrong = |end: usize| {
        PatternError::new(start, end, "this does not say what is repeated").expected("`<repeat 1000 \"a\">`")
    };
    let rest = source[start + "<repeat ".len()..].trim_start_matches(' ');
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let short_stop = (start..=stop)
        .rev()
        .find(|at| source.is_char_boundary(*at))
        .unwrap_or(start);
    let count: usize = rest[..digits].parse().map_err(|_| wrong(short_stop))?;
    let quoted = rest[digits..].trim_start_matches(' ');
    let from = source.len() - quoted.len();
    let (bytes, end) = json::read_string(source.as_bytes(), from).ok_or_else(|| wrong(short_stop))?;
    if source.as_bytes().get(end) != Some(&b'>') {
        return Err(wrong(end).expected("`>` behind the text that is repeated"));
    }
    let unit = String::from_utf8(bytes).map_err(|_| {
        PatternError::new(from, end, "half a surrogate pair cannot be repeated").expected("whole characters")
    })?;
    Ok((count, unit, end + 1))
}

impl Expanded {
    /// A text in which nothing is generated.
    pub(super) fn literal(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            spans: vec![(0, 0, false)],
            size: text.len(),
        }
    }

    /// The same place in the source.
    pub(super) fn origin(&self, at: usize) -> usize {
        let index = self
            .spans
            .partition_point(|(from, ..)| *from <= at)
            .saturating_sub(1);
        let (from, source, generated) = self.spans[index];
        if generated { source } else { source + (at - from) }
    }

    /// An error in the expanded text, as one in the source.
    pub(super) fn blame(&self, error: PatternError) -> PatternError {
        let (start, end) = (self.origin(error.offset), self.origin(error.offset + error.len));
        PatternError {
            offset: start,
            len: end.max(start + 1) - start,
            ..error
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_are_patterns_only_where_they_look_like_one() {
        let at = |text| angle(text, 0).map(|found| found.map(|(angle, _)| angle));
        assert_eq!(at("<int>"), Ok(Some(Angle::Wild(Kind::Int))));
        assert_eq!(
            at("<sid:string>"),
            Ok(Some(Angle::Keep("sid".into(), Kind::String)))
        );
        assert_eq!(at("<sid>"), Ok(Some(Angle::Ref("sid".into()))));
        assert_eq!(at("<#>"), Ok(Some(Angle::Counter)));
        for literal in ["< a", "<3", "<a b>", "<", "<>", "<a", "a<b>", "</b>"] {
            assert_eq!(at(literal), Ok(None), "{literal}");
        }
        assert!(at("<sid:text>").is_err());
        assert!(at("<int:int>").is_err());
    }

    #[test]
    fn generated_text_is_blamed_on_its_generator() {
        let expanded = expand("ab<repeat 3 \"xy\">cd").expect("it expands");
        assert_eq!(expanded.text, "abxyxyxycd");
        assert_eq!([0, 2, 7, 8, 9].map(|at| expanded.origin(at)), [0, 2, 2, 17, 18]);
    }

    #[test]
    fn generators_are_bounded() {
        assert!(expand("<repeat 10000001 \"\">").is_err());
        assert!(
            expand(
                "<repeat 1000000 \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggg\">"
            )
            .is_err()
        );
        assert!(expand("<repeat 99999999999999999999999 \"a\">").is_err());
        assert!(expand("<repeat 2 a>").is_err());
        assert!(expand("<repeat 2 \"a\"").is_err());
        assert_eq!(
            expand("<repeat 2 \"\\u00e9\\\"\">").map(|e| e.text),
            Ok("é\"é\"".to_owned())
        );
    }
}
