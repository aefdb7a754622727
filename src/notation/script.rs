//! Reading the script: line by line, each in the light of those above it.

use super::channels::{Answer, Channels};
use super::check::Texts;
use super::content;
use super::line::{self, Line, Mark, Suffixes};
use super::model::{
    Action, Alternative, Content, Header, Item, Label, Mask, Over, OwnAction, Party, Role, Step, Text, Timing,
};
use super::piece::{Fault, Piece};

/// The script so far.
pub(super) struct ScriptReader<'h> {
    header: &'h Header,
    items: Vec<Item>,
    /// The group that is open, and its line.
    group: Option<(Vec<Item>, u32)>,
    /// What the line above lets the next one be.
    above: Above,
    channels: Channels,
    /// Labels of sessions that are done (`< ...`).
    rested: Vec<Label>,
    texts: Texts,
}

/// What the line directly above is.
#[derive(Clone, Debug, Default, PartialEq)]
enum Above {
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
    pub(super) fn new(header: &'h Header) -> Self {
        Self {
            header,
            items: Vec::new(),
            group: None,
            above: Above::Nothing,
            channels: Channels::default(),
            rested: Vec::new(),
            texts: Texts::new(header),
        }
    }

    /// Takes one line; what is wrong with it goes to `faults`.
    pub(super) fn line(&mut self, number: u32, text: &str, faults: &mut Vec<Fault>) {
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
    pub(super) fn finish(mut self) -> (Vec<Item>, Vec<(u32, Fault)>) {
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

    fn list(&mut self) -> &mut Vec<Item> {
        match &mut self.group {
            Some((items, _)) => items,
            None => &mut self.items,
        }
    }

    fn push(&mut self, item: Item) {
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

    fn is_session(&self) -> bool {
        !self.header.over.is_empty()
    }

    /// Whether what this party sends is expected, not performed.
    fn expects(&self, party: Party) -> bool {
        (party == Party::Client) == (self.header.role == Role::Client)
    }

    // Headers

    fn header_line(&mut self, name: Piece<'_>, value: Piece<'_>, faults: &mut Vec<Fault>) {
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

    // Steps

    fn step(&mut self, number: u32, label: Label, mark: Mark, rest: Piece<'_>, faults: &mut Vec<Fault>) {
        let (piece, suffixes) = line::take_suffixes(rest, faults);
        self.texts.timing(&suffixes, faults);
        let repeat = suffixes.repeat.map_or(1, |(count, _)| count);
        let step = |action, timing| Step {
            line: number,
            label: label.clone(),
            action,
            repeat,
            timing,
        };
        match mark {
            Mark::Client | Mark::Server => {
                let from = if mark == Mark::Client {
                    Party::Client
                } else {
                    Party::Server
                };
                self.wire(number, label, from, piece, suffixes, faults);
            }
            Mark::Own => {
                self.no_timing(&suffixes, faults);
                no_pending(&suffixes, faults);
                match content::own_action(piece) {
                    Ok(action) => {
                        self.check_own(&action, piece, faults);
                        self.push(Item::Step(step(Action::Own(action), Timing::default())));
                    }
                    Err(fault) => faults.push(fault),
                }
            }
            Mark::Command | Mark::Report => {
                no_pending(&suffixes, faults);
                if self.header.role != Role::Client {
                    faults.push(
                        piece
                            .fault("there is no program to speak with")
                            .expected("`@>` and `@<` only in a script with `role: client`"),
                    );
                    return;
                }
                if piece.text.is_empty() {
                    faults.push(
                        rest.fault("a word is missing")
                            .expected("a word of `docs/driver.md`"),
                    );
                }
                let text = Text(piece.text.to_owned());
                if mark == Mark::Command {
                    self.no_timing(&suffixes, faults);
                    self.texts.packet(piece, false, repeat, faults);
                    self.push(Item::Step(step(Action::Command(text), Timing::default())));
                } else {
                    self.texts.report(piece, repeat, faults);
                    let action = Action::Report {
                        text,
                        alternatives: Vec::new(),
                    };
                    self.push(Item::Step(step(action, suffixes.timing)));
                }
            }
        }
    }

    fn wire(
        &mut self,
        number: u32,
        label: Label,
        from: Party,
        piece: Piece<'_>,
        suffixes: Suffixes<'_>,
        faults: &mut Vec<Fault>,
    ) {
        let expected = self.expects(from);
        let repeat = suffixes.repeat.map_or(1, |(count, _)| count);
        if !expected {
            self.no_timing(&suffixes, faults);
        }
        let is_body = !self.is_session()
            && from == Party::Client
            && matches!(&self.above, Above::Request { label: above, .. } if *above == label)
            && !content::looks_like_request(piece)
            && !piece.text.starts_with("<raw>")
            && !piece.text.starts_with("<frame")
            && content::word(piece).is_none();
        if is_body {
            no_suffixes(&suffixes, faults);
            self.body(piece, expected, faults);
            self.above = Above::Request { label, body: true };
            return;
        }
        if self.group.is_some() && !expected {
            faults.push(
                piece
                    .fault("what the player does has an order")
                    .expected("only what is expected in a group"),
            );
        }
        let mut content = match self.content(&label, from, piece, repeat, faults) {
            Ok(content) => content,
            Err(fault) => {
                faults.push(fault);
                return;
            }
        };
        self.check_pending(&mut content, &suffixes, faults);
        self.check_place(&label, &content, expected, piece, faults);
        let above = match &content {
            Content::Request(_) | Content::WebSocket(_) => Above::Request {
                label: label.clone(),
                body: false,
            },
            Content::Status { .. } => Above::Status,
            _ => Above::Nothing,
        };
        let action = Action::Wire {
            from,
            content,
            alternatives: Vec::new(),
        };
        self.push(Item::Step(Step {
            line: number,
            label,
            action,
            repeat,
            timing: suffixes.timing,
        }));
        self.above = above;
    }

    /// A packet of the body of the request above.
    fn body(&mut self, piece: Piece<'_>, expected: bool, faults: &mut Vec<Fault>) {
        let content = match content::buffer(piece) {
            Some(Ok(binary)) => Content::Binary(binary),
            Some(Err(fault)) => {
                faults.push(fault);
                return;
            }
            None => Content::Text(Text(piece.text.to_owned())),
        };
        self.check_text(&content, piece, expected, 1, faults);
        let Some(Item::Step(Step {
            action:
                Action::Wire {
                    content: Content::Request(request),
                    ..
                },
            ..
        })) = self.list().last_mut()
        else {
            faults.push(
                piece
                    .fault("the request that opens a WebSocket has no body")
                    .expected("`ws< 101` first"),
            );
            return;
        };
        let mixed = matches!(request.body.first(), Some(Content::Binary(_)))
            || matches!(content, Content::Binary(_)) && !request.body.is_empty();
        if mixed {
            faults.push(piece.fault("a body of bytes is one line").expected(
                "either one `<Buffer …>`, or texts; a binary packet of a payload is `b` and base64",
            ));
        }
        request.body.push(content);
    }

    /// What stands behind an arrow, outside of a body.
    fn content(
        &mut self,
        label: &Label,
        from: Party,
        piece: Piece<'_>,
        repeat: u32,
        faults: &mut Vec<Fault>,
    ) -> Result<Content, Fault> {
        let expected = self.expects(from);
        let content = if let Some(buffer) = content::buffer(piece) {
            Content::Binary(buffer?)
        } else if let Some(raw) = piece.strip_prefix("<raw>") {
            self.wire_only(piece, "raw bytes")?;
            self.texts.plain(raw, expected, repeat, faults);
            self.channels.get(label).raw();
            return Ok(Content::Raw(Text(raw.text.to_owned())));
        } else if let Some(frame) = content::frame(piece) {
            self.wire_only(piece, "frames")?;
            Content::Frame(frame?)
        } else if let Some(word) = content::word(piece) {
            word
        } else if from == Party::Client && content::looks_like_request(piece) {
            self.wire_only(piece, "requests")?;
            let content = content::request(piece)?;
            let websocket = matches!(content, Content::WebSocket(_));
            self.channels.get(label).request(websocket, repeat);
            content
        } else if self.is_session() || from == Party::Client {
            Content::Text(Text(piece.text.to_owned()))
        } else {
            self.answer(label, piece)?
        };
        if !self.is_session() {
            self.check_channel(label, &content, from, piece)?;
        }
        if let Content::Status { code, .. } = &content {
            self.channels.get(label).status(&code.0, repeat);
        }
        self.check_text(&content, piece, expected, repeat, faults);
        Ok(content)
    }

    /// A status line, or a text of a body or frame.
    fn answer(&mut self, label: &Label, piece: Piece<'_>) -> Result<Content, Fault> {
        match self.channels.get(label).answer(piece.text) {
            Answer::Status => Ok(Content::Status { code: Text(piece.text.to_owned()), headers: Vec::new() }),
            Answer::Packet => Ok(Content::Text(Text(piece.text.to_owned()))),
            Answer::NeedsStatus => Err(piece
                .fault("an answer begins with its status")
                .expected("three digits such as `200`, or a pattern such as `<int>`")),
            Answer::Unasked => Err(piece.fault("no request of this channel waits for an answer").expected(
                "`METHOD target` or `WS target` above; a text that looks like a status is written `\\x32 00` without the space",
            )),
        }
    }

    fn wire_only(&self, piece: Piece<'_>, what: &str) -> Result<(), Fault> {
        match self.is_session() {
            true => Err(piece.fault(format!("{what} belong to a wire script")).expected(
                "an Engine.IO packet; without `over:` in the header the script speaks HTTP and WebSocket",
            )),
            false => Ok(()),
        }
    }

    /// Whether this channel of a wire script can carry it.
    fn check_channel(
        &mut self,
        label: &Label,
        content: &Content,
        from: Party,
        piece: Piece<'_>,
    ) -> Result<(), Fault> {
        let channel = self.channels.get(label);
        let needs_frames = match content {
            Content::Text(_) | Content::Binary(_) => from == Party::Client,
            Content::Frame(_) => true,
            _ => false,
        };
        if needs_frames && !channel.speaks_frames() {
            return Err(piece.fault("this channel is no WebSocket").expected(
                "`WS target` above; or, for the body of a request, a line directly under `METHOD target` and its headers",
            ));
        }
        if matches!(content, Content::Binary(_))
            && channel.answer("") != Answer::Packet
            && from == Party::Server
        {
            return Err(piece
                .fault("an answer begins with its status")
                .expected("`< 200` above the body"));
        }
        Ok(())
    }

    fn check_text(
        &mut self,
        content: &Content,
        piece: Piece<'_>,
        expected: bool,
        repeat: u32,
        faults: &mut Vec<Fault>,
    ) {
        let tail = |text: &Text| piece.from(piece.text.len() - text.0.len());
        match content {
            Content::Text(_) => self.texts.packet(piece, expected, repeat, faults),
            Content::Binary(binary) => self.texts.binary(binary, piece, expected, repeat, faults),
            Content::Request(request) | Content::WebSocket(request) => {
                self.texts.plain(tail(&request.target), expected, repeat, faults);
            }
            Content::Status { code, .. } => self.texts.plain(tail(code), expected, repeat, faults),
            Content::Frame(frame) => self.texts.plain(tail(&frame.payload), expected, repeat, faults),
            Content::Close(Some(code)) => self.texts.plain(tail(code), expected, repeat, faults),
            Content::Raw(_) | Content::Close(None) | Content::Nothing | Content::Alive | Content::Rest => {}
        }
    }

    /// What can only be expected, what can only be sent, and what ends a session.
    fn check_place(
        &mut self,
        label: &Label,
        content: &Content,
        expected: bool,
        piece: Piece<'_>,
        faults: &mut Vec<Fault>,
    ) {
        match content {
            Content::Close(_) if !expected => faults.push(
                piece
                    .fault("this would be the player's own doing")
                    .expected("`! close`; where it is text, write `\\x63lose`"),
            ),
            Content::Nothing | Content::Alive | Content::Rest if !expected => faults.push(
                piece
                    .fault(format!("`{}` can only be expected", piece.text))
                    .expected("the other arrow; where it is text, write its first character as `\\xNN`"),
            ),
            Content::Nothing | Content::Rest if self.group.is_some() => faults.push(
                piece
                    .fault(format!("`{}` has no place in a group", piece.text))
                    .expected("a line below `}`"),
            ),
            Content::Frame(frame) if expected && (frame.length.is_some() || frame.mask != Mask::Proper) => {
                faults.push(piece.fault("`mask` and `length` are for frames that are sent"));
            }
            _ => {}
        }
        if !self.is_session() || !expected {
            return;
        }
        if self.rested.contains(label) {
            faults.push(
                piece
                    .fault("nothing can be expected after `...`")
                    .expected("`< ...` as the last line of its session"),
            );
        } else if *content == Content::Rest {
            self.rested.push(label.clone());
        }
    }

    fn check_pending(&self, content: &mut Content, suffixes: &Suffixes<'_>, faults: &mut Vec<Fault>) {
        let Some(pending) = suffixes.pending else { return };
        match content {
            Content::Request(request) if self.header.role == Role::Server => request.pending = true,
            _ => faults.push(
                pending
                    .fault("only a request that the player sends can be pending")
                    .expected(
                        "`METHOD target  pending`; where it is text, write the space before it as `\\x20`",
                    ),
            ),
        }
    }

    fn check_own(&self, action: &OwnAction, piece: Piece<'_>, faults: &mut Vec<Fault>) {
        self.texts.own(action, piece, faults);
        match action {
            OwnAction::Upgrade if self.header.over != [Over::Polling] => faults.push(
                piece
                    .fault("only a polling session can be upgraded")
                    .expected("`over: polling` in the header"),
            ),
            OwnAction::Reconnect if !self.is_session() => faults.push(
                piece
                    .fault("a wire script opens its sessions itself")
                    .expected("the requests of a handshake"),
            ),
            _ => {}
        }
        if self.group.is_some() {
            faults.push(
                piece
                    .fault("what the player does has an order")
                    .expected("only what is expected in a group"),
            );
        }
    }

    fn no_timing(&self, suffixes: &Suffixes<'_>, faults: &mut Vec<Fault>) {
        if let Some(timed) = suffixes.timed {
            faults.push(
                timed
                    .fault("only what is expected has a time")
                    .expected("a line of the tested side; to let time pass, `! wait 300ms`"),
            );
        }
    }

    // Alternatives

    fn alternative(&mut self, number: u32, equal: bool, rest: Piece<'_>, faults: &mut Vec<Fault>) {
        let (piece, suffixes) = line::take_suffixes(rest, faults);
        no_suffixes(&suffixes, faults);
        if self.above == Above::Unreadable {
            return;
        }
        let comments = self.comments_above();
        let Some(Item::Step(step)) = self.list().last() else {
            faults.push(
                rest.fault("there is no line that this is an alternative to")
                    .expected("a line that is expected, directly above; comments may stand between"),
            );
            return;
        };
        let (label, repeat) = (step.label.clone(), step.repeat);
        let is_report = matches!(step.action, Action::Report { .. });
        let wire = match &step.action {
            Action::Wire { from, content, .. } => Some((*from, matches!(content, Content::Status { .. }))),
            _ => None,
        };
        let content = match wire {
            Some((from, is_status)) if self.expects(from) => {
                self.alternative_content(&label, from, is_status, piece, repeat, faults)
            }
            None if is_report => {
                self.texts.report(piece, repeat, faults);
                Ok(Content::Text(Text(piece.text.to_owned())))
            }
            _ => Err(piece
                .fault("the line above expects nothing")
                .expected("an alternative under what is expected")),
        };
        let content = match content {
            Ok(content) => content,
            Err(fault) => {
                faults.push(fault);
                return;
            }
        };
        let above = match content {
            Content::Status { .. } => Above::AlternativeStatus,
            _ => Above::Nothing,
        };
        if let Some(Item::Step(step)) = self.list().last_mut()
            && let Action::Wire { alternatives, .. } | Action::Report { alternatives, .. } = &mut step.action
        {
            alternatives.push(Alternative {
                line: number,
                content,
                equal,
                comments,
            });
        }
        self.above = above;
    }

    fn alternative_content(
        &mut self,
        label: &Label,
        from: Party,
        is_status: bool,
        piece: Piece<'_>,
        repeat: u32,
        faults: &mut Vec<Fault>,
    ) -> Result<Content, Fault> {
        let content = if is_status && content::is_status(piece.text) {
            Content::Status {
                code: Text(piece.text.to_owned()),
                headers: Vec::new(),
            }
        } else if from == Party::Client && !self.is_session() && content::looks_like_request(piece) {
            return Err(piece
                .fault("a request is no alternative")
                .expected("a looser pattern in the line above"));
        } else {
            // A text beside a status is the body of an answer whose status is free: there is no such thing.
            let text = || Content::Text(Text(piece.text.to_owned()));
            let content = match content::buffer(piece) {
                Some(buffer) => Content::Binary(buffer?),
                None => match (
                    piece.strip_prefix("<raw>"),
                    content::frame(piece),
                    content::word(piece),
                ) {
                    (Some(raw), ..) => Content::Raw(Text(raw.text.to_owned())),
                    (_, Some(frame), _) => Content::Frame(frame?),
                    (_, _, Some(word)) => word,
                    _ => text(),
                },
            };
            if matches!(content, Content::Raw(_) | Content::Frame(_)) {
                self.wire_only(piece, "raw bytes and frames")?;
            }
            if is_status && matches!(content, Content::Text(_) | Content::Binary(_)) {
                return Err(piece
                    .fault("an answer begins with its status")
                    .expected("another status, `close` or `nothing`"));
            }
            content
        };
        if content == Content::Rest {
            return Err(piece
                .fault("`...` is no alternative")
                .expected("another packet, `close` or `nothing`"));
        }
        if let Content::Raw(raw) = &content {
            self.texts
                .plain(piece.from(piece.text.len() - raw.0.len()), true, repeat, faults);
        }
        if let Content::Status { code, .. } = &content {
            self.channels.get(label).grant(&code.0);
        }
        self.check_text(&content, piece, true, repeat, faults);
        Ok(content)
    }

    /// Takes the comments that stand directly above back from the list.
    fn comments_above(&mut self) -> Vec<String> {
        let list = self.list();
        let first = list
            .iter()
            .rposition(|item| !matches!(item, Item::Comment(_)))
            .map_or(0, |at| at + 1);
        list.drain(first..)
            .filter_map(|item| {
                if let Item::Comment(text) = item {
                    Some(text)
                } else {
                    None
                }
            })
            .collect()
    }
}

fn whole(text: &str) -> Piece<'_> {
    Piece::line(text).trim()
}

fn no_pending(suffixes: &Suffixes<'_>, faults: &mut Vec<Fault>) {
    if let Some(pending) = suffixes.pending {
        faults.push(pending.fault("only a request can be pending"));
    }
}

/// In alternatives and bodies.
fn no_suffixes(suffixes: &Suffixes<'_>, faults: &mut Vec<Fault>) {
    let found = suffixes
        .repeat
        .map(|(_, piece)| piece)
        .or(suffixes.timed)
        .or(suffixes.pending);
    if let Some(found) = found {
        faults.push(found.fault("this belongs to the whole step").expected(
            "the suffix at the line with the arrow (of a request: its first line); for a long body `<repeat 20 \"2\\u001e\">`",
        ));
    }
}
