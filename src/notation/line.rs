//! What kind of line a line of the script is, and the suffixes at its end.

use super::model::{At, Duration, Label, Timing};
use super::piece::{Fault, Piece, is_space};
use super::time;

/// The most that `x` may say.
pub(super) const MOST_REPEATS: u32 = 100_000;

/// A line of the script, its parts not yet read.
#[derive(Debug)]
pub(super) enum Line<'a> {
    Blank,
    Comment(&'a str),
    GroupOpen,
    GroupClose,
    Alternative {
        equal: bool,
        rest: Piece<'a>,
    },
    Step {
        label: Label,
        mark: Mark,
        rest: Piece<'a>,
    },
    Header {
        name: Piece<'a>,
        value: Piece<'a>,
    },
}

/// What stands between the label and the text of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// `>`
    Client,
    /// `<`
    Server,
    /// `!`
    Own,
    /// `@>`
    Command,
    /// `@<`
    Report,
}

/// What may stand at the end of a step.
#[derive(Debug, Default)]
pub(super) struct Suffixes<'a> {
    pub(super) repeat: Option<(u32, Piece<'a>)>,
    pub(super) timing: Timing,
    /// Where the timing stands.
    pub(super) timed: Option<Piece<'a>>,
    pub(super) pending: Option<Piece<'a>>,
}

const LINES: &str = "a line of the script begins with `>`, `<`, `!`, `|`, `{`, `}`, `#`, `@>`, `@<`, a label and an arrow, \
    or is `Name: value` under a request or a status";

pub(super) fn classify(text: &str) -> Result<Line<'_>, Fault> {
    let piece = Piece::line(text).trim();
    match piece.text {
        "" => return Ok(Line::Blank),
        "{" => return Ok(Line::GroupOpen),
        "}" => return Ok(Line::GroupClose),
        _ => {}
    }
    if let Some(comment) = piece.strip_prefix("#") {
        return Ok(Line::Comment(
            comment.text.strip_prefix(' ').unwrap_or(comment.text),
        ));
    }
    if let Some(rest) = piece.strip_prefix("|") {
        let (equal, rest) = rest.strip_prefix("=").map_or((false, rest), |rest| (true, rest));
        return Ok(Line::Alternative {
            equal,
            rest: rest.trim(),
        });
    }
    if let Some(step) = step(piece)? {
        return Ok(step);
    }
    if let Some(colon) = piece.text.find(':')
        && is_header_name(&piece.text[..colon])
    {
        return Ok(Line::Header {
            name: piece.slice(0, colon),
            value: piece.from(colon + 1).trim(),
        });
    }
    Err(piece.fault("this is no line of a script").expected(LINES))
}

fn step(piece: Piece<'_>) -> Result<Option<Line<'_>>, Fault> {
    let end = piece
        .text
        .find(|c: char| !is_label_char(c))
        .unwrap_or(piece.text.len());
    let (name, rest) = (piece.slice(0, end), piece.from(end));
    let (family, rest) = rest.strip_prefix("#").map_or((false, rest), |rest| (true, rest));
    let marks = [
        ("@>", Mark::Command),
        ("@<", Mark::Report),
        (">", Mark::Client),
        ("<", Mark::Server),
        ("!", Mark::Own),
    ];
    let Some((mark, rest)) = marks
        .iter()
        .find_map(|(text, mark)| Some((*mark, rest.strip_prefix(text)?)))
    else {
        return Ok(None);
    };
    if !rest.text.is_empty() && !rest.text.starts_with(is_space) {
        let first = rest.text.chars().next().map_or(0, char::len_utf8);
        return Err(rest.slice(0, first).fault("after the arrow comes a space").expected(
            "a space; a line that begins with a pattern or `<Buffer …>` has its arrow before it: `< <Buffer 01>`",
        ));
    }
    if name.text.starts_with(|c: char| !c.is_ascii_lowercase()) {
        return Err(name
            .fault(format!("`{}` is no label", name.text))
            .expected("a lower-case letter, then lower-case letters, digits, `-` and `_`"));
    }
    if family && matches!(mark, Mark::Command | Mark::Report)
        || !name.text.is_empty() && mark == Mark::Command
        || !name.text.is_empty() && mark == Mark::Report
    {
        return Err(name
            .fault("the program that drives the client has no label")
            .expected("`@>` or `@<`"));
    }
    let label = Label {
        name: name.text.to_owned(),
        family,
    };
    Ok(Some(Line::Step {
        label,
        mark,
        rest: rest.trim(),
    }))
}

/// Generous, so that a label in capitals is told so.
fn is_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn is_header_name(text: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_token)
}

