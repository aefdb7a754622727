//! Numbers of JSON, compared by value and not by how they are written.

/// A number as sign, digits and power of ten: no zeros at either end of the digits, no digits for zero.
#[derive(Debug, PartialEq, Eq)]
struct Normal {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// Whether two JSON numbers have the same value, whatever their size.
pub(super) fn equal(a: &str, b: &str) -> bool {
    a == b || matches!((normal(a), normal(b)), (Some(a), Some(b)) if a == b)
}

/// Whether the value has no fraction: `1`, `1.0`, `1e3`.
pub(super) fn is_integer(text: &str) -> bool {
    normal(text).is_some_and(|n| n.digits.is_empty() || n.exponent >= 0)
}

/// `None` where the exponent is beyond all reason.
fn normal(text: &str) -> Option<Normal> {
    let (text, negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if exponent.len() > 15 {
        return None;
    }
    let exponent: i64 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let all = format!("{whole}{fraction}");
    let digits = all.trim_end_matches('0');
    let dropped = i64::try_from(all.len() - digits.len()).ok()?;
    let digits = digits.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return Some(Normal {
            negative: false,
            digits,
            exponent: 0,
        });
    }
    let exponent = exponent - i64::try_from(fraction.len()).ok()? + dropped;
    Some(Normal {
        negative,
        digits,
        exponent,
    })
}

/// How many bytes at the start are a JSON number; 0 for none.
pub(super) fn number_len(bytes: &[u8]) -> usize {
    let digits = |at: usize| {
        bytes
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 {
        return 0;
    }
    at += if bytes[at] == b'0' { 1 } else { whole };
    if bytes.get(at) == Some(&b'.') && digits(at + 1) > 0 {
        at += 1 + digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if digits(at + 1 + sign) > 0 {
            at += 1 + sign + digits(at + 1 + sign);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_value() {
        for (a, b) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("0.001", "1E-3"),
            ("-0", "0.00"),
            ("12.50e+1", "125"),
            ("9007199254740993", "9007199254740993.0"),
            ("1e999", "10E998"),
        ] {
            assert!(equal(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("9007199254740993", "9007199254740992"),
            ("1", "10"),
            ("0.1", "0.01"),
        ] {
            assert!(!equal(a, b), "{a} {b}");
        }
        assert!(equal("1e9999999999999999999", "1e9999999999999999999"));
        assert!(!equal("1e9999999999999999999", "1e9999999999999999998"));
    }

    #[test]
    fn integers_are_known_by_value() {
        for text in [
            "0",
            "-7",
            "1.0",
            "1.5e1",
            "1e3",
            "123456789012345678901234567890",
            "0.0",
            "0e-5",
        ] {
            assert!(is_integer(text), "{text}");
        }
        for text in ["1.5", "1e-1", "0.1"] {
            assert!(!is_integer(text), "{text}");
        }
    }
}
