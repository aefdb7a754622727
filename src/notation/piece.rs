//! A part of a line that knows where it stands, and what can be wrong with it.

/// A slice of a line, with the byte offset at which it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) offset: usize,
}

/// What is wrong with a part of a line; `start` and `end` are byte offsets in the line.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) message: String,
    pub(super) expected: Option<String>,
}

impl<'a> Piece<'a> {
    pub(super) fn line(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// The bytes from `start` to `end`, which must be character boundaries.
    pub(super) fn slice(self, start: usize, end: usize) -> Self {
        Self {
            text: &self.text[start..end],
            offset: self.offset + start,
        }
    }

    pub(super) fn from(self, start: usize) -> Self {
        self.slice(start, self.text.len())
    }

    pub(super) fn trim_start(self) -> Self {
        let rest = self.text.trim_start_matches(is_space);
        self.from(self.text.len() - rest.len())
    }

    pub(super) fn trim_end(self) -> Self {
        self.slice(0, self.text.trim_end_matches(is_space).len())
    }

    pub(super) fn trim(self) -> Self {
        self.trim_start().trim_end()
    }

    pub(super) fn strip_prefix(self, prefix: &str) -> Option<Self> {
        self.text.strip_prefix(prefix).map(|_| self.from(prefix.len()))
    }

    /// What stands before and after the first white space; the second part is trimmed.
    pub(super) fn split_word(self) -> (Self, Self) {
        let end = self.text.find(is_space).unwrap_or(self.text.len());
        (self.slice(0, end), self.from(end).trim())
    }

    /// The parts between `separator`s, trimmed.
    pub(super) fn split(self, separator: &'static str) -> impl Iterator<Item = Self> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let piece = rest?;
            match piece.text.find(separator) {
                Some(at) => {
                    rest = Some(piece.from(at + separator.len()));
                    Some(piece.slice(0, at).trim())
                }
                None => {
                    rest = None;
                    Some(piece.trim())
                }
            }
        })
    }

    pub(super) fn fault(self, message: impl Into<String>) -> Fault {
        Fault {
            start: self.offset,
            end: self.offset + self.text.len(),
            message: message.into(),
            expected: None,
        }
    }
}

impl Fault {
    pub(super) fn expected(mut self, what: impl Into<String>) -> Self {
        self.expected = Some(what.into());
        self
    }
}

/// What separates the parts of a line.
pub(super) fn is_space(c: char) -> bool {
    c == ' ' || c == '\t'
}
