//! Eating JSON from an answer that says the same as other JSON, token by token, without making values of either.

use super::rest::Rest;
use bytes::Bytes;
use serde_json::Value;

/// How a placeholder begins that encoders write.
const PLACEHOLDER: &str = "{\"_placeholder\":true,\"num\":";
/// From here on a double does not hold every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Rest<'_> {
    /// Takes JSON that means the same as `json`, which is valid, with `attachments` in the places of its placeholders.
    /// `false` says nothing: members may stand in another order, or a number may be written in a way of its own.
    pub(super) fn eat_json(&mut self, json: &str, attachments: &[Bytes]) -> bool {
        let before = *self;
        let ends = |rest: &Self| rest.text().starts_with([',', ']', '}']);
        if attachments.is_empty() && self.eat(json) && ends(self) {
            return true;
        }
        *self = before;
        if !may_hide_placeholder(json, attachments.len()) && self.eat_tokens(json, attachments).is_some() {
            return true;
        }
        *self = before;
        let same = |theirs: Value| serde_json::from_str::<Value>(json).is_ok_and(|ours| ours == theirs);
        attachments.is_empty() && !json.contains('$') && self.take().is_some_and(same)
    }

    /// The same, as long as both have the same tokens; `None` where they have not.
    fn eat_tokens(&mut self, json: &str, attachments: &[Bytes]) -> Option<()> {
        let mut ours = json;
        while let Some(first) = ours.bytes().next() {
            let behind = match first {
                b' ' | b'\t' | b'\n' | b'\r' => 1,
                b'"' => {
                    let end = end_of_literal(ours)?;
                    self.eat_same_literal(&ours[..end])?;
                    end
                }
                b'-' | b'0'..=b'9' => {
                    let number = number(ours);
                    self.eat_same_number(number)?;
                    number.len()
                }
                b'{' if !attachments.is_empty() && ours.starts_with(PLACEHOLDER) => {
                    let num = ours[PLACEHOLDER.len()..].split_once('}')?.0;
                    let attachment = attachments.get(num.parse::<usize>().ok()?)?;
                    self.eat_bytes(attachment).then_some(())?;
                    PLACEHOLDER.len() + num.len() + 1
                }
                b't' => self.eat("true").then_some(4)?,
                b'f' => self.eat("false").then_some(5)?,
                b'n' => self.eat("null").then_some(4)?,
                // A bracket, a comma or a colon: where each stands follows from the tokens before.
                _ => self.eat(ours.get(..1)?).then_some(1)?,
            };
            ours = &ours[behind..];
        }
        Some(())
    }

    /// Takes a string literal that says the same as `literal`.
    fn eat_same_literal(&mut self, literal: &str) -> Option<()> {
        if self.eat(literal) {
            return Some(());
        }
        // Half of a surrogate pair is no text, and whoever writes it may write what it likes.
        let text: String = serde_json::from_str(literal).ok()?;
        self.eat_literal(&text).then_some(())
    }

    /// Takes a number that is the same as `ours`.
    fn eat_same_number(&mut self, ours: &str) -> Option<()> {
        let theirs = number(self.text());
        if theirs != ours {
            let whole = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let (a, b): (f64, f64) = (ours.parse().ok()?, theirs.parse().ok()?);
            let exact = !whole(ours) && !whole(theirs) || a.abs() < EXACT;
            (a == b && a.is_finite() && exact).then_some(())?;
        }
        self.eat(theirs).then_some(())
    }
}

/// Whether a placeholder may be written in another way than encoders do: with other members, or with escapes. It is none that
/// can be told from the text alone then.
fn may_hide_placeholder(json: &str, attachments: usize) -> bool {
    attachments > 0
        && (json.contains("\\u") || json.matches("placeholder").count() != json.matches(PLACEHOLDER).count())
}

/// What of a number stands at the begin of a text.
fn number(text: &str) -> &str {
    let goes_on = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let end = text.bytes().position(|byte| !goes_on(byte));
    &text[..end.unwrap_or(text.len())]
}

/// Where the string literal ends that a text begins with.
fn end_of_literal(text: &str) -> Option<usize> {
    let mut escaped = true;
    let ends = |byte: u8| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    };
    // The quotation mark that begins it is not the one that ends it.
    text.bytes().position(ends).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eats(ours: &str, theirs: &str) -> bool {
        let theirs = format!("{theirs}}}");
        let mut rest = Rest::new(&theirs);
        rest.eat_json(ours, &[]) && rest.eat("}") && rest.is_empty()
    }

    #[test]
    fn json_is_eaten_where_it_means_the_same() {
        for (ours, theirs) in [
            ("[1,\"\\u00e9\", {}]", "[1,\"é\",{}]"),
            ("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}"),
            ("{\"a\":1,\"a\":2}", "{\"a\":2}"),
            ("[1]", "[1]"),
            (" [ 1e2 ,\t-0.0,1.0]\n", "[100.0,0,1]"),
            ("[\"\\\"\\/\\n\"]", "[\"\\\"/\\n\"]"),
            ("[9007199254740993,1E300]", "[9007199254740993,1e+300]"),
        ] {
            assert!(eats(ours, theirs), "{ours}");
        }
        for (ours, theirs) in [
            ("[1]", "[2]"),
            ("[1]", "[1,"),
            ("1", "12"),
            ("1", "1.5"),
            ("[{\"$a\":1 }]", "[{\"$b\":1}]"),
            ("[9007199254740993]", "[9007199254740992]"),
            ("[9007199254740993]", "[9007199254740992.0]"),
            ("[1e400]", "[1e500]"),
            ("[\"\\ud800\"]", "[\"\u{fffd}\"]"),
            ("[true]", "[false]"),
            ("[\"1\"]", "[1]"),
            ("[]", "[[]"),
        ] {
            assert!(!eats(ours, theirs), "{ours}");
        }
    }

    #[test]
    fn attachments_are_eaten_in_the_places_of_their_placeholders() {
        let attachments = [Bytes::from_static(&[1]), Bytes::from_static(&[2])];
        let eats = |ours: &str, theirs: &str| {
            let mut rest = Rest::new(theirs);
            rest.eat_json(ours, &attachments) && rest.is_empty()
        };
        let place = |num: u8| format!("{{\"_placeholder\":true,\"num\":{num}}}");
        let ours = format!("[\"{{\", {},1.0,{}]", place(1), place(0));
        let theirs = "[\"{\",{\"$binary\":\"Ag==\"},1,{\"$binary\":\"AQ==\"}]";
        assert!(eats(&ours, theirs));
        assert!(!eats(&ours, &theirs.replace("Ag", "AQ")));
        assert!(!eats(&format!("[{}]", place(2)), "[{\"$binary\":\"\"}]"));
        for odd in [
            "[{\"num\":0,\"_placeholder\":true}]",
            "[{\"\\u005fplaceholder\":true,\"num\":0}]",
            "[{\"_placeholder\":true, \"num\":0}]",
        ] {
            assert!(!eats(odd, odd), "{odd}");
        }
        assert!(!eats(&format!("[{}]", place(1)), &format!("[{}]", place(1))));
    }
}
