//! A strict reader of JSON (RFC 8259) that never recurses, for what came and, with patterns, for what is expected.

use super::scan::{self, Angle, Kind, PatternError};
use super::segment::Segment;

/// Deeper nesting is an error.
pub(super) const DEEPEST: usize = 10_000;

/// More values in one text are an error.
const MOST_VALUES: usize = 1_000_000;

/// A JSON value and all values in it. Strings are WTF-8: half a surrogate pair is kept as three bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doc {
    nodes: Vec<Node>,
    /// Where each node stands in the text that was read.
    spans: Vec<(usize, usize)>,
}

/// The number of a value within its `Doc`.
pub(super) type NodeId = usize;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(String),
    String(Vec<u8>),
    Array {
        items: Vec<NodeId>,
        open: bool,
    },
    Object {
        members: Vec<(Vec<u8>, NodeId)>,
        open: bool,
    },
    /// A string with patterns in it.
    Parts(Vec<Segment>),
    /// `<string>`, `<id:int>`, `<id>` or `<#>` as a value.
    Pattern(Angle),
}

/// A pattern and its place in the text.
pub(super) type Named = (Angle, usize, usize);

impl Doc {
    pub(super) fn root(&self) -> NodeId {
        self.nodes.len() - 1
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub(super) fn span(&self, id: NodeId) -> (usize, usize) {
        self.spans[id]
    }
}

/// The value that begins at `at`, and its end.
pub(super) fn read(bytes: &[u8], at: usize) -> Result<(Doc, usize), PatternError> {
    let mut reader = Reader::new(bytes, at, None);
    let doc = reader.value()?;
    Ok((doc, reader.at))
}

/// The value with patterns that begins at `at`, and its end. Its patterns are added to `names`. The places of its values
/// are counted from `at`.
pub(super) fn read_pattern(
    text: &str,
    at: usize,
    names: &mut Vec<Named>,
) -> Result<(Doc, usize), PatternError> {
    let mut reader = Reader::new(text.as_bytes(), at, Some((text, names)));
    let mut doc = reader.value()?;
    for (start, end) in &mut doc.spans {
        (*start, *end) = (*start - at, *end - at);
    }
    Ok((doc, reader.at))
}

/// The string that begins at `at`, and its end.
pub(super) fn read_string(bytes: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let mut reader = Reader::new(bytes, at, None);
    (bytes.get(at) == Some(&b'"'))
        .then(|| reader.plain_string().ok())
        .flatten()
        .map(|string| (string, reader.at))
}

/// What a JSON text holds that is a string.
pub(super) fn string(json: &[u8]) -> Option<Vec<u8>> {
    read_string(json, 0).map(|(string, _)| string)
}

/// Whether this is one JSON value and nothing else.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    matches!(read(bytes, 0), Ok((_, end)) if end == bytes.len())
}

/// A text as a JSON string.
pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

struct Reader<'a, 'n> {
    bytes: &'a [u8],
    at: usize,
    /// The same as text, and where its patterns are written down; `None` where `<` is an error.
    patterns: Option<(&'a str, &'n mut Vec<Named>)>,
    nodes: Vec<Node>,
    spans: Vec<(usize, usize)>,
}

/// An array or object that is not at its end.
enum Frame {
    Array {
        start: usize,
        items: Vec<NodeId>,
    },
    Object {
        start: usize,
        members: Vec<(Vec<u8>, NodeId)>,
        key: Vec<u8>,
    },
}

impl<'a, 'n> Reader<'a, 'n> {
    fn new(bytes: &'a [u8], at: usize, patterns: Option<(&'a str, &'n mut Vec<Named>)>) -> Self {
        Self {
            bytes,
            at,
            patterns,
            nodes: Vec::new(),
            spans: Vec::new(),
        }
    }

