//! Reading a step: what stands behind an arrow, and what is its place in the conversation of its channel.

use super::place::no_suffixes;
use super::reader::{Above, ScriptReader};
use crate::notation::channels::Answer;
use crate::notation::content;
use crate::notation::line::{self, Mark, Suffixes};
use crate::notation::model::{Action, Content, Item, Label, Party, Role, Step, Text, Timing};
use crate::notation::piece::{Fault, Piece};

impl ScriptReader<'_> {
    pub(super) fn step(
        &mut self,
        number: u32,
        label: Label,
        mark: Mark,
        rest: Piece<'_>,
        faults: &mut Vec<Fault>,
    ) {
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

    pub(super) fn wire(
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
                // Its answer is not to blame.
                self.channels.get(&label).raw();
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
                "`METHOD target` or `WS target` above; a text that looks like a status begins with an escape: `\\x3200`",
            )),
        }
    }

    pub(super) fn wire_only(&self, piece: Piece<'_>, what: &str) -> Result<(), Fault> {
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
}

fn no_pending(suffixes: &Suffixes<'_>, faults: &mut Vec<Fault>) {
    if let Some(pending) = suffixes.pending {
        faults.push(pending.fault("only a request can be pending"));
    }
}
