//! Reading the header: the `key: value` lines above the first empty line.

use super::diagnostic::nearest;
use super::model::{Each, Given, Header, Heartbeat, Over, Role};
use super::piece::{Fault, Piece};
use super::time::is_name;
use std::collections::BTreeSet;

/// The keys, in the order in which they are printed.
const KEYS: [&str; 11] = [
    "title",
    "rule",
    "role",
    "over",
    "given",
    "needs",
    "variant",
    "heartbeat",
    "handshake",
    "hazard",
    "each NAME",
];

/// Names that `each` cannot give, because they mean something in a script already.
const TAKEN: [&str; 10] = [
    "string", "number", "int", "bool", "any", "raw", "frame", "Buffer", "repeat", "sid",
];

/// The most names of all `each` keys.
const MOST_NAMES: usize = 16;

/// The most lines with an `each` key.
const MOST_LINES: usize = 1000;

/// The most combinations of `each` values in one file.
pub(super) const MOST_COMBINATIONS: usize = 10_000;

/// The header so far, and which keys it has.
#[derive(Debug, Default)]
pub(super) struct HeaderReader {
    header: Header,
    seen: Vec<&'static str>,
    /// A line could not be read on which the meaning of the script depends, so that the script cannot be judged.
    pub(super) is_undecided: bool,
}

impl HeaderReader {
    /// Takes one line, which is not empty.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Fault> {
        let piece = Piece::line(text).trim();
        if let Some(comment) = piece.strip_prefix("#") {
            let comment = comment.text.strip_prefix(' ').unwrap_or(comment.text);
            self.header.comments.push(comment.to_owned());
            return Ok(());
        }
        let Some(colon) = piece.text.find(':') else {
            return Err(piece
                .fault("this is no line of a header")
                .expected("`key: value`, or the empty line that stands between header and script"));
        };
        let (key, value) = (piece.slice(0, colon).trim(), piece.from(colon + 1).trim());
        if key.text == "each" || key.text.starts_with("each ") {
            let read = self.each(key, value);
            self.is_undecided |= read.is_err();
            return read;
        }
        let Some(known) = KEYS.iter().find(|known| **known == key.text) else {
            // What was meant is not missing as well.
            let meant = nearest(key.text, KEYS);
            self.is_undecided |= meant.is_some_and(is_decisive);
            self.seen.extend(meant);
            return Err(unknown_key(key));
        };
        if self.seen.contains(known) {
            return Err(key
                .fault(format!("`{known}` stands here twice"))
                .expected("one line for each key"));
        }
        self.seen.push(known);
        if value.text.is_empty() {
            return Err(key
                .fault(format!("`{known}` has no value"))
                .expected("a value behind the colon"));
        }
        let read = self.value(known, value);
        self.is_undecided |= read.is_err() && is_decisive(known);
        read
    }

    /// The header, and what is missing in it.
    pub(super) fn finish(self) -> (Header, Vec<String>) {
        let missing = ["title", "rule"]
            .into_iter()
            .filter(|key| !self.seen.contains(key));
        let faults = missing.map(|key| format!("the header has no `{key}`")).collect();
        (self.header, faults)
    }

    fn value(&mut self, key: &str, value: Piece<'_>) -> Result<(), Fault> {
        let header = &mut self.header;
        match key {
            "title" => header.title = value.text.to_owned(),
            "rule" => header.rules = list(value, is_id, "an id of `rules.toml`, such as `sio.event.echo`")?,
            "role" => header.role = role(value)?,
            "over" => header.over = transports(value)?,
            "given" => header.given = Some(given(value)?),
            "needs" => header.needs = list(value, is_word, "a word of `docs/server-app.md`, such as `echo`")?,
            "variant" if is_word(value.text) => header.variant = Some(value.text.to_owned()),
            "variant" => {
                return Err(value
                    .fault("this is no variant")
                    .expected("one word of `docs/server-app.md`"));
            }
            "heartbeat" if value.text == "manual" => header.heartbeat = Heartbeat::Manual,
            "heartbeat" => {
                return Err(value
                    .fault(format!("`{}` is no way to treat the heartbeat", value.text))
                    .expected("`manual`; without the key siospec answers pings"));
            }
            "handshake" => header.handshake = Some(handshake(value)?),
            _ => header.hazard = Some(value.text.to_owned()),
        }
        Ok(())
    }

    /// `each NAME -> NAME: VALUE -> VALUE  VALUE -> VALUE`
    fn each(&mut self, key: Piece<'_>, value: Piece<'_>) -> Result<(), Fault> {
        let mut each = Each {
            names: self.names(key.from("each".len()).trim())?,
            values: Vec::new(),
        };
        let before = self
            .header
            .each
            .iter()
            .filter(|e| e.names == each.names)
            .flat_map(|e| &e.values);
        let mut known: BTreeSet<Vec<String>> = before.cloned().collect();
        for tuple in value.split("  ").filter(|tuple| !tuple.text.is_empty()) {
            let values: Vec<String> = tuple.split(" -> ").map(|part| part.text.to_owned()).collect();
            if values.len() != each.names.len() {
                return Err(tuple
                    .fault(format!("{} of {} values", values.len(), each.names.len()))
                    .expected("as many values as names, joined by ` -> `; two spaces before the next"));
            }
            if !known.insert(values.clone()) {
                return Err(tuple
                    .fault("this value stands here twice")
                    .expected("each value once"));
            }
            if known.len() > MOST_COMBINATIONS || self.header.each.len() >= MOST_LINES {
                return Err(tuple
                    .fault("these are too many values")
                    .expected("at most 10,000, in 1,000 lines"));
            }
            each.values.push(values);
        }
        if each.values.is_empty() {
            return Err(key
                .fault("there are no values")
                .expected("one value or more, two spaces between them"));
        }
        self.header.each.push(each);
        Ok(())
    }

    /// The names of one `each` key. Another key has the same names or none of them.
    fn names(&self, piece: Piece<'_>) -> Result<Vec<String>, Fault> {
        let mut names: Vec<String> = Vec::new();
        let all: Vec<&str> = piece
            .split(" -> ")
            .map(|name| name.text)
            .take(MOST_NAMES + 1)
            .collect();
        for name in piece.split(" -> ") {
            if !is_name(name.text) || TAKEN.contains(&name.text) {
                return Err(name
                    .fault(format!("`{}` cannot be the name of a value", name.text))
                    .expected("letters, digits and `_`, and no word that means something in a script"));
            }
            let elsewhere = self
                .header
                .each
                .iter()
                .filter(|each| each.names != all)
                .flat_map(|each| &each.names);
            if names
                .iter()
                .chain(elsewhere.clone())
                .any(|known| known == name.text)
            {
                return Err(name.fault(format!("`{}` is named twice", name.text)));
            }
            if names.len() + elsewhere.count() >= MOST_NAMES {
                return Err(name
                    .fault("these are too many names")
                    .expected("at most 16 in a file"));
            }
            names.push(name.text.to_owned());
        }
        Ok(names)
    }
}