/// Takes the suffixes from the end of what stands behind an arrow. Whatever their order, they are
/// set apart by white space, and something stands before them.
pub(super) fn take_suffixes<'a>(piece: Piece<'a>, faults: &mut Vec<Fault>) -> (Piece<'a>, Suffixes<'a>) {
    let mut suffixes = Suffixes::default();
    let mut rest = piece;
    while let Some((shorter, suffix)) = last_suffix(rest) {
        let twice = |faults: &mut Vec<Fault>| faults.push(suffix.piece().fault("this stands here twice"));
        match suffix {
            Suffix::Pending(piece) if suffixes.pending.is_none() => suffixes.pending = Some(piece),
            Suffix::Repeat(piece) if suffixes.repeat.is_none() => match repeat(piece) {
                Ok(count) => suffixes.repeat = Some((count, piece)),
                Err(fault) => faults.push(fault),
            },
            Suffix::Within(piece, value) if suffixes.timing.within.is_none() => {
                keep(time::parse_duration(value), &mut suffixes.timing.within, faults);
                suffixes.timed = Some(piece);
            }
            Suffix::At(piece, value) if suffixes.timing.at.is_none() => {
                keep(
                    time::parse_at(value).map_err(how_to_say_at),
                    &mut suffixes.timing.at,
                    faults,
                );
                suffixes.timed = Some(piece);
            }
            _ => twice(faults),
        }
        rest = shorter;
    }
    if let Some(fault) = spaced_time(rest) {
        faults.push(fault);
    }
    (rest, suffixes)
}

fn keep<T>(read: Result<T, Fault>, slot: &mut Option<T>, faults: &mut Vec<Fault>) {
    match read {
        Ok(value) => *slot = Some(value),
        Err(fault) => faults.push(fault),
    }
}

fn how_to_say_at(fault: Fault) -> Fault {
    fault.expected("a time such as `300ms`, `<pingInterval>` or `250ms..400ms`; where ` @ ` is text, write it as ` \\x40 `")
}

/// One suffix: all of it, and the value of a time.
#[derive(Clone, Copy)]
enum Suffix<'a> {
    Pending(Piece<'a>),
    Repeat(Piece<'a>),
    Within(Piece<'a>, Piece<'a>),
    At(Piece<'a>, Piece<'a>),
}

impl<'a> Suffix<'a> {
    fn piece(self) -> Piece<'a> {
        match self {
            Self::Pending(piece) | Self::Repeat(piece) | Self::Within(piece, _) | Self::At(piece, _) => piece,
        }
    }
}

/// The last suffix of a text, and the text without it.
fn last_suffix(piece: Piece<'_>) -> Option<(Piece<'_>, Suffix<'_>)> {
    let (before, last) = split_last_word(piece)?;
    if last.text == "pending" {
        return Some((before, Suffix::Pending(last)));
    }
    if last
        .text
        .strip_prefix('x')
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    {
        return Some((before, Suffix::Repeat(last)));
    }
    let (shorter, word) = split_last_word(before)?;
    let whole = piece.from(word.offset - piece.offset);
    match word.text {
        "within" => Some((shorter, Suffix::Within(whole, last))),
        "@" => Some((shorter, Suffix::At(whole, last))),
        _ => None,
    }
}

/// What stands before the last word, which must not be empty, and that word.
fn split_last_word(piece: Piece<'_>) -> Option<(Piece<'_>, Piece<'_>)> {
    let at = piece.text.rfind(is_space)?;
    let before = piece.slice(0, at).trim_end();
    (!before.text.is_empty()).then(|| (before, piece.from(at + 1)))
}

fn repeat(piece: Piece<'_>) -> Result<u32, Fault> {
    piece.text[1..]
        .parse()
        .ok()
        .filter(|count| (1..=MOST_REPEATS).contains(count))
        .ok_or_else(|| {
            piece
                .fault("a line cannot be repeated that often")
                .expected("`x1` to `x100000`")
        })
}

/// A time with spaces in it would silently become part of the text.
fn spaced_time(piece: Piece<'_>) -> Option<Fault> {
    ["  @ ", "  within "].iter().find_map(|marker| {
        let at = piece.text.rfind(marker)?;
        let found = piece.from(at + 2);
        let is_text = found.text.contains(['"', ']', '}']);
        (!is_text).then(|| {
            found
                .fault("this is no time at the end of the line")
                .expected("a time without spaces, such as `250ms..400ms` or `<pingInterval>+<pingTimeout>`")
        })
    })
}

/// Used by the printer: the suffixes of a step, in their order.
pub(super) fn print_suffixes(
    out: &mut String,
    repeat: u32,
    within: Option<&Duration>,
    at: Option<&At>,
    pending: bool,
) {
    if repeat != 1 {
        out.push_str(&format!("  x{repeat}"));
    }
    if let Some(within) = within {
        out.push_str(&format!("  within {within}"));
    }
    if let Some(at) = at {
        out.push_str(&format!("  @ {at}"));
    }
    if pending {
        out.push_str("  pending");
    }
}
