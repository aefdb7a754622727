//! Durations and times: `300ms`, `0.8*<pingTimeout>`, `<pingInterval>+50ms`, `250ms..400ms`.

use super::model::{At, Duration, Term, Unit};
use super::piece::{Fault, Piece};
use std::fmt;

/// What a duration looks like, for messages.
pub(super) const DURATION: &str =
    "a duration: `300ms`, `2s`, `<pingInterval>`, or a sum such as `<pingInterval>+0.5*<pingTimeout>`";

/// The largest factor of a term; as milliseconds about eleven days.
const LARGEST: f64 = 1e9;

pub(super) fn parse_at(piece: Piece<'_>) -> Result<At, Fault> {
    let Some(dots) = piece.text.find("..") else {
        return Ok(At::About(parse_duration(piece)?));
    };
    let from = parse_duration(piece.slice(0, dots))?;
    let to = parse_duration(piece.from(dots + 2))?;
    let numeric = |d: &Duration| d.resolve(|_| None);
    if let (Some(low), Some(high)) = (numeric(&from), numeric(&to))
        && low > high
    {
        return Err(piece
            .fault("the second time is before the first")
            .expected("the smaller one first"));
    }
    Ok(At::Between(from, to))
}

pub(super) fn parse_duration(piece: Piece<'_>) -> Result<Duration, Fault> {
    piece
        .split("+")
        .map(parse_term)
        .collect::<Result<_, _>>()
        .map(Duration)
}

fn parse_term(piece: Piece<'_>) -> Result<Term, Fault> {
    let wrong = || {
        piece
            .fault(format!("`{}` is not a duration", piece.text))
            .expected(DURATION)
    };
    let digits = piece
        .text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(piece.text.len());
    let (number, unit) = piece.text.split_at(digits);
    let factor = match number {
        "" => 1.0,
        _ => parse_factor(number).ok_or_else(wrong)?,
    };
    if factor > LARGEST {
        return Err(piece
            .fault("this is too long")
            .expected("a number of at most 1,000,000,000"));
    }
    let unit = match (unit, number.is_empty()) {
        ("ms", false) => Unit::Milliseconds,
        ("s", false) => Unit::Seconds,
        (name, bare) => {
            let name = if bare { Some(name) } else { name.strip_prefix('*') };
            let name = name
                .and_then(|n| n.strip_prefix('<'))
                .and_then(|n| n.strip_suffix('>'));
            match name {
                Some(name) if is_name(name) => Unit::Named(name.to_owned()),
                _ => return Err(wrong()),
            }
        }
    };
    Ok(Term { factor, unit })
}

/// Digits, or digits with a fraction; nothing else that Rust would take for a number.
fn parse_factor(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |t: &str| !t.is_empty() && t.len() <= 20 && t.bytes().all(|b| b.is_ascii_digit());
    (digits(whole) && digits(fraction))
        .then(|| text.parse().ok())
        .flatten()
}

/// A name of a value: a letter, then letters, digits and `_`.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::About(duration) => duration.fmt(f),
            Self::Between(from, to) => write!(f, "{from}..{to}"),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.0.iter().enumerate() {
            let plus = if i == 0 { "" } else { "+" };
            write!(f, "{plus}{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Unit::Milliseconds => write!(f, "{}ms", self.factor),
            Unit::Seconds => write!(f, "{}s", self.factor),
            Unit::Named(name) if self.factor == 1.0 => write!(f, "<{name}>"),
            Unit::Named(name) => write!(f, "{}*<{name}>", self.factor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(text: &str) -> Result<Duration, String> {
        parse_duration(Piece::line(text)).map_err(|f| f.message)
    }

    #[test]
    fn durations_print_as_they_were_read() {
        for text in [
            "300ms",
            "2s",
            "1.5s",
            "<pingInterval>",
            "<pingInterval>+0.5*<pingTimeout>+20ms",
        ] {
            assert_eq!(duration(text).map(|d| d.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            duration("1*<x>+2.50s").map(|d| d.to_string()),
            Ok("<x>+2.5s".to_owned())
        );
    }

    #[test]
    fn durations_resolve_to_milliseconds() {
        let sum = duration("1.5s+0.5*<pingTimeout>+1ms").expect("it is a duration");
        assert_eq!(
            sum.resolve(|name| (name == "pingTimeout").then_some(200.0)),
            Some(1601.0)
        );
        assert_eq!(sum.resolve(|_| None), None);
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in [
            "", "300", "ms", "5m", "1e3ms", "-1s", "+", "1s+", "<>", "<a b>", "2<x>", ".5s", "5.s", "1.2.3s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("1000000001s").is_err());
    }

    #[test]
    fn times_are_points_or_ranges() {
        let at = |text| {
            parse_at(Piece::line(text))
                .map(|at| at.to_string())
                .map_err(|f| f.message)
        };
        assert_eq!(at("250ms..400ms"), Ok("250ms..400ms".to_owned()));
        assert_eq!(at("<pingInterval>"), Ok("<pingInterval>".to_owned()));
        assert_eq!(
            at("400ms..250ms"),
            Err("the second time is before the first".to_owned())
        );
        assert!(at("..").is_err());
        assert!(at("1s..2s..3s").is_err());
    }
}