fn unknown_key(key: Piece<'_>) -> Fault {
    let expected = match nearest(key.text, KEYS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("one of `{}`", KEYS.join("`, `")),
    };
    key.fault(format!("`{}` is no key of a header", key.text))
        .expected(expected)
}

fn list(value: Piece<'_>, is_right: fn(&str) -> bool, expected: &str) -> Result<Vec<String>, Fault> {
    let mut found: Vec<String> = Vec::new();
    for part in value.split(",") {
        if part.text.is_empty() {
            return Err(part.fault("nothing stands between the commas").expected(expected));
        }
        if !is_right(part.text) {
            return Err(part
                .fault(format!("`{}` is not what stands here", part.text))
                .expected(expected));
        }
        if found.iter().any(|known| known == part.text) {
            return Err(part
                .fault(format!("`{}` stands here twice", part.text))
                .expected("each once"));
        }
        found.push(part.text.to_owned());
    }
    Ok(found)
}

fn is_id(text: &str) -> bool {
    let is_id_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/');
    !text.is_empty() && text.bytes().all(is_id_char) || is_placeholder(text)
}

fn is_word(text: &str) -> bool {
    let is_word_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_word_char) || is_placeholder(text)
}

/// A value of `each` that is not yet put in.
fn is_placeholder(text: &str) -> bool {
    text.strip_prefix('<')
        .and_then(|t| t.strip_suffix('>'))
        .is_some_and(is_name)
}

fn role(value: Piece<'_>) -> Result<Role, Fault> {
    match value.text {
        "server" => Ok(Role::Server),
        "client" => Ok(Role::Client),
        "codec" => Err(value
            .fault("codecs are tested by vectors")
            .expected("`server` or `client`")),
        other => Err(value
            .fault(format!("`{other}` is no role"))
            .expected("`server` or `client`")),
    }
}

/// Whether a line of the script means something else without this key.
fn is_decisive(key: &str) -> bool {
    matches!(key, "over" | "role" | "each")
}

fn transports(value: Piece<'_>) -> Result<Vec<Over>, Fault> {
    let mut found = Vec::new();
    for part in value.split(",") {
        let over = Over::ALL
            .into_iter()
            .find(|over| over.word() == part.text)
            .ok_or_else(|| {
                let near = nearest(part.text, Over::ALL.map(Over::word));
                let or = near.map_or_else(String::new, |word| format!("did you mean `{word}`? "));
                part.fault(format!("`{}` is no transport", part.text))
                    .expected(format!(
                        "{or}`websocket`, `polling` or `upgraded`, comma-separated"
                    ))
            })?;
        if found.contains(&over) {
            return Err(part
                .fault(format!("`{}` stands here twice", part.text))
                .expected("each once"));
        }
        found.push(over);
    }
    Ok(found)
}

fn handshake(value: Piece<'_>) -> Result<String, Fault> {
    match serde_json::from_str(value.text) {
        Ok(serde_json::Value::Object(_)) => Ok(value.text.to_owned()),
        // Values of `each` are not yet put in; it is read again when they are.
        _ if value.text.contains('<') => Ok(value.text.to_owned()),
        _ => Err(value
            .fault("this is nothing that an open packet could hold")
            .expected("a JSON object, such as `{\"pingInterval\":100}`")),
    }
}

fn given(value: Piece<'_>) -> Result<Given, Fault> {
    let (word, namespace) = value.split_word();
    let wrong = |piece: Piece<'_>| {
        piece
            .fault("this is no precondition")
            .expected("`connected`, or `connected /custom` with a namespace")
    };
    if word.text != "connected" {
        return Err(wrong(word));
    }
    match namespace.text {
        "" => Ok(Given {
            namespace: "/".to_owned(),
        }),
        name if name.starts_with('/') && !name.contains([' ', ',']) || is_placeholder(name) => Ok(Given {
            namespace: name.to_owned(),
        }),
        _ => Err(wrong(namespace)),
    }
}