    fn value(&mut self) -> Result<Doc, PatternError> {
        let mut stack: Vec<Frame> = Vec::new();
        loop {
            self.skip_space();
            if self.nodes.len() >= MOST_VALUES {
                return Err(self.wrong(1, "this is more than 1,000,000 values"));
            }
            let opened = self.open()?;
            let mut done = match opened {
                Opened::Frame(frame) => {
                    stack.push(frame);
                    if stack.len() > DEEPEST {
                        return Err(self.wrong(1, "this is nested deeper than 10,000"));
                    }
                    continue;
                }
                Opened::Done(id) => id,
            };
            loop {
                let Some(frame) = stack.pop() else {
                    return Ok(Doc {
                        nodes: std::mem::take(&mut self.nodes),
                        spans: std::mem::take(&mut self.spans),
                    });
                };
                match self.resume(frame, done)? {
                    Opened::Frame(frame) => {
                        stack.push(frame);
                        break;
                    }
                    Opened::Done(id) => done = id,
                }
            }
        }
    }

    /// Begins a value: one that is complete, or an array or object whose first value comes next.
    fn open(&mut self) -> Result<Opened, PatternError> {
        let start = self.at;
        let node = match self.peek() {
            Some(b'[') => {
                self.at += 1;
                self.skip_space();
                match self.end_of(b']')? {
                    Some(open) => Node::Array {
                        items: Vec::new(),
                        open,
                    },
                    None => {
                        return Ok(Opened::Frame(Frame::Array {
                            start,
                            items: Vec::new(),
                        }));
                    }
                }
            }
            Some(b'{') => {
                self.at += 1;
                self.skip_space();
                match self.end_of(b'}')? {
                    Some(open) => Node::Object {
                        members: Vec::new(),
                        open,
                    },
                    None => {
                        let key = self.key()?;
                        return Ok(Opened::Frame(Frame::Object {
                            start,
                            members: Vec::new(),
                            key,
                        }));
                    }
                }
            }
            _ => self.scalar()?,
        };
        Ok(Opened::Done(self.add(node, start)))
    }

    /// Goes on with an array or object after one of its values.
    fn resume(&mut self, frame: Frame, done: NodeId) -> Result<Opened, PatternError> {
        self.skip_space();
        let (start, node) = match frame {
            Frame::Array { start, mut items } => {
                items.push(done);
                match self.separator(b']')? {
                    Some(open) => (start, Node::Array { items, open }),
                    None => return Ok(Opened::Frame(Frame::Array { start, items })),
                }
            }
            Frame::Object {
                start,
                mut members,
                key,
            } => {
                members.push((key, done));
                match self.separator(b'}')? {
                    Some(open) => {
                        if self.patterns.is_some() {
                            no_member_twice(&members, start, self.at)?;
                        }
                        (start, Node::Object { members, open })
                    }
                    None => {
                        let key = self.key()?;
                        return Ok(Opened::Frame(Frame::Object { start, members, key }));
                    }
                }
            }
        };
        Ok(Opened::Done(self.add(node, start)))
    }

