//! Reading the script: line by line, each in the light of those above it.

use crate::notation::channels::Channels;
use crate::notation::check::Texts;
use crate::notation::line::{self, Line};
use crate::notation::model::{Action, Content, Header, Item, Label, Party, Role, Step, Text};
use crate::notation::piece::{Fault, Piece};
use std::collections::BTreeSet;

/// The script so far.
pub(in crate::notation) struct ScriptReader<'h> {
    pub(super) header: &'h Header,
    items: Vec<Item>,
    /// The group that is open, and its line.
    pub(super) group: Option<(Vec<Item>, u32)>,
    /// What the line above lets the next one be.
    pub(super) above: Above,
    pub(super) channels: Channels,
    /// Labels of sessions that are done (`< ...`).
    pub(super) rested: BTreeSet<Label>,
    pub(super) texts: Texts,
}

/// What the line directly above is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Above {
    /// Nothing that lines can be put under.
    #[default]
    Nothing,
    /// A request of this label: headers, then a body.
    Request { label: Label, body: bool },
    /// A status: headers.
    Status,
    /// An alternative that is a status: headers.
    AlternativeStatus,
    /// A line that could not be read: what follows is not to blame.
    Unreadable,
}

impl<'h> ScriptReader<'h> {
    pub(in crate::notation) fn new(header: &'h Header) -> Self {
        Self {
            header,
            items: Vec::new(),
            group: None,
            above: Above::Nothing,
            channels: Channels::default(),
            rested: BTreeSet::new(),
            texts: Texts::new(header),
        }
    }

    /// Takes one line; what is wrong with it goes to `faults`.
    pub(in crate::notation) fn line(&mut self, number: u32, text: &str, faults: &mut Vec<Fault>) {
        let before = faults.len();
        let line = match line::classify(text) {
            Ok(line) => line,
            Err(fault) => {
                faults.push(fault);
                self.above = Above::Unreadable;
                return;
            }
        };
        match line {
            Line::Blank => self.push(Item::Blank),
            Line::Comment(comment) => self.push(Item::Comment(comment.to_owned())),
            Line::GroupOpen => self.open_group(number, text, faults),
            Line::GroupClose => self.close_group(text, faults),
            Line::Header { name, value } => self.header_line(name, value, faults),
            Line::Alternative { equal, rest } => self.alternative(number, equal, rest, faults),
            Line::Step { label, mark, rest } => self.step(number, label, mark, rest, faults),
        }
        if faults.len() > before {
            self.above = Above::Unreadable;
        }
    }

    /// The script, and what is wrong with it as a whole: faults with the line they belong to.
    pub(in crate::notation) fn finish(mut self) -> (Vec<Item>, Vec<(u32, Fault)>) {
        let mut faults = Vec::new();
        if let Some((items, line)) = self.group.take() {
            let fault = Piece::line("{")
                .fault("the group has no end")
                .expected("a line `}` below it");
            faults.push((line, fault));
            self.items.push(Item::AnyOrder(items));
        }
        while self.items.last() == Some(&Item::Blank) {
            self.items.pop();
        }
        (self.items, faults)
    }

    pub(super) fn list(&mut self) -> &mut Vec<Item> {
        match &mut self.group {
            Some((items, _)) => items,
            None => &mut self.items,
        }
    }

    pub(super) fn push(&mut self, item: Item) {
        self.above = Above::Nothing;
        self.list().push(item);
    }

    fn open_group(&mut self, number: u32, text: &str, faults: &mut Vec<Fault>) {
        if self.group.is_some() {
            faults.push(
                whole(text)
                    .fault("a group in a group")
                    .expected("`}` before the next group"),
            );
            return;
        }
        self.group = Some((Vec::new(), number));
        self.above = Above::Nothing;
    }

    fn close_group(&mut self, text: &str, faults: &mut Vec<Fault>) {
        let Some((mut items, _)) = self.group.take() else {
            faults.push(
                whole(text)
                    .fault("there is no group to end")
                    .expected("`{` above it"),
            );
            return;
        };
        while items.last() == Some(&Item::Blank) {
            items.pop();
        }
        if !items.iter().any(|item| matches!(item, Item::Step(_))) && self.above != Above::Unreadable {
            faults.push(
                whole(text)
                    .fault("the group is empty")
                    .expected("two lines or more whose order is free"),
            );
        }
        self.items.push(Item::AnyOrder(items));
        self.above = Above::Nothing;
    }

    pub(super) fn is_session(&self) -> bool {
        !self.header.over.is_empty()
    }

    /// Whether what this party sends is expected, not performed.
    pub(super) fn expects(&self, party: Party) -> bool {
        (party == Party::Client) == (self.header.role == Role::Client)
    }

    // Headers

    pub(super) fn header_line(&mut self, name: Piece<'_>, value: Piece<'_>, faults: &mut Vec<Fault>) {
        let above = self.above.clone();
        let expected = match &above {
            Above::Request { body: false, .. } => self.expects(Party::Client),
            Above::Status | Above::AlternativeStatus => self.expects(Party::Server),
            Above::Unreadable => return,
            _ => {
                faults.push(name.fault("a header belongs to a request or a status").expected(
                    "the line directly under `METHOD target`, `WS target` or a status; comments go above that line, \
                     a body below the headers",
                ));
                return;
            }
        };
        self.texts.plain(value, expected, 1, faults);
        let entry = (name.text.to_owned(), Text(value.text.to_owned()));
        match self.headers_above() {
            Some(headers) => headers.push(entry),
            None => faults.push(name.fault("a header belongs to a request or a status")),
        }
        self.above = above;
    }

    fn headers_above(&mut self) -> Option<&mut Vec<(String, Text)>> {
        let in_alternative = self.above == Above::AlternativeStatus;
        let Some(Item::Step(Step {
            action:
                Action::Wire {
                    content,
                    alternatives,
                    ..
                },
            ..
        })) = self.list().last_mut()
        else {
            return None;
        };
        let content = if in_alternative {
            &mut alternatives.last_mut()?.content
        } else {
            content
        };
        match content {
            Content::Request(request) | Content::WebSocket(request) => Some(&mut request.headers),
            Content::Status { headers, .. } => Some(headers),
            _ => None,
        }
    }
}

fn whole(text: &str) -> Piece<'_> {
    Piece::line(text).trim()
}
