//! The dates of cookies, which servers write in several forms: RFC 6265, section 5.1.1.

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// The seconds since 1970 of a date, which is in GMT; `None` for what is none.
///
/// A time, a day of the month, a month and a year, each the first word that can be one; other words are ignored.
pub(super) fn seconds(date: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for word in date.split(|c: char| !c.is_ascii_alphanumeric() && c != ':') {
        if word.is_empty() {
            continue;
        }
        if time.is_none() {
            time = time_of(word);
            if time.is_some() {
                continue;
            }
        }
        if day.is_none() && (1..=2).contains(&digits(word)) {
            day = number(word);
        } else if month.is_none() && month_of(word).is_some() {
            month = month_of(word);
        } else if year.is_none() && (2..=4).contains(&digits(word)) {
            year = number(word).map(full_year);
        }
    }
    let (day, month, year) = (day?, month?, year?);
    if !(1..=31).contains(&day) || year < 1601 {
        return None;
    }
    Some(days(year, month, day) * 86_400 + time?)
}

/// How many digits a word begins with, where nothing but letters come behind them.
fn digits(word: &str) -> usize {
    if word.contains(':') {
        return 0;
    }
    word.bytes().take_while(u8::is_ascii_digit).count()
}

fn number(word: &str) -> Option<i64> {
    word[..digits(word)].parse().ok()
}

fn full_year(year: i64) -> i64 {
    match year {
        0..=69 => year + 2000,
        70..=99 => year + 1900,
        _ => year,
    }
}

/// The number of a month, from 1.
fn month_of(word: &str) -> Option<i64> {
    let begins = word.get(..3)?.to_ascii_lowercase();
    (1..)
        .zip(MONTHS)
        .find(|(_, name)| *name == begins)
        .map(|(at, _)| at)
}

/// The seconds of `hh:mm:ss`.
fn time_of(word: &str) -> Option<i64> {
    let mut parts = word.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    (is_time && parts.next().is_none()).then_some((hour * 60 + minute) * 60 + second)
}

/// The days since 1970 of a date of the Gregorian calendar. Years are counted from March, so that leap days end them.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_several_forms_are_read() {
        for (date, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 01-Jan-70 00:00:01 GMT", Some(1)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Fri, 01 Mar 2024 00:00:00 GMT", Some(1_709_251_200)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Fri, 01 Jan 1601 00:00:00 GMT", Some(-11_644_473_600)),
            ("Fri, 01 Jan 1600 00:00:00 GMT", None),
            ("Thu, 32 Jan 1970 00:00:00 GMT", None),
            ("Thu, 01 Jan 1970 24:00:00 GMT", None),
            ("Thu, 01 Jan 1970", None),
            ("Thu, 01 Juno 00:00:00", None),
            ("é, 01 Jan 1970 00:00:00", Some(0)),
            ("", None),
        ] {
            assert_eq!(seconds(date), expected, "{date}");
        }
    }
}
