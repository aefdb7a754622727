//! Checking a step: its texts, what may stand where it stands, and its suffixes.

use super::reader::ScriptReader;
use crate::notation::line::Suffixes;
use crate::notation::model::{Content, Label, Mask, Over, OwnAction, Role, Text};
use crate::notation::piece::{Fault, Piece};

impl ScriptReader<'_> {
    pub(super) fn check_text(
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
    pub(super) fn check_place(
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
            self.rested.insert(label.clone());
        }
    }

    pub(super) fn check_pending(
        &self,
        content: &mut Content,
        suffixes: &Suffixes<'_>,
        faults: &mut Vec<Fault>,
    ) {
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

    pub(super) fn check_own(&self, action: &OwnAction, piece: Piece<'_>, faults: &mut Vec<Fault>) {
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

    pub(super) fn no_timing(&self, suffixes: &Suffixes<'_>, faults: &mut Vec<Fault>) {
        if let Some(timed) = suffixes.timed {
            faults.push(
                timed
                    .fault("only what is expected has a time")
                    .expected("a line of the tested side; to let time pass, `! wait 300ms`"),
            );
        }
    }
}

/// In alternatives and bodies.
pub(super) fn no_suffixes(suffixes: &Suffixes<'_>, faults: &mut Vec<Fault>) {
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
