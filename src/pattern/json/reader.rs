//! Reading a value, without recursion: arrays and objects that are not at their end stand in a list.

use super::doc::{Doc, Named, Node, NodeId, no_member_twice};
use crate::pattern::number::number_len;
use crate::pattern::scan::{self, Angle, PatternError};

/// Deeper nesting is an error.
pub(in crate::pattern) const DEEPEST: usize = 10_000;

/// More values in one text are an error.
const MOST_VALUES: usize = 1_000_000;

/// The value that begins at `at`, and its end.
pub(in crate::pattern) fn read(bytes: &[u8], at: usize) -> Result<(Doc, usize), PatternError> {
    let mut reader = Reader::new(bytes, at, None);
    let doc = reader.value()?;
    Ok((doc, reader.at))
}

/// The value with patterns that begins at `at`, and its end. Its patterns are added to `names`. The places of its values
/// are counted from `at`.
pub(in crate::pattern) fn read_pattern(
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
pub(in crate::pattern) fn read_string(bytes: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let mut reader = Reader::new(bytes, at, None);
    (bytes.get(at) == Some(&b'"'))
        .then(|| reader.plain_string().ok())
        .flatten()
        .map(|string| (string, reader.at))
}

/// What a JSON text holds that is a string.
pub(in crate::pattern) fn string(json: &[u8]) -> Option<Vec<u8>> {
    read_string(json, 0).map(|(string, _)| string)
}

/// Whether this is one JSON value and nothing else.
pub(in crate::pattern) fn is_value(bytes: &[u8]) -> bool {
    matches!(read(bytes, 0), Ok((_, end)) if end == bytes.len())
}

/// A text as a JSON string.
pub(in crate::pattern) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A place in a text, and what was read before it.
pub(super) struct Reader<'a, 'n> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// The same as text, and where its patterns are written down; `None` where `<` is an error.
    pub(super) patterns: Option<(&'a str, &'n mut Vec<Named>)>,
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
    pub(super) fn angle(&mut self) -> Result<Option<Angle>, PatternError> {
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

    fn add(&mut self, node: Node, start: usize) -> NodeId {
        self.nodes.push(node);
        self.spans.push((start, self.at));
        self.nodes.len() - 1
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    pub(super) fn wrong(&self, len: usize, message: &str) -> PatternError {
        PatternError::new(self.at, self.at + len, message)
    }
}

enum Opened {
    Frame(Frame),
    Done(NodeId),
}
