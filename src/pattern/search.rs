//! Matching bytes with the segments of a text: from left to right, going back where a wildcard took too much or
//! too little, with a bound on the work.

use super::captures::{Captured, Captures};
use super::compare;
use super::json;
use super::mismatch::{self, Mismatch};
use super::number;
use super::scan::{Angle, Kind};
use super::segment::Segment;

/// What a pattern is matched with and what it keeps.
pub(super) struct Env<'c> {
    /// What `<#>` stands for.
    pub(super) repetition: u32,
    known: &'c Captures,
    /// What this pattern has kept so far.
    pub(super) kept: Vec<(String, Captured)>,
    /// How many more bytes may be looked at.
    budget: usize,
}

impl<'c> Env<'c> {
    pub(super) fn new(repetition: u32, known: &'c Captures, size: usize) -> Self {
        Self {
            repetition,
            known,
            kept: Vec::new(),
            budget: (1 << 18) + 16 * size,
        }
    }

    pub(super) fn keep(&mut self, name: &str, value: Captured) {
        self.kept.push((name.to_owned(), value));
    }

    pub(super) fn lookup(&self, name: &str) -> Option<&Captured> {
        let kept = self
            .kept
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value);
        kept.or_else(|| self.known.get(name))
    }

    fn spend(&mut self, bytes: usize) {
        self.budget = self.budget.saturating_sub(bytes + 1);
    }
}

/// How far a match got, and why it went no further.
#[derive(Debug)]
pub(super) struct Failure {
    /// How many bytes fitted.
    at: usize,
    pub(super) reason: Reason,
}

#[derive(Debug)]
pub(super) enum Reason {
    /// The text is another one.
    Text,
    /// It goes on behind its JSON.
    Trailing,
    /// Its JSON is another one.
    Json(Mismatch),
    /// What stands where JSON should is none: what is wrong with it.
    NoJson(String),
    /// A name that holds nothing.
    Unknown(String),
    /// The bound on the work was reached.
    GaveUp,
}

/// A wildcard that may take more or less.
struct Choice {
    segment: usize,
    at: usize,
    len: usize,
    kept: usize,
}

