//! Reports of the driver: `word argument…`, matched argument by argument.

use super::compare;
use super::json::{self, Doc, Named};
use super::mismatch::{self, Mismatch};
use super::scan::{Expanded, PatternError};
use super::search::{self, Env};
use super::segment::{self, Mode, Segment};

/// An argument that is expected; the word at the front is one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    source: String,
    /// Where the argument can be a JSON value.
    value: Option<Doc>,
    /// Where it can be a word.
    word: Option<Vec<Segment>>,
}

/// The arguments, and whether `...` stands behind them.
pub(super) fn compile(
    expanded: &Expanded,
    names: &mut Vec<Named>,
) -> Result<(Vec<Argument>, bool), PatternError> {
    let text = expanded.text.as_str();
    let mut arguments = Vec::new();
    let mut at = skip_spaces(text.as_bytes(), 0);
    while at < text.len() {
        if &text[at..] == "..." {
            return Ok((arguments, true));
        }
        let (argument, end) = argument(text, at, names)?;
        arguments.push(argument);
        at = skip_spaces(text.as_bytes(), end);
    }
    Ok((arguments, false))
}

fn argument(text: &str, at: usize, names: &mut Vec<Named>) -> Result<(Argument, usize), PatternError> {
    if text[at..].starts_with(['[', '{', '"']) {
        let (doc, end) = json::read_pattern(text, at, names)?;
        if text.len() > end && !text[end..].starts_with(' ') {
            return Err(PatternError::new(end, text.len(), "the JSON ends here")
                .expected("a space before the next argument"));
        }
        return Ok((
            Argument {
                source: text[at..end].to_owned(),
                value: Some(doc),
                word: None,
            },
            end,
        ));
    }
    let end = text[at..].find(' ').map_or(text.len(), |len| at + len);
    let mut found = Vec::new();
    let value = json::read_pattern(&text[..end], at, &mut found).ok();
    let value = value.filter(|(_, stop)| *stop == end).map(|(doc, _)| doc);
    let word = expand_word(text, at, end, names)?;
    Ok((
        Argument {
            source: text[at..end].to_owned(),
            value,
            word: Some(word),
        },
        end,
    ))
}

fn expand_word(
    text: &str,
    at: usize,
    end: usize,
    names: &mut Vec<Named>,
) -> Result<Vec<Segment>, PatternError> {
    let word = Expanded::literal(&text[at..end]);
    let mut found = Vec::new();
    let segments = segment::cut(&word, Mode::Plain, &mut found).map_err(|error| PatternError {
        offset: error.offset + at,
        ..error
    })?;
    names.extend(
        found
            .into_iter()
            .map(|(angle, start, stop)| (angle, start + at, stop + at)),
    );
    Ok(segments)
}

pub(super) fn run(
    arguments: &[Argument],
    open: bool,
    source: &str,
    came: &[u8],
    env: &mut Env<'_>,
) -> Result<(), Mismatch> {
    let whole = |hint: String| Mismatch {
        path: String::new(),
        expected: mismatch::shown(source.as_bytes()),
        came: mismatch::shown(came),
        hint: Some(hint),
    };
    let mut at = skip_spaces(came, 0);
    for (index, argument) in arguments.iter().enumerate() {
        if at >= came.len() {
            return Err(whole(format!("{} is missing: {}", place(index), argument.source)));
        }
        let (value, end) = part(came, at);
        let text = &came[at..end];
        match_argument(argument, value.as_ref(), (came, text), env).map_err(|mismatch| match index {
            0 => whole("another report".to_owned()),
            _ => Mismatch {
                path: format!("{}{}", place(index), mismatch.path),
                ..mismatch
            },
        })?;
        at = skip_spaces(came, end);
    }
    if at < came.len() && !open {
        return Err(whole(format!("more follows: {}", mismatch::shown(&came[at..]))));
    }
    Ok(())
}

fn match_argument(
    argument: &Argument,
    value: Option<&Doc>,
    (came, text): (&[u8], &[u8]),
    env: &mut Env<'_>,
) -> Result<(), Mismatch> {
    if let (Some(expected), Some(value)) = (&argument.value, value) {
        return compare::compare((expected, &argument.source), (value, came), env);
    }
    let other = || Mismatch {
        path: String::new(),
        expected: mismatch::shown(argument.source.as_bytes()),
        came: mismatch::shown(text),
        hint: None,
    };
    let word = argument.word.as_ref().ok_or_else(other)?;
    search::run(word, text, env).map_err(|_| other())
}

/// The argument of a report that begins at `at`: its value, where it is JSON, and its end.
fn part(came: &[u8], at: usize) -> (Option<Doc>, usize) {
    let end = came[at..]
        .iter()
        .position(|b| *b == b' ')
        .map_or(came.len(), |len| at + len);
    let is_json = matches!(came[at], b'[' | b'{' | b'"');
    match json::read(came, at) {
        Ok((doc, stop)) if is_json && matches!(came.get(stop), None | Some(b' ')) => (Some(doc), stop),
        Ok((doc, stop)) if stop == end => (Some(doc), end),
        _ => (None, end),
    }
}

fn place(index: usize) -> String {
    match index {
        0 => "the word".to_owned(),
        _ => format!("argument {index}"),
    }
}

fn skip_spaces(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|b| **b == b' ').count()
}
