//! Reading an alternative: `|` and `|=` under what is expected.

use super::place::no_suffixes;
use super::reader::{Above, ScriptReader};
use crate::notation::content;
use crate::notation::line;
use crate::notation::model::{Action, Alternative, Content, Item, Label, Party, Text};
use crate::notation::piece::{Fault, Piece};

impl ScriptReader<'_> {
    pub(super) fn alternative(&mut self, number: u32, equal: bool, rest: Piece<'_>, faults: &mut Vec<Fault>) {
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