    /// After `[` or a comma: whether the end is here, and whether `...` stands before it.
    fn end_of(&mut self, close: u8) -> Result<Option<bool>, PatternError> {
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(Some(false));
        }
        if self.patterns.is_none() || !self.bytes[self.at..].starts_with(b"...") {
            return Ok(None);
        }
        self.at += 3;
        self.skip_space();
        if self.peek() != Some(close) {
            return Err(self
                .wrong(1, "`...` is not the last")
                .expected(format!("`{}` behind it", close as char)));
        }
        self.at += 1;
        Ok(Some(true))
    }

    fn separator(&mut self, close: u8) -> Result<Option<bool>, PatternError> {
        if self.peek() == Some(b',') {
            self.at += 1;
            self.skip_space();
            if self.peek() == Some(close) {
                return Err(self
                    .wrong(1, "a comma with nothing behind it")
                    .expected("a value"));
            }
            return self.end_of(close);
        }
        match self.end_of(close)? {
            Some(false) => Ok(Some(false)),
            _ => Err(self
                .wrong(1, "the JSON goes on in a wrong way")
                .expected(format!("`,` or `{}`", close as char))),
        }
    }

    fn key(&mut self) -> Result<Vec<u8>, PatternError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self
                .wrong(1, "this is no name of a member")
                .expected("a string in quotes"));
        }
        let Node::String(key) = self.string()? else {
            return Err(
                PatternError::new(start, self.at, "a pattern in the name of a member")
                    .expected("the very name; patterns are for values"),
            );
        };
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.wrong(1, "the member has no value").expected("`:`"));
        }
        self.at += 1;
        Ok(key)
    }

    fn scalar(&mut self) -> Result<Node, PatternError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'<') if self.patterns.is_some() => self.pattern(),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'n') => self.word("null", Node::Null),
            Some(_) => Err(self.wrong(1, "this is no JSON value").expected(self.values())),
            None => Err(self.wrong(0, "the JSON has no end").expected(self.values())),
        }
    }

    fn values(&self) -> &'static str {
        match self.patterns {
            Some(_) => "a JSON value, or a pattern such as `<string>`",
            None => "a JSON value",
        }
    }

    fn word(&mut self, word: &str, node: Node) -> Result<Node, PatternError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong(1, "this is no JSON value").expected(self.values()));
        }
        self.at += word.len();
        Ok(node)
    }

    fn pattern(&mut self) -> Result<Node, PatternError> {
        let start = self.at;
        match self.angle()? {
            Some(angle) => Ok(Node::Pattern(angle)),
            None => Err(PatternError::new(start, start + 1, "this is no JSON value").expected(self.values())),
        }
    }

    /// The pattern that begins here, where patterns are read.
    fn angle(&mut self) -> Result<Option<Angle>, PatternError> {
        let start = self.at;
        let Some((text, names)) = &mut self.patterns else {
            return Ok(None);
        };
        let Some((angle, end)) = scan::angle(text, start)? else {
            return Ok(None);
        };
        names.push((angle.clone(), start, end));
        self.at = end;
        Ok(Some(angle))
    }

    fn number(&mut self) -> Result<Node, PatternError> {
        let start = self.at;
        let end = start + number_len(&self.bytes[start..]);
        if end == start {
            return Err(self
                .wrong(1, "this is no number of JSON")
                .expected("digits, no zero before them"));
        }
        self.at = end;
        Ok(Node::Number(
            String::from_utf8_lossy(&self.bytes[start..end]).into_owned(),
        ))
    }

    /// A string that has no patterns.
    fn plain_string(&mut self) -> Result<Vec<u8>, PatternError> {
        match self.string()? {
            Node::String(string) => Ok(string),
            _ => Err(self.wrong(0, "a pattern in a string")),
        }
    }

    fn string(&mut self) -> Result<Node, PatternError> {
        let start = self.at;
        self.at += 1;
        let mut parts: Vec<Segment> = Vec::new();
        let mut literal: Vec<u8> = Vec::new();
        loop {
            let plain = self.bytes[self.at..]
                .iter()
                .take_while(|b| !matches!(b, b'"' | b'\\' | b'<' | 0..0x20))
                .count();
            literal.extend_from_slice(&self.bytes[self.at..self.at + plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut literal)?,
                Some(b'<') => match self.angle()? {
                    Some(angle) => {
                        if !literal.is_empty() {
                            parts.push(Segment::Literal(std::mem::take(&mut literal)));
                        }
                        parts.push(Segment::Pattern(angle));
                    }
                    None => {
                        literal.push(b'<');
                        self.at += 1;
                    }
                },
                Some(_) => {
                    return Err(self
                        .wrong(1, "a control character in a string")
                        .expected("an escape such as `\\n`"));
                }
                None => {
                    return Err(PatternError::new(start, self.at, "the string has no end").expected("`\"`"));
                }
            }
        }
        self.at += 1;
        if self.patterns.is_none() && std::str::from_utf8(&self.bytes[start..self.at]).is_err() {
            return Err(PatternError::new(start, self.at, "the string is not UTF-8"));
        }
        if parts.is_empty() {
            return Ok(Node::String(literal));
        }
        if !literal.is_empty() {
            parts.push(Segment::Literal(literal));
        }
        Ok(Node::Parts(parts))
    }

    fn escape(&mut self, literal: &mut Vec<u8>) -> Result<(), PatternError> {
        let escaped = self.bytes.get(self.at + 1).copied();
        let simple = match escaped {
            Some(b'"') => b'"',
            Some(b'\\') => b'\\',
            Some(b'/') => b'/',
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode(literal),
            Some(b'x') if self.patterns.is_some() => {
                let text = self.patterns.as_ref().map_or("", |(text, _)| text);
                let byte = scan::escape(text, self.at)?;
                literal.extend(byte);
                self.at += 4;
                return Ok(());
            }
            _ => {
                return Err(self
                    .wrong(2, "this is no escape of JSON")
                    .expected("one of `\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX`"));
            }
        };
        literal.push(simple);
        self.at += 2;
        Ok(())
    }

    fn unicode(&mut self, literal: &mut Vec<u8>) -> Result<(), PatternError> {
        let wrong = |reader: &Self| {
            reader
                .wrong(2, "`\\u` stands for no character")
                .expected("four hexadecimal digits")
        };
        let first = self.hex4(self.at).ok_or_else(|| wrong(self))?;
        self.at += 6;
        let mut code = u32::from(first);
        if (0xd800..0xdc00).contains(&first)
            && let Some(second) = self
                .hex4(self.at)
                .filter(|second| (0xdc00..0xe000).contains(second))
        {
            self.at += 6;
            code = 0x10000 + ((u32::from(first) - 0xd800) << 10) + (u32::from(second) - 0xdc00);
        }
        match char::from_u32(code) {
            Some(c) => literal.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            // Half a pair: the three bytes that UTF-8 would give it.
            None => literal.extend_from_slice(&[
                0xe0 | (first >> 12) as u8,
                0x80 | (first >> 6 & 0x3f) as u8,
                0x80 | (first & 0x3f) as u8,
            ]),
        }
        Ok(())
    }

    /// The value of `\uXXXX` at `at`.
    fn hex4(&self, at: usize) -> Option<u16> {
        let escape = self.bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let digits = escape.iter().all(u8::is_ascii_hexdigit).then_some(escape)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    fn add(&mut self, node: Node, start: usize) -> NodeId {
        self.nodes.push(node);
        self.spans.push((start, self.at));
        self.nodes.len() - 1
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn wrong(&self, len: usize, message: &str) -> PatternError {
        PatternError::new(self.at, self.at + len, message)
    }
}

/// What is expected of a member can be said only once. What came may hold it twice: the last one counts.
fn no_member_twice(members: &[(Vec<u8>, NodeId)], start: usize, end: usize) -> Result<(), PatternError> {
    let mut keys: Vec<&[u8]> = members.iter().map(|(key, _)| key.as_slice()).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let name = String::from_utf8_lossy(pair[0]);
            Err(
                PatternError::new(start, end, format!("the member `{name}` stands here twice"))
                    .expected("each once"),
            )
        }
        None => Ok(()),
    }
}

enum Opened {
    Frame(Frame),
    Done(NodeId),
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

/// Whether a value is of a kind.
pub(super) fn is_kind(node: &Node, kind: Kind) -> bool {
    match kind {
        Kind::Any => true,
        Kind::String => matches!(node, Node::String(_)),
        Kind::Number => matches!(node, Node::Number(_)),
        Kind::Bool => matches!(node, Node::Bool(_)),
        Kind::Int => matches!(node, Node::Number(text) if super::number::is_integer(text)),
    }
}