/// Matches all of `came` with `segments`. What is kept goes to `env`, also by a match that fails later.
pub(super) fn run(segments: &[Segment], came: &[u8], env: &mut Env<'_>) -> Result<(), Failure> {
    let before = env.kept.len();
    let mut choices: Vec<Choice> = Vec::new();
    let (mut index, mut at) = (0, 0);
    let mut furthest: Option<Failure> = None;
    loop {
        let failure = match forward(segments, came, env, &mut choices, (&mut index, &mut at)) {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        if furthest.as_ref().is_none_or(|known| known.at <= failure.at) {
            furthest = Some(failure);
        }
        let gave_up = env.budget == 0;
        match (!gave_up)
            .then(|| back(segments, came, env, &mut choices))
            .flatten()
        {
            Some(next) => (index, at) = next,
            None => {
                env.kept.truncate(before);
                let reason = if gave_up { Reason::GaveUp } else { Reason::Text };
                let last = Failure { at, reason };
                return Err(if gave_up { last } else { furthest.unwrap_or(last) });
            }
        }
    }
}

/// Goes on until all fits or something does not.
fn forward(
    segments: &[Segment],
    came: &[u8],
    env: &mut Env<'_>,
    choices: &mut Vec<Choice>,
    (index, at): (&mut usize, &mut usize),
) -> Result<(), Failure> {
    while let Some(segment) = segments.get(*index) {
        let rest = &came[*at..];
        let len = match segment {
            Segment::Literal(bytes) => literal(rest, bytes, *at)?,
            Segment::Pattern(Angle::Counter) => literal(rest, env.repetition.to_string().as_bytes(), *at)?,
            Segment::Pattern(Angle::Ref(name)) => {
                let Some(value) = env.lookup(name) else {
                    return Err(Failure {
                        at: *at,
                        reason: Reason::Unknown(name.clone()),
                    });
                };
                literal(rest, value.as_text().as_bytes(), *at)?
            }
            Segment::Json(doc, text) => json_value(doc, text, came, *at, env)?,
            Segment::Pattern(Angle::Wild(kind) | Angle::Keep(_, kind)) => {
                let choice = Choice {
                    segment: *index,
                    at: *at,
                    len: 0,
                    kept: env.kept.len(),
                };
                let len = candidate(*kind, rest, None, segments.get(*index + 1), env).ok_or(Failure {
                    at: *at,
                    reason: Reason::Text,
                })?;
                take(&segments[*index], &rest[..len], env);
                choices.push(Choice { len, ..choice });
                len
            }
        };
        env.spend(len);
        *at += len;
        *index += 1;
        if env.budget == 0 {
            return Err(Failure {
                at: *at,
                reason: Reason::GaveUp,
            });
        }
    }
    if *at == came.len() {
        return Ok(());
    }
    let after_json = matches!(segments.last(), Some(Segment::Json(..)));
    Err(Failure {
        at: *at,
        reason: if after_json {
            Reason::Trailing
        } else {
            Reason::Text
        },
    })
}

/// The last wildcard that can take something else: where to go on.
fn back(
    segments: &[Segment],
    came: &[u8],
    env: &mut Env<'_>,
    choices: &mut Vec<Choice>,
) -> Option<(usize, usize)> {
    while let Some(choice) = choices.pop() {
        env.kept.truncate(choice.kept);
        let Segment::Pattern(Angle::Wild(kind) | Angle::Keep(_, kind)) = &segments[choice.segment] else {
            continue;
        };
        let rest = &came[choice.at..];
        if let Some(len) = candidate(
            *kind,
            rest,
            Some(choice.len),
            segments.get(choice.segment + 1),
            env,
        ) {
            take(&segments[choice.segment], &rest[..len], env);
            let next = (choice.segment + 1, choice.at + len);
            choices.push(Choice { len, ..choice });
            return Some(next);
        }
    }
    None
}

/// Keeps what a `<name:type>` takes.
fn take(segment: &Segment, taken: &[u8], env: &mut Env<'_>) {
    if let Segment::Pattern(Angle::Keep(name, _)) = segment {
        env.keep(name, Captured::Text(String::from_utf8_lossy(taken).into_owned()));
    }
}

fn literal(rest: &[u8], expected: &[u8], at: usize) -> Result<usize, Failure> {
    if rest.starts_with(expected) {
        return Ok(expected.len());
    }
    let same = rest.iter().zip(expected).take_while(|(a, b)| a == b).count();
    Err(Failure {
        at: at + same,
        reason: Reason::Text,
    })
}

fn json_value(
    doc: &json::Doc,
    text: &str,
    came: &[u8],
    at: usize,
    env: &mut Env<'_>,
) -> Result<usize, Failure> {
    if !matches!(came.get(at), Some(b'[' | b'{' | b'"')) {
        return Err(Failure {
            at,
            reason: Reason::Text,
        });
    }
    let (value, end) = json::read(came, at).map_err(|error| {
        env.spend(error.offset - at);
        Failure {
            at,
            reason: Reason::NoJson(format!("{} at byte {}", error.message, error.offset)),
        }
    })?;
    env.spend(end - at);
    compare::compare((doc, text), (&value, came), env).map_err(|mismatch| Failure {
        at,
        reason: Reason::Json(mismatch),
    })?;
    Ok(end - at)
}

/// How much a wildcard may take next, after `tried`: texts take as little as they can, numbers as much.
fn candidate(
    kind: Kind,
    rest: &[u8],
    tried: Option<usize>,
    next: Option<&Segment>,
    env: &mut Env<'_>,
) -> Option<usize> {
    match kind {
        Kind::Any | Kind::String => {
            let first = usize::from(kind == Kind::String);
            let least = tried.map_or(first, |tried| tried + 1);
            let after = rest.get(least..)?;
            let found = match next {
                None => after.len(),
                Some(Segment::Literal(literal)) => {
                    let found = find(after, literal, env);
                    env.spend(found.unwrap_or(after.len()));
                    found?
                }
                Some(_) => 0,
            };
            let is_last_tried = next.is_none() && tried.is_some();
            (!is_last_tried).then_some(least + found)
        }
        Kind::Int => {
            let sign = usize::from(rest.first() == Some(&b'-'));
            let digits = rest[sign..].iter().take_while(|b| b.is_ascii_digit()).count();
            let len = tried.map_or(sign + digits, |tried| tried - 1);
            (len > sign).then_some(len)
        }
        Kind::Number => Some(number::number_len(rest)).filter(|len| *len > 0 && tried.is_none()),
        Kind::Bool => {
            let word = [b"true".as_slice(), b"false"]
                .into_iter()
                .find(|word| rest.starts_with(word));
            word.map(<[u8]>::len).filter(|_| tried.is_none())
        }
    }
}

fn find(haystack: &[u8], needle: &[u8], env: &mut Env<'_>) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while env.budget > 0
        && let Some(found) = haystack[from..].iter().position(|b| *b == first)
    {
        let at = from + found;
        let same = haystack[at..]
            .iter()
            .zip(needle)
            .take_while(|(a, b)| a == b)
            .count();
        if same == needle.len() {
            return Some(at);
        }
        env.spend(found + same);
        from = at + 1;
    }
    None
}

/// The failure of a whole text, for a reader. `source` is the pattern as it is written.
pub(super) fn explain(failure: Failure, source: &str, came: &[u8]) -> Mismatch {
    let whole = |hint: Option<String>| Mismatch {
        path: String::new(),
        expected: mismatch::shown(source.as_bytes()),
        came: mismatch::shown(came),
        hint,
    };
    match failure.reason {
        Reason::Json(mismatch) => mismatch,
        Reason::Trailing => whole(Some(mismatch::trailing(&came[failure.at..]))),
        Reason::NoJson(why) => whole(Some(format!("what came is not JSON: {why}"))),
        Reason::Unknown(name) => whole(Some(format!("nothing was kept under the name `{name}`"))),
        Reason::GaveUp => whole(Some(
            "the pattern fits this text in too many ways to try them all".to_owned(),
        )),
        Reason::Text => {
            let hint = mismatch::classic(source, came);
            whole(hint.or_else(|| mismatch::first_difference(source.as_bytes(), came)))
        }
    }
}
