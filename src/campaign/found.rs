//! What a comparison found: the class of a difference, the rule that it breaks, and what both made of the input in words.

use super::input::Input;
use super::refusals;
use crate::suite::compare::came;
use crate::suite::{Codec, Outcome};
use crate::target::{DriverError, End};
use std::borrow::Cow;

/// How many words of a message last.
const SLUG_WORDS: usize = 8;

/// A difference that has not been put into words yet, which takes longer than to find it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) codec: Codec,
    pub(super) direction: &'static str,
    pub(super) kind: &'static str,
    pub(super) aspect: Cow<'static, str>,
    /// The rule that it breaks.
    pub(super) rule: &'static str,
    pub(super) shows: Shows,
}

/// The outcomes of both in which a difference shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shows {
    /// Those at this place.
    At(usize),
    /// All of them.
    All,
}

/// A difference that is a finding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// `codec/direction/kind/aspect`: the same for inputs that show the same mistake.
    pub(super) class: String,
    /// The rule that it breaks.
    pub(super) rule: &'static str,
    /// What the reference made of it, in words.
    pub(super) expected: String,
    /// What came.
    pub(super) came: String,
}

impl Found {
    /// The class of the difference.
    pub(super) fn class(&self) -> String {
        [self.codec.word(), self.direction, self.kind, &self.aspect].join("/")
    }

    /// The difference in words: what the reference made of the input, and what the target did.
    pub(super) fn difference(&self, reference: &[Outcome], target: &[Outcome]) -> Difference {
        let words = |outcomes: &[Outcome]| match self.shows {
            Shows::At(at) => outcomes.get(at).map_or_else(|| "nothing".to_owned(), came),
            Shows::All => {
                let words: Vec<String> = outcomes.iter().map(came).collect();
                format!("{} outcomes: {}", outcomes.len(), words.join(" then "))
            }
        };
        Difference {
            class: self.class(),
            rule: self.rule,
            expected: words(reference),
            came: words(target),
        }
    }
}

/// The class of an input that got no proper answer. `None` where the driver only has nothing of the kind.
pub(super) fn lost(input: &Input, error: &DriverError) -> Option<Difference> {
    let (kind, aspect) = match error {
        DriverError::Unsupported(_) => return None,
        DriverError::Ended {
            end: End::Memory { .. },
            ..
        } => ("memory", String::new()),
        DriverError::Ended { end, tail } => {
            let last = tail.lines().last().unwrap_or_default();
            ("crash", slug(&format!("{} {last}", end_words(end))))
        }
        DriverError::Silent { .. } => ("hang", String::new()),
        DriverError::Flood => ("hang", "flood".to_owned()),
        DriverError::Rubbish { why, .. } => ("broken", slug(why)),
        _ => ("broken", "driver".to_owned()),
    };
    let class = [input.codec.word(), input.direction(), kind, &aspect];
    let class: Vec<&str> = class.into_iter().filter(|part| !part.is_empty()).collect();
    Some(Difference {
        class: class.join("/"),
        rule: refusals::rule_of_end(input.codec),
        expected: "an answer".to_owned(),
        came: error.to_string(),
    })
}

fn end_words(end: &End) -> String {
    match end {
        // The number of a signal or status tells ends apart, and `slug` drops digits.
        End::Exited(status) => {
            let digit = |c: char| {
                c.to_digit(10)
                    .and_then(|d| char::from_u32(u32::from(b'a') + d))
                    .unwrap_or(c)
            };
            status.chars().map(digit).collect()
        }
        other => other.to_string(),
    }
}

/// The lasting part of a message: its first words, without what is quoted and without numbers.
pub(super) fn slug(message: &str) -> String {
    let mut slug = String::new();
    let (mut words, mut within) = (0, false);
    let mut quoted: Option<char> = None;
    let mut before = ' ';
    let mut escaped = false;
    for c in message.chars() {
        // A backslash escapes what follows it, also where that would end a quotation.
        if escaped {
            escaped = false;
            continue;
        }
        escaped = c == '\\';
        match quoted {
            Some(end) if c == end => quoted = None,
            Some(_) => {}
            None if c == '"' || c == '`' => quoted = Some(c),
            // An apostrophe inside a word quotes nothing.
            None if c == '\'' && !before.is_ascii_alphabetic() => quoted = Some(c),
            None if c.is_ascii_alphabetic() => {
                if !within {
                    if words == SLUG_WORDS {
                        break;
                    }
                    if words > 0 {
                        slug.push('-');
                    }
                    words += 1;
                }
                within = true;
                slug.push(c.to_ascii_lowercase());
            }
            None => within = false,
        }
        before = c;
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lasting_part_of_a_message_has_no_input_in_it() {
        assert_eq!(
            slug("ValueError: invalid literal for int() with base 10: '1x'"),
            "valueerror-invalid-literal-for-int-with-base"
        );
        assert_eq!(
            slug(r#"invalid type: string "\"x", expected y"#),
            "invalid-type-string-expected-y"
        );
        assert_eq!(slug("can't do `x\"y` 12"), "can-t-do");
    }
}
